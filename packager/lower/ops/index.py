"""Writes by index, and places as data: Scatter*, OneHot, TopK, Trilu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import numbered, row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, axis_of, value_of
from packager.lower.ops.dtypes import ITEM
from packager.lower.ops.gather import five, index_item
from packager.lower.ops.reduce import around
from packager.lower.sizes import product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter

_ELEMENTS = {"float32": "f32", "int32": "i32", "int64": "i64"}


def _infer_same(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [value_of(inputs[0]).type]


def _put(result: Array, place: tuple[int, ...], update: Array, reduction: str) -> None:
    match reduction:
        case "set":
            result[place] = update
        case "add":
            result[place] += update
        case "mul":
            result[place] *= update
        case _:
            result[place] = (np.minimum if reduction == "min" else np.maximum)(result[place], update)


def _element(node: Node, x: Value) -> str:
    if node["reduction"] != "set" and x.dtype not in _ELEMENTS:
        raise Unsupported(f"it works on {x.dtype}")
    return _ELEMENTS.get(x.dtype, "other")


def _copied(plan: Emitter, x: Value, y: Value) -> None:
    plan.copy(x, y, x.shape, row_major(x.shape), row_major(x.shape), ITEM[x.dtype])


def _evaluate_elements(attributes: Mapping[str, Any], /, x: Array, index: Array, updates: Array) -> Sequence[Array]:
    result, axis = x.copy(), attributes["axis"]
    for place in np.ndindex(index.shape):
        at = list(place)
        at[axis] = int(index[place])
        _put(result, tuple(at), updates[place], attributes["reduction"])
    return [result]


def _emit_elements(plan: Emitter, node: Node) -> None:
    x, index, updates = (value_of(entry) for entry in node.inputs)
    y, axis, own = node.output, node["axis"], row_major(x.shape)
    _copied(plan, x, y)
    counts, strides = five(index.shape, [0 if entry == axis else stride for entry, stride in enumerate(own)])
    plan.step("scatter_elements", y=y, index=index, updates=updates, item=ITEM[x.dtype], index_item=index_item(index),
              size=x.shape[axis], axis_stride=own[axis], element=_element(node, x), reduction=node["reduction"],
              **numbered("count", counts), **numbered("y_stride", strides))  # fmt: skip


def _evaluate_nd(attributes: Mapping[str, Any], /, x: Array, index: Array, updates: Array) -> Sequence[Array]:
    result = x.copy()
    for place in np.ndindex(index.shape[:-1]):
        _put(result, tuple(int(entry) for entry in index[place]), updates[place], attributes["reduction"])
    return [result]


def _emit_nd(plan: Emitter, node: Node) -> None:
    x, index, updates = (value_of(entry) for entry in node.inputs)
    depth = int(index.shape[-1])  # type: ignore[arg-type]
    _copied(plan, x, node.output)
    sizes = [*x.shape[:depth], *[1] * (5 - depth)]
    plan.step("scatter_nd", y=node.output, index=index, updates=updates, item=ITEM[x.dtype], index_item=index_item(index),
              indices=product(index.shape[:-1]), depth=depth, inner=product(x.shape[depth:]), element=_element(node, x),
              reduction=node["reduction"], **numbered("size", sizes))  # fmt: skip


def _reduction(call: Call) -> str:
    found = call.get("reduction", "none")
    return "set" if found == "none" else str(found)


def _scatter(call: Call) -> Value:
    axis = axis_of(call.get("axis", 0), call[0].rank)
    return call.build.op("scatter_elements", call[0], call[1], call[2], axis=axis, reduction=_reduction(call))


def _scatter_nd(call: Call) -> Value:
    depth = call[1].shape[-1]
    if not isinstance(depth, int) or depth > 5:
        raise Unsupported("it indexes more dimensions than 5")
    return call.build.op("scatter_nd", call[0], call[1], call[2], reduction=_reduction(call))


# OneHot


def _infer_hot(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    index, values, axis = value_of(inputs[0]), value_of(inputs[1]), attributes["axis"]
    return [Type(values.dtype, (*index.shape[:axis], attributes["depth"], *index.shape[axis:]))]


def _evaluate_hot(attributes: Mapping[str, Any], /, index: Array, values: Array) -> Sequence[Array]:
    depth, axis = attributes["depth"], attributes["axis"]
    hot = np.expand_dims(np.where(index < 0, index + depth, index), axis) == np.arange(depth).reshape(
        (-1, *(1,) * (index.ndim - axis))
    )
    return [np.where(hot, values[1], values[0])]


def _emit_hot(plan: Emitter, node: Node) -> None:
    index, values = (value_of(entry) for entry in node.inputs)
    axis = node["axis"]
    plan.step("one_hot", index=index, values=values, y=node.output, item=ITEM[values.dtype], index_item=index_item(index),
              outer=product(index.shape[:axis]), depth=node["depth"], inner=product(index.shape[axis:]))  # fmt: skip


def _one_hot(call: Call) -> Value:
    index = call[0]
    depth = call.data(1, "depth") if call[1].elements is None else None
    size = int(depth.reshape(-1)[0]) if depth is not None else (call.sizes(1, "depth") or (0,))[0]
    if index.dtype not in ("int64", "int32"):
        index = call.build.op("cast", index, to="int64")
    axis = axis_of(call.get("axis", -1), index.rank + 1)
    return call.build.op("one_hot", index, call[2], depth=size, axis=axis)


# TopK


def _infer_top(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x, axis = value_of(inputs[0]), attributes["axis"]
    shape = (*x.shape[:axis], attributes["k"], *x.shape[axis + 1 :])
    return [Type(x.dtype, shape), Type("int64", shape)]


def _evaluate_top(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    axis = attributes["axis"]
    order = np.argsort(x if attributes["smallest"] else -x, axis=axis, kind="stable")
    places = np.take(order, np.arange(attributes["k"]), axis=axis)
    return [np.take_along_axis(x, places, axis), places.astype(np.int64)]


def _emit_top(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    outer, size, inner = around(x.shape, (node["axis"],))
    plan.step("top_k", x=x, values=node.outputs[0], places=node.outputs[1], outer=outer, size=size, inner=inner, k=node["k"],
              smallest=node["smallest"])  # fmt: skip


def _top_k(call: Call) -> Sequence[Value]:
    (k,) = call.sizes(1, "count") or (0,)
    axis = axis_of(call.get("axis", -1), call[0].rank)
    if call[0].dtype != "float32":
        raise Unsupported(f"it works on {call[0].dtype}")
    return call.build.ops("top_k", call[0], axis=axis, k=k, smallest=1 - int(call.get("largest", 1)))


# Trilu


def _evaluate_triangle(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    return [(np.triu if attributes["upper"] else np.tril)(x, attributes["diagonal"])]


def _emit_triangle(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    plan.step("triangle", x=x, y=node.output, item=ITEM[x.dtype], batch=product(x.shape[:-2]), rows=x.shape[-2],
              columns=x.shape[-1], diagonal=node["diagonal"], upper=node["upper"])  # fmt: skip


def _triangle(call: Call) -> Value:
    (diagonal,) = call.integers(1, "diagonal") or (0,)
    limit = 1 << 30
    return call.build.op("triangle", call[0], diagonal=max(-limit, min(limit, diagonal)), upper=int(call.get("upper", 1)))


OPS = [
    Op("scatter_elements", _infer_same, _evaluate_elements, _emit_elements),
    Op("scatter_nd", _infer_same, _evaluate_nd, _emit_nd),
    Op("one_hot", _infer_hot, _evaluate_hot, _emit_hot),
    Op("top_k", _infer_top, _evaluate_top, _emit_top),
    Op("triangle", _infer_same, _evaluate_triangle, _emit_triangle),
]
IMPORTS: dict[str, Import] = {
    "ScatterElements": _scatter,
    "Scatter": _scatter,
    "ScatterND": _scatter_nd,
    "OneHot": _one_hot,
    "TopK": _top_k,
    "Trilu": _triangle,
}
