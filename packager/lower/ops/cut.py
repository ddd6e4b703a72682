"""Parts of tensors, and tensors with more around them: Slice and Pad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import numbered, row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, axis_of, is_sizes, value_of
from packager.lower.ops.dtypes import ITEM
from packager.lower.sizes import Size, at_least, ceil_div, maximum, minimum
from packager.lower.unsupported import Unsupported
from packager.lower.views import may_be_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


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


OPS = [
    Op("slice", _infer_slice, _evaluate_slice, _emit_slice, symbolic=True),
    Op("pad", _infer_pad, _evaluate_pad, _emit_pad),
]
IMPORTS: dict[str, Import] = {"Slice": _slice, "Pad": _pad}
