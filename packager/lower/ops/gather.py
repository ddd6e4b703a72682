"""Reads and writes by index, and what makes indices: Gather*, Scatter*, Range, OneHot, Trilu, TopK, ConstantOfShape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import numbered, row_major
from packager.lower.ir import ELEMENTS, Array, Node, Operand, Type, Value, sized
from packager.lower.ops.base import Call, Import, Op, axis_of, is_sizes, scalar, value_of
from packager.lower.ops.cut import sliced
from packager.lower.ops.dtypes import ITEM
from packager.lower.sizes import Size, ceil_div, maximum, product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


def index_item(index: Value) -> int:
    """Bytes of an index. Raises Unsupported for other dtypes than kernels read."""
    if index.dtype not in ("int64", "int32"):
        raise Unsupported(f"its indices are {index.dtype}")
    return ITEM[index.dtype]


# Gather


def _infer_gather(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x, index, axis = value_of(inputs[0]), value_of(inputs[1]), attributes["axis"]
    return [Type(x.dtype, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))]


def _evaluate_gather(attributes: Mapping[str, Any], /, x: Array, index: Array) -> Sequence[Array]:
    if is_sizes(index):
        if any(not isinstance(entry, int) for entry in index.reshape(-1)):
            raise NotImplementedError
        index = index.astype(np.int64)
    return [np.asarray(np.take(x, index, axis=attributes["axis"]))]


def _emit_gather(plan: Emitter, node: Node) -> None:
    x, index, axis = value_of(node.inputs[0]), value_of(node.inputs[1]), node["axis"]
    item = index_item(index)
    table = plan.table(x) if axis == 0 and x.dtype == "float32" and x.rank >= 2 else None
    if table is not None and plan.dtype(table[0]) != "float32":
        common = {"index_item": item, "size": x.shape[0], "columns": product(x.shape[1:]), "indices": index.count}
        if table[1] is not None:
            plan.step("gather_rows_int8", x=table[0], scale=table[1], index=index, y=node.output, **common)
        else:
            plan.step("gather_rows_f16", x=table[0], index=index, y=node.output, **common)
        return
    plan.step("gather", x=x, index=index, y=node.output, item=ITEM[x.dtype], index_item=item, outer=product(x.shape[:axis]),
              size=x.shape[axis], inner=product(x.shape[axis + 1 :]), indices=index.count)  # fmt: skip


def _gather(call: Call) -> Value:
    x, index, axis = call[0], call[1], axis_of(call.get("axis", 0), call[0].rank)
    place = scalar(index) if index.count == 1 else None
    if place is not None and x.constant is None and x.elements is None:
        # One known place is a part of the tensor.
        start = int(place) if place >= 0 else x.shape[axis] + int(place)
        part = sliced(call, x, axis, start, 1)
        return call.build.op("reshape", part, shape=(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))
    return call.build.op("gather", x, index, axis=axis)


# GatherElements, ScatterElements


def _infer_gather_elements(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(value_of(inputs[0]).dtype, value_of(inputs[1]).shape)]


def _evaluate_gather_elements(attributes: Mapping[str, Any], /, x: Array, index: Array) -> Sequence[Array]:
    axis = attributes["axis"]
    index = np.where(index < 0, index + x.shape[axis], index)
    part = tuple(slice(None) if entry == axis else slice(size) for entry, size in enumerate(index.shape))
    return [np.take_along_axis(x[part], index, axis)]


def five(shape: Sequence[Size], strides: Sequence[Size]) -> tuple[list[Size], list[Size]]:
    """Counts and strides, unmerged, filled up in front to five."""
    missing = 5 - len(shape)
    if missing < 0:
        raise Unsupported("it has more than 5 dimensions")
    return [1] * missing + list(shape), [0] * missing + list(strides)


def _emit_gather_elements(plan: Emitter, node: Node) -> None:
    x, index, axis = value_of(node.inputs[0]), value_of(node.inputs[1]), node["axis"]
    own = row_major(x.shape)
    counts, strides = five(index.shape, [0 if entry == axis else stride for entry, stride in enumerate(own)])
    plan.step("gather_elements", x=x, index=index, y=node.output, item=ITEM[x.dtype], index_item=index_item(index),
              size=x.shape[axis], axis_stride=own[axis],
              **numbered("count", counts), **numbered("x_stride", strides))  # fmt: skip


def _gather_elements(call: Call) -> Value:
    return call.build.op("gather_elements", call[0], call[1], axis=axis_of(call.get("axis", 0), call[0].rank))


# GatherND


def _infer_gather_nd(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x, index, batch = value_of(inputs[0]), value_of(inputs[1]), attributes["batch"]
    return [Type(x.dtype, (*index.shape[:-1], *x.shape[batch + int(index.shape[-1]) :]))]  # type: ignore[arg-type]


def _evaluate_gather_nd(attributes: Mapping[str, Any], /, x: Array, index: Array) -> Sequence[Array]:
    batch, depth = attributes["batch"], index.shape[-1]
    lead = index.shape[:batch]
    flat_x = x.reshape(-1, *x.shape[batch:])
    flat = index.reshape(flat_x.shape[0], -1, depth)
    rows = [flat_x[entry][tuple(np.moveaxis(flat[entry], -1, 0))] for entry in range(flat_x.shape[0])]
    return [np.stack(rows).reshape(*lead, *index.shape[batch:-1], *x.shape[batch + depth :])]


def _emit_gather_nd(plan: Emitter, node: Node) -> None:
    x, index, batch = value_of(node.inputs[0]), value_of(node.inputs[1]), node["batch"]
    depth = int(index.shape[-1])  # type: ignore[arg-type]
    sizes = [*x.shape[batch : batch + depth], *[1] * (5 - depth)]
    plan.step("gather_nd", x=x, index=index, y=node.output, item=ITEM[x.dtype], index_item=index_item(index),
              batch=product(x.shape[:batch]), indices=product(index.shape[batch:-1]), depth=depth,
              inner=product(x.shape[batch + depth :]), **numbered("size", sizes))  # fmt: skip


def _gather_nd(call: Call) -> Value:
    depth = call[1].shape[-1]
    if not isinstance(depth, int) or depth > 5:
        raise Unsupported("it indexes more dimensions than 5")
    return call.build.op("gather_nd", call[0], call[1], batch=call.get("batch_dims", 0))


# Range, ConstantOfShape


def _infer_range(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(attributes["dtype"], (attributes["count"],))]


def _evaluate_range(attributes: Mapping[str, Any], /) -> Sequence[Array]:
    steps = np.arange(attributes["count"]).astype(np.float64 if attributes["dtype"] == "float32" else np.int64)
    return [(attributes["start"] + steps * attributes["step"]).astype(attributes["dtype"])]


def _emit_range(plan: Emitter, node: Node) -> None:
    kind = {"float32": "f32", "int32": "i32", "int64": "i64"}[node["dtype"]]
    plan.step(f"range_{kind}", y=node.output, count=node["count"], start=node["start"], step=node["step"])


def _range(call: Call) -> Value:
    dtype = call[0].dtype
    if dtype not in ("float32", "int32", "int64"):
        raise Unsupported(f"it works on {dtype}")
    if dtype == "float32":
        start, limit, step = (float(call.data(index, "bounds").reshape(-1)[0]) for index in range(3))
        count: Size = max(int(np.ceil((limit - start) / step)), 0)
        return call.build.op("range", dtype=dtype, start=start, step=step, count=count)
    (first,), (last,), (by,) = ((call.sizes(index, "bounds") or ()) for index in range(3))
    if not isinstance(by, int) or by == 0:
        raise Unsupported("its step is not a number")
    span = ceil_div(last - first, by) if by > 0 else ceil_div(first - last, -by)
    count = maximum(span, 0)
    if isinstance(count, int) and count <= ELEMENTS:
        return sized("range", [first + index * by for index in range(count)], (count,), dtype)
    return call.build.op("range", dtype=dtype, start=first, step=by, count=count)


def _infer_filled(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(attributes["dtype"], tuple(attributes["shape"]))]


def _evaluate_filled(attributes: Mapping[str, Any], /) -> Sequence[Array]:
    return [np.broadcast_to(np.array(attributes["value"], attributes["dtype"]), attributes["shape"])]


def _emit_filled(plan: Emitter, node: Node) -> None:
    words = np.zeros(2, np.int32)
    raw = np.array(node["value"]).astype(node["dtype"]).tobytes()
    words.view(np.uint8)[: len(raw)] = np.frombuffer(raw, np.uint8)
    plan.step("fill", y=node.output, item=ITEM[node["dtype"]], count=node.output.count, low=int(words[0]), high=int(words[1]))


def _constant_of_shape(call: Call) -> Value:
    value = call.get("value")
    value = np.zeros(1, np.float32) if value is None else value
    shape = call.sizes(0, "dimensions") or ()
    number = value.reshape(-1)[0].item()
    count = product(shape)
    if isinstance(count, int) and count <= ELEMENTS:
        return call.build.constant(np.full([int(size) for size in shape if isinstance(size, int)], number, value.dtype))
    if str(value.dtype) in ("int64", "int32") and len(shape) == 1 and isinstance(shape[0], int) and shape[0] <= ELEMENTS:
        return sized("filled", [number] * shape[0], (shape[0],), str(value.dtype))
    return call.build.op("filled", dtype=str(value.dtype), shape=shape, value=number)


def _eye(call: Call) -> Value:
    """Ones on a diagonal of a matrix whose shape is the input's."""
    x, offset, dtype = call[0], call.get("k", 0), call.get("dtype") or call[0].dtype
    if not all(isinstance(size, int) for size in x.shape) or dtype not in ITEM:
        raise Unsupported("its size depends on the input's shape")
    rows, columns = map(int, x.shape)  # type: ignore[arg-type]
    return call.build.constant(np.eye(rows, columns, offset).astype(dtype))


OPS = [
    Op("gather", _infer_gather, _evaluate_gather, _emit_gather, symbolic=True),
    Op("gather_elements", _infer_gather_elements, _evaluate_gather_elements, _emit_gather_elements),
    Op("gather_nd", _infer_gather_nd, _evaluate_gather_nd, _emit_gather_nd),
    Op("range", _infer_range, _evaluate_range, _emit_range),
    Op("filled", _infer_filled, _evaluate_filled, _emit_filled),
]
IMPORTS: dict[str, Import] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "EyeLike": _eye,
    "Range": _range,
    "ConstantOfShape": _constant_of_shape,
}
