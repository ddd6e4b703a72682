"""Codes of a matrix: multiples of a step for each row, to the nearest, or so that a row's errors make up for one another."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

# Codes are int8. A row that reaches further than this many steps gets wider ones: clipping its tail would cost far more.
REACH = 127
# Columns that are rounded before what they left is taken to those behind them.
_BLOCK = 64


def steps_of(matrix: Array, width: float) -> Array:
    """The step of each row, float32 [rows, 1]: ``width`` in units of the row's root mean square."""
    spread = np.sqrt(np.mean(np.square(matrix, dtype=np.float64), axis=1, keepdims=True))
    steps: Array = np.maximum(width * spread, np.abs(matrix).max(axis=1, keepdims=True) / REACH).astype(np.float32)
    # Up to the next that fills half of a float: what the other half would say of a step is not worth its bytes.
    steps.view(np.uint32)[:] = (steps.view(np.uint32) + 0xFFFF) & 0xFFFF0000
    steps[steps == 0] = 1
    return steps


def nearest(matrix: Array, steps: Array) -> Array:
    """The code next to each number, int8."""
    return np.asarray(np.rint(matrix / steps).clip(-REACH, REACH).astype(np.int8))


def entropy(codes: Array) -> float:
    """Bits that one code takes, by how often each occurs."""
    counts = np.bincount(codes.reshape(-1).astype(np.int16) + 128)
    shares = counts[counts > 0] / codes.size
    return float(-(shares * np.log2(shares)).sum())


class Feedback:
    """Rounds column after column and lets the columns that are left make up for the error (GPTQ).

    ``gram`` is Xᵀ X of the inputs X [``count``, columns] that the matrix meets: what errors do to its products.
    """

    def __init__(self, gram: Array, count: int) -> None:
        columns = gram.shape[0]
        energy = gram.diagonal().copy()
        energy[energy <= 0] = max(energy.mean(), 1e-12) * 1e-3
        # Few samples say little of how inputs go together: their part of it shrinks.
        share = columns / (columns + count)
        shrunk = (1 - share) * gram
        np.fill_diagonal(shrunk, energy * (1 + 1e-3))
        self._order = np.argsort(-energy)
        inverse = np.linalg.inv(shrunk[np.ix_(self._order, self._order)])
        self._spread = np.linalg.cholesky((inverse + inverse.T) / 2).T

    def __call__(self, matrix: Array, steps: Array) -> Array:
        """The codes of ``matrix`` [rows, columns], int8."""
        left = matrix.T[self._order].astype(np.float64)
        width = steps.reshape(-1).astype(np.float64)
        codes = np.empty(left.shape, np.int8)
        for start in range(0, len(left), _BLOCK):
            end = min(start + _BLOCK, len(left))
            errors = np.empty((end - start, left.shape[1]))
            for column in range(start, end):
                codes[column] = np.rint(left[column] / width).clip(-REACH, REACH)
                errors[column - start] = (left[column] - codes[column] * width) / self._spread[column, column]
                left[column + 1 : end] -= np.outer(self._spread[column, column + 1 : end], errors[column - start])
            left[end:] -= self._spread[start:end, end:].T @ errors
        result = np.empty_like(codes)
        result[self._order] = codes
        return result.T
