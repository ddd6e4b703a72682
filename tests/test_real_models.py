"""The demo's models, from packages to answers: built by the command, served by the command, asked in Chromium."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tokenizers import Tokenizer

from packager.manifest import read_manifest
from packager.processing import preprocess_image
from scripts.models import inputs
from scripts.models.catalogue import MODELS, SENTENCES, by_name
from scripts.models.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

PACKAGER = [sys.executable, "-m", "packager"]
# What the models' table says of each picture: the best label and its share.
SEEN = {"coffee": ("espresso", 0.95), "motorcycle": ("moped", 0.53), "flower": ("daisy", 0.33), "china": ("palace", 0.36)}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle of each model, each proven in Chromium by the build itself."""
    root = tmp_path_factory.mktemp("sites")
    for model in MODELS:
        command = model.command(prepare(model), root / model.name)
        subprocess.run([*PACKAGER, *command, "--browser", "required"], check=True)
    return root


@pytest.fixture(scope="module")
def origin(sites: Path) -> Iterator[str]:
    """The link that `packager serve` prints for the folder."""
    command = [*PACKAGER, "serve", str(sites), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield next(line.strip() for line in server.stdout if line.strip().startswith("http://"))
        finally:
            server.terminate()


@pytest.fixture
def visit(browser: Browser, origin: str) -> Iterator[Callable[[str], Page]]:
    """Opens a model's page from the gallery, in a profile of its own, and waits until it answers."""
    context = browser.new_context()
    context.set_default_timeout(120_000)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)

    def _visit(name: str) -> Page:
        page = context.new_page()
        page.goto(origin)
        page.get_by_role("link", name=by_name(name).title).click()
        page.locator("html[data-state=ready], html[data-state=error]").wait_for(state="attached")
        assert page.locator("html").get_attribute("data-state") == "ready", page.locator("#load-error").inner_text()
        return page

    yield _visit
    context.close()
    assert wrong == []


def infer(page: Page, feeds: str, argument: Any = None) -> Any:
    """Runs `feeds`, the body of an async function of the model and an argument, in the page."""
    return page.evaluate(f"async (argument) => {{ const {{ model }} = globalThis.packager; {feeds} }}", argument)


def native(name: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(prepare(by_name(name)) / "model.onnx", providers=["CPUExecutionProvider"])


def test_every_bundle_was_proven_in_a_browser(sites: Path) -> None:
    for model in MODELS:
        for variant in read_manifest(sites / model.name)["variants"]:
            parity = variant["parity"]
            assert (parity["proof"], parity["generated"]) == ("browser", False), model.name
            assert all(output["relative"] <= parity["tolerance"] for output in parity["outputs"]), model.name


def test_efficientnet_sees_what_the_table_says(visit: Callable[[str], Page], sites: Path) -> None:
    best: dict[str, list[dict[str, Any]]] = infer(
        visit("efficientnet-lite0"),
        """const best = {};
        for (const { name, path } of model.manifest.samples) best[name] = await model.run(await (await fetch(path)).blob());
        return best;""",
    )
    assert [entry["label"] for entry in best["chelsea"][:3]] == ["tiger cat", "Egyptian cat", "tabby"]
    session = native("efficientnet-lite0")
    site = sites / "efficientnet-lite0"
    manifest: Any = read_manifest(site)
    for sample in manifest["samples"]:
        feed = {"image": preprocess_image(site / sample["path"], manifest["task"]["preprocess"])}
        logits = session.run(None, feed)[0][0].astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum()
        for entry in best[sample["name"]]:
            assert entry["score"] == pytest.approx(shares[entry["index"]], abs=2e-3)
    # The table was made by cropping first and resizing then, which the page does the other way round.
    for name, (label, share) in SEEN.items():
        assert best[name][0]["label"] == label
        assert best[name][0]["score"] == pytest.approx(share, abs=0.06)


def embeddings(texts: tuple[str, ...]) -> np.ndarray:
    """Mean over each text's tokens of what native onnxruntime gives, one text at a time, of length 1."""
    folder, session = prepare(by_name("minilm")), native("minilm")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    rows = []
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids])
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        rows.append(session.run(None, feed)[0][0].mean(axis=0))
    vectors = np.array(rows)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_minilm_finds_what_means_the_same(visit: Callable[[str], Page]) -> None:
    page = visit("minilm")
    together = np.array(infer(page, "return (await model.run(argument)).map((v) => Array.from(v));", SENTENCES))
    alone = np.array([infer(page, "return Array.from((await model.run([argument]))[0]);", text) for text in SENTENCES])
    reference = embeddings(SENTENCES)
    # Padding to the longest text of a batch changes nothing but rounding.
    assert (together * reference).sum(axis=1).min() > 0.99999
    assert (alone * reference).sum(axis=1).min() > 0.99999
    similar = together @ together.T
    assert similar[0, 1] == pytest.approx(0.68, abs=0.005)
    assert similar[2, 3] == pytest.approx(0.64, abs=0.005)
    similar[[0, 1, 2, 3], [1, 0, 3, 2]] = 0
    assert np.abs(similar - np.diag(np.diag(similar))).max() < 0.1


