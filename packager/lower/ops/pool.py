"""Pools over windows and over whole images, NHWC."""

from __future__ import annotations

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
        x4, view = to_nhwc(call.build, call[0])
        kernel = tuple(call.get("kernel_shape"))
        spec = window(call, x4, (1, *kernel) if view else kernel, view)
        y = call.build.op("pool", x4, fn=fn, kernel=spec.kernel, **spec.attributes(),
                          count_padding=int(call.get("count_include_pad", 0)))  # fmt: skip
        return from_nhwc(call.build, y, view)

    return imported


def _global(fn: str) -> Import:
    def imported(call: Call) -> Value:
        x4, view = to_nhwc(call.build, call[0])
        size = tuple(x4.shape[1:3])
        y = call.build.op("pool", x4, fn=fn, kernel=size, strides=(1, 1), dilations=(1, 1), pads=(0, 0, 0, 0), out=(1, 1),
                          count_padding=0)  # fmt: skip
        return from_nhwc(call.build, y, view)

    return imported


IMPORTS: dict[str, Import] = {
    "MaxPool": _import("max"),
    "AveragePool": _import("average"),
    "GlobalAveragePool": _global("average"),
    "GlobalMaxPool": _global("max"),
}
