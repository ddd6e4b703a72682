"""Moves elements and computes nothing: Transpose, Concat, Split, Slice, Expand, Tile, Pad, …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import broadcast_strides, numbered, row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, axis_of, is_sizes, joined, value_of
from packager.lower.ops.dtypes import ITEM
from packager.lower.sizes import Size, at_least, ceil_div, maximum, minimum
from packager.lower.unsupported import Unsupported
from packager.lower.views import may_be_view

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


# Slice


def _infer_slice(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(value_of(inputs[0]).dtype, tuple(attributes["counts"]))]


def _evaluate_slice(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    for axis, (start, count, step) in enumerate(
        zip(attributes["starts"], attributes["counts"], attributes["steps"], strict=True)
    ):
        x = np.take(x, [start + index * step for index in range(count)], axis=axis)
    return [x]


def _emit_slice(plan: Emitter, node: Node) -> None:
    x, y = value_of(node.inputs[0]), node.output
    own, item = row_major(x.shape), ITEM[x.dtype]
    back = [axis for axis, step in enumerate(node["steps"]) if step < 0]
    offset: Size = 0
    for axis, (start, count, step) in enumerate(zip(node["starts"], node["counts"], node["steps"], strict=True)):
        first = start + (count - 1) * step if axis in back else start
        offset = offset + first * own[axis]
    strides = [stride * abs(step) for stride, step in zip(own, node["steps"], strict=True)]
    if _is_run(x.shape, node["counts"], node["steps"]):
        plan.alias(y, x, offset * item)
        return
    by_pixel = not back and set(node["steps"]) <= {1} and tuple(y.shape[1:-1]) == tuple(x.shape[1:-1])
    if by_pixel and not plan.is_view(x) and may_be_view(plan.graph, y, by_pixel):
        plan.alias(y, x, offset * item)
        plan.set_strides(y, own)
        return
    part = plan.view(x.dtype, y.shape, x, offset * item) if offset != 0 else x
    plan.copy(part, y, y.shape, strides, row_major(y.shape), item, back)


def _is_run(shape: Sequence[Size], counts: Sequence[Size], steps: Sequence[int]) -> bool:
    """True where the part lies in one piece: whole but for the first dimension that is not 1."""
    cut = [axis for axis, (size, count) in enumerate(zip(shape, counts, strict=True)) if size != count]
    if any(step != 1 for axis, step in enumerate(steps) if counts[axis] != 1):
        return False
    return not cut or (all(count == 1 for count in counts[: cut[-1]]) and all(at_least(counts[axis], 1) for axis in cut))


def sliced(call: Call, x: Value, axis: int, start: Size, count: Size) -> Value:
    """A range of one axis."""
    if start == 0 and count == x.shape[axis]:
        return x
    starts: list[Size] = [0] * x.rank
    counts = list(x.shape)
    starts[axis], counts[axis] = start, count
    return call.build.op("slice", x, starts=tuple(starts), counts=tuple(counts), steps=(1,) * x.rank)


def _slice(call: Call) -> Value:
    x = call[0]
    if call.opset < 10:
        begins, ends, axes, steps = call.get("starts"), call.get("ends"), call.get("axes"), None
    else:
        begins, ends = call.sizes(1, "starts"), call.sizes(2, "ends")
        axes, steps = call.integers(3, "axes"), call.integers(4, "steps")
    axes = tuple(axis_of(axis, x.rank) for axis in axes) if axes else tuple(range(len(begins or ())))
    steps = steps or (1,) * len(axes)
    starts: list[Size] = [0] * x.rank
    counts, strides = list(x.shape), [1] * x.rank
    for axis, begin, end, step in zip(axes, begins or (), ends or (), steps, strict=True):
        if step == 0:
            raise Unsupported("it has a step of 0")
        size = x.shape[axis]
        first = _clamp(begin, size, 0, size) if step > 0 else _clamp(begin, size, 0, size - 1)
        last = _clamp(end, size, 0, size) if step > 0 else _clamp(end, size, -1, size - 1)
        count = ceil_div(last - first, step) if step > 0 else ceil_div(first - last, -step)
        starts[axis], counts[axis], strides[axis] = first, maximum(count, 0), step
    if all(start == 0 for start in starts) and tuple(counts) == tuple(x.shape) and set(strides) <= {1}:
        return x
    return call.build.op("slice", x, starts=tuple(starts), counts=tuple(counts), steps=tuple(strides))


def _clamp(index: Size, size: Size, low: Size, high: Size) -> Size:
    """ONNX's rule: negative counts from the end, then into the range."""
    if isinstance(index, int) and index >= 2**31 - 1:
        return high
    if isinstance(index, int) and index <= -(2**31) + 1:
        return low
    if isinstance(index, int) and index < 0:
        index = size + index
    elif not isinstance(index, int) and not at_least(index, 0):
        raise Unsupported("it starts or ends where only the input's shape tells the side")
    return minimum(maximum(index, low), high)


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


