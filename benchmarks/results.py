"""What a comparison writes down: every sample, as plain JSON, and how it is read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.agreement import Agreement

FORMAT = "packager-comparison-1"

Rounds = list[list[float]]


class VisitSample(TypedDict):
    """One visit: marks in milliseconds since the navigation began, bytes and requests that the server sent."""

    round: int
    marks: dict[str, float]
    bytes: int
    requests: int


class ContenderResult(TypedDict):
    """All of a contender on a workload; ``steady`` and ``memory`` by number of threads, as text."""

    title: str
    info: dict[str, Any]
    agreement: Agreement | None
    cold: list[VisitSample]
    warm: list[VisitSample]
    steady: dict[str, Rounds]
    memory: dict[str, int]


class WorkloadResult(TypedDict):
    """Contenders by id, and for the others why there is nothing."""

    title: str
    model: str
    contenders: dict[str, ContenderResult]
    absent: dict[str, str]


class Results(TypedDict):
    """A whole comparison."""

    format: str
    machine: dict[str, str]
    versions: dict[str, str]
    empty_page_bytes: int
    seconds: float
    workloads: dict[str, WorkloadResult]


def unaccounted(found: Results, peers: Iterable[str]) -> list[str]:
    """Pairs of workload and peer that were neither measured nor given a reason; there must be none."""
    names = list(peers)
    return [
        f"{name} on {place}"
        for place, workload in found["workloads"].items()
        for name in names
        if name not in workload["absent"] and not workload["contenders"].get(name, contender_result(""))["steady"]
    ]


def contender_result(title: str) -> ContenderResult:
    """One without any sample yet."""
    return {
        "title": title, "info": {}, "agreement": None, "cold": [], "warm": [], "steady": {}, "memory": {},
    }  # fmt: skip


def write(results: Results, path: Path) -> None:
    """Writes the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results), encoding="utf-8")
    part.replace(path)


def read(path: Path) -> Results:
    """Raises InputError where the file holds no comparison."""
    try:
        found: Results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The results cannot be read: {error}.", where=str(path)) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError("This is no file of results of scripts/compare.", where=str(path))
    return found
