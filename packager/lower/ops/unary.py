"""Functions of one operand: activations and other functions, tests, Not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.activations import ACTIVATIONS, erf
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, is_sizes, value_of
from packager.lower.ops.dtypes import suffix
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packager.lower.emit import Emitter

_UNARY: dict[str, Callable[[Array, float, float], Array]] = {
    **ACTIVATIONS,
    "selu": lambda x, p0, p1: p1 * np.where(x > 0, x, p0 * np.expm1(np.minimum(x, 0))),
    "celu": lambda x, p0, p1: np.maximum(x, 0) + np.minimum(p0 * np.expm1(np.minimum(x, 0) / p0), 0),
    "mish": lambda x, p0, p1: x * np.tanh(np.logaddexp(0, x)),
    "softsign": lambda x, p0, p1: x / (1 + np.abs(x)),
    "thresholded_relu": lambda x, p0, p1: np.where(x > p0, x, 0),
    "shrink": lambda x, p0, p1: np.where(x < -p0, x + p1, np.where(x > p0, x - p1, 0)),
    "swish": lambda x, p0, p1: x / (1 + np.exp(-p0 * x)),
    "affine": lambda x, p0, p1: p0 * x + p1,
    "neg": lambda x, p0, p1: -x,
    "abs": lambda x, p0, p1: np.abs(x),
    "sign": lambda x, p0, p1: np.sign(x),
    "floor": lambda x, p0, p1: np.floor(x),
    "ceil": lambda x, p0, p1: np.ceil(x),
    "round": lambda x, p0, p1: np.rint(x),
    "sqrt": lambda x, p0, p1: np.sqrt(x),
    "rsqrt": lambda x, p0, p1: 1 / np.sqrt(x),
    "reciprocal": lambda x, p0, p1: 1 / x,
    "square": lambda x, p0, p1: x * x,
    "exp": lambda x, p0, p1: np.exp(x),
    "log": lambda x, p0, p1: np.log(x),
    "erf": lambda x, p0, p1: erf(x),
}


def _plain(function: np.ufunc) -> Callable[[Array, float, float], Array]:
    return lambda x, p0, p1: np.asarray(function(x))


for _name, _function in (
    ("sin", np.sin), ("cos", np.cos), ("tan", np.tan), ("asin", np.arcsin), ("acos", np.arccos), ("atan", np.arctan),
    ("sinh", np.sinh), ("cosh", np.cosh), ("asinh", np.arcsinh), ("acosh", np.arccosh), ("atanh", np.arctanh),
):  # fmt: skip
    _UNARY[_name] = _plain(_function)

_TEST: dict[str, Callable[[Array], Array]] = {
    "is_nan": np.isnan, "is_inf": np.isinf,
    "is_positive_inf": np.isposinf, "is_negative_inf": np.isneginf,
}  # fmt: skip


def _infer_same(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [value_of(inputs[0]).type]


def _evaluate_unary(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    fn = attributes["fn"]
    if is_sizes(x):
        if fn != "neg":
            raise NotImplementedError(fn)
        return [-x]
    if x.dtype.kind in "iu":
        return [{"neg": np.negative, "abs": np.abs, "sign": np.sign, "bit_not": np.invert}[fn](x)]
    return [_UNARY[fn](x.astype(np.float64), attributes["p0"], attributes["p1"]).astype(x.dtype)]


def _emit_unary(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    kind = suffix(x.dtype, "float32", "int32", "int64")
    extra = {"p0": node["p0"], "p1": node["p1"]} if kind == "f32" else {}
    plan.step(f"unary_{kind}", x=x, y=node.output, count=x.count, operation=node["fn"], **extra)


def _infer_bool(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type("bool", value_of(inputs[0]).shape)]


def _evaluate_test(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    return [_TEST[attributes["fn"]](x)]


def _emit_test(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    plan.step("test_f32", x=x, y=node.output, count=x.count, operation=node["fn"])


def _evaluate_not(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    return [np.logical_not(x)]


def _emit_not(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    plan.step("not_bool", x=x, y=node.output, count=x.count)


OPS = [
    Op("unary", _infer_same, _evaluate_unary, _emit_unary, symbolic=True),
    Op("test", _infer_bool, _evaluate_test, _emit_test),
    Op("not", _infer_bool, _evaluate_not, _emit_not),
]


# From ONNX


def _unary(fn: str, p0: tuple[str, float] | float = 0.0, p1: tuple[str, float] | float = 0.0) -> Import:
    """An importer of a function of one operand; a parameter is a number, or (attribute, default)."""

    def imported(call: Call) -> Value:
        first, second = (call.get(*entry) if isinstance(entry, tuple) else entry for entry in (p0, p1))
        return unary(call, fn, call[0], float(first), float(second))

    return imported


def unary(call: Call, fn: str, x: Value, p0: float = 0.0, p1: float = 0.0) -> Value:
    """One function of one operand."""
    return call.build.op("unary", x, fn=fn, p0=p0, p1=p1)


def _gelu(call: Call) -> Value:
    return unary(call, "gelu_tanh" if call.get("approximate", "none") == "tanh" else "gelu", call[0])


def _dropout(call: Call) -> Value | list[Value]:
    if call.input(2) is not None and not (call[2].data is not None and not np.any(call[2].data)):
        raise Unsupported("it is in training mode")
    if call.outputs == 1:
        return call[0]
    kept = call.build.op("filled", dtype="bool", shape=tuple(call[0].shape), value=True)
    return [call[0], kept]


def _is_inf(call: Call) -> Value:
    kinds = {(1, 1): "is_inf", (1, 0): "is_positive_inf", (0, 1): "is_negative_inf"}
    wanted = (call.get("detect_positive", 1), call.get("detect_negative", 1))
    if wanted not in kinds:
        raise Unsupported("it detects no infinity")
    return call.build.op("test", call[0], fn=kinds[wanted])


IMPORTS: dict[str, Import] = {
    **{name: _unary(name.lower()) for name in (
        "Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Sqrt", "Reciprocal", "Exp", "Log", "Erf",
        "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Softplus", "Softsign", "Mish",
    )},
    "HardSwish": _unary("hard_swish"),
    "LeakyRelu": _unary("leaky_relu", ("alpha", 0.01)),
    "Elu": _unary("elu", ("alpha", 1.0)),
    "Celu": _unary("celu", ("alpha", 1.0)),
    "Selu": _unary("selu", ("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875)),
    "HardSigmoid": _unary("hard_sigmoid", ("alpha", 0.2), ("beta", 0.5)),
    "ThresholdedRelu": _unary("thresholded_relu", ("alpha", 1.0)),
    "Shrink": _unary("shrink", ("lambd", 0.5), ("bias", 0.0)),
    "Swish": _unary("swish", ("alpha", 1.0)),
    "Identity": lambda call: call[0],
    "Dropout": _dropout,
    "Gelu": _gelu,
    "BitwiseNot": _unary("bit_not"),
    "Not": lambda call: call.build.op("not", call[0]),
    "IsNaN": lambda call: call.build.op("test", call[0], fn="is_nan"),
    "IsInf": _is_inf,
}  # fmt: skip