# Pad


def _infer_pad(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x = value_of(inputs[0])
    sizes = zip(x.shape, attributes["before"], attributes["after"], strict=True)
    return [Type(x.dtype, tuple(before + size + after for size, before, after in sizes))]


def _evaluate_pad(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    if is_sizes(x):
        raise NotImplementedError
    widths = list(zip(attributes["before"], attributes["after"], strict=True))
    if attributes["mode"] == "constant":
        return [np.pad(x, widths, constant_values=np.array(attributes["value"]).astype(x.dtype))]
    return [np.pad(x, widths, mode=attributes["mode"])]


def _emit_pad(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    sizes = _merge_padded(x.shape, node["before"], node["after"])
    if len(sizes) > 4:
        raise Unsupported("it pads more than 4 separate dimensions")
    sizes = [(1, 0, 0)] * (4 - len(sizes)) + sizes
    words = np.zeros(2, np.int32)
    raw = np.array(node["value"]).astype(x.dtype).tobytes()
    words.view(np.uint8)[: len(raw)] = np.frombuffer(raw, np.uint8)
    counts, before, after = zip(*sizes, strict=True)
    plan.step("pad", x=x, y=node.output, item=ITEM[x.dtype], mode=node["mode"], low=int(words[0]), high=int(words[1]),
              **numbered("count", counts), **numbered("before", before), **numbered("after", after))  # fmt: skip


def _merge_padded(shape: Sequence[Size], before: Sequence[Size], after: Sequence[Size]) -> list[tuple[Size, Size, Size]]:
    """Neighbouring dimensions without padding in one."""
    sizes: list[tuple[Size, Size, Size]] = []
    for entry in zip(shape, before, after, strict=True):
        if entry == (1, 0, 0):
            continue
        # A padded dimension takes in whole rows behind it: constant padding only would allow more.
        if sizes and entry[1:] == (0, 0) and sizes[-1][1:] == (0, 0):
            sizes[-1] = (sizes[-1][0] * entry[0], 0, 0)
        else:
            sizes.append(entry)
    return sizes


def _pad(call: Call) -> Value:
    x, mode = call[0], call.get("mode", "constant")
    pads = call.sizes(1, "widths") if call.opset >= 11 else call.get("pads") or call.get("paddings")
    axes = call.integers(3, "axes") if call.opset >= 18 else None
    axes = tuple(axis_of(axis, x.rank) for axis in axes) if axes is not None else tuple(range(x.rank))
    value: Any = 0
    if mode == "constant":
        value = call.data(2, "filling").reshape(-1)[0].item() if call.input(2) is not None else call.get("value", 0)
    before: list[Any] = [0] * x.rank
    after: list[Any] = [0] * x.rank
    for index, axis in enumerate(axes):
        before[axis], after[axis] = (pads or ())[index], (pads or ())[index + len(axes)]
    for sizes in (before, after):
        if any(isinstance(size, int) and size < 0 for size in sizes):
            x, before, after = _cropped(call, x, before, after)
            break
    if not any(before) and not any(after):
        return x
    return call.build.op("pad", x, before=tuple(before), after=tuple(after), mode=mode, value=value)


def _cropped(call: Call, x: Value, before: list[Any], after: list[Any]) -> tuple[Value, list[Any], list[Any]]:
    """Negative padding takes away first."""
    for axis in range(x.rank):
        start, end = max(-before[axis], 0), max(-after[axis], 0)
        x = sliced(call, x, axis, start, x.shape[axis] - start - end)
    return x, [max(size, 0) for size in before], [max(size, 0) for size in after]


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
    Op("slice", _infer_slice, _evaluate_slice, _emit_slice, symbolic=True),
    Op("expand", _infer_expand, _evaluate_expand, _emit_expand, symbolic=True),
    Op("pad", _infer_pad, _evaluate_pad, _emit_pad),
]
IMPORTS: dict[str, Import] = {
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
