"""Moves elements and computes nothing: Transpose, Concat, Split, Expand, Tile, DepthToSpace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import broadcast_strides, row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, axis_of, joined, value_of
from packager.lower.ops.cut import sliced
from packager.lower.ops.dtypes import ITEM
from packager.lower.sizes import Size, ceil_div
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


# Transpose


def _infer_transpose(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x = value_of(inputs[0])
    return [Type(x.dtype, tuple(x.shape[axis] for axis in attributes["perm"]))]


def _evaluate_transpose(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    return [x.transpose(attributes["perm"])]


def _emit_transpose(plan: Emitter, node: Node) -> None:
    x, y, perm = value_of(node.inputs[0]), node.output, node["perm"]
    own = row_major(x.shape)
    plan.copy(x, y, y.shape, [own[axis] for axis in perm], row_major(y.shape), ITEM[x.dtype])


def _transpose(call: Call) -> Value:
    x = call[0]
    perm = tuple(call.get("perm") or reversed(range(x.rank)))
    return x if perm == tuple(range(x.rank)) else call.build.op("transpose", x, perm=perm)


# Concat and Split


def _infer_concat(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    values = [value_of(entry) for entry in inputs]
    axis = attributes["axis"]
    total: Size = 0
    for entry in values:
        total = entry.shape[axis] + total
    shape = joined(*((*entry.shape[:axis], 1, *entry.shape[axis + 1 :]) for entry in values))
    return [Type(values[0].dtype, (*shape[:axis], total, *shape[axis + 1 :]))]


def _evaluate_concat(attributes: Mapping[str, Any], /, *arrays: Array) -> Sequence[Array]:
    return [np.concatenate(arrays, attributes["axis"])]


def _emit_concat(plan: Emitter, node: Node) -> None:
    y, axis = node.output, node["axis"]
    item, steps = ITEM[y.dtype], row_major(y.shape)
    target = plan.declare(y)
    start: Size = 0
    for entry in map(value_of, node.inputs):
        if not plan.placed(entry, y):
            part = plan.view(y.dtype, entry.shape, target, start * steps[axis] * item)
            plan.copy(entry, part, entry.shape, row_major(entry.shape), steps, item)
        start = entry.shape[axis] + start


def _concat(call: Call) -> Value:
    values = [call[index] for index in range(len(call.inputs))]
    axis = axis_of(call.get("axis", 1 if call.opset < 4 else 0), values[0].rank)
    if len({entry.dtype for entry in values}) != 1:
        raise Unsupported("its operands have different dtypes")
    for entry in values[1:]:
        for other in range(values[0].rank):
            if other != axis:
                call.build.equal(values[0].shape[other], entry.shape[other])
    kept = [entry for entry in values if entry.shape[axis] != 0] or values[:1]
    return kept[0] if len(kept) == 1 else call.build.op("concat", *kept, axis=axis)


def _split(call: Call) -> Sequence[Value]:
    x = call[0]
    axis = axis_of(call.get("axis", 0), x.rank)
    sizes = call.sizes(1, "parts") if call.opset >= 13 else call.get("split")
    if sizes is None:
        part = ceil_div(x.shape[axis], call.outputs)
        sizes = (*(part,) * (call.outputs - 1), x.shape[axis] - part * (call.outputs - 1))
    parts: list[Value] = []
    start: Size = 0
    for size in sizes:
        parts.append(sliced(call, x, axis, start, size))
        start = size + start
    return parts


# Expand and Tile


def _infer_expand(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(value_of(inputs[0]).dtype, tuple(attributes["shape"]))]


def _evaluate_expand(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    return [np.broadcast_to(x, attributes["shape"])]


def _emit_expand(plan: Emitter, node: Node) -> None:
    x, y = value_of(node.inputs[0]), node.output
    plan.copy(x, y, y.shape, broadcast_strides(x.shape, y.shape), row_major(y.shape), ITEM[x.dtype])


def _expand(call: Call) -> Value:
    x, wanted = call[0], call.sizes(1, "new dimensions")
    rank = max(x.rank, len(wanted or ()))
    own = (1,) * (rank - x.rank) + tuple(x.shape)
    to = (1,) * (rank - len(wanted or ())) + tuple(wanted or ())
    shape = tuple(a if b == 1 else b if a == 1 else call.build.equal(a, b) for a, b in zip(own, to, strict=True))
    return x if shape == tuple(x.shape) else call.build.op("expand", x, shape=shape)


def _tile(call: Call) -> Value:
    """Every repeated axis becomes (repeats, size): repeated by a stride of 0, then taken together."""
    x, repeats = call[0], call.sizes(1, "repeats") or ()
    repeated = [axis for axis, count in enumerate(repeats) if count != 1]
    for at in range(0, len(repeated), 2):  # what a copy has dimensions for
        part = repeated[at : at + 2]
        x = _repeated(call, x, [count if axis in part else 1 for axis, count in enumerate(repeats)])
    return x


def _repeated(call: Call, x: Value, repeats: Sequence[Size]) -> Value:
    spread = tuple(size for old in x.shape for size in (1, old))
    full = tuple(size for count, old in zip(repeats, x.shape, strict=True) for size in (count, old))
    wide = call.build.op("expand", call.build.op("reshape", x, shape=spread), shape=full)
    return call.build.op("reshape", wide, shape=tuple(count * old for count, old in zip(repeats, x.shape, strict=True)))


# Rearrangements that are reshapes and a transpose


def _depth_to_space(call: Call) -> Value:
    x, block = call[0], call.get("blocksize")
    n, c, h, w = x.shape
    if call.get("mode", "DCR") == "DCR":
        shape, perm = (n, block, block, c // (block * block), h, w), (0, 3, 4, 1, 5, 2)
    else:
        shape, perm = (n, c // (block * block), block, block, h, w), (0, 1, 4, 2, 5, 3)
    y = call.build.op("transpose", call.build.op("reshape", x, shape=shape), perm=perm)
    return call.build.op("reshape", y, shape=(n, c // (block * block), h * block, w * block))


def _space_to_depth(call: Call) -> Value:
    x, block = call[0], call.get("blocksize")
    n, c, h, w = x.shape
    split = call.build.op("reshape", x, shape=(n, c, h // block, block, w // block, block))
    perm = (0, 3, 5, 1, 2, 4) if call.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    y = call.build.op("transpose", split, perm=perm)
    return call.build.op("reshape", y, shape=(n, c * block * block, h // block, w // block))


OPS = [
    Op("transpose", _infer_transpose, _evaluate_transpose, _emit_transpose, symbolic=True),
    Op("concat", _infer_concat, _evaluate_concat, _emit_concat, symbolic=True),
    Op("expand", _infer_expand, _evaluate_expand, _emit_expand, symbolic=True),
]
IMPORTS: dict[str, Import] = {
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Expand": _expand,
    "Tile": _tile,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
