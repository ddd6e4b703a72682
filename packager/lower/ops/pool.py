"""Pools over windows and over whole images, NHWC."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, value_of
from packager.lower.ops.window import from_nhwc, to_nhwc, window
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


def _infer(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x = value_of(inputs[0])
    return [Type(x.dtype, (x.shape[0], *attributes["out"], x.shape[3]))]


def _evaluate(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    (rows, columns), (stride_y, stride_x) = attributes["out"], attributes["strides"]
    top, left, bottom, right = attributes["pads"]
    largest = attributes["fn"] == "max"
    reach_y = (attributes["kernel"][0] - 1) * attributes["dilations"][0] + (rows - 1) * stride_y + 1
    reach_x = (attributes["kernel"][1] - 1) * attributes["dilations"][1] + (columns - 1) * stride_x + 1
    height, width = x.shape[1:3]
    # 1 inside of the image, and in its padding where that counts; 0 beyond, which ceil_mode may reach.
    inside = np.pad(np.ones((height, width)), ((top, bottom), (left, right)), constant_values=attributes["count_padding"])
    more = ((0, max(reach_y - inside.shape[0], 0)), (0, max(reach_x - inside.shape[1], 0)))
    inside = np.pad(inside, more)
    spread = ((0, 0), (top, inside.shape[0] - top - height), (left, inside.shape[1] - left - width), (0, 0))
    padded = np.pad(x.astype(np.float64), spread, constant_values=-np.inf if largest else 0)
    total = np.full((x.shape[0], rows, columns, x.shape[3]), -np.inf if largest else 0.0)
    count = np.zeros((rows, columns, 1))
    for ky in range(attributes["kernel"][0]):
        for kx in range(attributes["kernel"][1]):
            top_, left_ = ky * attributes["dilations"][0], kx * attributes["dilations"][1]
            down = slice(top_, top_ + (rows - 1) * stride_y + 1, stride_y)
            across = slice(left_, left_ + (columns - 1) * stride_x + 1, stride_x)
            part = padded[:, down, across]
            total = np.maximum(total, part) if largest else total + part
            count += inside[down, across][..., None]
    return [(total if largest else total / count).astype(np.float32)]


def _emit(plan: Emitter, node: Node) -> None:
    x, y = value_of(node.inputs[0]), node.output
    extra = {} if node["fn"] == "max" else {
        "pad_bottom": node["pads"][2], "pad_right": node["pads"][3], "count_padding": node["count_padding"],
    }  # fmt: skip
    plan.step(
        f"{node['fn']}_pool", x=x, y=y, batch=x.shape[0], height=x.shape[1], width=x.shape[2], channels=x.shape[3],
        x_pixel=plan.row(x), y_pixel=plan.row(y), kernel_height=node["kernel"][0], kernel_width=node["kernel"][1],
        stride_y=node["strides"][0], stride_x=node["strides"][1],
        dilation_y=node["dilations"][0], dilation_x=node["dilations"][1],
        pad_top=node["pads"][0], pad_left=node["pads"][1], out_height=y.shape[1], out_width=y.shape[2], **extra,
    )  # fmt: skip


OPS = [Op("pool", _infer, _evaluate, _emit)]


def _import(fn: str) -> Import:
    def imported(call: Call) -> Value:
        if call.outputs > 1:
            raise Unsupported("its indices are asked for")
        x = call[0]
        if x.rank == 5:
            return _by_depth(call, imported)
        if x.dtype in ("uint8", "int8") and fn == "max":
            wide = call.build.op("cast", x, to="float32")
            return call.build.op("cast", imported(replace(call, inputs=(wide,))), to=x.dtype)
        return pooled(call, x, fn, int(call.get("count_include_pad", 0)))

    return imported


def pooled(call: Call, x: Value, fn: str, count_padding: int) -> Value:
    """The node's window over x, NCHW."""
    x4, view = to_nhwc(call.build, x)
    kernel = tuple(call.get("kernel_shape"))
    spec = window(call, x4, (1, *kernel) if view else kernel, view)
    y = call.build.op("pool", x4, fn=fn, kernel=spec.kernel, **spec.attributes(), count_padding=count_padding)
    return from_nhwc(call.build, y, view)


