"""Phases: whatever the spans, the critical path covers the visit once and without gaps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.bench.phases import PHASES, Span, critical, partition, spans

NAMES = ["worker-start", "manifest", "engine-download", "engine-start", "warm-up", "download", "decode", "verify", "cache-read",
         "cache-write", "task", "session", "first-run"]  # fmt: skip


def span(name: str, start: float, end: float, shard: str | None = None) -> dict[str, Any]:
    return {"name": name, "start": start, "end": end, **({"shard": shard} if shard else {})}


@st.composite
def traces(draw: st.DrawFn) -> tuple[list[dict[str, Any]], float, float]:
    """Any spans at all, even of orders that no load has: trace, offset, end."""
    bounds = st.floats(0, 1000).map(lambda value: round(value, 2))
    found = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=20)):
        start, end = sorted((draw(bounds), draw(bounds)))
        found.append(span(name, start, end, draw(st.sampled_from([None, "a", "b", "engine"]))))
    offset = draw(st.sampled_from([0.0, 250.0]))
    return found, offset, offset + draw(st.floats(1, 1200))


@given(traces())
def test_the_path_covers_the_visit_once(made: tuple[list[dict[str, Any]], float, float]) -> None:
    trace, offset, end = made
    path = critical(spans(trace, offset=offset, end=end, engine=["engine"]), end)
    assert path[0].start == 0.0
    assert path[-1].end == end
    assert all(before.end == after.start for before, after in pairwise(path))
    assert {step.phase for step in path} <= set(PHASES)


@given(traces())
def test_phases_add_up_to_the_total(made: tuple[list[dict[str, Any]], float, float]) -> None:
    trace, offset, end = made
    parts = partition(spans(trace, offset=offset, end=end, engine=["engine"]), end)
    assert tuple(parts) == PHASES
    assert sum(parts.values()) == pytest.approx(end)
    assert all(value >= 0 for value in parts.values())


LOAD = [
    span("worker-start", 100, 150),
    span("manifest", 150, 170),
    span("engine-download", 180, 400),
    span("download", 180, 380, "engine"),
    span("download", 181, 500, "w1"),
    span("decode", 500, 510, "w1"),
    span("verify", 510, 520, "w1"),
    span("engine-start", 400, 450),
    span("cache-write", 400, 700, "engine"),
    span("session", 520, 600),
    span("first-run", 610, 640),
]


def test_a_visit_waits_for_what_ended_last() -> None:
    """The weights came after the engine had started, so the engine's start cost nothing; a slower one would have."""
    parts = partition(spans(LOAD, offset=0, end=660, engine=["engine"]), 660)
    assert {name: value for name, value in parts.items() if value} == pytest.approx(
        {
            "shell": 100, "worker start": 50, "manifest": 20, "choose": 10, "shards download": 319, "decode": 10, "verify": 10,
            "load": 80, "input": 10, "first run": 30, "show": 20, "page": 1,
        }
    )  # fmt: skip
    slower = [*(each for each in LOAD if each["name"] != "engine-start"), span("engine-start", 400, 519.9)]
    slower = [{**each, "end": 505} if each["name"] in ("decode", "verify") else each for each in slower]
    parts = partition(spans(slower, offset=0, end=660, engine=["engine"]), 660)
    assert parts["engine start"] == pytest.approx(119.9)
    assert parts["engine download"] == pytest.approx(220)
    assert parts["shards download"] == 0


def test_a_reload_is_a_phase_of_its_own() -> None:
    parts = partition(spans(LOAD, offset=300, end=960, engine=["engine"]), 960)
    assert parts["reload"] == 300
    assert sum(parts.values()) == pytest.approx(960)


def test_shards_have_lines_and_the_engine_has_one() -> None:
    rows = {found.row for found in spans(LOAD, offset=0, end=660, engine=["engine"])}
    assert rows == {"page", "worker", "engine download", "engine start", "shard 1", "session", "storing"}


def test_nothing_known_is_the_page() -> None:
    assert critical([], 100) == [Span("page", "page", 0.0, 100)]
