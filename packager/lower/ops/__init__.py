"""All operations: what each family gives, gathered. To add one, see docs/adding-an-op.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.ops import (
    attention,
    cast,
    contrib,
    convolution,
    cut,
    einsum,
    gather,
    grid,
    index,
    matrix,
    move,
    norm,
    pairs,
    pool,
    quantise,
    recurrent,
    reduce,
    resample,
    resize,
    shape,
    unary,
)

if TYPE_CHECKING:
    from packager.lower.ops.base import Import, Op

_FAMILIES = (
    attention, cast, contrib, convolution, cut, einsum, gather, grid, index, matrix, move, norm,
    pairs, pool, quantise, recurrent, reduce, resample, resize, shape, unary,
)  # fmt: skip

OPS: dict[str, Op] = {op.name: op for family in _FAMILIES for op in family.OPS}
"""The operations of the IR, by name."""

IMPORTS: dict[str, Import] = {name: function for family in _FAMILIES for name, function in family.IMPORTS.items()}
"""What the engine knows of ONNX: op type → its importer."""
