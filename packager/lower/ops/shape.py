"""Shapes: new shapes of the same bytes, and arithmetic with sizes, which is done when compiling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import Array, Node, Operand, Type, Value, sized
from packager.lower.ops.base import Call, Import, Op, axis_of, value_of
from packager.lower.sizes import Size, product
from packager.lower.unsupported import Unsupported
from packager.lower.views import split_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


def _infer_reshape(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(value_of(inputs[0]).dtype, tuple(attributes["shape"]))]


def _evaluate_reshape(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    return [x.reshape(attributes["shape"])]


def _emit_reshape(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    plan.alias(node.output, x)
    if plan.is_view(x):
        strides = split_rows(x.shape, plan.strides(x), node.output.shape)
        if strides is None:
            raise AssertionError(f"{x.name} is a view, but its reshape is not")
        plan.set_strides(node.output, strides)


OPS = [Op("reshape", _infer_reshape, _evaluate_reshape, _emit_reshape, symbolic=True)]


def reshaped(call: Call, x: Value, shape: Sequence[Size]) -> Value:
    """The same elements in another shape; nothing where it is the same."""
    return x if tuple(shape) == tuple(x.shape) else call.build.op("reshape", x, shape=tuple(shape))


def _reshape(call: Call) -> Value:
    x, wanted = call[0], call.sizes(1, "new dimensions") if call.opset >= 5 else tuple(call.get("shape", ()))
    if wanted is None:
        raise Unsupported("its new shape is missing")
    keep_zero = bool(call.get("allowzero", 0))
    shape = [x.shape[axis] if size == 0 and not keep_zero and axis < x.rank else size for axis, size in enumerate(wanted)]
    if -1 in shape:
        at = shape.index(-1)
        rest = product([size for axis, size in enumerate(shape) if axis != at])
        shape[at] = 0 if rest == 0 else x.count // rest
    else:
        call.build.equal(product(shape), x.count)
    return reshaped(call, x, shape)


def _flatten(call: Call) -> Value:
    x, axis = call[0], call.get("axis", 1)
    axis = axis + call[0].rank if axis < 0 else axis
    return reshaped(call, x, (product(x.shape[:axis]), product(x.shape[axis:])))


def _squeeze(call: Call) -> Value:
    x = call[0]
    axes = call.integers(1, "axes") if call.opset >= 13 else call.get("axes")
    if axes is None:
        if any(not isinstance(size, int) for size in x.shape):
            raise Unsupported("it drops dimensions that only the input's shape tells")
        axes = tuple(axis for axis, size in enumerate(x.shape) if size == 1)
    dropped = {axis_of(axis, x.rank) for axis in axes}
    for axis in dropped:
        call.build.equal(x.shape[axis], 1)
    return reshaped(call, x, [size for axis, size in enumerate(x.shape) if axis not in dropped])


def _unsqueeze(call: Call) -> Value:
    x = call[0]
    axes = call.integers(1, "axes") if call.opset >= 13 else call.get("axes")
    rank = x.rank + len(axes or ())
    at = {axis_of(axis, rank) for axis in axes or ()}
    rest = iter(x.shape)
    return reshaped(call, x, [1 if axis in at else next(rest) for axis in range(rank)])


def _shape(call: Call) -> Value:
    x = call[0]
    found = x.shape[slice(call.get("start", 0), call.get("end"))]
    return sized("shape", found, (len(found),))


def _size(call: Call) -> Value:
    return sized("size", (call[0].count,), ())


def _constant(call: Call) -> Value:
    for name, dtype in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if call.get(name) is not None:
            return call.build.constant(np.array(call.get(name), dtype))
    array = call.get("value")
    if not isinstance(array, np.ndarray):
        raise Unsupported("its value is not a tensor of numbers")
    return call.build.constant(array)


IMPORTS: dict[str, Import] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Shape": _shape,
    "Size": _size,
    "Constant": _constant,
}
