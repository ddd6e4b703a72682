"""Model output to one vector a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from packager._manifest_types import EmbeddingPostprocess


def embed(
    output: NDArray[np.floating], mask: NDArray[np.int64] | None, spec: EmbeddingPostprocess
) -> list[NDArray[np.float32]]:
    """Return one ``float32 [size]`` vector for each text.

    ``output`` is ``[texts, tokens, size]``, or ``[texts, size]`` where the pooling is none; ``mask`` is ``[texts, tokens]``,
    not zero where a token counts, and None when all do. A text of which no token counts, and a vector of length zero, stay
    zero.

    Raises InputError when the shapes are others.
    """
    rank = 2 if spec["pooling"] == "none" else 3
    if not np.issubdtype(output.dtype, np.floating) or output.ndim != rank or (rank == 3 and output.shape[1] == 0):
        raise InputError(
            f"Pooling {spec['pooling']} takes floating-point numbers of rank {rank}, not {output.dtype} {list(output.shape)}.",
            where=spec["output"],
        )
    if spec["pooling"] == "mean" and mask is not None and mask.shape != output.shape[:2]:
        raise InputError(f"The mask is {list(mask.shape)} for an output {list(output.shape)}.", where=spec["output"])
    with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN give what they give in the page
        vectors = _pool(output.astype(np.float64), mask, spec["pooling"])
        if spec["normalize"]:
            norms = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
            vectors = vectors / np.where(norms == 0, 1.0, norms)
        return list(vectors.astype(np.float32))


def _pool(output: NDArray[np.float64], mask: NDArray[np.int64] | None, pooling: str) -> NDArray[np.float64]:
    if pooling == "none":
        return output
    if pooling == "cls":
        return output[:, 0]
    counted = np.ones(output.shape[:2], bool) if mask is None else mask != 0
    sums = np.where(counted[:, :, np.newaxis], output, 0.0).sum(axis=1)
    return np.asarray(sums / np.maximum(counted.sum(axis=1, keepdims=True), 1))