def test_silero_hears_the_same_as_native(visit: Callable[[str], Page]) -> None:
    """Over three seconds in which speech sets in, the state handed on from frame to frame."""
    sound, session, state = inputs.speech(), native("silero-vad"), np.zeros((2, 1, 128), np.float32)
    frames = [inputs.voice_frame(sound, number) for number in range(180, 280)]
    heard = []
    for frame in frames:
        probability, state = session.run(None, frame | {"state": state})
        heard.append(float(probability[0, 0]))
    answered = infer(
        visit("silero-vad"),
        """const heard = [];
        let state = { data: new Float32Array(256), dims: [2, 1, 128] };
        for (const frame of argument) {
          const input = { data: Float32Array.from(frame), dims: [1, 576] };
          const outputs = await model.infer({ input, state, sr: { data: BigInt64Array.of(16000n), dims: [] } });
          heard.push(outputs.output.data[0]);
          state = outputs.stateN;
        }
        return heard;""",
        [frame["input"][0].tolist() for frame in frames],
    )
    assert np.abs(np.array(answered) - heard).max() < 1e-3
    assert max(answered[:20]) < 0.05
    assert np.mean(np.array(answered[-30:]) > 0.5) > 0.9


def test_tinyocr_finds_the_lines_of_an_invoice(visit: Callable[[str], Page]) -> None:
    outputs = infer(
        visit("tinyocr-detection"),
        """const [{ data, dims }] = Object.values(await model.infer(await model.sample("invoice")));
        return { data: Array.from(data), dims };""",
    )
    found = np.array(outputs["data"], np.float32).reshape(outputs["dims"])
    (reference,) = native("tinyocr-detection").run(None, inputs.invoice())
    assert np.abs(found - reference).max() < 1e-3
    rows = (found[0, 0] > 0.3).any(axis=1).astype(int)
    assert (np.diff(rows) == 1).sum() == len(inputs.INVOICE)


def test_tinyocr_reads_the_invoice_exactly(visit: Callable[[str], Page]) -> None:
    metadata = onnx.load(prepare(by_name("tinyocr-recognition")) / "model.onnx").metadata_props
    characters = next(entry.value for entry in metadata if entry.key == "character")
    page = visit("tinyocr-recognition")
    for sample, text in (("invoice-number", "Invoice No. 20481"), ("total", "Total due: $1,234.56")):
        outputs = infer(
            page,
            """const [{ data, dims }] = Object.values(await model.infer(await model.sample(argument)));
            return { data: Array.from(data), dims };""",
            sample,
        )
        probabilities = np.array(outputs["data"], np.float32).reshape(outputs["dims"])
        assert inputs.read_line(probabilities[0], characters) == text
        (reference,) = native("tinyocr-recognition").run(None, inputs.invoice_line(text))
        assert np.abs(probabilities - reference).max() < 1e-3
