"""Where sizes, numbers and choices come from, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.lower.graphs import single

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model import Model

Arrays = dict[str, np.ndarray]
SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 33)


@dataclass
class Made:
    """A model, its inputs, and how near the answer must come, relative to the largest."""

    model: Model
    feeds: Arrays
    tolerance: float = 2e-5


@dataclass
class Chance:
    """Where sizes, numbers and choices come from."""

    seed: int
    random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def pick(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def size(self, *sizes: int) -> int:
        return int(self.pick(sizes or SIZES))

    def maybe(self, share: float = 0.5) -> bool:
        return bool(self.random.random() < share)

    def shape(self, low: int = 0, high: int = 4, empty: float = 0.06) -> tuple[int, ...]:
        """Any shape; one dimension may be 0."""
        shape = [self.size() for _ in range(int(self.random.integers(low, high + 1)))]
        while int(np.prod(shape)) > 6000:
            shape[int(np.argmax(shape))] = 2
        if shape and self.maybe(empty):
            shape[int(self.random.integers(len(shape)))] = 0
        return tuple(shape)

    def spread(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasts to this one."""
        cut = shape[int(self.random.integers(len(shape) + 1)) :]
        return tuple(1 if self.maybe(0.4) else size for size in cut)

    def floats(self, shape: Sequence[int], low: float = -3.0, high: float = 3.0, odd: bool = False) -> np.ndarray:
        """float32; with ``odd`` some are infinite, no number, huge, tiny or a zero with a sign."""
        array = self.random.uniform(low, high, tuple(shape)).astype(np.float32)
        if odd and array.size:
            strange = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, 88.0, -104.0, 0.5, -2.5], np.float32)
            at = self.random.random(array.shape) < 0.3
            array[at] = self.random.choice(strange, int(at.sum()))
        return array

    def ints(self, shape: Sequence[int], low: int = -9, high: int = 10, dtype: str = "int64") -> np.ndarray:
        return self.random.integers(low, high, tuple(shape)).astype(dtype)

    def made(self, op: str, feeds: Arrays, weights: Arrays | None = None, tolerance: float = 2e-5, **options: Any) -> Made:
        """One node; its dimensions are symbols half of the time."""
        symbolic = options.pop("symbolic", self.maybe())
        return Made(single(op, feeds, weights, symbolic=symbolic, **options), feeds, tolerance)
