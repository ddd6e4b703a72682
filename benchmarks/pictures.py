"""The plots of a comparison: inference times as multiples of native's, and the way to the first answer in milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.contenders import NATIVE, NATIVE_ONE_THREAD, THREADS
from packager.bench import plots

if TYPE_CHECKING:
    from benchmarks.results import Results, WorkloadResult
    from packager.bench.plots import Point
    from packager.bench.stats import Estimate


def draw(found: Results) -> dict[str, str]:
    """SVG by the name of its file."""
    drawn = {}
    for name, workload in found["workloads"].items():
        steady = _steady(workload)
        if steady:
            title = f"{workload['title']}: times native onnxruntime with as many threads"
            drawn[f"compare-steady-{name}.svg"] = plots.points(steady, title=title, unit="times native", line=1)
        visits = _visits(workload)
        if visits:
            title = f"{workload['title']}: from navigation to the first answer"
            drawn[f"compare-visits-{name}.svg"] = plots.points(visits, title=title, unit="ms")
    return drawn


def _steady(workload: WorkloadResult) -> dict[str, list[Point]]:
    groups = {}
    for threads in THREADS:
        members = [
            _point(contender["title"], ratio)
            for name, contender in workload["contenders"].items()
            if name not in (NATIVE, NATIVE_ONE_THREAD) and (ratio := figures.to_native(workload, name, threads))
        ]
        if members:
            groups["1 thread" if threads == 1 else f"{threads} threads"] = members
    return groups


def _visits(workload: WorkloadResult) -> dict[str, list[Point]]:
    kinds: tuple[tuple[figures.Kind, str], ...] = (("cold", "first visit"), ("warm", "return visit"))
    groups = {}
    for kind, title in kinds:
        members = [
            _point(contender["title"], span)
            for contender in workload["contenders"].values()
            if (span := figures.span(contender, kind, "first"))
        ]
        if members:
            groups[title] = members
    return groups


def _point(label: str, figure: Estimate) -> Point:
    return plots.Point(label, figure.value, figure.low, figure.high)
