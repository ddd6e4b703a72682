"""Weights in the layouts that kernels read (web_runtime/kernels/README.md defines them), as fp32, fp16 or int8 on the wire.

Codes are made by ``packager.quantise``, or are the model's own; here they are only laid out. What has none travels as fp16
where fewer bits than fp32 are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from packager.lower.ir import Array, Constant
    from packager.options import Precision

PANEL = 8

# Smaller tensors travel as they are: what they would save is less than what their expansion costs.
_SMALL = 2048
# The largest half float is 65504.
_LARGEST = 65504


@dataclass(frozen=True)
class Packed:
    """``codes`` as they travel: float32; float16; or int8, with a float32 ``scale`` for each column or row."""

    codes: Array
    scale: Array | None = None


def panels(weights: Constant, groups: int, precision: Precision) -> Packed:
    """[…, N] as matrices of N / groups columns, in panels of 8 columns: [groups][ceil(N / groups / 8)][K][8]."""
    columns = weights.shape[-1]
    codes, scale = _by_column(weights, precision)
    packed = _panels(codes.reshape(-1, columns), groups)
    return Packed(packed, None if scale is None else _panels(scale.reshape(1, columns), groups).reshape(-1))


def matrix(weights: Constant, precision: Precision) -> Packed:
    """[…, N] as it is, with a scale for each of the N columns."""
    return Packed(*_by_column(weights, precision))


def columns(weights: Constant, precision: Precision) -> Packed:
    """[…, N] as it is; codes have a scale for each of the N columns."""
    return Packed(*_by_column(weights, precision))


def rows(weights: Constant, precision: Precision) -> Packed:
    """[N, …] as it is, with a scale for each of the N rows: tables that are read by row."""
    held = weights.scale
    if held is not None and weights.array.dtype == np.int8 and held.size in (1, weights.shape[0]):
        first = (weights.shape[0],) + (1,) * (weights.array.ndim - 1)
        if held.size == 1 or held.shape == first:
            return Packed(weights.array, np.broadcast_to(held.reshape(-1), (weights.shape[0],)).astype(np.float32))
    return plain(weights, precision)


def plain(weights: Constant, precision: Precision) -> Packed:
    """Any tensor in its own order: as numbers, for it has no columns."""
    if _is_half(weights):
        return Packed(weights.array)
    data = weights.data
    if precision != "fp32" and data.dtype == np.float32 and data.size >= _SMALL and np.abs(data).max(initial=0) < _LARGEST:
        return Packed(data.astype(np.float16))
    return Packed(data)


def _by_column(weights: Constant, precision: Precision) -> tuple[Array, Array | None]:
    """Codes of the tensor's own shape, and a scale for each entry of its last axis."""
    held = weights.scale
    if held is not None and weights.array.dtype == np.int8 and held.size in (1, held.shape[-1]):
        return weights.array, np.broadcast_to(held.reshape(-1), (weights.shape[-1],)).astype(np.float32)
    return plain(weights, precision).codes, None


def _is_half(weights: Constant) -> bool:
    return weights.array.dtype == np.float16 and weights.scale is not None and bool(np.all(weights.scale == 1))


def _panels(matrix: Array, groups: int) -> Array:
    depth, total = matrix.shape
    width = total // groups
    split = matrix.reshape(depth, groups, width)
    padded = np.pad(split, ((0, 0), (0, 0), (0, -width % PANEL)))
    return np.ascontiguousarray(padded.reshape(depth, groups, -1, PANEL).transpose(1, 2, 0, 3))
