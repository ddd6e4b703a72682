"""The target webgl in Chromium on a software GPU, against native onnxruntime; and what is said where there is no GPU."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from packager import BuildOptions, build
from packager.lower.tensorflow import cover
from packager.targets.webgl import lower
from tests.lower.graphs import agree, expected, model, node, random, single
from tests.lower.test_tensorflow import small

from .engine_graphs import network
from .generated import generated
from .server import Host
from .webgl import Case, WebglEngine, is_plain, webgl_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from .bundles import Bundle

# Those whose nodes are more than one of the same name. `python -m scripts.webgl_coverage` runs all.
_TELLING = (
    "ArgMax", "AveragePool", "Cast", "Conv", "ConvTranspose", "CumSum", "Div", "Einsum", "Elu", "Expand", "Gather", "Gelu",
    "GroupNormalization", "LayerNormalization", "LogSoftmax", "MatMul", "MaxPool", "Mod", "OneHot", "Pad", "QuantizeLinear",
    "ReduceL2", "ReduceLogSumExp", "Resize", "Slice", "TopK", "Transpose", "Trilu", "Where",
)  # fmt: skip
_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def engine(gpu_browser: Browser) -> Iterator[WebglEngine]:
    with webgl_engine(gpu_browser) as started:
        yield started


def test_operators_agree_with_onnxruntime(engine: WebglEngine) -> None:
    """One small case of each, in one page."""
    cases = {}
    for op in _TELLING:
        found = [made for made in generated(op, 1) if is_plain(made) and not cover(made.model)]
        cases[op] = min(found, key=lambda made: sum(array.size for array in made.feeds.values()))
    results = engine.run([Case(made.model, made.feeds) for made in cases.values()])
    for (op, made), result in zip(cases.items(), results, strict=True):
        assert not result.error, f"{op}: {result.message}"
        agree(result.outputs, expected(made.model, made.feeds), max(made.tolerance, _TOLERANCE))


@pytest.mark.parametrize("kind", ["images", "sequences"])
def test_networks_put_together_by_chance_agree(kind: str, engine: WebglEngine) -> None:
    made = [entry for entry in (network(seed, kind) for seed in range(6)) if not cover(entry.model)][:2]
    assert len(made) == 2
    for entry, result in zip(made, engine.run([Case(entry.model, entry.feeds) for entry in made]), strict=True):
        assert not result.error, result.message
        agree(result.outputs, expected(entry.model, entry.feeds), 1e-3)


def test_a_small_network_is_computed_by_the_gpu_in_every_precision(engine: WebglEngine) -> None:
    made = small(channels=128)
    feeds = {"images": random(2, 3, 16, 16)}
    fp32, fp16, int8 = engine.run([Case(made, feeds, precision=precision) for precision in ("fp32", "fp16", "int8")])
    for result, tolerance in ((fp32, _TOLERANCE), (fp16, 1e-2), (int8, 0.1)):
        assert not result.error, result.message
        agree(result.outputs, expected(made, feeds), tolerance)
        assert result.draws >= 5
    assert not np.array_equal(fp32.outputs["scores"], fp16.outputs["scores"])


def test_every_dtype_crosses_the_border_as_the_signature_says(engine: WebglEngine) -> None:
    dtypes = ("int64", "int32", "uint8", "bool", "float16")
    names = [f"x_{dtype}" for dtype in dtypes]
    made = model(
        [*(node("Identity", name, f"y_{name}") for name in names), node("Not", "x_bool", "y")],
        {name: (dtype, ["n"]) for name, dtype in zip(names, dtypes, strict=True)},
        {**{f"y_{name}": dtype for name, dtype in zip(names, dtypes, strict=True)}, "y": "bool"},
    )
    numbers = np.array([0, 1, 3, 200, 7])
    feeds = {name: numbers.astype(dtype) for name, dtype in zip(names, dtypes, strict=True)}
    feeds["x_int64"] = np.array([-(2**24), 2**24, 0, -1, 5])
    feeds["x_float16"] = np.array([6.1e-5, -6e-8, 65504, np.inf, 0.1], np.float16)
    (result,) = engine.run([Case(made, feeds)])
    assert not result.error, result.message
    agree(result.outputs, expected(made, feeds))


def test_inputs_that_do_not_fit_are_named(engine: WebglEngine) -> None:
    made = single("Add", {"x": random(2), "z": random(2)}, symbolic=True)
    whole = single("Neg", {"x": np.zeros(2, np.int64)})
    unequal, large = engine.run([
        Case(made, {"x": random(2), "z": random(3)}),
        Case(whole, {"x": np.array([0, 2**24 + 1])}),
    ])  # fmt: skip
    assert (unequal.error, large.error) == ("input-invalid", "input-invalid")
    assert "must be equal" in unequal.message
    assert 'The input "x" has the value 16777217.' in large.message


def test_a_graph_that_is_none_is_refused(engine: WebglEngine) -> None:
    made = single("Relu", {"x": random(40)})
    good = lower(made, 1 << 20, "fp32")
    document = json.loads(good.graph)
    document["topology"]["node"][-1]["op"] = "NoSuchOp"
    unknown = json.dumps(document).encode()
    broken = [b"{", b"{}", good.graph.replace(b'"version":1,"inputs"', b'"version":2,"inputs"'), unknown]
    results = engine.run([Case(made, {"x": random(40)}, replace(good, graph=graph)) for graph in broken])
    assert [result.error for result in results] == ["plan-invalid"] * 4
    assert "NoSuchOp" in results[3].message


def test_a_lost_context_is_said_to_be_lost(gpu_browser: Browser) -> None:
    made = single("Relu", {"x": random(400)})
    with webgl_engine(gpu_browser) as engine:
        lost, after = engine.run([Case(made, {"x": random(400)}, lose=lose) for lose in (True, False)])
    assert (lost.error, after.error) == ("engine-failed", "engine-failed")
    assert "context was lost" in lost.message
    assert "context was lost" in after.message


def test_a_browser_without_webgl_2_is_told(gpu_browser: Browser) -> None:
    with webgl_engine(gpu_browser, without=True) as engine:
        (result,) = engine.run([Case(single("Relu", {"x": random(4)}), {"x": random(4)})])
    assert (result.error, result.message) == ("engine-failed", "This browser has no WebGL 2 in a worker.")


_LOAD = """async () => {
  const { load } = await import("./packager.js");
  globalThis.model = await load("./manifest.json");
  return model.info;
}"""
_COUNT = """() => {
  globalThis.draws = 0;
  const { drawElements } = WebGL2RenderingContext.prototype;
  WebGL2RenderingContext.prototype.drawElements = function (...given) {
    globalThis.draws++;
    return drawElements.apply(this, given);
  };
}"""
_INFER = """async (numbers) => {
  const { scores } = await model.infer({ images: { data: new Float32Array(numbers), dims: [1, 3, 16, 16] } });
  return Array.from(scores.data);
}"""


def test_a_bundle_computes_on_the_gpu_and_others_have_no_tensorflow_js(
    gpu_browser: Browser, bundle: Bundle, tmp_path: Path
) -> None:
    made = small(dims=(1, 3, 16, 16))
    onnx.save(made.proto, tmp_path / "small.onnx")
    build(BuildOptions(tmp_path / "small.onnx", tmp_path / "site", targets=("webgl",)))
    manifest = json.loads((tmp_path / "site" / "manifest.json").read_bytes())
    (variant,) = manifest["variants"]
    assert (variant["id"], set(manifest["engines"])) == ("webgl-fp32", {"webgl"})
    assert variant["parity"]["outputs"][0]["relative"] < _TOLERANCE
    images = random(1, 3, 16, 16)
    with Host({"/": tmp_path / "site"}, pages={"/blank.html": "<!doctype html>"}) as host, gpu_browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{host.origin}/blank.html")
        info = page.evaluate(_LOAD)
        (worker,) = page.workers
        worker.evaluate(_COUNT)
        scores = page.evaluate(_INFER, images.reshape(-1).tolist())
        draws = worker.evaluate("() => draws")
    assert (info["variant"], info["device"]["kind"]) == ("webgl-fp32", "software-gpu")
    np.testing.assert_allclose(scores, expected(made, {"images": images})["scores"][0], rtol=1e-3, atol=1e-6)
    assert draws >= 5
    assert [*(tmp_path / "site").glob("assets/webgl-*.js")]
    assert not [*bundle.site.glob("assets/webgl-*")]
