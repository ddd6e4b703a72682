"""Which variants a bundle keeps, and in which order: by what was measured, not by rule."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from packager.manifest import first_visit_bytes
from packager.options import GPU_TARGETS

if TYPE_CHECKING:
    from collections.abc import Collection

    from packager._manifest_types import Manifest, Measured, Variant

Device = Literal["cpu", "gpu", "software-gpu"]

# Differences to the reference below this are the order of additions, and no reason to prefer anything.
_NEGLIGIBLE = 1e-4
# Speeds that differ by less than this share are the same: machines are noisy. Then fewer bytes are better.
_NOISE = 0.05


def measured(runner: str, device: Device, threads: int, times: list[float]) -> Measured:
    """What the manifest keeps of a variant's rounds, ``times`` in milliseconds."""
    return {
        "runner": runner,
        "device": device,
        "threads": threads,
        "rounds": len(times),
        "median_ms": round(median(times), 3),
    }


def choose(manifest: Manifest, asked: Collection[str] = ()) -> tuple[list[Variant], list[str]]:
    """The variants that stay, the best first, and a sentence for each that goes.

    One goes when another for the same kind of device is at least as good in bytes of a first visit, in speed and in
    agreement, and better in one of them; those that were ``asked`` for by id stay. The faster come first; of those as fast,
    the smaller. Times of a graphics card that is none say nothing of real ones, so that such variants come last. Variants
    that were not measured beside each other all stay, as they are.
    """
    variants = manifest["variants"]
    cpu = [variant for variant in variants if variant["target"] not in GPU_TARGETS]
    gpu = [variant for variant in variants if variant["target"] in GPU_TARGETS]
    kept: list[Variant] = []
    notes: list[str] = []
    for group in (cpu, gpu):
        stay, gone = _compete(manifest, group, asked)
        kept += stay
        notes += gone
    real = [variant for variant in kept if _device(variant) != "software-gpu"]
    if all("measured" in variant for variant in real):
        kept = [*_ranked(manifest, real), *(variant for variant in kept if variant not in real)]
    return kept, notes


def _device(variant: Variant) -> Device | None:
    return variant["measured"].get("device", "cpu") if "measured" in variant else None


def _compete(manifest: Manifest, variants: list[Variant], asked: Collection[str]) -> tuple[list[Variant], list[str]]:
    if len(variants) < 2 or not all("measured" in variant for variant in variants):
        return variants, []
    ordered = _ranked(manifest, variants)
    speeds = _speeds(variants)
    marks = {variant["id"]: _marks(manifest, variant, speeds[variant["id"]]) for variant in variants}
    kept: list[Variant] = []
    notes = []
    for variant in ordered:
        better = next((other for other in kept if _beats(marks[other["id"]], marks[variant["id"]])), None)
        if better is None or variant["id"] in asked:
            kept.append(variant)
        else:
            notes.append(_note(manifest, variant, better))
    return kept, notes


def _ranked(manifest: Manifest, variants: list[Variant]) -> list[Variant]:
    speeds = _speeds(variants)

    def rank(variant: Variant) -> tuple[float, int, float]:
        return speeds[variant["id"]], _bytes(manifest, variant), variant["measured"]["median_ms"]

    return sorted(variants, key=rank)


def _speeds(variants: list[Variant]) -> dict[str, float]:
    """Milliseconds by id; those that are as fast have the same."""
    speeds: dict[str, float] = {}
    level = 0.0
    for variant in sorted(variants, key=lambda variant: variant["measured"]["median_ms"]):
        taken = variant["measured"]["median_ms"]
        if taken > level * (1 + _NOISE):
            level = taken
        speeds[variant["id"]] = level
    return speeds


def _bytes(manifest: Manifest, variant: Variant) -> int:
    return sum(first_visit_bytes(manifest, variant).values())


def _marks(manifest: Manifest, variant: Variant, speed: float) -> tuple[float, ...]:
    """Less is better in each: bytes, milliseconds, difference."""
    worst = max(output["relative"] for output in variant["parity"]["outputs"])
    return _bytes(manifest, variant), speed, worst if worst > _NEGLIGIBLE else 0.0


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _note(manifest: Manifest, variant: Variant, better: Variant) -> str:
    speed: Any = variant["measured"]["median_ms"]
    return (
        f"{variant['id']} was left out: {better['id']} takes {better['measured']['median_ms']:.3g} ms a run instead of "
        f"{speed:.3g} and {_bytes(manifest, better) / 1e6:.1f} MB for a first visit instead of "
        f"{_bytes(manifest, variant) / 1e6:.1f}."
    )
