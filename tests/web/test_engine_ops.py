"""Every operator of the first set over generated cases: the engine in Chromium against native onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.lower import compile  # noqa: A004
from tests.lower.graphs import agree, expected

from .engine import BrowserEngine, Case, browser_engine
from .engine_graphs import network
from .generated import GENERATED, generated

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=["relaxed", "simd128-threads"])
def engine(request: pytest.FixtureRequest) -> Iterator[BrowserEngine]:
    with browser_engine(request.param, threads=2) as started:
        yield started


@pytest.mark.parametrize("op", sorted(GENERATED))
def test_the_engine_agrees_with_onnxruntime(op: str, engine: BrowserEngine) -> None:
    made = generated(op)
    compiled = [compile(entry.model) for entry in made]
    cases = [Case(plan.document, b"".join(plan.weights), entry.feeds) for plan, entry in zip(compiled, made, strict=True)]
    for result, entry in zip(engine.run(cases), made, strict=True):
        assert not result.error, result.message
        agree(result.outputs, expected(entry.model, entry.feeds), entry.tolerance)


@pytest.mark.parametrize("kind", ["images", "sequences"])
def test_networks_put_together_by_chance_agree(kind: str, engine: BrowserEngine) -> None:
    made = [network(seed, kind) for seed in range(200)]
    compiled = [compile(entry.model) for entry in made]
    cases = [Case(plan.document, b"".join(plan.weights), entry.feeds) for plan, entry in zip(compiled, made, strict=True)]
    for seed, (result, entry) in enumerate(zip(engine.run(cases), made, strict=True)):
        assert not result.error, f"{seed}: {result.message}"
        agree(result.outputs, expected(entry.model, entry.feeds), entry.tolerance)
