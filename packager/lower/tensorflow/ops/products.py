"""Convolutions and matrix products, with bias and activation within the node where TensorFlow.js has it so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import constant
from packager.lower.ops.base import value_of
from packager.lower.sizes import product
from packager.lower.tensorflow.ops.pointwise import activated
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Node, Operand, Value
    from packager.lower.sizes import Size
    from packager.lower.tensorflow.writer import Writer

# A convolution of so many groups is one of each group, side by side.
_MOST_GROUPS = 64


def _fusable(node: Node) -> str | None:
    match node["fn"], node["p0"], node["p1"]:
        case "relu", _, _:
            return "Relu"
        case "clip", 0, 6:
            return "Relu6"
        case "sigmoid", _, _:
            return "Sigmoid"
        case "elu", 1, _:
            return "Elu"
    return None


def _fused(out: Writer, node: Node, kinds: tuple[str, str], inputs: tuple[str, str], channels: Size, **attributes: Any) -> str:
    """The node's epilogue: bias and activation within it as far as they go; then the residual and the rest."""
    bias, residual = (*node.inputs[2:], None, None)[:2]
    plain, fused = kinds
    within = None if residual is not None else _fusable(node)
    if bias is None and within is None:
        y = out.add(plain, *inputs, **attributes)
    else:
        added = out.array(np.zeros(int(channels), np.float32)) if bias is None else out.read(bias)  # type: ignore[arg-type]
        names = ["BiasAdd", *([within] if within else [])]
        y = out.add(fused, *inputs, added, fused_ops=names, num_args=1, **attributes)
    return y if within else _finish(out, node, y, residual)


def _finish(out: Writer, node: Node, y: str, residual: Operand) -> str:
    if residual is not None:
        y = out.add("AddV2", y, out.read(residual))
    return activated(out, node["fn"], y, node["p0"], node["p1"])


def padded(out: Writer, x: str, pads: Sequence[Size], value: float = 0.0) -> str:
    """Rows and columns around an NHWC image: top, left, bottom, right."""
    if all(pad == 0 for pad in pads):
        return x
    top, left, bottom, right = pads
    return out.add("PadV2", x, out.sizes((0, 0, top, bottom, left, right, 0, 0), (4, 2)), out.factor(value))


