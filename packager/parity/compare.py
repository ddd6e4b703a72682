"""How far two sets of outputs are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from packager.errors import ParityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager._manifest_types import OutputParity, Signature
    from packager.model import Tensors


@dataclass(frozen=True)
class Agreement:
    """Figures for each output over all samples, in the signature's order."""

    outputs: list[OutputParity]

    @property
    def worst(self) -> OutputParity:
        """The output with the largest relative difference."""
        return max(self.outputs, key=lambda output: output["relative"])

    def hold(self, tolerance: float, variant: str) -> None:
        """Raises ParityError where an output differs by more than ``tolerance`` of the reference's largest value."""
        worst = self.worst
        if worst["relative"] > tolerance:
            raise ParityError(
                f"The output '{worst['name']}' differs from the original model's by up to {worst['max_abs']:.3g}, which is "
                f"{worst['relative']:.3g} of its largest value; the tolerance is {tolerance:g}.",
                where=f"variant {variant}",
                remedy="Nothing was written. If this difference is acceptable, allow it with --tolerance.",
            )

    def hold_classes(self, output: str, variant: str) -> None:
        """Raises ParityError where the largest value of this output is another one for some sample."""
        for figures in self.outputs:
            if figures["name"] == output and figures["top1"] is not None and figures["top1"] < 1:
                raise ParityError(
                    f"It gives {1 - figures['top1']:.0%} of the samples another class than the original model.",
                    where=f"variant {variant}",
                    remedy="Nothing was written. If this is acceptable, ask for its precision by name.",
                )


def compare(
    signature: Signature,
    reference: list[Tensors],
    variant: list[Tensors],
    where: str,
    masks: Sequence[np.ndarray] | None = None,
    *,
    ranks: bool = True,
) -> Agreement:
    """Figures of ``variant`` against ``reference``: lists of outputs by name, one entry a sample.

    Differences are absolute; ``relative`` divides by the largest absolute value of the reference over all samples. Positions
    that are not finite must be the same on both sides. ``masks``, one a sample and [batch, tokens], have 0 where a token is
    padding: what an output [batch, tokens, ...] holds there means nothing and is not compared. ``ranks`` says whether the
    largest value of an output's last axis is an answer, so that ``top1`` is worth telling. Raises ParityError for another
    shape or another position that is not finite.
    """
    shown = [None] * len(reference) if masks is None else masks
    outputs = []
    for entry in signature["outputs"]:
        name = entry["name"]
        figures = _output(name, [run[name] for run in reference], [run[name] for run in variant], shown, where)
        outputs.append(figures if ranks else {**figures, "top1": None})
    return Agreement(outputs)


def _output(
    name: str, expected: list[np.ndarray], actual: list[np.ndarray], masks: Sequence[np.ndarray | None], where: str
) -> OutputParity:
    max_abs, scale, cosine = 0.0, 0.0, 1.0
    rows, same = 0, 0
    for given, made, mask in zip(expected, actual, masks, strict=True):
        want, have = given, made
        if want.shape != have.shape:
            raise ParityError(
                f"The output '{name}' has the shape {list(have.shape)} instead of {list(want.shape)}.", where=where
            )
        if mask is not None and want.shape[:2] == mask.shape:
            want, have = want[mask != 0], have[mask != 0]
        a, b = _finite(name, want, have, where)
        if a.size:
            max_abs = max(max_abs, float(np.abs(a - b).max()))
            scale = max(scale, float(np.abs(a).max()))
            cosine = min(cosine, _cosine(a, b))
        if want.dtype.kind == "f" and want.ndim > 0 and want.shape[-1] > 1 and want.size:
            last = want.shape[-1]
            agree = a.reshape(-1, last).argmax(1) == b.reshape(-1, last).argmax(1)
            rows, same = rows + agree.size, same + int(agree.sum())
    return {
        "name": name,
        "max_abs": max_abs,
        "relative": max_abs / scale if scale > 0 else max_abs,
        "cosine": cosine,
        "top1": same / rows if rows else None,
    }


def _finite(name: str, want: np.ndarray, have: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    a, b = want.astype(np.float64), have.astype(np.float64)
    odd = ~np.isfinite(a) | ~np.isfinite(b)
    if not np.array_equal(a[odd], b[odd], equal_nan=True):
        raise ParityError(
            f"The output '{name}' holds NaN or infinity where the original model's does not, or the reverse.",
            where=where,
        )
    a[odd] = b[odd] = 0
    return a, b


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    if norm == 0:
        return 1.0 if not a.any() and not b.any() else 0.0
    return min(1.0, max(-1.0, float((a * b).sum()) / norm))
