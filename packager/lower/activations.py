"""Functions of one number: what epilogues of kernels compute, and the rest. ``p0`` and ``p1`` are their parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.lower.ir import Array


def erf(x: Array) -> Array:
    """The error function, to double precision."""
    return np.asarray(_ERF(x.astype(np.float64)), np.float64)


_ERF = np.vectorize(math.erf, otypes=[np.float64])


def apply(fn: str, x: Array, p0: float = 0.0, p1: float = 0.0) -> Array:
    """``fn`` of each element, in double precision, as the dtype of ``x``."""
    return ACTIVATIONS[fn](x.astype(np.float64), p0, p1).astype(x.dtype)


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


ACTIVATIONS: dict[str, Callable[[Array, float, float], Array]] = {
    "none": lambda x, p0, p1: x,
    "relu": lambda x, p0, p1: np.maximum(x, 0),
    "clip": lambda x, p0, p1: np.minimum(np.maximum(x, p0), p1),
    "leaky_relu": lambda x, p0, p1: np.where(x < 0, p0 * x, x),
    "hard_sigmoid": lambda x, p0, p1: np.minimum(np.maximum(p0 * x + p1, 0), 1),
    "hard_swish": lambda x, p0, p1: x * np.minimum(np.maximum(x / 6 + 0.5, 0), 1),
    "sigmoid": lambda x, p0, p1: _sigmoid(x),
    "silu": lambda x, p0, p1: x * _sigmoid(x),
    "tanh": lambda x, p0, p1: np.tanh(x),
    "gelu": lambda x, p0, p1: x / 2 * (1 + erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x, p0, p1: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "elu": lambda x, p0, p1: np.where(x < 0, p0 * np.expm1(np.minimum(x, 0)), x),
    "softplus": lambda x, p0, p1: np.logaddexp(0, x),
}
"""What a kernel can apply to its result before it is written."""
