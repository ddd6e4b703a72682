"""Operators of the domain com.microsoft that onnxruntime's optimiser and quantiser write: ONNX's own, fused or on codes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packager.lower.ops import convolution, matrix, norm, pool, reduce
from packager.lower.ops.base import axis_of
from packager.lower.ops.pairs import binary
from packager.lower.ops.quantise import dequantised, quantised
from packager.lower.ops.unary import unary
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Value
    from packager.lower.ops.base import Call, Import, Op


def _gelu(fn: str) -> Import:
    """Of the input, or of its sum with a bias."""

    def imported(call: Call) -> Value:
        bias = call.input(1)
        return unary(call, fn, call[0] if bias is None else binary(call, "add", call[0], bias))

    return imported


def _skip_norm(op: str, parts: int) -> Import:
    """A norm of the sum of two tensors and maybe a bias; the sum may be the fourth output, those between are not made."""

    def imported(call: Call) -> list[Any]:
        total = binary(call, "add", call[0], call[1])
        bias = call.input(2 + parts)
        total = total if bias is None else binary(call, "add", total, bias)
        inputs = (total, *(call.input(2 + index) for index in range(parts)))
        attributes = {"epsilon": call.get("epsilon", 1e-12), "axis": -1}
        made = norm.IMPORTS[op](replace(call, inputs=inputs, attributes=attributes, outputs=1))
        return [made, None, None, total][: call.outputs]

    return imported


def _fused_matmul(call: Call) -> Value:
    if call.get("transBatchA", 0) or call.get("transBatchB", 0):
        raise Unsupported("it transposes batches")
    a, b = (_swapped(call, call[index]) if call.get(f"trans{name}", 0) else call[index] for index, name in enumerate("AB"))
    made, alpha = matrix.matmul(call, a, b), call.get("alpha", 1.0)
    return made if alpha == 1 else unary(call, "affine", made, alpha)


def _swapped(call: Call, x: Value) -> Value:
    if x.rank < 2:
        return x
    return call.build.op("transpose", x, perm=(*range(x.rank - 2), x.rank - 1, x.rank - 2))


_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "LeakyRelu": "leaky_relu", "Clip": "clip",
                "HardSigmoid": "hard_sigmoid"}  # fmt: skip


def _fused_conv(call: Call) -> Value:
    made = convolution.conv(replace(call, inputs=call.inputs[:3]))
    other, name = call.input(3), call.get("activation")
    made = made if other is None else binary(call, "add", made, other)
    if not name:
        return made
    if name not in _ACTIVATIONS:
        raise Unsupported(f"its activation is {name}")
    return unary(call, _ACTIVATIONS[name], made, *map(float, call.get("activation_params") or ()))


# On codes: what the numbers are, ONNX's operator of them, and codes again


def _of_codes(imported: Import) -> Import:
    """x, its scale and zero point, those of the output."""

    def wrapped(call: Call) -> Value:
        if call.get("channels_last", 0):
            raise Unsupported("its channels come last")
        made = imported(replace(call, inputs=(dequantised(call, 0),)))
        return quantised(call, made, 3)  # type: ignore[arg-type]

    return wrapped


def _of_two(fn: str) -> Import:
    return lambda call: quantised(call, binary(call, fn, dequantised(call, 0), dequantised(call, 3)), 6)


def _concat(call: Call) -> Value:
    """The output's scale and zero point, then x, scale and zero point of each part."""
    parts = [dequantised(call, index) for index in range(2, len(call.inputs), 3)]
    return quantised(call, call.build.op("concat", *parts, axis=axis_of(call.get("axis"), parts[0].rank)), 0)


OPS: list[Op] = []
IMPORTS: dict[str, Import] = {
    f"com.microsoft.{name}": imported
    for name, imported in {
        "Gelu": _gelu("gelu"),
        "BiasGelu": _gelu("gelu"),
        "FastGelu": _gelu("gelu_tanh"),
        "QuickGelu": lambda call: unary(call, "swish", call[0], float(call.get("alpha", 1.702))),
        "SkipLayerNormalization": _skip_norm("LayerNormalization", 2),
        "SkipSimplifiedLayerNormalization": _skip_norm("RMSNormalization", 1),
        "FusedMatMul": _fused_matmul,
        "FusedConv": _fused_conv,
        "QLinearAdd": _of_two("add"),
        "QLinearMul": _of_two("mul"),
        "QLinearConcat": _concat,
        "QLinearSigmoid": _of_codes(lambda call: unary(call, "sigmoid", call[0])),
        "QLinearLeakyRelu": _of_codes(lambda call: unary(call, "leaky_relu", call[0], float(call.get("alpha", 0.01)))),
        "QLinearAveragePool": _of_codes(pool.IMPORTS["AveragePool"]),
        "QLinearGlobalAveragePool": _of_codes(pool.IMPORTS["GlobalAveragePool"]),
        "QLinearSoftmax": _of_codes(lambda call: reduce.IMPORTS["Softmax"](replace(call, opset=call.get("opset", 13)))),
    }.items()
}
