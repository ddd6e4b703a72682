"""Scores to the best classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from packager._manifest_types import ClassificationPostprocess


@dataclass(frozen=True)
class Classification:
    """One class and how sure the model is of it."""

    index: int
    label: str
    score: float


def classify(
    output: NDArray[np.floating], spec: ClassificationPostprocess, labels: Sequence[str] | None
) -> list[Classification]:
    """Return the ``top_k`` best classes of one picture, best first; of equals the lower index comes first.

    ``output`` is float16, float32 or float64 with one entry a class; every dimension but one is 1. Without ``labels`` a
    class is called by its index. Classes are ranked by the output itself, which the activations do not reorder.

    Raises InputError when ``output`` is something else, or when there are not as many labels as classes.
    """
    if not np.issubdtype(output.dtype, np.floating) or sum(dim != 1 for dim in output.shape) > 1 or output.size == 0:
        raise InputError(
            f"Classes are read from floating-point numbers of one picture, not from {output.dtype} {list(output.shape)}.",
            where=spec["output"],
        )
    values = output.astype(np.float64).ravel()
    if labels is not None and len(labels) != values.size:
        raise InputError(
            f"There are {len(labels)} labels for {values.size} classes.",
            where=spec["output"],
            remedy="Give one label for each class.",
        )
    with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN give what they give in the page
        scores = _activate(values, spec["activation"])
    best = np.argsort(-values, kind="stable")[: spec["top_k"]].tolist()  # NaN sorts last
    return [Classification(index, str(index) if labels is None else labels[index], float(scores[index])) for index in best]


def _activate(values: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    if activation == "softmax":
        powers = np.exp(values - values.max())
        return np.asarray(powers / powers.sum())
    if activation == "sigmoid":
        # The exponential never sees a positive number, so it cannot overflow.
        powers = np.exp(-np.abs(values))
        return np.where(values >= 0, 1.0, powers) / (1.0 + powers)
    return values
