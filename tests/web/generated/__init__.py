"""Models of one operator with inputs, made by chance from a seed: odd sizes, tails, broadcasting, dimensions of 0, strides,
dilations, groups and pads, and numbers that are none where ONNX says what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .axes import along, arg, normalise, reduce, softmax
from .chance import Arrays, Chance, Made
from .contrib import contrib
from .moves import blocks, concat, expand, gather, grid_sample, pad, reshape, scatter, slices, split, transpose
from .pointwise import binary, cast, clip, dequantise, logic, quantise, unary, where
from .products import conv, conv_transpose, einsum, gemm, global_pool, matmul, pool, recurrent, resize

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GENERATED", "Arrays", "Chance", "Made", "generated"]

GENERATED: dict[str, tuple[Callable[[Chance, str], Made], int]] = {
    **dict.fromkeys(
        ("Relu", "LeakyRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Erf", "Exp", "Sqrt", "Elu", "Softplus", "Abs",
         "Neg", "Floor", "Ceil", "Round", "Reciprocal", "Log", "Sign"), (unary, 3)),
    **dict.fromkeys(("Gelu", "Sin", "Cos", "Acos", "Atanh", "Mish", "Swish"), (unary, 3)),
    "Clip": (clip, 6),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Mod"), (binary, 8)),
    **dict.fromkeys(("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"), (binary, 4)),
    **dict.fromkeys(("And", "Or", "Xor"), (logic, 2)),
    "Where": (where, 10), "Cast": (cast, 16), "MatMul": (matmul, 24), "Gemm": (gemm, 16), "Conv": (conv, 50),
    "ConvTranspose": (conv_transpose, 20), "MaxPool": (pool, 16), "AveragePool": (pool, 16),
    "GlobalAveragePool": (global_pool, 4), "GlobalMaxPool": (global_pool, 4), "Resize": (resize, 30),
    "Softmax": (softmax, 10), "LogSoftmax": (softmax, 8),
    **{f"Reduce{name}": (reduce, 6) for name in (
        "Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")},
    "ArgMax": (arg, 8), "ArgMin": (arg, 6),
    **{f"{name}Normalization": (normalise, 6) for name in ("Layer", "Batch", "Instance", "Group")},
    "Concat": (concat, 10), "Split": (split, 8), "Slice": (slices, 24), "Pad": (pad, 20), "Transpose": (transpose, 14),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), (reshape, 5)),
    "Expand": (expand, 8), "Tile": (expand, 5), "Gather": (gather, 14), "GatherElements": (gather, 6),
    "GridSample": (grid_sample, 8),
    **dict.fromkeys(("ScatterElements", "ScatterND", "GatherND"), (scatter, 6)),
    **dict.fromkeys(("CumSum", "TopK", "OneHot", "Trilu"), (along, 6)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), (blocks, 4)),
    "Einsum": (einsum, 22), "QuantizeLinear": (quantise, 10),
    **{f"com.microsoft.{name}": (contrib, 2) for name in (
        "Gelu", "BiasGelu", "FastGelu", "QuickGelu", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization",
        "FusedMatMul", "FusedConv")},
    "LSTM": (recurrent, 8), "GRU": (recurrent, 8), "RNN": (recurrent, 4), "DequantizeLinear": (dequantise, 10),
}  # fmt: skip
"""For each operator what makes its cases, and how many."""


def generated(op: str, times: int = 3) -> list[Made]:
    """The cases of an operator, always the same; ``times`` as many as the table says."""
    make, count = GENERATED[op]
    return [make(Chance(sum(map(ord, op)) * 1000 + index), op) for index in range(count * times)]
