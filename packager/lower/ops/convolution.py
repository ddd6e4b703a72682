"""Convolutions: NHWC inside, weights [kernel height, kernel width, channels / groups, out channels]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.activations import apply
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Op, value_of
from packager.lower.ops.window import Window, from_nhwc, to_nhwc, window
from packager.lower.sizes import Size, maximum
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter

NO_ACTIVATION = {"fn": "none", "p0": 0.0, "p1": 0.0}


def _infer(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x, weights = value_of(inputs[0]), value_of(inputs[1])
    return [Type(x.dtype, (x.shape[0], *attributes["out"], weights.shape[3]))]


def _evaluate(attributes: Mapping[str, Any], /, x: Array, weights: Array, bias: Array | None = None,
              residual: Array | None = None) -> Sequence[Array]:  # fmt: skip
    height, width, depth, channels = weights.shape
    groups, (out_height, out_width) = attributes["groups"], attributes["out"]
    (stride_y, stride_x), (dilation_y, dilation_x) = attributes["strides"], attributes["dilations"]
    padded = np.pad(x, _padding(attributes["pads"]))
    result = np.zeros((x.shape[0], out_height, out_width, groups, channels // groups), np.float64)
    for ky in range(height):
        for kx in range(width):
            top, left = ky * dilation_y, kx * dilation_x
            part = padded[:, top : top + (out_height - 1) * stride_y + 1 : stride_y]
            part = part[:, :, left : left + (out_width - 1) * stride_x + 1 : stride_x]
            part = part.reshape(*part.shape[:3], groups, depth)
            result += np.einsum("nhwgc,cgo->nhwgo", part, weights[ky, kx].reshape(depth, groups, -1), optimize=True)
    return [finish(attributes, result.reshape(*result.shape[:3], channels), bias, residual)]


def finish(attributes: Mapping[str, Any], result: Array, bias: Array | None, residual: Array | None) -> Array:
    """The epilogue of all matrix kernels: activation(result + bias + residual)."""
    if bias is not None:
        result = result + bias
    if residual is not None:
        result = result + residual
    return apply(attributes["fn"], result, attributes["p0"], attributes["p1"]).astype(np.float32)


def _padding(pads: Sequence[int]) -> list[tuple[int, int]]:
    return [(0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)]


def _emit(plan: Emitter, node: Node) -> None:
    x, weights, bias, residual = (*node.inputs, None, None)[:4]
    x, weights, y = value_of(x), value_of(weights), node.output
    height, width, depth, channels = weights.shape
    groups = node["groups"]
    common = {
        "bias": bias, "residual": residual,
        "activation": node["fn"], "p0": node["p0"], "p1": node["p1"],
    }  # fmt: skip
    pixels = {"x_pixel": plan.row(x), "y_pixel": plan.row(y), "residual_pixel": plan.row(residual)}
    if _is_pointwise(node, weights):
        rows = x.shape[0] * x.shape[1] * x.shape[2]
        plan.gemm(x, plan.panels(weights), y, rows, channels, depth, **common)
        return
    space = {
        "batch": x.shape[0], "height": x.shape[1], "width": x.shape[2], "channels": x.shape[3],
        "kernel_height": height, "kernel_width": width, "pad_top": node["pads"][0], "pad_left": node["pads"][1],
        "stride_y": node["strides"][0], "stride_x": node["strides"][1],
        "dilation_y": node["dilations"][0], "dilation_x": node["dilations"][1],
        "out_height": y.shape[1], "out_width": y.shape[2],
    }  # fmt: skip
    if depth == 1 and groups != 1:
        plan.step("depthwise", x=x, weights=plan.columns(weights), y=y, multiplier=channels // groups,
                  **space, **pixels, **common)  # fmt: skip
    else:
        plan.step("conv", x=x, weights=plan.panels(weights, groups), y=y, out_channels=channels, groups=groups,
                  **space, **pixels, **common)  # fmt: skip


def _is_pointwise(node: Node, weights: Value) -> bool:
    return (
        tuple(weights.shape[:2]) == (1, 1) and node["groups"] == 1
        and tuple(node["strides"]) == (1, 1) and tuple(node["pads"]) == (0, 0, 0, 0)
    )  # fmt: skip


def conv(call: Call) -> Value:
    """ONNX's Conv of the call's first inputs."""
    build, x, weights = call.build, call[0], call[1]
    x4, view = to_nhwc(build, x)
    depth = weights.shape[1]
    if not all(isinstance(size, int) for size in weights.shape):
        raise Unsupported("the shape of its weights depends on the input's shape")
    if x.rank == 3:
        weights = build.op("reshape", weights, shape=(*weights.shape[:2], 1, weights.shape[2]))
    groups = call.get("group", 1)
    if isinstance(x.shape[1], int) and x.shape[1] != depth * groups:
        raise Unsupported(f"it has {x.shape[1]} channels for weights of {depth} × {groups} groups")
    spec = window(call, x4, weights.shape[2:], view)
    packed = build.op("transpose", weights, perm=(2, 3, 1, 0))
    y = build.op("conv", x4, packed, call.input(2), **spec.attributes(), groups=groups, **NO_ACTIVATION)
    return from_nhwc(build, y, view)


def _infer_transpose(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return _infer(attributes, inputs)


def _evaluate_transpose(attributes: Mapping[str, Any], /, x: Array, weights: Array, bias: Array | None = None,
                        residual: Array | None = None) -> Sequence[Array]:  # fmt: skip
    height, width, depth, channels = weights.shape
    groups, (out_height, out_width) = attributes["groups"], attributes["out"]
    (stride_y, stride_x), (dilation_y, dilation_x) = attributes["strides"], attributes["dilations"]
    top, left = attributes["pads"][:2]
    rows, columns = x.shape[1:3]
    whole = np.zeros((x.shape[0], max((rows - 1) * stride_y + (height - 1) * dilation_y + 1, top + out_height),
                      max((columns - 1) * stride_x + (width - 1) * dilation_x + 1, left + out_width), channels))  # fmt: skip
    grouped = x.reshape(*x.shape[:3], groups, depth)
    for ky in range(height):
        for kx in range(width):
            part = np.einsum("nhwgc,cgo->nhwgo", grouped, weights[ky, kx].reshape(depth, groups, -1), optimize=True)
            y, x_ = ky * dilation_y, kx * dilation_x
            target = whole[:, y : y + (rows - 1) * stride_y + 1 : stride_y, x_ : x_ + (columns - 1) * stride_x + 1 : stride_x]
            target += part.reshape(*part.shape[:3], channels)
    return [finish(attributes, whole[:, top : top + out_height, left : left + out_width], bias, residual)]


def _emit_transpose(plan: Emitter, node: Node) -> None:
    x, weights, bias, residual = (*node.inputs, None, None)[:4]
    x, weights, y = value_of(x), value_of(weights), node.output
    plan.step(
        "conv_transpose", x=x, weights=plan.panels(weights, node["groups"]), bias=bias, residual=residual, y=y,
        batch=x.shape[0], height=x.shape[1], width=x.shape[2], channels=x.shape[3], out_channels=y.shape[3],
        groups=node["groups"], x_pixel=plan.row(x), y_pixel=plan.row(y), residual_pixel=plan.row(residual),
        kernel_height=weights.shape[0], kernel_width=weights.shape[1],
        stride_y=node["strides"][0], stride_x=node["strides"][1],
        dilation_y=node["dilations"][0], dilation_x=node["dilations"][1],
        pad_top=node["pads"][0], pad_left=node["pads"][1], out_height=y.shape[1], out_width=y.shape[2],
        activation=node["fn"], p0=node["p0"], p1=node["p1"],
    )  # fmt: skip


def _import_transpose(call: Call) -> Value:
    build, x, weights = call.build, call[0], call[1]
    x4, view = to_nhwc(build, x)
    if x.rank == 3:
        weights = build.op("reshape", weights, shape=(*weights.shape[:2], 1, weights.shape[2]))
    groups = call.get("group", 1)
    channels, per_group = int(weights.shape[0]), int(weights.shape[1])  # type: ignore[arg-type]
    kernel = weights.shape[2:]
    spec = _transposed_window(call, x4, kernel, view)
    # [C, O / groups, kh, kw] → [kh, kw, C / groups, O], group by group.
    split = build.op("reshape", weights, shape=(groups, channels // groups, per_group, *kernel))
    moved = build.op("transpose", split, perm=(3, 4, 1, 0, 2))
    packed = build.op("reshape", moved, shape=(*kernel, channels // groups, groups * per_group))
    y = build.op("conv_transpose", x4, packed, call.input(2), **spec.attributes(), groups=groups, **NO_ACTIVATION)
    return from_nhwc(build, y, view)


def _transposed_window(call: Call, x: Value, kernel: Sequence[Size], rank3: bool) -> Window:
    spatial = 1 if rank3 else 2
    strides, dilations, extra = (
        (*(fill,) * (2 - spatial), *(call.get(name) or (fill,) * spatial))
        for name, fill in (("strides", 1), ("dilations", 1), ("output_padding", 0))
    )
    auto = call.get("auto_pad", "NOTSET")
    given, shape = call.get("pads"), call.get("output_shape")
    begins, ends, out = [], [], []
    for axis in range(2):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        full = (x.shape[1 + axis] - 1) * strides[axis] + reach + extra[axis]
        index = axis - 1 if rank3 else axis
        if index < 0 or (not given and not shape and auto in ("NOTSET", "VALID")):
            begin: Size = 0
            end: Size = 0
        elif shape or auto in ("SAME_UPPER", "SAME_LOWER"):
            target = shape[index] if shape else x.shape[1 + axis] * strides[axis]
            total = full - target
            total = total if isinstance(total, int) else maximum(total, 0)
            begin = total // 2 if auto == "SAME_UPPER" else (total + 1) // 2
            end = total - begin
        else:
            begin, end = given[index], given[index + spatial]
        begins.append(begin)
        ends.append(end)
        out.append(full - begin - end)
    if any(isinstance(begin, int) and begin < 0 for begin in begins):
        raise Unsupported("its output is larger than what its input reaches")
    return Window(tuple(kernel), strides, dilations, (*begins, *ends), tuple(out))


OPS = [
    Op("conv", _infer, _evaluate, _emit),
    Op("conv_transpose", _infer_transpose, _evaluate_transpose, _emit_transpose),
]
IMPORTS = {"Conv": conv, "ConvTranspose": _import_transpose}
