"""Every operator of the first set over generated cases: the engine in Chromium against native onnxruntime."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

from packager.lower import compile  # noqa: A004
from packager.readers import read
from tests.lower.graphs import agree, expected

from .engine import BrowserEngine, Case, browser_engine
from .engine_graphs import network
from .generated import GENERATED, generated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import onnx
    from playwright.sync_api import Browser

    from packager.model import Model


@pytest.fixture(scope="module", params=["relaxed", "simd128-threads"])
def engine(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserEngine]:
    with browser_engine(browser, request.param, threads=2) as started:
        yield started


@pytest.mark.parametrize("op", sorted(GENERATED))
def test_the_engine_agrees_with_onnxruntime(op: str, engine: BrowserEngine) -> None:
    made = generated(op)
    compiled = [compile(entry.model) for entry in made]
    cases = [Case(plan.document, b"".join(plan.weights), entry.feeds) for plan, entry in zip(compiled, made, strict=True)]
    for result, entry in zip(engine.run(cases), made, strict=True):
        assert not result.error, result.message
        agree(result.outputs, expected(entry.model, entry.feeds), entry.tolerance)


@pytest.mark.parametrize("how", ["dynamic", "static", "operators"])
def test_networks_that_onnxruntime_quantised_agree(how: str, engine: BrowserEngine, tmp_path: Path) -> None:
    """Steps of the codes are what both compute; a place that falls to the other step may differ by it."""
    for seed, kind in itertools.product(range(6), ("images", "sequences")):
        made = network(seed, kind)
        model = quantised(made.model.proto, made.feeds, how, tmp_path)
        plan = compile(model)
        (result,) = engine.run([Case(plan.document, b"".join(plan.weights), made.feeds)])
        assert not result.error, f"{seed}: {result.message}"
        agree(result.outputs, expected(model, made.feeds), 0.02)


def quantised(proto: onnx.ModelProto, feeds: dict[str, np.ndarray], how: str, folder: Path) -> Model:
    class Feeds(CalibrationDataReader):
        left = iter([feeds])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.left, None)

    path = folder / "quantised.onnx"
    if how == "dynamic":
        quantize_dynamic(proto, path)
    else:
        form = QuantFormat.QOperator if how == "operators" else QuantFormat.QDQ
        quantize_static(proto, path, Feeds(), quant_format=form, per_channel=True)
    return read(path)


@pytest.mark.parametrize("kind", ["images", "sequences"])
def test_networks_put_together_by_chance_agree(kind: str, engine: BrowserEngine) -> None:
    made = [network(seed, kind) for seed in range(200)]
    compiled = [compile(entry.model) for entry in made]
    cases = [Case(plan.document, b"".join(plan.weights), entry.feeds) for plan, entry in zip(compiled, made, strict=True)]
    for seed, (result, entry) in enumerate(zip(engine.run(cases), made, strict=True)):
        assert not result.error, f"{seed}: {result.message}"
        agree(result.outputs, expected(entry.model, entry.feeds), entry.tolerance)
