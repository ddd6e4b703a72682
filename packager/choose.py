"""Which variants a bundle keeps, and in which order: by what was measured, not by rule."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from packager.manifest import first_visit_bytes

if TYPE_CHECKING:
    from packager._manifest_types import Manifest, Measured, Variant

# Differences to the reference below this share of the tolerance are the order of additions, and no reason to prefer anything.
_NEGLIGIBLE = 0.1


def measured(runner: str, threads: int, times: list[float]) -> Measured:
    """What the manifest keeps of a variant's rounds, ``times`` in milliseconds."""
    return {"runner": runner, "threads": threads, "rounds": len(times), "median_ms": round(median(times), 3)}


def choose(manifest: Manifest) -> tuple[list[Variant], list[str]]:
    """The variants that stay, the fastest first, and a sentence for each that goes.

    One goes when another is at least as good in bytes of a first visit, in speed and in agreement, and better in one of them.
    Variants that were not measured beside each other all stay, as they are.
    """
    variants = manifest["variants"]
    if len(variants) < 2 or not all("measured" in variant for variant in variants):
        return variants, []
    ordered = sorted(variants, key=_speed)
    marks = {variant["id"]: _marks(manifest, variant) for variant in ordered}
    kept: list[Variant] = []
    notes = []
    for variant in ordered:
        better = next((other for other in kept if _beats(marks[other["id"]], marks[variant["id"]])), None)
        if better is None:
            kept.append(variant)
        else:
            notes.append(_note(variant, better, marks))
    return kept, notes


def _speed(variant: Variant) -> float:
    return variant["measured"]["median_ms"]


def _marks(manifest: Manifest, variant: Variant) -> tuple[float, ...]:
    """Less is better in each: bytes, milliseconds, difference."""
    worst = max(output["relative"] for output in variant["parity"]["outputs"])
    difference = worst if worst > _NEGLIGIBLE * variant["parity"]["tolerance"] else 0.0
    return sum(first_visit_bytes(manifest, variant).values()), _speed(variant), difference


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _note(variant: Variant, better: Variant, marks: dict[str, Any]) -> str:
    bytes_, speed, _ = marks[variant["id"]]
    better_bytes, better_speed, _ = marks[better["id"]]
    return (
        f"{variant['id']} was left out: {better['id']} takes {better_speed:.3g} ms a run instead of {speed:.3g} and "
        f"{better_bytes / 1e6:.1f} MB for a first visit instead of {bytes_ / 1e6:.1f}."
    )
