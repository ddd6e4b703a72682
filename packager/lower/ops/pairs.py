"""Functions of two operands that broadcast: arithmetic, comparisons, logic; and Where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import box, broadcast_strides, numbered
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, broadcast, is_sizes, joined, scalar, value_of
from packager.lower.ops.dtypes import ITEM, suffix
from packager.lower.ops.unary import unary
from packager.lower.sizes import maximum, minimum
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packager.lower.emit import Emitter

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


def _infer_bool(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type("bool", joined(*(value_of(entry).shape for entry in inputs)))]


def _evaluate_compare(attributes: Mapping[str, Any], /, a: Array, b: Array) -> Sequence[Array]:
    return [np.asarray(_COMPARE[attributes["fn"]](a, b))]


def _emit_compare(plan: Emitter, node: Node) -> None:
    a, b = value_of(node.inputs[0]), value_of(node.inputs[1])
    _emit_pair(plan, node, f"compare_{suffix(a.dtype, 'float32', 'int32', 'int64')}", a, b)


def _evaluate_logic(attributes: Mapping[str, Any], /, a: Array, b: Array) -> Sequence[Array]:
    return [np.asarray(_LOGIC[attributes["fn"]](a, b))]


def _emit_logic(plan: Emitter, node: Node) -> None:
    _emit_pair(plan, node, "logic_bool", value_of(node.inputs[0]), value_of(node.inputs[1]))


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


OPS = [
    Op("binary", _infer_binary, _evaluate_binary, _emit_binary, symbolic=True),
    Op("compare", _infer_bool, _evaluate_compare, _emit_compare),
    Op("logic", _infer_bool, _evaluate_logic, _emit_logic),
    Op("where", _infer_where, _evaluate_where, _emit_where),
]


# From ONNX


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


def _equal(call: Call) -> Value:
    return binary(call, "equal", call[0], call[1], "logic" if call[0].dtype == "bool" else "compare")


def _shift(call: Call) -> Value:
    """Bytes go through int32, whose lowest bits are theirs."""
    fn, x, by = f"shift_{str(call.get('direction')).lower()}", call[0], call[1]
    if x.dtype not in ("uint8", "int8"):
        return binary(call, fn, x, by)
    made = binary(call, fn, call.build.op("cast", x, to="int32"), call.build.op("cast", by, to="int32"))
    if x.dtype == "uint8":
        made = binary(call, "bit_and", made, call.build.constant(np.array(255, np.int32)))
    return call.build.op("cast", made, to=x.dtype)


IMPORTS: dict[str, Import] = {
    "Clip": _clip,
    "Pow": _pow,
    "PRelu": _prelu,
    "Add": _binary("add"), "Sub": _binary("sub"), "Mul": _binary("mul"), "Div": _binary("div"),
    "Min": _many("min"), "Max": _many("max"), "Sum": _many("add"), "Mean": _mean,
    "Mod": lambda call: binary(call, "fmod" if call.get("fmod", 0) else "mod", call[0], call[1]),
    "BitShift": _shift,
    "BitwiseAnd": _binary("bit_and"), "BitwiseOr": _binary("bit_or"), "BitwiseXor": _binary("bit_xor"),
    "Equal": _equal,
    "Less": _binary("less", "compare"), "LessOrEqual": _binary("less_equal", "compare"),
    "Greater": _binary("greater", "compare"), "GreaterOrEqual": _binary("greater_equal", "compare"),
    "And": _binary("and", "logic"), "Or": _binary("or", "logic"), "Xor": _binary("xor", "logic"),
    "Where": _where,
}  # fmt: skip
