"""Pictures in other sizes, NHWC: by TensorFlow.js's own kernels where they do what ONNX says, else by products with tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ops.base import value_of
from packager.lower.ops.reduce import around
from packager.lower.ops.resize import axis_weights
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Array, Node, Value
    from packager.lower.sizes import Shape, Size
    from packager.lower.tensorflow.writer import Writer


def _resize(out: Writer, node: Node) -> None:
    x = value_of(node.inputs[0])
    own = _own(node, x)
    if own is not None:
        op, align, half = own
        size = out.vector(node["out"])
        out.give(node.output, out.add(op, out.read(x), size, align_corners=align, half_pixel_centers=half))
        return
    tensor, shape = out.read(x), list(x.shape)
    for axis in (1, 2):
        old, new, scale = shape[axis], node["out"][axis - 1], node["scales"][axis - 1]
        if old == new and scale in (0, 1):
            continue
        if not isinstance(old, int) or not isinstance(new, int):
            raise Unsupported(f"it resizes by {node['fn']} ({node['coordinate']}) what only the input's shape tells")
        tensor = _tabled(out, tensor, tuple(shape), axis, axis_weights(node.attributes, old, new, scale))
        shape[axis] = new
    out.give(node.output, tensor)


def _own(node: Node, x: Value) -> tuple[str, bool, bool] | None:
    """(op, align_corners, half_pixel_centers) that give the same; None where none do."""
    pairs = list(zip(x.shape[1:3], node["out"], node["scales"], strict=True))
    if not all(scale == 0 or new == _times(old, scale) for old, new, scale in pairs):
        return None  # new over old is not the scale
    coordinate = node["coordinate"]
    if node["fn"] == "linear":
        many = all(isinstance(new, int) and new > 1 for new in node["out"]) or coordinate != "pytorch_half_pixel"
        found = {
            "half_pixel": (False, True), "pytorch_half_pixel": (False, True), "half_pixel_symmetric": (False, True),
            "align_corners": (True, False), "asymmetric": (False, False),
        }.get(coordinate) if many else None  # fmt: skip
        return None if found is None else ("ResizeBilinear", *found)
    if node["fn"] != "nearest":
        return None
    whole = all(scale == int(scale) and scale > 0 for _, _, scale in pairs)
    if coordinate == "asymmetric" and node["rounding"] == "floor":
        return "ResizeNearestNeighbor", False, False
    if coordinate == "half_pixel" and node["rounding"].startswith("round") and whole:
        return "ResizeNearestNeighbor", False, True  # no place lies between two where the factors are whole
    return None


def _times(size: Size, scale: float) -> Size | float | None:
    """The exact product, where it is to be seen."""
    if scale == int(scale):
        return size * int(scale)
    return size * scale if isinstance(size, int) else None


def _tabled(out: Writer, x: str, shape: Shape, axis: int, table: Array) -> str:
    """``table`` [new, old] times the axis."""
    new = table.shape[0]
    outer, size, inner = around(shape, (axis,))
    flat = out.reshape(x, (outer, size, inner))
    made = out.add("BatchMatMulV2", out.array(table[None].astype(np.float32)), flat, adj_x=False, adj_y=False)
    return out.reshape(made, (*shape[:axis], new, *shape[axis + 1 :]))


def _resample(out: Writer, node: Node) -> None:
    x, places, weights = (value_of(entry) for entry in node.inputs)
    if places.data is None or weights.data is None or not isinstance(x.shape[node["axis"]], int):
        raise Unsupported("its places are computed")
    table = np.zeros((places.data.shape[0], int(x.shape[node["axis"]])))
    np.add.at(table, (np.arange(len(table))[:, None], places.data), weights.data)
    out.give(node.output, _tabled(out, out.read(x), x.shape, node["axis"], table))


EMIT = {"resize": _resize, "resample": _resample}
