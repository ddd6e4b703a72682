"""Functions of one operand, tests, and changes of dtype."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from packager.lower.ops.base import value_of
from packager.lower.tensorflow.writer import Type, held_as
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.lower.ir import Node
    from packager.lower.tensorflow.writer import Writer

_NAMES = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "neg": "Neg", "abs": "Abs", "sign": "Sign",
    "floor": "Floor", "ceil": "Ceil", "round": "Round", "sqrt": "Sqrt", "rsqrt": "Rsqrt", "reciprocal": "Reciprocal",
    "square": "Square", "exp": "Exp", "log": "Log", "erf": "Erf", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
    "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh",
}  # fmt: skip
_OF_INTEGERS = ("neg", "abs", "sign")


def _affine(out: Writer, x: str, p0: float, p1: float) -> str:
    scaled = x if p0 == 1 else out.add("Mul", x, out.number(p0))
    return scaled if p1 == 0 else out.add("AddV2", scaled, out.number(p1))


def _clip(out: Writer, x: str, p0: float, p1: float) -> str:
    if (p0, p1) == (0, 6):
        return out.add("Relu6", x)
    if math.isinf(p1):
        return out.add("Maximum", x, out.number(p0)) if not math.isinf(p0) else x
    if math.isinf(p0):
        return out.add("Minimum", x, out.number(p1))
    return out.add("ClipByValue", x, out.factor(p0), out.factor(p1))


def _gate(out: Writer, x: str, p0: float, p1: float) -> str:
    """hard_sigmoid: p0 · x + p1 between 0 and 1."""
    return _clip(out, _affine(out, x, p0, p1), 0, 1)


def _hard_swish(out: Writer, x: str, p0: float, p1: float) -> str:
    gate = out.add("Relu6", out.add("AddV2", x, out.number(3)))
    return out.add("Mul", out.add("Mul", x, gate), out.number(1 / 6))


def _gelu(out: Writer, x: str, p0: float, p1: float) -> str:
    share = out.add("AddV2", out.add("Erf", out.add("Mul", x, out.number(math.sqrt(0.5)))), out.number(1))
    return out.add("Mul", out.add("Mul", x, share), out.number(0.5))


def _gelu_tanh(out: Writer, x: str, p0: float, p1: float) -> str:
    cubic = out.add("AddV2", out.add("Mul", out.add("Square", x), out.number(0.044715)), out.number(1))
    inner = out.add("Mul", out.add("Mul", x, out.number(math.sqrt(2 / math.pi))), cubic)
    share = out.add("AddV2", out.add("Tanh", inner), out.number(1))
    return out.add("Mul", out.add("Mul", x, share), out.number(0.5))


def _below(out: Writer, x: str, alpha: float, inner: float = 1.0) -> str:
    """alpha · (exp(x / inner) − 1) where x is below 0, else 0."""
    low = out.add("Minimum", x, out.number(0))
    steps = out.add("Expm1", low if inner == 1 else out.add("Mul", low, out.number(1 / inner)))
    return steps if alpha == 1 else out.add("Mul", steps, out.number(alpha))


def _elu(out: Writer, x: str, p0: float, p1: float) -> str:
    return out.add("Elu", x) if p0 == 1 else out.add("AddV2", out.add("Relu", x), _below(out, x, p0))


def _selu(out: Writer, x: str, p0: float, p1: float) -> str:
    return out.add("Mul", out.add("AddV2", out.add("Relu", x), _below(out, x, p0)), out.number(p1))


def _thresholded(out: Writer, x: str, p0: float, p1: float) -> str:
    return out.add("SelectV2", out.add("Greater", x, out.number(p0)), x, out.number(0))


_MADE: dict[str, Callable[[Writer, str, float, float], str]] = {
    "none": lambda out, x, p0, p1: x,
    "affine": _affine,
    "clip": _clip,
    "leaky_relu": lambda out, x, p0, p1: out.add("LeakyRelu", x, alpha=float(p0)),
    "hard_sigmoid": _gate,
    "hard_swish": _hard_swish,
    "silu": lambda out, x, p0, p1: out.add("Mul", x, out.add("Sigmoid", x)),
    "swish": lambda out, x, p0, p1: out.add("Mul", x, out.add("Sigmoid", _affine(out, x, p0, 0))),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "elu": _elu,
    "selu": _selu,
    "celu": lambda out, x, p0, p1: out.add("AddV2", out.add("Relu", x), _below(out, x, p0, p0)),
    "mish": lambda out, x, p0, p1: out.add("Mul", x, out.add("Tanh", out.add("Softplus", x))),
    "softsign": lambda out, x, p0, p1: out.add("RealDiv", x, out.add("AddV2", out.add("Abs", x), out.number(1))),
    "thresholded_relu": _thresholded,
}


def activated(out: Writer, fn: str, x: str, p0: float, p1: float) -> str:
    """A function of one operand, of its tensor. Raises Unsupported."""
    if fn in _NAMES:
        return out.add(_NAMES[fn], x)
    if fn not in _MADE:
        raise Unsupported(f"TensorFlow.js has no {fn}")
    return _MADE[fn](out, x, p0, p1)


def _unary(out: Writer, node: Node) -> None:
    x = value_of(node.inputs[0])
    if x.dtype != "float32" and node["fn"] not in _OF_INTEGERS:
        raise Unsupported(f"it works on {x.dtype}")
    out.give(node.output, activated(out, node["fn"], out.read(x), node["p0"], node["p1"]))


def _test(out: Writer, node: Node) -> None:
    x = out.read(node.inputs[0])
    made = out.add("IsNan" if node["fn"] == "is_nan" else "IsInf", x)
    if node["fn"] in ("is_positive_inf", "is_negative_inf"):
        side = out.add("Greater" if node["fn"] == "is_positive_inf" else "Less", x, out.number(0))
        made = out.add("LogicalAnd", made, side)
    out.give(node.output, made)


def _cast(out: Writer, node: Node) -> None:
    x, to = value_of(node.inputs[0]), node["to"]
    source, target = held_as(x.dtype), held_as(to)
    if to in ("int8", "uint8") and source == "int32":
        raise Unsupported(f"it makes {to} of {x.dtype}")
    tensor = out.read(x)
    if target == "bool" and source != "bool":
        out.give(node.output, out.add("NotEqual", tensor, out.number(0, source)))
        return
    out.give(node.output, tensor if source == target else out.add("Cast", tensor, SrcT=Type(x.dtype), DstT=Type(to)))


EMIT = {
    "unary": _unary,
    "test": _test,
    "not": lambda out, node: out.give(node.output, out.add("LogicalNot", out.read(node.inputs[0]))),
    "cast": _cast,
}
