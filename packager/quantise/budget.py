"""How wide the steps of each weight may be, where all of them together have so many bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from packager.quantise.rounding import entropy, nearest, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Array = np.ndarray

# Of a large matrix, so many elements tell how its codes are spread.
_SAMPLE = 1 << 18
# What a half float takes after compression.
HALF_BITS = 13.6
# Widest and narrowest steps, in units of a row's root mean square.
_WIDEST, _NARROWEST = 1.0, 2.0**-8
_ROUNDS = 12


class Budget(NamedTuple):
    """Bits of a number, on average over all: ``least``, and up to ``most`` while the outputs are off by more than ``loss``.

    ``loss`` is the squared error of the outputs as a share of their squares.
    """

    least: float
    most: float
    loss: float


def widths(matrices: Mapping[str, Array], losses: Mapping[str, float], budget: Budget) -> dict[str, float]:
    """The step's width for each matrix, so that all keep to the budget; 0 where one is better left as it is.

    ``losses``: by how much the outputs are off per squared width. The sum of losses is least for the bits where every
    number of them costs the same: a width goes with the root of a matrix's size over its loss.
    """
    total = sum(matrix.size for matrix in matrices.values())
    mean = sum(losses.values()) / total
    wanted = {
        name: float(np.sqrt(mean * matrix.size / losses[name])) if losses[name] > 0 else _WIDEST / _NARROWEST
        for name, matrix in matrices.items()
    }
    samples = {name: _sample(matrix) for name, matrix in matrices.items()}

    def bits(scale: float) -> float:
        return sum(matrices[name].size * _bits(samples[name], wanted[name] * scale) for name in matrices) / total

    def loss(scale: float) -> float:
        return sum(losses[name] * _clamped(samples[name], wanted[name] * scale) ** 2 for name in matrices)

    scale = _least(lambda scale: bits(scale) <= budget.least)
    if loss(scale) > budget.loss:
        accurate = _least(lambda scale: loss(scale) > budget.loss)
        scale = max(accurate, _least(lambda scale: bits(scale) <= budget.most))
    return {name: _clamped(samples[name], wanted[name] * scale) for name in matrices}


def _least(holds: Callable[[float], bool]) -> float:
    """The smallest scale for which it holds, as for all larger ones."""
    low, high = np.log2(_NARROWEST), 2.0
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(2.0**middle) else (middle, high)
    return float(2.0**high)


def _clamped(matrix: Array, width: float) -> float:
    """A width that codes can have; 0 where even the finest ones are much coarser than what is wanted."""
    finest = float(np.median(np.abs(matrix).max(axis=1) / 127 / np.maximum(np.sqrt(np.square(matrix).mean(axis=1)), 1e-30)))
    return 0.0 if width < finest / 4 else float(np.clip(width, _NARROWEST, _WIDEST))


def _bits(matrix: Array, width: float) -> float:
    width = _clamped(matrix, width)
    return entropy(nearest(matrix, steps_of(matrix, width))) if width else HALF_BITS


def _sample(matrix: Array) -> Array:
    rows = max(1, _SAMPLE // matrix.shape[1])
    return matrix[:: max(1, -(-len(matrix) // rows))]
