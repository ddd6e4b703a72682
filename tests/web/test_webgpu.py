"""The engine of the target webgpu, in a browser with WebGPU on the processor: what it computes with, what it refuses."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper
from playwright.sync_api import Browser, Page

from packager import BuildOptions, build
from packager.headers import CONTENT_SECURITY_POLICY
from packager.options import Precision
from packager.site import web_root
from tests import models

from .worker_host import worker_page

SIGNATURE = {
    "inputs": [{"name": "x", "dtype": "float32", "shape": [1]}, {"name": "shape", "dtype": "int64", "shape": [1]}],
    "outputs": [{"name": "y", "dtype": "float32", "shape": [1]}],
}
_WORKER = Path(__file__).with_name("webgpu_worker.js")
_ASK = """({ step, given }) => new Promise((resolve, reject) => {
  globalThis.worker ??= new Worker("/worker.js", { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage({ step, given });
})"""


def sum_of_sines() -> bytes:
    """y = the sum of as many sin(x) as the shape says: a graph whose tensors are as large as a test wants."""
    return models.make(
        [
            helper.make_node("Expand", ["x", "shape"], ["many"]),
            helper.make_node("Sin", ["many"], ["sines"]),
            helper.make_node("ReduceSum", ["sines"], ["y"], keepdims=1),
        ],
        {"x": (TensorProto.FLOAT, [1]), "shape": (TensorProto.INT64, [1])},
        {"y": (TensorProto.FLOAT, [1])},
    ).SerializeToString()


class Engine:
    """A worker of a page, and what it is asked to do."""

    def __init__(self, page: Page, parts: dict[str, str]) -> None:
        self._page, self._parts = page, parts

    def ask(self, step: str, **given: Any) -> Any:
        """What a step gives. A refusal is a RuntimeError."""
        answer = self._page.evaluate(_ASK, {"step": step, "given": given})
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def prepare(self, **other: str) -> None:
        self.ask("prepare", **self._parts | other)


@pytest.fixture
def engine(gpu_browser: Browser) -> Iterator[Engine]:
    """In a worker that has the policy of bundles: the engine makes no code of text."""
    entry = json.loads((web_root() / "assets.json").read_bytes())["engines"]["webgpu"]
    parts = {part: f"/{entry[part]}" for part in ("script", "glue", "module")}
    files = {path: (web_root() / path[1:]).read_bytes() for path in parts.values()}
    files |= {"/worker.js": _WORKER.read_bytes(), "/graph": sum_of_sines()}
    with worker_page(gpu_browser, files, {}, {"Content-Security-Policy": CONTENT_SECURITY_POLICY}) as page:
        yield Engine(page, parts)


def test_it_computes_on_the_card_and_says_what_went_wrong_there(engine: Engine) -> None:
    """One test, as the module is large: an answer, a buffer over the limit, an answer again, and the card taken away."""
    engine.prepare()
    assert engine.ask("createSession", signature=SIGNATURE) == {"kind": "software-gpu", "name": "google swiftshader"}
    ran = engine.ask("infer", x=0.5, count=1000)
    assert ran["dispatches"] >= 3
    assert ran["y"] == pytest.approx([1000 * math.sin(0.5)], rel=1e-5)
    with pytest.raises(RuntimeError, match=r"^The graphics card refused: .*[Bb]uffer.*limit"):
        engine.ask("infer", x=0.5, count=2**27)
    assert engine.ask("infer", x=0.5, count=10)["y"] == pytest.approx([10 * math.sin(0.5)], rel=1e-5)
    engine.ask("lose")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="^The browser took the graphics card away"):
            engine.ask("infer", x=0.5, count=1000)


def test_without_an_adapter_it_says_so_before_it_starts(engine: Engine) -> None:
    engine.ask("hideGpu")
    with pytest.raises(RuntimeError, match="^This browser offers no WebGPU adapter"):
        engine.prepare(module="/graph")


@pytest.mark.parametrize(("precision", "proof"), [("fp32", "browser"), ("fp16", "native")])
def test_a_bundle_of_it_is_proven_on_the_card_and_others_have_no_part_of_it(
    precision: Precision, proof: str, tmp_path: Path
) -> None:
    """The card that a browser makes of the processor has no half floats: what asks for them is proven natively, and says so."""
    model = models.save(models.layers(count=2), tmp_path / "model.onnx")
    result = build(BuildOptions(model, tmp_path / "site", targets=("webgpu",), precision=precision))
    manifest = result.manifest
    (variant,) = manifest["variants"]
    assert (variant["id"], variant["parity"]["proof"]) == (f"webgpu-{precision}", proof)
    assert any("no graphics card with half floats" in warning for warning in result.warnings) == (proof == "native")
    assert max(shard["encoded_bytes"] for shard in manifest["engines"]["webgpu"]["module"]) < 25 * 2**20
    build(BuildOptions(model, tmp_path / "other", targets=("ort-wasm",), browser="off"))
    assert not [path for path in (tmp_path / "other" / "assets").iterdir() if "webgpu" in path.name or "asyncify" in path.name]
