"""Normalisations: of rows (layer), of groups of channels (instance, group), and by given statistics (batch)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.activations import apply
from packager.lower.ops.base import Call, Import, Op, axis_of, value_of
from packager.lower.ops.convolution import NO_ACTIVATION
from packager.lower.sizes import Shape, product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter
    from packager.lower.ir import Array, Node, Operand, Type, Value


def _infer_same(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [value_of(inputs[0]).type]


# Rows: the last axis


def _evaluate_layer(attributes: Mapping[str, Any], /, x: Array, scale: Array | None = None,
                    bias: Array | None = None) -> Sequence[Array]:  # fmt: skip
    wide = x.astype(np.float64)
    if attributes["fn"] == "layer":
        wide = wide - wide.mean(-1, keepdims=True)
    result = wide / np.sqrt(np.square(wide).mean(-1, keepdims=True) + attributes["epsilon"])
    result = result if scale is None else result * scale
    return [(result if bias is None else result + bias).astype(np.float32)]


def _emit_layer(plan: Emitter, node: Node) -> None:
    x, scale, bias = (*node.inputs, None, None)[:3]
    x = value_of(x)
    extra = {"bias": bias} if node["fn"] == "layer" else {}
    plan.step(f"{node['fn']}_norm", x=x, scale=scale, y=node.output, rows=product(x.shape[:-1]), columns=x.shape[-1],
              epsilon=node["epsilon"], **extra)  # fmt: skip


def _rows(fn: str) -> Import:
    def imported(call: Call) -> Value | list[Value]:
        x, axis = call[0], axis_of(call.get("axis", -1), call[0].rank)
        if x.dtype != "float32":
            raise Unsupported(f"it works on {x.dtype}")
        build, columns = call.build, product(x.shape[axis:])
        scale, bias = call.input(1), call.input(2)
        flat = [None if entry is None else entry if tuple(entry.shape) == (columns,) else _vector(call, entry, x.shape[axis:])
                for entry in (scale, bias)]  # fmt: skip
        source = x if axis == x.rank - 1 else build.op("reshape", x, shape=(*x.shape[:axis], columns))
        y = build.op("row_norm", source, *flat, fn=fn, epsilon=float(call.get("epsilon", 1e-5)))
        y = y if source is x else build.op("reshape", y, shape=tuple(x.shape))
        return y if call.outputs == 1 else [y, *_statistics(call, fn, x, axis)][: call.outputs]

    return imported


def _statistics(call: Call, fn: str, x: Value, axis: int) -> list[Value]:
    """The mean of each row, where the norm takes it away, and one over its deviation."""
    build, axes = call.build, tuple(range(axis, x.rank))
    means = [build.op("reduce", x, fn="mean", axes=axes, keepdims=1)] if fn == "layer" else []
    centred = build.op("binary", x, means[0], fn="sub") if means else x
    square = build.op("unary", centred, fn="square", p0=0.0, p1=0.0)
    variance = build.op("reduce", square, fn="mean", axes=axes, keepdims=1)
    padded = build.op("unary", variance, fn="affine", p0=1.0, p1=float(call.get("epsilon", 1e-5)))
    return [*means, build.op("unary", padded, fn="rsqrt", p0=0.0, p1=0.0)]


def _vector(call: Call, entry: Value, shape: Shape) -> Value:
    if tuple(entry.shape) != tuple(shape):
        entry = call.build.op("expand", entry, shape=tuple(shape))
    return call.build.op("reshape", entry, shape=(product(shape),))


# Groups of channels: x [batch, …, channels], NHWC


def _evaluate_group(attributes: Mapping[str, Any], /, x: Array, scale: Array | None = None,
                    bias: Array | None = None) -> Sequence[Array]:  # fmt: skip
    channels, groups = x.shape[-1], attributes["groups"]
    wide = x.astype(np.float64).reshape(x.shape[0], -1, groups, channels // groups)
    wide = wide - wide.mean((1, 3), keepdims=True)
    wide = wide / np.sqrt(np.square(wide).mean((1, 3), keepdims=True) + attributes["epsilon"])
    result = wide.reshape(x.shape)
    result = result if scale is None else result * scale
    return [(result if bias is None else result + bias).astype(np.float32)]


def _emit_group(plan: Emitter, node: Node) -> None:
    x, scale, bias = (*node.inputs, None, None)[:3]
    x = value_of(x)
    plan.step("group_norm", x=x, scale=scale, bias=bias, y=node.output, batch=x.shape[0], outer=product(x.shape[1:-1]),
              channels=x.shape[-1], inner=1, groups=node["groups"], epsilon=node["epsilon"])  # fmt: skip


def _last(call: Call, x: Value) -> tuple[Value, tuple[int, ...]]:
    """Channels, the second axis, moved to the end; and the way back."""
    if x.rank < 2:
        raise Unsupported("its input has no channels")
    there = (0, *range(2, x.rank), 1)
    back = (0, x.rank - 1, *range(1, x.rank - 1))
    return (x if x.rank == 2 else call.build.op("transpose", x, perm=there)), back


def _group(call: Call, groups: Any, scale: Operand, bias: Operand) -> Value:
    if call[0].dtype != "float32":
        raise Unsupported(f"it works on {call[0].dtype}")
    x, back = _last(call, call[0])
    y = call.build.op("group_norm", x, scale, bias, groups=groups, epsilon=float(call.get("epsilon", 1e-5)))
    return y if x.rank == 2 else call.build.op("transpose", y, perm=back)


def _instance_norm(call: Call) -> Value:
    return _group(call, call[0].shape[1], call[1], call[2])


def _group_norm(call: Call) -> Value:
    groups, channels, scale, bias = call.get("num_groups"), call[0].shape[1], call[1], call[2]
    if scale.shape[0] != channels:
        # Until opset 21 there is one scale a group.
        spread = (groups, channels // groups)
        scale, bias = (
            call.build.op("reshape", call.build.op("expand", call.build.op("reshape", entry, shape=(groups, 1)), shape=spread),
                          shape=(channels,))
            for entry in (scale, bias)
        )  # fmt: skip
    return _group(call, groups, scale, bias)


# Batch norm: scale and shift of each channel, NHWC


def _evaluate_scale_shift(attributes: Mapping[str, Any], /, x: Array, scale: Array, shift: Array) -> Sequence[Array]:
    result = x.astype(np.float64) * scale + shift
    return [apply(attributes["fn"], result, attributes["p0"], attributes["p1"]).astype(np.float32)]


def _emit_scale_shift(plan: Emitter, node: Node) -> None:
    x, scale, shift = (value_of(entry) for entry in node.inputs)
    plan.step("scale_shift", x=x, scale=scale, shift=shift, y=node.output, outer=product(x.shape[:-1]), channels=x.shape[-1],
              inner=1, activation=node["fn"], p0=node["p0"], p1=node["p1"])  # fmt: skip


def _batch_norm(call: Call) -> Value:
    if call.get("training_mode", 0) or call.outputs > 1:
        raise Unsupported("it is in training mode")
    if call[0].dtype != "float32":
        raise Unsupported(f"it works on {call[0].dtype}")
    scale, bias, mean, variance = (call.data(index, "statistics").astype(np.float64) for index in range(1, 5))
    factor = scale / np.sqrt(variance + call.get("epsilon", 1e-5))
    x, back = _last(call, call[0])
    build = call.build
    y = build.op("scale_shift", x, build.constant(factor.astype(np.float32)),
                 build.constant((bias - mean * factor).astype(np.float32)), **NO_ACTIVATION)  # fmt: skip
    return y if x.rank == 2 else build.op("transpose", y, perm=back)


def _evaluate_local_response(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    square, (before, after) = np.moveaxis(np.square(x.astype(np.float64)), attributes["axis"], -1), attributes["reach"]
    padded = np.pad(square, [(0, 0)] * (x.ndim - 1) + [(before, after)])
    total = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1, axis=-1).sum(-1)
    base = np.moveaxis(attributes["bias"] + attributes["alpha"] * total, -1, attributes["axis"])
    return [(x * base ** -attributes["beta"]).astype(np.float32)]


def _emit_local_response(plan: Emitter, node: Node) -> None:
    x, axis = value_of(node.inputs[0]), node["axis"]
    plan.step("local_response_norm", x=x, y=node.output, outer=product(x.shape[:axis]), size=x.shape[axis],
              inner=product(x.shape[axis + 1 :]), before=node["reach"][0], after=node["reach"][1], alpha=node["alpha"],
              beta=node["beta"], bias=node["bias"])  # fmt: skip


def _local_response(call: Call) -> Value:
    """x / (bias + alpha / size · sum of the neighbouring channels' squares) ^ beta."""
    x, size = call[0], call.get("size")
    if x.dtype != "float32" or x.rank < 2 or size > 128:
        raise Unsupported(f"it works on {size} channels of {x.dtype}")
    return call.build.op("local_response", x, axis=1, reach=((size - 1) // 2, size // 2), alpha=call.get("alpha", 1e-4) / size,
                         beta=call.get("beta", 0.75), bias=call.get("bias", 1.0))  # fmt: skip


def _lp_norm(call: Call) -> Value:
    x, order = call[0], call.get("p", 2)
    axis = axis_of(call.get("axis", -1), x.rank)
    if order not in (1, 2):
        raise Unsupported(f"its p is {order}")
    length = call.build.op("reduce", x, fn=f"l{order}", axes=(axis,), keepdims=1)
    tiny = call.build.constant(np.array(np.finfo(np.float32).tiny, np.float32))  # what is all zeros stays so
    return call.build.op("binary", x, call.build.op("binary", length, tiny, fn="max"), fn="div")


OPS = [
    Op("row_norm", _infer_same, _evaluate_layer, _emit_layer),
    Op("group_norm", _infer_same, _evaluate_group, _emit_group),
    Op("scale_shift", _infer_same, _evaluate_scale_shift, _emit_scale_shift),
    Op("local_response", _infer_same, _evaluate_local_response, _emit_local_response),
]
IMPORTS: dict[str, Import] = {
    "LayerNormalization": _rows("layer"),
    "RMSNormalization": _rows("rms"),
    "SimplifiedLayerNormalization": _rows("rms"),
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "BatchNormalization": _batch_norm,
    "LRN": _local_response,
    "LpNormalization": _lp_norm,
}
