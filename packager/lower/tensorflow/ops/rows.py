"""One value for many along axes, and normalisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.ops.base import value_of
from packager.lower.sizes import product
from packager.lower.tensorflow.ops.pointwise import activated
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Node, Operand, Value
    from packager.lower.tensorflow.writer import Writer

_REDUCE = {"sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod"}
_OF_INTEGERS = ("sum", "max", "min", "prod")
# What is done to each element first, and to the sum.
_AROUND_SUM = {"l1": ("Abs", None), "l2": ("Square", "Sqrt"), "sum_square": ("Square", None), "log_sum": (None, "Log")}


def _reduced(out: Writer, op: str, x: str, axes: Sequence[int], keep: bool = True) -> str:
    return out.add(op, x, out.vector(axes), keep_dims=keep)


def _reduce(out: Writer, node: Node) -> None:
    x, fn, axes, keep = value_of(node.inputs[0]), node["fn"], node["axes"], bool(node["keepdims"])
    if x.dtype != "float32" and fn not in _OF_INTEGERS:
        raise Unsupported(f"its {fn} works on {x.dtype}")
    tensor = out.read(x)
    if fn in _REDUCE:
        out.give(node.output, _reduced(out, _REDUCE[fn], tensor, axes, keep))
    elif fn == "log_sum_exp":
        top = _reduced(out, "Max", tensor, axes)
        total = _reduced(out, "Sum", out.add("Exp", out.add("Sub", tensor, top)), axes)
        made = out.add("AddV2", out.add("Log", total), top)
        out.give(node.output, made if keep else out.reshape(made, node.output.shape))
    else:
        before, after = _AROUND_SUM[fn]
        made = _reduced(out, "Sum", out.add(before, tensor) if before else tensor, axes, keep)
        out.give(node.output, out.add(after, made) if after else made)


def _arg(out: Writer, node: Node) -> None:
    x, axis = value_of(node.inputs[0]), node["axis"]
    tensor, size = out.read(x), x.shape[axis]
    if node["last"]:
        tensor = out.add("ReverseV2", tensor, out.vector((axis,)))
    made = out.add("ArgMin" if node["smallest"] else "ArgMax", tensor, out.scalar(axis))
    if node["last"]:
        made = out.add("Sub", out.sizes((size - 1,), ()), made)
    out.give(node.output, out.reshape(made, node.output.shape) if node["keepdims"] else made)


def _softmax(out: Writer, node: Node) -> None:
    x, axis = value_of(node.inputs[0]), node["axis"]
    order = (*(entry for entry in range(x.rank) if entry != axis), axis)
    made = out.add("LogSoftmax" if node["logarithm"] else "Softmax", out.transpose(out.read(x), order))
    out.give(node.output, out.transpose(made, tuple(order.index(entry) for entry in range(x.rank))))


def _cumsum(out: Writer, node: Node) -> None:
    given = {name: bool(node[name]) for name in ("exclusive", "reverse")}
    out.give(node.output, out.add("Cumsum", out.read(node.inputs[0]), out.scalar(node["axis"]), **given))


def _normalised(out: Writer, x: str, axes: Sequence[int], epsilon: float, centred: bool) -> str:
    if centred:
        x = out.add("Sub", x, _reduced(out, "Mean", x, axes))
    mean = _reduced(out, "Mean", out.add("Square", x), axes)
    return out.add("Mul", x, out.add("Rsqrt", out.add("AddV2", mean, out.number(epsilon))))


def _scaled(out: Writer, x: str, scale: Operand, shift: Operand) -> str:
    x = x if scale is None else out.add("Mul", x, out.read(scale))
    return x if shift is None else out.add("AddV2", x, out.read(shift))


def _row_norm(out: Writer, node: Node) -> None:
    x, scale, bias = (*node.inputs, None, None)[:3]
    x = value_of(x)
    made = _normalised(out, out.read(x), (x.rank - 1,), node["epsilon"], node["fn"] == "layer")
    out.give(node.output, _scaled(out, made, scale, bias))


def _group_norm(out: Writer, node: Node) -> None:
    x, scale, bias = (*node.inputs, None, None)[:3]
    x = value_of(x)
    groups, channels = node["groups"], x.shape[-1]
    wide = out.reshape(out.read(x), (x.shape[0], product(x.shape[1:-1]), groups, channels // groups))
    made = _normalised(out, wide, (1, 3), node["epsilon"], centred=True)
    out.give(node.output, _scaled(out, out.reshape(made, x.shape), scale, bias))


def _scale_shift(out: Writer, node: Node) -> None:
    x, scale, shift = node.inputs
    made = _scaled(out, out.read(x), scale, shift)
    out.give(node.output, activated(out, node["fn"], made, node["p0"], node["p1"]))


def _local_response(out: Writer, node: Node) -> None:
    x: Value = value_of(node.inputs[0])
    before, after = node["reach"]
    if x.rank != 4 or node["axis"] != 3 or before != after:
        raise Unsupported("it reaches over another axis than the channels of images, or not as far on both sides")
    given = {name: float(node[name]) for name in ("bias", "alpha", "beta")}
    out.give(node.output, out.add("LRN", out.read(x), depth_radius=before, **given))


EMIT = {
    "reduce": _reduce, "arg": _arg, "softmax": _softmax, "cumsum": _cumsum, "row_norm": _row_norm, "group_norm": _group_norm,
    "scale_shift": _scale_shift, "local_response": _local_response,
}  # fmt: skip
