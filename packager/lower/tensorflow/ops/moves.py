"""Moves elements and computes nothing: shapes, transposes, parts, padding, repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ops.base import value_of
from packager.lower.tensorflow.writer import Type, held_as
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Node
    from packager.lower.sizes import Size
    from packager.lower.tensorflow.writer import Writer


def _reshape(out: Writer, node: Node) -> None:
    out.give(node.output, out.reshape(out.read(node.inputs[0]), node.output.shape))


def _transpose(out: Writer, node: Node) -> None:
    out.give(node.output, out.transpose(out.read(node.inputs[0]), node["perm"]))


def _concat(out: Writer, node: Node) -> None:
    parts = [out.read(entry) for entry in node.inputs]
    out.give(node.output, out.add("ConcatV2", *parts, out.scalar(node["axis"]), N=len(parts)))


def _expand(out: Writer, node: Node) -> None:
    x = value_of(node.inputs[0])
    tensor, shape = out.read(x), node.output.shape
    if x.dtype == "bool":  # it repeats numbers only
        spread = out.add("Fill", out.vector(shape), out.scalar(1), T=Type("bool"))
        out.give(node.output, out.add("LogicalAnd", tensor, spread))
        return
    out.give(node.output, out.add("BroadcastTo", tensor, out.vector(shape)))


def _slice(out: Writer, node: Node) -> None:
    """A part in one piece; then turned around and thinned out where its steps say so."""
    x, starts, counts, steps = out.read(node.inputs[0]), node["starts"], node["counts"], node["steps"]
    first: list[Size] = []
    sizes: list[Size] = []
    for start, count, step in zip(starts, counts, steps, strict=True):
        reach = (count - 1) * abs(step)
        if abs(step) > 1 and not isinstance(count, int):
            raise Unsupported("how many places its steps hit depends on the input's shape")
        first.append(0 if count == 0 else start - reach if step < 0 else start)
        sizes.append(count if abs(step) == 1 or count == 0 else reach + 1)
    y = out.add("Slice", x, out.vector(first), out.vector(sizes))
    back = [axis for axis, step in enumerate(steps) if step < 0]
    y = out.add("ReverseV2", y, out.vector(back)) if back else y
    if any(abs(step) > 1 for step in steps):
        ends = out.vector(sizes)
        y = out.add("StridedSlice", y, out.vector([0] * len(sizes)), ends, out.vector([abs(step) for step in steps]))
    out.give(node.output, y)


def _pad(out: Writer, node: Node) -> None:
    x, before, after = value_of(node.inputs[0]), node["before"], node["after"]
    tensor = out.read(x)
    widths = [size for pair in zip(before, after, strict=True) for size in pair]
    if node["mode"] == "reflect":
        out.give(node.output, out.add("MirrorPad", tensor, out.sizes(widths, (x.rank, 2)), mode="REFLECT"))
        return
    if node["mode"] == "constant":
        given = out.factor(float(node["value"])) if held_as(x.dtype) == "float32" else out.scalar(int(node["value"]))
        out.give(node.output, out.add("PadV2", tensor, out.sizes(widths, (x.rank, 2)), given))
        return
    for axis, (start, end, size) in enumerate(zip(before, after, x.shape, strict=True)):
        if (start, end) == (0, 0):
            continue
        if not isinstance(size, int) or not all(isinstance(entry, int) for entry in (start, end)):
            raise Unsupported(f"its padding by {node['mode']} depends on the input's shape")
        places = np.pad(np.arange(size), (start, end), mode=node["mode"])
        tensor = out.add("GatherV2", tensor, out.array(places.astype(np.int32)), out.scalar(axis), batch_dims=0)
    out.give(node.output, tensor)


def _filled(out: Writer, node: Node) -> None:
    dtype = held_as(node["dtype"])
    given = out.factor(float(node["value"])) if dtype == "float32" else out.scalar(int(node["value"]))
    out.give(node.output, out.add("Fill", out.vector(node["shape"]), given, T=Type(dtype)))


EMIT = {
    "reshape": _reshape, "transpose": _transpose, "concat": _concat, "expand": _expand, "slice": _slice, "pad": _pad,
    "filled": _filled,
}  # fmt: skip
