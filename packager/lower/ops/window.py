"""What convolutions and pools share: windows that slide over images, and the way into NHWC and out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.lower.sizes import Size, ceil_div, maximum
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Value
    from packager.lower.ops.base import Builder, Call


@dataclass(frozen=True)
class Window:
    """Height and width of everything; ``pads`` are top, left, bottom, right."""

    kernel: tuple[Size, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[Size, ...]
    out: tuple[Size, ...]

    def attributes(self) -> dict[str, Any]:
        """As attributes of a node."""
        return {"strides": self.strides, "dilations": self.dilations, "pads": self.pads, "out": self.out}


def to_nhwc(build: Builder, x: Value) -> tuple[Value, bool]:
    """An NCHW tensor as NHWC; one of rank 3 gets a height of 1. Tells whether it was of rank 3."""
    if x.dtype != "float32":
        raise Unsupported(f"it works on {x.dtype}")
    if x.rank not in (3, 4):
        raise Unsupported(f"its input has rank {x.rank}; 3 and 4 are covered")
    if x.rank == 3:
        x = build.op("reshape", x, shape=(x.shape[0], x.shape[1], 1, x.shape[2]))
        return build.op("transpose", x, perm=(0, 2, 3, 1)), True
    return build.op("transpose", x, perm=(0, 2, 3, 1)), False


def from_nhwc(build: Builder, y: Value, rank3: bool) -> Value:
    """The way back."""
    y = build.op("transpose", y, perm=(0, 3, 1, 2))
    return build.op("reshape", y, shape=(y.shape[0], y.shape[1], y.shape[3])) if rank3 else y


def window(call: Call, x: Value, kernel: Sequence[Size], rank3: bool) -> Window:
    """The node's window over ``x``, NHWC; with ``rank3`` its attributes speak of the width only."""
    spatial = 1 if rank3 else 2
    strides = tuple(call.get("strides") or (1,) * spatial)
    dilations = tuple(call.get("dilations") or (1,) * spatial)
    pads = tuple(call.get("pads") or (0,) * 2 * spatial)
    auto, ceil = call.get("auto_pad", "NOTSET"), call.get("ceil_mode", 0)
    if rank3:
        strides, dilations, pads = (1, *strides), (1, *dilations), (0, pads[0], 0, pads[1])
    if any(pad < 0 for pad in pads):
        raise Unsupported("it has negative padding")
    begins: list[Size] = []
    ends: list[Size] = []
    out: list[Size] = []
    for axis in range(2):
        size = x.shape[1 + axis]
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            count = ceil_div(size, strides[axis])
            total = maximum((count - 1) * strides[axis] + reach - size, 0)
            begin = (total + 1) // 2 if auto == "SAME_LOWER" else total // 2
            end = total - begin
        else:
            begin, end = (0, 0) if auto == "VALID" else (pads[axis], pads[axis + 2])
            count = _count(size, begin, end, reach, strides[axis], ceil)
        begins.append(begin)
        ends.append(end)
        out.append(count)
    return Window(tuple(kernel), strides, dilations, (*begins, *ends), tuple(out))


def _count(size: Size, begin: Size, end: Size, reach: Size, stride: int, ceil: int) -> Size:
    room = size + begin + end - reach
    if not ceil:
        return room // stride + 1
    count = ceil_div(room, stride) + 1
    # The last window must start inside of the image or its padding before it.
    if isinstance(count, int) and isinstance(size, int) and isinstance(begin, int):
        return count - 1 if (count - 1) * stride >= size + begin else count
    inside = ceil_div(size + begin, stride)
    return count if count == inside else -maximum(-count, -inside)
