"""Boxes: what kernels over strided tensors take, dimensions merged as far as they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.sizes import Shape, Size
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

Strides = tuple[Size, ...]


def row_major(shape: Sequence[Size]) -> Strides:
    """The strides, in elements, of a tensor without gaps."""
    strides: list[Size] = []
    step: Size = 1
    for size in reversed(shape):
        strides.append(step)
        step = size * step
    return tuple(reversed(strides))


def broadcast_strides(shape: Shape, to: Shape) -> Strides:
    """The strides with which a tensor of ``shape`` is read as one of ``to``: 0 where it repeats."""
    own = row_major(shape)
    missing = len(to) - len(shape)
    return (0,) * missing + tuple(0 if size == 1 else stride for size, stride in zip(shape, own, strict=True))


def merge(counts: Sequence[Size], strides: Sequence[Strides]) -> tuple[list[Size], list[list[Size]]]:
    """The same box in fewer dimensions: those of 1 dropped, neighbours joined where every operand runs through them."""
    kept = [index for index, count in enumerate(counts) if count != 1]
    sizes: list[Size] = []
    steps: list[list[Size]] = [[] for _ in strides]
    for index in kept:
        joins = bool(sizes) and all(
            step[-1] == operand[index] * counts[index] for step, operand in zip(steps, strides, strict=True)
        )
        if joins:
            sizes[-1] = sizes[-1] * counts[index]
        else:
            sizes.append(counts[index])
        for step, operand in zip(steps, strides, strict=True):
            if joins:
                step[-1] = operand[index]
            else:
                step.append(operand[index])
    return sizes, steps


def box(counts: Sequence[Size], strides: Sequence[Strides], rank: int) -> tuple[list[Size], list[list[Size]]]:
    """Merged, and filled up in front to exactly ``rank`` dimensions. Raises Unsupported where it has more."""
    sizes, steps = merge(counts, strides)
    missing = rank - len(sizes)
    ones: list[Size] = [1] * max(missing, 0)
    zeros: list[Size] = [0] * max(missing, 0)
    if missing < 0:
        raise Unsupported(f"it runs over {len(sizes)} separate dimensions, where {rank} are covered")
    return ones + sizes, [zeros + step for step in steps]


def numbered(prefix: str, sizes: Sequence[Size]) -> dict[str, Size]:
    """Arguments ``prefix0``, ``prefix1``, …"""
    return {f"{prefix}{index}": size for index, size in enumerate(sizes)}
