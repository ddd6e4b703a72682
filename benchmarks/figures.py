"""What the samples say: medians and ratios with their intervals. Pure; every ratio is taken within a round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.contenders import NATIVE, NATIVE_ONE_THREAD
from packager.bench import stats

if TYPE_CHECKING:
    from benchmarks.results import ContenderResult, Rounds, WorkloadResult
    from packager.bench.stats import Estimate

Kind = Literal["cold", "warm"]
Span = Literal["first", "ready", "run"]

_ENDS: dict[Span, tuple[str, str]] = {
    "first": ("navigation", "first"),
    "ready": ("downloaded", "ready"),
    "run": ("ready", "first"),
}


def latency(contender: ContenderResult, threads: int) -> Estimate | None:
    """Median of an inference in milliseconds."""
    rounds = contender["steady"].get(str(threads))
    return stats.median(rounds) if rounds else None


def to_native(workload: WorkloadResult, name: str, threads: int) -> Estimate | None:
    """How many times as long as native onnxruntime with as many threads, in the same rounds."""
    return _paired(_rounds(workload, name, threads), _rounds(workload, NATIVE, threads))


def faster(workload: WorkloadResult, name: str, other: str, threads: int) -> Estimate | None:
    """How many times as fast ``name`` is as ``other`` with as many threads, in the same rounds."""
    return _paired(_rounds(workload, other, threads), _rounds(workload, name, threads))


def gain(workload: WorkloadResult, name: str) -> Estimate | None:
    """How many times as fast two threads are as one.

    The two were measured one after the other, each beside native onnxruntime with one thread, which takes the drift out.
    """
    anchor = NATIVE if name in (NATIVE, NATIVE_ONE_THREAD) else name
    before = _ratios(_rounds(workload, anchor, 1), _rounds(workload, NATIVE, 1))
    after = _ratios(_rounds(workload, anchor, 2), _rounds(workload, NATIVE_ONE_THREAD, 2))
    return stats.change(stats.median(after), stats.median(before)) if before and after else None


def span(contender: ContenderResult, kind: Kind, of: Span) -> Estimate | None:
    """Milliseconds of a visit.

    To the ``first`` answer since the navigation, until ``ready`` since the last byte was there, or of the first ``run``.
    """
    values = [[value] for _, value in _spans(contender, kind, of)]
    return stats.median(values) if values else None


def sooner(workload: WorkloadResult, name: str, other: str, kind: Kind, of: Span = "first") -> Estimate | None:
    """How many times as soon ``name`` is there as ``other``, visit by visit."""
    if name not in workload["contenders"] or other not in workload["contenders"]:
        return None
    mine = dict(_spans(workload["contenders"][name], kind, of))
    pairs = [(theirs, mine[number]) for number, theirs in _spans(workload["contenders"][other], kind, of) if number in mine]
    return _paired([[above] for above, _ in pairs], [[below] for _, below in pairs])


@dataclass(frozen=True)
class Wire:
    """Median of what a visit fetched."""

    bytes: int
    requests: int


def wire(contender: ContenderResult, kind: Kind) -> Wire | None:
    """Bytes and requests of a visit."""
    visits = contender[kind]
    if not visits:
        return None
    middle = len(visits) // 2
    return Wire(sorted(v["bytes"] for v in visits)[middle], sorted(v["requests"] for v in visits)[middle])


def _spans(contender: ContenderResult, kind: Kind, of: Span) -> list[tuple[int, float]]:
    start, end = _ENDS[of]
    return [(v["round"], v["marks"][end] - v["marks"].get(start, 0)) for v in contender[kind]]


def _rounds(workload: WorkloadResult, name: str, threads: int) -> Rounds:
    contender = workload["contenders"].get(name)
    return contender["steady"].get(str(threads), []) if contender else []


def _ratios(numerator: Rounds, denominator: Rounds) -> list[list[float]]:
    return [[ratio] for ratio in stats.round_ratios(numerator, denominator)]


def _paired(numerator: Rounds, denominator: Rounds) -> Estimate | None:
    ratios = _ratios(numerator, denominator)
    return stats.median(ratios) if ratios else None
