"""Reads and writes by index, and what makes indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ops.base import value_of
from packager.lower.tensorflow.ops.pairs import chosen
from packager.lower.tensorflow.writer import Type
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Node, Value
    from packager.lower.sizes import Size
    from packager.lower.tensorflow.writer import Writer


def _from_start(out: Writer, index: Value, size: Size) -> str:
    """Places counted from the front: ONNX's may be counted from the end."""
    if index.data is not None and isinstance(size, int):
        return out.array(np.where(index.data < 0, index.data + size, index.data).astype(np.int32))
    tensor = out.read(index)
    from_end = out.add("AddV2", tensor, out.sizes((size,), ()))
    below = out.add("Less", tensor, out.number(0, "int32"))
    return chosen(out, [(below, index.shape), (from_end, index.shape), (tensor, index.shape)], index.shape)


def _gather(out: Writer, node: Node) -> None:
    x, index, axis = value_of(node.inputs[0]), value_of(node.inputs[1]), node["axis"]
    tensor = out.table(x) if axis == 0 and x.dtype == "float32" and x.rank > 1 else out.read(x)
    places = _from_start(out, index, x.shape[axis])
    out.give(node.output, out.add("GatherV2", tensor, places, out.scalar(axis), batch_dims=0))


def _gather_nd(out: Writer, node: Node) -> None:
    x, index = value_of(node.inputs[0]), value_of(node.inputs[1])
    if node["batch"]:
        raise Unsupported("it has batch dimensions")
    if index.data is None or bool((index.data < 0).any()):
        raise Unsupported("its places are computed, and may be counted from the end")
    out.give(node.output, out.add("GatherNd", out.read(x), out.array(index.data.astype(np.int32))))


def _range(out: Writer, node: Node) -> None:
    start, step, count = node["start"], node["step"], node["count"]
    if node["dtype"] == "float32":
        out.give(node.output, out.array((start + step * np.arange(count)).astype(np.float32)))
        return
    ends = (out.scalar(start), out.scalar(start + step * count), out.scalar(step))
    out.give(node.output, out.add("Range", *ends, Tidx=Type("int32")))


def _one_hot(out: Writer, node: Node) -> None:
    """Compared with each place: OneHot of TensorFlow.js knows no places from the end, and one axis only."""
    index, values, axis, depth = value_of(node.inputs[0]), value_of(node.inputs[1]), node["axis"], node["depth"]
    if values.data is None or not isinstance(depth, int):
        raise Unsupported("its depth or its values are computed")
    places = _from_start(out, index, depth)
    wide = out.reshape(places, (*index.shape[:axis], 1, *index.shape[axis:]))
    all_places = out.array(np.arange(depth, dtype=np.int32).reshape((-1, *(1,) * (index.rank - axis))))
    off, on = (out.number(entry, values.dtype) for entry in values.data.reshape(-1).tolist())
    shape = node.output.shape
    out.give(node.output, chosen(out, [(out.add("Equal", wide, all_places), shape), (on, ()), (off, ())], shape))


def _top_k(out: Writer, node: Node) -> None:
    x, axis, k = value_of(node.inputs[0]), node["axis"], node["k"]
    order = (*(entry for entry in range(x.rank) if entry != axis), axis)
    tensor = out.transpose(out.read(x), order)
    tensor = out.add("Neg", tensor) if node["smallest"] else tensor
    found = out.add("TopKV2", tensor, out.scalar(k), sorted=True)
    values = out.add("Neg", found) if node["smallest"] else found
    back = tuple(order.index(entry) for entry in range(x.rank))
    for output, made in zip(node.outputs, (values, f"{found}:1"), strict=True):
        out.give(output, out.transpose(made, back))


def _triangle(out: Writer, node: Node) -> None:
    x = value_of(node.inputs[0])
    rows, columns = x.shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise Unsupported("its size depends on the input's shape")
    kept = np.ones((rows, columns), bool)
    mask = (np.triu if node["upper"] else np.tril)(kept, node["diagonal"])
    parts = [(out.array(mask), mask.shape), (out.read(x), x.shape), (out.number(0, x.dtype), ())]
    out.give(node.output, chosen(out, parts, x.shape))


EMIT = {
    "gather": _gather, "gather_nd": _gather_nd, "range": _range, "one_hot": _one_hot, "top_k": _top_k, "triangle": _triangle,
}  # fmt: skip
