"""Element by element: functions of one operand, of two, comparisons, Where, Cast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.activations import ACTIVATIONS, erf
from packager.lower.boxes import box, broadcast_strides, numbered
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, broadcast, is_sizes, joined, scalar, value_of
from packager.lower.sizes import maximum, minimum
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

_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "min": np.minimum, "max": np.maximum, "pow": np.power,
    "mod": np.mod, "fmod": np.fmod, "prelu": lambda a, b: np.where(a < 0, a * b, a),
    "bit_and": np.bitwise_and, "bit_or": np.bitwise_or, "bit_xor": np.bitwise_xor,
    "shift_left": np.left_shift, "shift_right": np.right_shift,
}  # fmt: skip

_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
    "greater": np.greater, "greater_equal": np.greater_equal,
}  # fmt: skip

_LOGIC: dict[str, Callable[[Array, Array], Array]] = {
    "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor, "equal": np.equal,
}  # fmt: skip

_TEST: dict[str, Callable[[Array], Array]] = {
    "is_nan": np.isnan, "is_inf": np.isinf,
    "is_positive_inf": np.isposinf, "is_negative_inf": np.isneginf,
}  # fmt: skip

_SUFFIX = {"float32": "f32", "int64": "i64", "int32": "i32", "int8": "i8", "uint8": "u8", "bool": "bool", "float16": "f16"}
ITEM = {"float32": 4, "int64": 8, "int32": 4, "int8": 1, "uint8": 1, "bool": 1, "float16": 2, "int16": 2, "uint16": 2,
        "uint32": 4, "uint64": 8, "float64": 8}  # fmt: skip


def suffix(dtype: str, *covered: str) -> str:
    """How kernels for this dtype end. Raises Unsupported where there are none."""
    if dtype not in _SUFFIX or (covered and dtype not in covered):
        raise Unsupported(f"it works on {dtype}")
    return _SUFFIX[dtype]


# Functions of one operand


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
    return [Type("bool", joined(*(value_of(entry).shape for entry in inputs)))]


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


# Functions of two


def _infer_binary(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    a, b = value_of(inputs[0]), value_of(inputs[1])
    return [Type(a.dtype, joined(a.shape, b.shape))]


def _evaluate_binary(attributes: Mapping[str, Any], /, a: Array, b: Array) -> Sequence[Array]:
    fn = attributes["fn"]
    if is_sizes(a) or is_sizes(b):
        pick = {"min": minimum, "max": maximum, "div": lambda x, y: x // y}.get(fn)
        if pick is not None:
            return [np.frompyfunc(pick, 2, 1)(a.astype(object), b.astype(object))]
        if fn not in ("add", "sub", "mul", "mod"):
            raise NotImplementedError(fn)
        return [np.asarray(_BINARY[fn](a.astype(object), b.astype(object)), object)]
    if fn == "div":
        return [_divide(a, b)]
    if fn == "pow" and a.dtype == np.float32:
        return [np.power(a.astype(np.float64), b).astype(np.float32)]
    return [np.asarray(_BINARY[fn](a, b)).astype(a.dtype)]


def _divide(a: Array, b: Array) -> Array:
    """Floats as IEEE has it; integers towards zero, and by zero 0."""
    if a.dtype.kind == "f":
        return np.asarray(np.divide(a, b))
    safe = np.where(b == 0, 1, b)
    quotient = np.abs(a) // np.abs(safe) * np.sign(a) * np.sign(safe)
    return np.asarray(np.where(b == 0, 0, quotient)).astype(a.dtype)


def _emit_binary(plan: Emitter, node: Node) -> None:
    a, b = value_of(node.inputs[0]), value_of(node.inputs[1])
    kind = suffix(a.dtype, "float32", "int32", "int64")
    _emit_pair(plan, node, f"binary_{kind}", a, b)


def _emit_pair(plan: Emitter, node: Node, kernel: str, a: Value, b: Value) -> None:
    shape = node.output.shape
    counts, (left, right) = box(shape, [broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)], 5)
    plan.step(kernel, a=a, b=b, y=node.output, operation=node["fn"], **numbered("count", counts),
              **numbered("a_stride", left), **numbered("b_stride", right))  # fmt: skip


def _evaluate_compare(attributes: Mapping[str, Any], /, a: Array, b: Array) -> Sequence[Array]:
    return [np.asarray(_COMPARE[attributes["fn"]](a, b))]


def _emit_compare(plan: Emitter, node: Node) -> None:
    a, b = value_of(node.inputs[0]), value_of(node.inputs[1])
    _emit_pair(plan, node, f"compare_{suffix(a.dtype, 'float32', 'int32', 'int64')}", a, b)


def _evaluate_logic(attributes: Mapping[str, Any], /, a: Array, b: Array) -> Sequence[Array]:
    return [np.asarray(_LOGIC[attributes["fn"]](a, b))]


def _emit_logic(plan: Emitter, node: Node) -> None:
    _emit_pair(plan, node, "logic_bool", value_of(node.inputs[0]), value_of(node.inputs[1]))


# Where and Cast


def _infer_where(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    shapes = [value_of(entry).shape for entry in inputs]
    return [Type(value_of(inputs[1]).dtype, joined(*shapes))]


def _evaluate_where(attributes: Mapping[str, Any], /, condition: Array, a: Array, b: Array) -> Sequence[Array]:
    if is_sizes(condition):
        raise NotImplementedError
    return [np.where(condition, a, b)]


def _emit_where(plan: Emitter, node: Node) -> None:
    condition, a, b = (value_of(entry) for entry in node.inputs)
    shape = node.output.shape
    counts, steps = box(shape, [broadcast_strides(entry.shape, shape) for entry in (condition, a, b)], 5)
    names = zip(("condition_stride", "a_stride", "b_stride"), steps, strict=True)
    plan.step("where", condition=condition, a=a, b=b, y=node.output, item=ITEM[a.dtype], **numbered("count", counts),
              **{key: size for name, step in names for key, size in numbered(name, step).items()})  # fmt: skip


def _infer_cast(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(attributes["to"], value_of(inputs[0]).shape)]


def _evaluate_cast(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    to = np.dtype(attributes["to"])
    if is_sizes(x):
        if to.kind not in "iu":
            raise NotImplementedError
        return [x]
    if x.dtype.kind == "f" and to.kind in "iu" and to.itemsize >= 4:
        limits = np.iinfo(to)
        whole = np.trunc(np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf))
        wide = np.clip(whole, float(limits.min), float(limits.max))
        return [np.where(wide >= float(limits.max), limits.max, wide.astype(to)).astype(to)]
    return [x.astype(to)]


def _emit_cast(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    source, to = suffix(x.dtype), suffix(node["to"])
    direct = f"cast_{source}_{to}"
    through = next((middle for middle in ("float32", "int32") if plan.has(f"cast_{source}_{_SUFFIX[middle]}")
                    and plan.has(f"cast_{_SUFFIX[middle]}_{to}")), None)  # fmt: skip
    if plan.has(direct) or through is None:
        plan.step(direct, x=x, y=node.output, count=x.count)
        return
    middle = plan.scratch(through, x.shape)
    plan.step(f"cast_{source}_{_SUFFIX[through]}", x=x, y=middle, count=x.count)
    plan.step(f"cast_{_SUFFIX[through]}_{to}", x=middle, y=node.output, count=x.count)


OPS = [
    Op("unary", _infer_same, _evaluate_unary, _emit_unary, symbolic=True),
    Op("test", _infer_bool, _evaluate_test, _emit_test),
    Op("not", _infer_bool, _evaluate_not, _emit_not),
    Op("binary", _infer_binary, _evaluate_binary, _emit_binary, symbolic=True),
    Op("compare", _infer_bool, _evaluate_compare, _emit_compare),
    Op("logic", _infer_bool, _evaluate_logic, _emit_logic),
    Op("where", _infer_where, _evaluate_where, _emit_where),
    Op("cast", _infer_cast, _evaluate_cast, _emit_cast, symbolic=True),
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


def binary(call: Call, fn: str, a: Value, b: Value, op: str = "binary") -> Value:
    """One function of two operands that broadcast."""
    if a.dtype != b.dtype:
        raise Unsupported(f"it mixes {a.dtype} and {b.dtype}")
    broadcast(call.build, a.shape, b.shape)
    return call.build.op(op, a, b, fn=fn)


def _binary(fn: str, op: str = "binary") -> Import:
    return lambda call: binary(call, fn, call[0], call[1], op)


def _many(fn: str) -> Import:
    """Functions of any number of operands, two at a time."""

    def imported(call: Call) -> Value:
        result = call[0]
        for index in range(1, len(call.inputs)):
            result = binary(call, fn, result, call[index])
        return result

    return imported


def _mean(call: Call) -> Value:
    total = _many("add")(call)
    if not isinstance(total, Value):
        raise AssertionError
    return unary(call, "affine", total, 1 / len(call.inputs))


def _clip(call: Call) -> Value:
    x = call[0]
    if call.opset < 11:
        low, high = call.get("min", -np.inf), call.get("max", np.inf)
        return unary(call, "clip", x, low, high)
    bounds = [call.input(1), call.input(2)]
    if x.dtype == "float32" and all(bound is None or bound.data is not None for bound in bounds):
        low, high = (scalar(bound) for bound in bounds)
        return unary(call, "clip", x, -np.inf if low is None else low, np.inf if high is None else high)
    for bound, fn in zip(bounds, ("max", "min"), strict=True):
        if bound is not None:
            x = binary(call, fn, x, bound)
    return x


def _pow(call: Call) -> Value:
    x, exponent = call[0], call[1]
    power = scalar(exponent)
    if x.dtype == "float32" and power in (0.5, 1.0, 2.0, -1.0, -0.5):
        fn = {0.5: "sqrt", 1.0: "none", 2.0: "square", -1.0: "reciprocal", -0.5: "rsqrt"}[power]
        return unary(call, fn, x)
    if exponent.dtype != x.dtype:
        exponent = call.build.op("cast", exponent, to=x.dtype)
    return binary(call, "pow", x, exponent)


def _prelu(call: Call) -> Value:
    slope = scalar(call[1])
    return unary(call, "leaky_relu", call[0], slope) if slope is not None else binary(call, "prelu", call[0], call[1])


def _where(call: Call) -> Value:
    broadcast(call.build, *(call[index].shape for index in range(3)))
    return call.build.op("where", call[0], call[1], call[2])


def _cast(call: Call) -> Value:
    to = call.get("to")
    if not isinstance(to, str):
        raise Unsupported("it casts to a type that the engine does not have")
    return call[0] if call[0].dtype == to else call.build.op("cast", call[0], to=to)


def _cast_like(call: Call) -> Value:
    to = call[1].dtype
    return call[0] if call[0].dtype == to else call.build.op("cast", call[0], to=to)


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


def _equal(call: Call) -> Value:
    return binary(call, "equal", call[0], call[1], "logic" if call[0].dtype == "bool" else "compare")


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
    "Clip": _clip,
    "Pow": _pow,
    "PRelu": _prelu,
    "Add": _binary("add"), "Sub": _binary("sub"), "Mul": _binary("mul"), "Div": _binary("div"),
    "Min": _many("min"), "Max": _many("max"), "Sum": _many("add"), "Mean": _mean,
    "Mod": lambda call: binary(call, "fmod" if call.get("fmod", 0) else "mod", call[0], call[1]),
    "BitwiseAnd": _binary("bit_and"), "BitwiseOr": _binary("bit_or"), "BitwiseXor": _binary("bit_xor"),
    "BitwiseNot": _unary("bit_not"),
    "Equal": _equal,
    "Less": _binary("less", "compare"), "LessOrEqual": _binary("less_equal", "compare"),
    "Greater": _binary("greater", "compare"), "GreaterOrEqual": _binary("greater_equal", "compare"),
    "And": _binary("and", "logic"), "Or": _binary("or", "logic"), "Xor": _binary("xor", "logic"),
    "Not": lambda call: call.build.op("not", call[0]),
    "IsNaN": lambda call: call.build.op("test", call[0], fn="is_nan"),
    "IsInf": _is_inf,
    "Where": _where,
    "Cast": _cast,
    "CastLike": _cast_like,
}  # fmt: skip
