"""One value for many along axes: Reduce*, ArgMax, Softmax, CumSum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, axis_of, is_sizes, value_of
from packager.lower.ops.dtypes import ITEM, suffix
from packager.lower.sizes import Shape, Size, product

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packager.lower.emit import Emitter


def around(shape: Shape, axes: Sequence[int]) -> tuple[Size, Size, Size]:
    """(outer, size, inner): what lies before, in and behind neighbouring axes."""
    return product(shape[: axes[0]]), product(shape[axes[0] : axes[-1] + 1]), product(shape[axes[-1] + 1 :])


# Reduce


def _infer_reduce(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x, axes = value_of(inputs[0]), attributes["axes"]
    if attributes["keepdims"]:
        return [Type(x.dtype, tuple(1 if axis in axes else size for axis, size in enumerate(x.shape)))]
    return [Type(x.dtype, tuple(size for axis, size in enumerate(x.shape) if axis not in axes))]


def _evaluate_reduce(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    fn, axes, keep = attributes["fn"], tuple(attributes["axes"]), bool(attributes["keepdims"])
    if is_sizes(x):
        if fn not in ("sum", "prod") or (keep and x.ndim != 1):
            raise NotImplementedError(fn)
        total = np.asarray((np.add if fn == "sum" else np.multiply).reduce(x, axis=axes[0]), object)
        return [total.reshape((1,) * x.ndim) if keep else total]
    wide = x.astype(np.float64) if x.dtype.kind == "f" else x.astype(np.int64)
    functions: dict[str, Callable[..., Any]] = {
        "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "mean": _mean,
        "l1": lambda v, **k: np.sum(np.abs(v), **k),
        "l2": lambda v, **k: np.sqrt(np.sum(np.square(v), **k)),
        "sum_square": lambda v, **k: np.sum(np.square(v), **k),
        "log_sum": lambda v, **k: np.log(np.sum(v, **k)),
        "log_sum_exp": _log_sum_exp,
    }  # fmt: skip
    return [np.asarray(functions[fn](wide, axis=axes, keepdims=keep)).astype(x.dtype)]


def _mean(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    if x.dtype.kind == "f":
        return np.asarray(np.mean(x, axis=axis, keepdims=keepdims))
    count = int(np.prod([x.shape[entry] for entry in axis]))
    return np.asarray(np.trunc(np.sum(x, axis=axis, keepdims=keepdims) / count))


def _log_sum_exp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    top = np.max(x, axis=axis, keepdims=True) if x.size else np.zeros(())
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.asarray(total if keepdims else np.squeeze(total, axis))


def _emit_reduce(plan: Emitter, node: Node) -> None:
    """Neighbouring axes at once; axes apart one run after another, the last first, in scratch memory."""
    x, axes = value_of(node.inputs[0]), sorted(node["axes"])
    kind = suffix(x.dtype, "float32", "int32", "int64")
    runs = _runs(axes, x.shape)
    source: Any = x
    shape = list(x.shape)
    if x.dtype != "float32" and node["fn"] in ("mean", "l2") and len(runs) > 1:
        source, shape, runs = _together(plan, x, axes)
    for index, run in enumerate(reversed(runs)):
        outer, size, inner = around(tuple(shape), run)
        for axis in run:
            shape[axis] = 1
        last = index == len(runs) - 1
        target: Any = node.output if last else plan.scratch(x.dtype, tuple(shape))
        fn = _part(node["fn"], index == 0, last)
        plan.step(f"reduce_{kind}", x=source, y=target, outer=outer, size=size, inner=inner, operation=fn)
        source = target


def _together(plan: Emitter, x: Value, axes: list[int]) -> tuple[Any, list[Size], list[list[int]]]:
    """The axes moved to the end: the parts of an integer mean or root would be rounded each for itself."""
    order = [*(axis for axis in range(x.rank) if axis not in axes), *axes]
    shape, own = [x.shape[axis] for axis in order], row_major(x.shape)
    moved = plan.scratch(x.dtype, tuple(shape))
    plan.copy(x, moved, shape, [own[axis] for axis in order], row_major(shape), ITEM[x.dtype])
    return moved, shape, [list(range(x.rank - len(axes), x.rank))]


def _part(fn: str, first: bool, last: bool) -> str:
    """What one run of several computes; most functions are themselves again of their parts."""
    if (fn == "sum_square" and not first) or (fn == "log_sum" and not last):
        return "sum"
    return fn


def _runs(axes: Sequence[int], shape: Shape) -> list[list[int]]:
    """Axes grouped by neighbourhood; dimensions of 1 between them do not keep them apart."""
    runs: list[list[int]] = []
    for axis in axes:
        if runs and all(shape[between] == 1 for between in range(runs[-1][-1] + 1, axis)):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return runs


def _reduce(fn: str, newer: int) -> Import:
    """``newer``: the opset in which axes became an input."""

    def imported(call: Call) -> Value:
        x = call[0]
        axes = call.integers(1, "axes") if call.opset >= newer else call.get("axes")
        if axes is None or len(axes) == 0:
            if call.get("noop_with_empty_axes", 0):
                return _of_single(call, fn, x)
            axes = tuple(range(x.rank))
        axes = tuple(sorted({axis_of(axis, x.rank) for axis in axes}))
        if not axes:
            return _of_single(call, fn, x)
        if x.dtype == "bool" and fn in ("max", "min"):
            return _of_bools(call, fn, x, axes)
        return call.build.op("reduce", x, fn=fn, axes=axes, keepdims=int(call.get("keepdims", 1)))

    return imported


def _of_bools(call: Call, fn: str, x: Value, axes: Sequence[int]) -> Value:
    """Any for the largest, all for the smallest; of nothing, False and True."""
    build = call.build
    wide = build.op("cast", x, to="int32")
    made = build.op("reduce", wide, fn=fn, axes=tuple(axes), keepdims=int(call.get("keepdims", 1)))
    limit = build.constant(np.array(0 if fn == "max" else 1, np.int32))
    return build.op("cast", build.op("binary", made, limit, fn=fn), to="bool")


def _of_single(call: Call, fn: str, x: Value) -> Value:
    """Reduced over no axes: the function of each element alone."""
    alone = {"l1": "abs", "l2": "abs", "sum_square": "square", "log_sum": "log"}.get(fn)
    return x if alone is None else call.build.op("unary", x, fn=alone, p0=0.0, p1=0.0)


# ArgMax, ArgMin


def _infer_arg(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    (kind,) = _infer_reduce({**attributes, "axes": (attributes["axis"],)}, inputs)
    return [Type("int64", kind.shape)]


def _evaluate_arg(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    axis, find = attributes["axis"], np.argmin if attributes["smallest"] else np.argmax
    found = x.shape[axis] - 1 - find(np.flip(x, axis), axis=axis) if attributes["last"] else find(x, axis=axis)
    return [np.asarray(np.expand_dims(found, axis) if attributes["keepdims"] else found, np.int64)]


def _emit_arg(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    outer, size, inner = around(x.shape, (node["axis"],))
    plan.step(f"arg_{suffix(x.dtype, 'float32', 'int32', 'int64')}", x=x, y=node.output, outer=outer, size=size, inner=inner,
              smallest=node["smallest"], from_end=node["last"])  # fmt: skip


def _arg(smallest: int) -> Import:
    return lambda call: call.build.op(
        "arg", call[0], axis=axis_of(call.get("axis", 0), call[0].rank), keepdims=int(call.get("keepdims", 1)),
        last=int(call.get("select_last_index", 0)), smallest=smallest,
    )  # fmt: skip


# Softmax


def _infer_same(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [value_of(inputs[0]).type]


def _evaluate_softmax(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    axis = attributes["axis"]
    wide = x.astype(np.float64)
    shifted = wide - np.max(wide, axis=axis, keepdims=True, initial=-np.inf)
    total = np.sum(np.exp(shifted), axis=axis, keepdims=True)
    return [(shifted - np.log(total) if attributes["logarithm"] else np.exp(shifted) / total).astype(np.float32)]


def _emit_softmax(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    outer, size, inner = around(x.shape, (node["axis"],))
    plan.step("softmax", x=x, y=node.output, outer=outer, size=size, inner=inner, logarithm=node["logarithm"])


def _softmax(logarithm: int) -> Import:
    def imported(call: Call) -> Value:
        x = call[0]
        axis = axis_of(call.get("axis", -1 if call.opset >= 13 else 1), x.rank)
        if call.opset >= 13 or axis == x.rank - 1:
            return call.build.op("softmax", x, axis=axis, logarithm=logarithm)
        # Before opset 13 all axes from this one on are one.
        flat = call.build.op("reshape", x, shape=(product(x.shape[:axis]), product(x.shape[axis:])))
        return call.build.op("reshape", call.build.op("softmax", flat, axis=1, logarithm=logarithm), shape=tuple(x.shape))

    return imported


# CumSum


def _evaluate_cumsum(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    axis = attributes["axis"]
    source = np.flip(x, axis) if attributes["reverse"] else x
    total = np.cumsum(source, axis=axis, dtype=x.dtype)
    if attributes["exclusive"]:
        total = total - source
    return [np.flip(total, axis) if attributes["reverse"] else total]


def _emit_cumsum(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    outer, size, inner = around(x.shape, (node["axis"],))
    plan.step(f"cumsum_{suffix(x.dtype, 'float32', 'int32', 'int64')}", x=x, y=node.output, outer=outer, size=size, inner=inner,
              exclusive=node["exclusive"], reverse=node["reverse"])  # fmt: skip


def _cumsum(call: Call) -> Value:
    (axis,) = call.integers(1, "axis") or (0,)
    return call.build.op("cumsum", call[0], axis=axis_of(axis, call[0].rank), exclusive=int(call.get("exclusive", 0)),
                         reverse=int(call.get("reverse", 0)))  # fmt: skip


OPS = [
    Op("reduce", _infer_reduce, _evaluate_reduce, _emit_reduce, symbolic=True),
    Op("arg", _infer_arg, _evaluate_arg, _emit_arg),
    Op("softmax", _infer_same, _evaluate_softmax, _emit_softmax),
    Op("cumsum", _infer_same, _evaluate_cumsum, _emit_cumsum),
]
IMPORTS: dict[str, Import] = {
    "ReduceSum": _reduce("sum", 13),
    **{f"Reduce{name}": _reduce(fn, 18) for name, fn in (
        ("Mean", "mean"), ("Max", "max"), ("Min", "min"), ("Prod", "prod"), ("L1", "l1"), ("L2", "l2"),
        ("SumSquare", "sum_square"), ("LogSum", "log_sum"), ("LogSumExp", "log_sum_exp"),
    )},
    "ArgMax": _arg(0),
    "ArgMin": _arg(1),
    "Softmax": _softmax(0),
    "LogSoftmax": _softmax(1),
    "CumSum": _cumsum,
}  # fmt: skip