def _conv(out: Writer, node: Node) -> None:
    x, weights = value_of(node.inputs[0]), value_of(node.inputs[1])
    height, width, depth, channels = weights.shape
    groups = node["groups"]
    if max(node["strides"]) > 1 and max(node["dilations"]) > 1:
        raise Unsupported("it has both strides and dilations")
    tensor, pads = out.read(x), tuple(node["pads"])
    known = all(isinstance(pad, int) for pad in pads)
    if not known:
        tensor, pads = padded(out, tensor, pads), (0, 0, 0, 0)
    attributes = _window(node, pads)
    if depth == 1 and groups != 1:
        filters = out.columns(weights, (height, width, groups, channels // groups))
        kinds = ("DepthwiseConv2dNative", "FusedDepthwiseConv2dNative")
        out.give(node.output, _fused(out, node, kinds, (tensor, filters), channels, **attributes))
    elif groups == 1:
        kinds = ("Conv2D", "_FusedConv2D")
        out.give(node.output, _fused(out, node, kinds, (tensor, out.matrix(weights)), channels, **attributes))
    else:
        parts = _by_group(out, node, tensor, weights)
        each = [out.add("Conv2D", part, filters, **attributes) for part, filters in parts]
        out.give(node.output, _joined(out, node, each))


def _window(node: Node, pads: Sequence[Size]) -> dict[str, Any]:
    top, left, bottom, right = pads
    explicit = {"explicit_paddings": [0, 0, top, bottom, left, right, 0, 0]} if any(pads) else {}
    return {
        "strides": [1, *node["strides"], 1], "dilations": [1, *node["dilations"], 1], "data_format": "NHWC",
        "padding": "EXPLICIT" if explicit else "VALID", **explicit,
    }  # fmt: skip


def _by_group(out: Writer, node: Node, x: str, weights: Value) -> list[tuple[str, str]]:
    groups, (*_, depth, channels) = node["groups"], weights.shape
    data = weights.data
    if groups > _MOST_GROUPS:
        raise Unsupported(f"it has {groups} groups, where {_MOST_GROUPS} are covered")
    if data is None:
        raise Unsupported(f"it has {groups} groups of weights that are computed")
    x_parts = out.add("SplitV", x, out.vector([depth] * groups), out.scalar(3))
    width = int(channels) // groups  # type: ignore[arg-type]
    filters = [constant("filters", np.ascontiguousarray(data[..., at : at + width])) for at in range(0, width * groups, width)]
    return [(f"{x_parts}:{index}", out.matrix(part)) for index, part in enumerate(filters)]


def _joined(out: Writer, node: Node, parts: list[str]) -> str:
    bias, residual = (*node.inputs[2:], None, None)[:2]
    y = out.add("ConcatV2", *parts, out.scalar(3), N=len(parts))
    y = y if bias is None else out.add("AddV2", y, out.read(bias))
    return _finish(out, node, y, residual)


def _conv_transpose(out: Writer, node: Node) -> None:
    x, weights = value_of(node.inputs[0]), value_of(node.inputs[1])
    if max(node["dilations"]) > 1:
        raise Unsupported("it has dilations")
    if not all(isinstance(pad, int) for pad in node["pads"]):
        raise Unsupported("its padding depends on the input's shape")
    tensor, groups, y = out.read(x), node["groups"], node.output
    parts = [(tensor, out.matrix(weights))] if groups == 1 else _by_group(out, node, tensor, weights)
    size = out.vector((*y.shape[:3], y.shape[3] // groups))
    top, left = node["pads"][:2]
    # What its gradient, a convolution of y, would read beyond the end of y.
    ends = [_beyond(node, axis, x.shape[1 + axis], weights.shape[axis], y.shape[1 + axis]) for axis in range(2)]
    attributes = _window(node, (top, left, *ends))
    attributes.pop("dilations")
    each = [
        out.add("Conv2DBackpropInput", size, out.transpose(filters, (0, 1, 3, 2)), part, **attributes)
        for part, filters in parts
    ]
    if groups == 1:
        bias, residual = (*node.inputs[2:], None, None)[:2]
        made = each[0] if bias is None else out.add("AddV2", each[0], out.read(bias))
        out.give(y, _finish(out, node, made, residual))
    else:
        out.give(y, _joined(out, node, each))


def _beyond(node: Node, axis: int, size: Size, kernel: Size, new: Size) -> int:
    end = (size - 1) * node["strides"][axis] + kernel - node["pads"][axis] - new
    if not isinstance(end, int):
        raise Unsupported("its padding depends on the input's shape")
    return max(end, 0)


def _gemm(out: Writer, node: Node) -> None:
    a, b, y = value_of(node.inputs[0]), value_of(node.inputs[1]), node.output
    depth, columns = b.shape
    tensor = out.read(a)
    flat = tensor if a.rank == 2 else out.reshape(tensor, (product(a.shape[:-1]), depth))
    residual = node.inputs[3] if len(node.inputs) > 3 else None
    if a.rank == 2 or residual is None:
        made = _fused(out, node, ("MatMul", "_FusedMatMul"), (flat, out.matrix(b)), columns, **_STRAIGHT)
        out.give(y, made if a.rank == 2 else out.reshape(made, y.shape))
        return
    bias = node.inputs[2]
    made = out.reshape(out.add("MatMul", flat, out.matrix(b), **_STRAIGHT), y.shape)
    made = made if bias is None else out.add("AddV2", made, out.read(bias))
    out.give(y, _finish(out, node, made, residual))


_STRAIGHT = {"transpose_a": False, "transpose_b": False}


def _matmul(out: Writer, node: Node) -> None:
    a, b, outer = value_of(node.inputs[0]), value_of(node.inputs[1]), node.output.shape[:-2]
    wide = [_spread(out, entry, outer) for entry in (a, b)]
    out.give(node.output, out.add("BatchMatMulV2", *wide, adj_x=False, adj_y=bool(node["transposed"])))


def _spread(out: Writer, entry: Value, outer: Sequence[Size]) -> str:
    """The operand's matrices as many as the result has, or one: TensorFlow.js repeats one only."""
    own = entry.shape[:-2]
    if tuple(own) == tuple(outer) or all(size == 1 for size in own):
        return out.read(entry)
    return out.add("BroadcastTo", out.read(entry), out.vector((*outer, *entry.shape[-2:])))


EMIT = {"conv": _conv, "conv_transpose": _conv_transpose, "gemm": _gemm, "matmul": _matmul}
