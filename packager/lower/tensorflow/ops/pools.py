"""Pools over windows and over whole images, NHWC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ops.base import value_of
from packager.lower.sizes import maximum
from packager.lower.tensorflow.ops.products import padded
from packager.lower.tensorflow.writer import Type
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Array, Node, Value
    from packager.lower.sizes import Size
    from packager.lower.tensorflow.writer import Writer

_LOWEST = float(np.finfo(np.float32).min)


def _pool(out: Writer, node: Node) -> None:
    x = value_of(node.inputs[0])
    if tuple(node["kernel"]) == tuple(x.shape[1:3]) and not any(node["pads"]) and tuple(node["out"]) == (1, 1):
        reduce = "Max" if node["fn"] == "max" else "Mean"
        out.give(node.output, out.add(reduce, out.read(x), out.vector((1, 2)), keep_dims=True))
        return
    if max(node["dilations"]) > 1:
        raise Unsupported("it has dilations")
    if not all(isinstance(size, int) for size in node["kernel"]):
        raise Unsupported("its window depends on the input's shape")
    if node["fn"] == "max":
        out.give(node.output, _windows(out, node, x, out.read(x), "MaxPool", _LOWEST))
        return
    made = _windows(out, node, x, out.read(x), "AvgPool", 0.0)
    if _counts(node, x):
        made = _recounted(out, node, x, made)
    out.give(node.output, made)


def _windows(out: Writer, node: Node, x: Value, tensor: str, op: str, filling: float) -> str:
    """Around the image as much as the windows reach: what TensorFlow.js has of its own pads in its own way."""
    top, left = node["pads"][:2]
    ends = [_reach(node, axis) - x.shape[1 + axis] - node["pads"][axis] for axis in range(2)]
    bottom, right = (maximum(end, 0) for end in ends)
    tensor = padded(out, tensor, (top, left, bottom, right), filling)
    return out.add(op, tensor, ksize=[1, *node["kernel"], 1], strides=[1, *node["strides"], 1], padding="VALID")


def _reach(node: Node, axis: int) -> Size:
    """From the first place of the first window to behind the last of the last."""
    out, stride, kernel = node["out"][axis], node["strides"][axis], node["kernel"][axis]
    return (out - 1) * stride + kernel  # type: ignore[no-any-return]


def _counts(node: Node, x: Value) -> bool:
    """True where windows hold places that do not count."""
    if not node["count_padding"]:
        return any(pad != 0 for pad in node["pads"]) or any(_over(node, x, axis) for axis in range(2))
    return any(_over(node, x, axis) for axis in range(2))


def _over(node: Node, x: Value, axis: int) -> bool:
    """True unless the windows are seen to end within the image and its padding: ceil_mode may reach further."""
    room = x.shape[1 + axis] + node["pads"][axis] + node["pads"][axis + 2]
    return bool(node["out"][axis] != (room - node["kernel"][axis]) // node["strides"][axis] + 1)


def _recounted(out: Writer, node: Node, x: Value, mean: str) -> str:
    """The mean over all places made one over those that count."""
    height, width = x.shape[1:3]
    if isinstance(height, int) and isinstance(width, int) and all(isinstance(size, int) for size in node["out"]):
        rows, columns = (_inside(node, axis, x.shape[1 + axis]) for axis in range(2))  # type: ignore[arg-type]
        share = np.prod(node["kernel"]) / np.outer(rows, columns)
        return out.add("Mul", mean, out.array(share[None, :, :, None].astype(np.float32)))
    if node["count_padding"]:
        raise Unsupported("how many places its last windows hold depends on the input's shape")
    ones = out.add("Fill", out.vector((1, height, width, 1)), out.factor(1), T=Type("float32"))
    return out.add("RealDiv", mean, _windows(out, node, x, ones, "AvgPool", 0.0))


def _inside(node: Node, axis: int, size: int) -> Array:
    """How many places of each window along an axis count."""
    before, after = node["pads"][axis], node["pads"][axis + 2]
    begin, end = (-before, size + after) if node["count_padding"] else (0, size)
    starts = np.arange(node["out"][axis]) * node["strides"][axis] - before
    return np.asarray(np.minimum(starts + node["kernel"][axis], end) - np.maximum(starts, begin))


EMIT = {"pool": _pool}
