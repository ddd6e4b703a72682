"""The weights of a model that TensorFlow read that are worth fewer bits, and the model with codes in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from packager.model import TensorFlowModel
from packager.quantise.weights import Weight

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.quantise.weights import Array, Codes

M = TypeVar("M", bound=TensorFlowModel)

# Of each operator: the input that holds its weights, the axis that counts its outputs or rows, and the attribute that swaps
# the last two axes.
_WEIGHTS = {
    "Conv2D": (1, -1, ""), "_FusedConv2D": (1, -1, ""), "Conv2DBackpropInput": (1, -2, ""),
    "DepthwiseConv2dNative": (1, 2, ""), "FusedDepthwiseConv2dNative": (1, 2, ""),
    "MatMul": (1, -1, "transpose_b"), "_FusedMatMul": (1, -1, "transpose_b"), "BatchMatMulV2": (1, -1, "adj_y"),
    "Gather": (0, 0, ""), "GatherV2": (0, 0, ""), "ResourceGather": (0, 0, ""),
}  # fmt: skip


def find(model: TensorFlowModel, least: int) -> list[Weight]:
    """Weights of ``least`` elements and more. One that is read in two ways is left alone."""
    axes: dict[str, set[int | None]] = {}
    for node in model.nodes:
        for name, axis in _read(node, model.weights):
            axes.setdefault(name, set()).add(axis)
    found = []
    for name, array in model.weights.items():
        (axis, *others) = axes.get(name, {None})
        if axis is None or others or array.dtype != np.float32 or array.size < least or not np.isfinite(array).all():
            continue
        found.append(Weight(name, array, axis, ()))
    return found


def _read(node: dict[str, Any], weights: Mapping[str, Array]) -> Iterator[tuple[str, int | None]]:
    """The weights that a node reads, with the axis that counts what they compute, or None where they compute nothing so."""
    place, axis, swap = _WEIGHTS.get(node["op"], (-1, 0, ""))
    inputs = [name.partition(":")[0] for name in node.get("input", [])]
    for index, name in enumerate(inputs):
        array = weights.get(name)
        if array is None:
            continue
        if index != place or array.ndim < 2 or not _by_row(node["op"], inputs, weights):
            yield name, None
        elif swap and node.get("attr", {}).get(swap, {}).get("b"):
            yield name, array.ndim - 2
        else:
            yield name, axis % array.ndim


def _by_row(op: str, inputs: list[str], weights: Mapping[str, Array]) -> bool:
    """True of all but a gathering along another axis than the first."""
    axis = weights.get(inputs[2]) if op == "GatherV2" and len(inputs) > 2 else None
    return axis is None or not axis.any()


def replaced(model: M, codes: Mapping[str, Codes]) -> M:
    """The model with codes in place of the weights of these names."""
    return replace(
        model,
        weights={name: codes[name].codes if name in codes else array for name, array in model.weights.items()},
        scales={name: held.scale for name, held in codes.items()},
    )
