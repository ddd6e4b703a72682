"""Small models that together use most of the compiled engine, as plans with weights and inputs: what the fuzzer starts from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from packager.lower import compile as compile_model
from packager.readers import read
from tests.models import make

from .engine import Case

if TYPE_CHECKING:
    from packager.options import Precision

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


def case(proto: onnx.ModelProto, inputs: dict[str, np.ndarray], precision: Precision = "fp32", **options: Any) -> Case:
    """A model compiled as it is, with inputs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.onnx"
        onnx.save(proto, path)
        compiled = compile_model(read(path, {}), precision)
    return Case(compiled.document, b"".join(compiled.weights), inputs, **options)


def seeds() -> list[Case]:
    random = np.random.default_rng(11)

    def normal(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    node = helper.make_node
    convolutions = make(
        [
            node("Conv", ["x", "w0", "b0"], ["c0"], pads=[1, 1, 1, 1], strides=[2, 2]),
            node("Relu", ["c0"], ["r0"]),
            node("Conv", ["r0", "w1"], ["c1"], pads=[1, 1, 1, 1], group=8),
            node("HardSwish", ["c1"], ["h1"]),
            node("Conv", ["h1", "w2"], ["c2"]),
            node("Add", ["c2", "r0"], ["a2"]),
            node("MaxPool", ["a2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
            node("ConvTranspose", ["p2", "w3"], ["t3"], strides=[2, 2]),
            node("Resize", ["t3", "", "scales"], ["s3"], mode="linear"),
            node("GlobalAveragePool", ["s3"], ["g3"]),
            node("Flatten", ["g3"], ["f3"]),
            node("Gemm", ["f3", "w4"], ["y"]),
        ],
        {"x": (FLOAT, ["batch", 3, "height", 12])},
        {"y": (FLOAT, ["batch", 5])},
        {
            "w0": normal(8, 3, 3, 3), "b0": normal(8), "w1": normal(8, 1, 3, 3), "w2": normal(8, 8, 1, 1),
            "w3": normal(8, 6, 2, 2), "w4": normal(6, 5), "scales": np.array([1, 1, 2, 2], np.float32),
        },
    )  # fmt: skip
    text = make(
        [
            node("Gather", ["table", "ids"], ["e"]),
            node("LayerNormalization", ["e", "g", "b"], ["n"], axis=-1),
            node("MatMul", ["n", "wq"], ["q"]),
            node("MatMul", ["n", "wk"], ["k"]),
            node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
            node("MatMul", ["q", "kt"], ["s"]),
            node("Cast", ["mask"], ["m"], to=FLOAT),
            node("Unsqueeze", ["m", "one"], ["mu"]),
            node("Mul", ["s", "mu"], ["sm"]),
            node("Softmax", ["sm"], ["p"], axis=-1),
            node("MatMul", ["p", "n"], ["o"]),
            node("ReduceMean", ["o"], ["y"], axes=[1], keepdims=0),
        ],
        {"ids": (INT, ["batch", "length"]), "mask": (INT, ["batch", "length"])},
        {"y": (FLOAT, ["batch", 16])},
        {
            "table": normal(30, 16), "g": normal(16), "b": normal(16), "wq": normal(16, 8), "wk": normal(16, 8),
            "one": np.array([1], np.int64),
        },
    )  # fmt: skip
    moves = make(
        [
            node("Split", ["x", "halves"], ["l", "r"], axis=1),
            node("Slice", ["l", "from", "to", "axis"], ["c"]),
            node("Concat", ["c", "r"], ["j"], axis=1),
            node("Pad", ["j", "pads"], ["d"]),
            node("Transpose", ["d"], ["t"], perm=[1, 0]),
            node("Sub", ["t", "column"], ["u"]),
            node("Sigmoid", ["u"], ["v"]),
            node("ArgMax", ["v"], ["top"], axis=1),
            node("Greater", ["v", "half"], ["big"]),
            node("Where", ["big", "v", "u"], ["y"]),
        ],
        {"x": (FLOAT, ["rows", 10])},
        {"y": (FLOAT, ["columns", "n"]), "top": (INT, ["columns", 1])},
        {
            "halves": np.array([6, 4], np.int64), "from": np.array([1], np.int64), "to": np.array([5], np.int64),
            "axis": np.array([1], np.int64), "pads": np.array([1, 0, 0, 2], np.int64), "column": normal(10, 1),
            "half": np.array(0.5, np.float32),
        },
    )  # fmt: skip
    recurrent = make(
        [node("LSTM", ["x", "w", "r", "b"], ["all", "h", "c"], hidden_size=4, direction="bidirectional")],
        {"x": (FLOAT, ["length", "batch", 3])},
        {"all": (FLOAT, ["length", 2, "batch", 4]), "h": (FLOAT, [2, "batch", 4]), "c": (FLOAT, [2, "batch", 4])},
        {"w": normal(2, 16, 3), "r": normal(2, 16, 4), "b": normal(2, 32)},
    )
    return [
        case(convolutions, {"x": normal(1, 3, 8, 12)}),
        case(convolutions, {"x": normal(1, 3, 8, 12)}, "int8"),
        case(text, {"ids": np.array([[3, 9, 27]]), "mask": np.array([[1, 1, 0]])}),
        case(moves, {"x": normal(3, 10)}),
        case(recurrent, {"x": normal(5, 2, 3)}),
    ]
