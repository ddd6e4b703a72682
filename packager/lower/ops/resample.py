"""Sampling along any one axis from tables: each new place is a weighted sum of a few old ones. For what the kernels of images
do not do: dimensions other than height and width, smoothing while shrinking, cut-outs. Sizes must be numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, value_of
from packager.lower.ops.reduce import around

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter

# Operands: x, the places [out, taps] int32, their weights [out, taps].


def _infer(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x, places, axis = value_of(inputs[0]), value_of(inputs[1]), attributes["axis"]
    return [Type(x.dtype, (*x.shape[:axis], places.shape[0], *x.shape[axis + 1 :]))]


def _evaluate(attributes: Mapping[str, Any], /, x: Array, places: Array, weights: Array) -> Sequence[Array]:
    taps = np.moveaxis(x.astype(np.float64), attributes["axis"], -1)[..., places]
    return [np.moveaxis((taps * weights).sum(-1), -1, attributes["axis"]).astype(np.float32)]


def _emit(plan: Emitter, node: Node) -> None:
    x, places, weights = (value_of(entry) for entry in node.inputs)
    outer, size, inner = around(x.shape, (node["axis"],))
    plan.step("resample", x=x, index=places, weight=weights, y=node.output, outer=outer, size=size, inner=inner,
              out_size=places.shape[0], taps=places.shape[1])  # fmt: skip


def resampled(call: Call, x: Value, axis: int, table: Array) -> Value:
    """x with ``table`` [new, old] applied to the axis; nothing where that changes nothing."""
    if table.shape[0] == table.shape[1] and np.array_equal(table, np.eye(table.shape[0])):
        return x
    taps = max(int((table != 0).sum(1).max(initial=0)), 1)
    # The places with weight first, in order.
    order = np.argsort(table == 0, axis=1, kind="stable")[:, :taps]
    weights = np.take_along_axis(table, order, 1).astype(np.float32)
    places = call.build.constant(order.astype(np.int32))
    return call.build.op("resample", x, places, call.build.constant(weights), axis=axis)


OPS = [Op("resample", _infer, _evaluate, _emit)]
IMPORTS: dict[str, Import] = {}