def _by_depth(call: Call, imported: Import) -> Value:
    """Three dimensions: height and width first, then depth; the largest of the largest, the mean of means of as many."""
    build, x = call.build, call[0]
    n, c, d, h, w = x.shape

    def part(x: Value, axes: Sequence[int]) -> Value:
        given = dict(call.attributes)
        for name in ("kernel_shape", "strides", "dilations", "pads"):
            if name in given:
                wide = [given[name][at : at + 3] for at in range(0, len(given[name]), 3)]
                fill = 0 if name == "pads" else 1
                given[name] = tuple(entry[axis] if axis >= 0 else fill for entry in wide for axis in axes)
        made = imported(replace(call, inputs=(x,), attributes=given))
        if not isinstance(made, Value):
            raise AssertionError
        return made

    flat = part(build.op("reshape", x, shape=(n, c * d, h, w)), (1, 2))
    height, width = flat.shape[2:]
    deep = part(build.op("reshape", flat, shape=(n, c, d, height * width)), (0, -1))
    return build.op("reshape", deep, shape=(n, c, deep.shape[2], height, width))


def _global(fn: str) -> Import:
    def imported(call: Call) -> Value:
        x = call[0]
        if x.rank not in (3, 4) and x.dtype == "float32" and x.rank > 2:
            kind = "mean" if fn == "average" else fn
            return call.build.op("reduce", x, fn=kind, axes=tuple(range(2, x.rank)), keepdims=1)
        x4, view = to_nhwc(call.build, x)
        size = tuple(x4.shape[1:3])
        y = call.build.op("pool", x4, fn=fn, kernel=size, strides=(1, 1), dilations=(1, 1), pads=(0, 0, 0, 0), out=(1, 1),
                          count_padding=0)  # fmt: skip
        return from_nhwc(call.build, y, view)

    return imported


def _lp_pool(call: Call) -> Value:
    """The root of the sum of powers: a mean over windows, zeros around the image included, times their size."""
    build, x, order = call.build, call[0], float(call.get("p", 2))
    if call.get("ceil_mode", 0) or x.dtype != "float32":
        raise Unsupported("its last windows may be cut")
    size = float(np.prod(call.get("kernel_shape")))
    power = _to_power(call, build.op("unary", x, fn="abs", p0=0.0, p1=0.0), order)
    attributes = {**call.attributes, "count_include_pad": 1}
    mean = _average(replace(call, inputs=(power,), attributes=attributes))
    if not isinstance(mean, Value):
        raise AssertionError
    return _to_power(call, build.op("unary", mean, fn="affine", p0=size, p1=0.0), 1 / order)


def _to_power(call: Call, x: Value, exponent: float) -> Value:
    fn = {1.0: "none", 2.0: "square", 0.5: "sqrt"}.get(exponent)
    if fn is not None:
        return call.build.op("unary", x, fn=fn, p0=0.0, p1=0.0)
    return call.build.op("binary", x, call.build.constant(np.array(exponent, np.float32)), fn="pow")


def _global_lp_pool(call: Call) -> Value:
    order = call.get("p", 2)
    if order not in (1, 2) or call[0].dtype != "float32":
        raise Unsupported(f"its p is {order}")
    return call.build.op("reduce", call[0], fn=f"l{order}", axes=tuple(range(2, call[0].rank)), keepdims=1)


_average = _import("average")
IMPORTS: dict[str, Import] = {
    "MaxPool": _import("max"),
    "AveragePool": _average,
    "LpPool": _lp_pool,
    "GlobalAveragePool": _global("average"),
    "GlobalMaxPool": _global("max"),
    "GlobalLpPool": _global_lp_pool,
}
