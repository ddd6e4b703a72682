"""Model outputs, and the classes and vectors that exact arithmetic makes of them."""

from __future__ import annotations

import base64
import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def classifications() -> dict[str, Any]:
    """Return cases of output, postprocess, labels and the best classes."""
    draw = random.Random(7)
    cases = []

    def add(values: Sequence[float], activation: str, top_k: int, dtype: str = "float32", **rest: Any) -> None:
        array = np.array(values, dtype)
        dims, labels = rest.get("dims", [1, len(values)]), rest.get("labels")
        scores = _scores(array.astype(float).tolist(), activation)
        best = sorted(range(len(values)), key=lambda index: (-float(array[index]), index))[:top_k]
        cases.append(
            {
                "output": _tensor(array, dims),
                "postprocess": {"output": "y", "activation": activation, "top_k": top_k, "labels": None},
                "labels": labels,
                "best": [{"index": i, "label": labels[i] if labels else str(i), "score": scores[i]} for i in best],
            }
        )

    logits = [draw.gauss(0, 4) for _ in range(40)]
    for activation in ("softmax", "sigmoid", "none"):
        for dtype in ("float16", "float32", "float64"):
            add(logits, activation, 5, dtype)
        add([2.0, 5.0, 5.0, -1.0, 5.0, 2.0], activation, 6)  # equals keep their order
        add([-1e4, 1e4, 0.0, 1e4 - 1, -0.0], activation, 4)  # far apart: some scores are 0 or 1
        add([65504.0, -65504.0, 6e-8, -6e-8, 6.1e-5, 0.0], activation, 6, "float16")  # the largest and least of half precision
        add([1e300, -1e300, 5e-324], activation, 3, "float64")
    add([3.0], "softmax", 5)
    add([0.5, 0.25, 2.0], "softmax", 10, dims=[1, 3, 1, 1])
    add([0.5, 0.25, 2.0], "none", 2, dims=[3], labels=["Katze", "犬", ""])
    return {"cases": cases}


def _scores(values: list[float], activation: str) -> list[float]:
    if activation == "softmax":
        powers = [math.exp(value - max(values)) for value in values]
        return [power / math.fsum(powers) for power in powers]
    if activation == "sigmoid":
        return [1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in values]
    return values


def embeddings() -> dict[str, Any]:
    """Return cases of output, mask, postprocess and the vectors."""
    draw = random.Random(11)
    cases = []

    def add(
        dims: list[int],
        pooling: str,
        normalize: bool,
        mask: list[list[int]] | None = None,
        dtype: str = "float32",
        scale: float = 1.0,
    ) -> None:
        array = np.array([draw.gauss(0, scale) for _ in range(math.prod(dims))]).astype(dtype)
        rows = array.astype(float).reshape(dims).tolist()
        cases.append(
            {
                "output": _tensor(array, dims),
                "mask": mask,
                "postprocess": {"output": "y", "pooling": pooling, "normalize": normalize},
                "vectors": [_vector(row, mask[i] if mask else None, pooling, normalize) for i, row in enumerate(rows)],
            }
        )

    for normalize in (True, False):
        for dtype in ("float16", "float32"):
            add([3, 4, 5], "mean", normalize, [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 1]], dtype)
        add([2, 3, 4], "mean", normalize)
        add([2, 3, 4], "mean", normalize, [[0, 0, 0], [1, 0, 2]])  # no token counts; any other number does
        add([2, 3, 4], "cls", normalize, [[1, 1, 1], [0, 0, 0]])
        add([3, 6], "none", normalize)
        add([2, 2, 3], "mean", normalize, scale=1e30)
        add([2, 2, 3], "mean", normalize, scale=0.0)
    return {"cases": cases}


def _vector(row: Any, mask: list[int] | None, pooling: str, normalize: bool) -> list[float]:
    if pooling == "mean":
        tokens = [token for token, counts in zip(row, mask or [1] * len(row), strict=True) if counts]
        vector = [math.fsum(column) / len(tokens) for column in zip(*tokens, strict=True)] or [0.0] * len(row[0])
    else:
        vector = row[0] if pooling == "cls" else row
    norm = math.sqrt(math.fsum(value * value for value in vector))
    return [float(np.float32(value / norm if normalize and norm else value)) for value in vector]


def _tensor(array: np.ndarray, dims: list[int]) -> dict[str, Any]:
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"dtype": str(array.dtype), "dims": dims, "data": base64.b64encode(data).decode()}
