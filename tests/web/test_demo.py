"""The demo page of each task: a first answer by itself, what a visitor gives, what goes wrong, what is kept."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from packager import BuildOptions, build
from packager.headers import SECURITY_HEADERS
from tests import models

from .server import ISOLATION, Fault, Host
from .visitor import until, works_offline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from .visitor import Visitor

COLOURS = ["red", "green", "blue"]
WORDS = ["[PAD]", "[UNK]", "a", "cat", "sat", "here", "dog", "ran", "there", "the", "moon", "is", "up"]

# As the page writes shapes, and a score that is not there yet.
TIMES, DASH = "\u00d7", "\u2013"

_FIRST_RESULT = "performance.getEntriesByName('packager:first-result').length === 1"
_TOP_CLASS = "document.querySelector('.class-label').textContent"
_SCORES = "Array.from(document.querySelectorAll('.ranked li'), (line) => line.innerText.split('\\n'))"
# What the browser counts as jumps, of all frames so far.
_JUMPS = """new Promise((done) => new PerformanceObserver((list) =>
  done(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
  .observe({ type: "layout-shift", buffered: true }) ?? setTimeout(() => done(0), 500))"""


def colour_classifier() -> onnx.ModelProto:
    """Pictures [batch, 3, 16, 16] → the mean of each channel, as scores of red, green and blue."""
    return models.make(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["p"]),
            helper.make_node("Flatten", ["p"], ["scores"]),
        ],
        {"image": (TensorProto.FLOAT, ["batch", 3, 16, 16])},
        {"scores": (TensorProto.FLOAT, ["batch", 3])},
    )


def word_counter() -> onnx.ModelProto:
    """Ids [batch, sequence] → one-hot rows [batch, sequence, words]: texts are as similar as they share words."""
    return models.make(
        [
            helper.make_node("Gather", ["rows", "input_ids"], ["words"]),
            helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["kept", "last"], ["column"]),
            helper.make_node("Mul", ["words", "column"], ["last_hidden_state"]),
        ],
        {
            "input_ids": (TensorProto.INT64, ["batch", "sequence"]),
            "attention_mask": (TensorProto.INT64, ["batch", "sequence"]),
        },
        {"last_hidden_state": (TensorProto.FLOAT, ["batch", "sequence", len(WORDS)])},
        {"rows": np.eye(len(WORDS), dtype=np.float32), "last": np.array([-1])},
    )


def tokenizer() -> str:
    words = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 20}
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": None,
            "decoder": None,
            "model": words | {"vocab": vocabulary},
        }
    )


def scaled() -> onnx.ModelProto:
    """x [N, 4] float16 and n int64 → y = 2x; m = n + n; and a truth value."""
    return models.make(
        [
            helper.make_node("Add", ["x", "x"], ["y"]),
            helper.make_node("Add", ["n", "n"], ["m"]),
            helper.make_node("Equal", ["n", "m"], ["none?"]),
        ],
        {"x": (TensorProto.FLOAT16, ["N", 4]), "n": (TensorProto.INT64, [])},
        {"y": (TensorProto.FLOAT16, ["N", 4]), "m": (TensorProto.INT64, []), "none?": (TensorProto.BOOL, [])},
    )


def constant() -> onnx.ModelProto:
    """No inputs at all → the numbers 0 to 11."""
    return models.make(
        [helper.make_node("Identity", ["c"], ["y"])], {}, {"y": (TensorProto.INT64, [3, 4])}, {"c": np.arange(12).reshape(3, 4)}
    )


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle of each task, by its mount."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "labels.txt").write_text("\n".join(COLOURS))
    (folder / "tokenizer.json").write_text(tokenizer())
    (folder / "lines.txt").write_text("the cat sat here\na cat sat there\nthe moon is up\n")
    for colour in ("blue", "red"):
        Image.new("RGB", (32, 24), colour).save(folder / f"{colour}.png")
    np.savez(folder / "numbers.npz", x=np.arange(8, dtype=np.float16).reshape(2, 4), n=np.int64(2**53 + 1))

    def make(name: str, model: onnx.ModelProto, **options: object) -> Path:
        path = models.save(model, folder / f"{name}.onnx")
        build(BuildOptions(path, folder / name, name=name, browser="off", **options))  # type: ignore[arg-type]
        return folder / name

    pictures = (folder / "blue.png", folder / "red.png")
    return {
        "/image/": make("image", colour_classifier(), labels=folder / "labels.txt", samples=pictures),
        "/text/": make("text", word_counter(), tokenizer=folder / "tokenizer.json", samples=(folder / "lines.txt",)),
        "/tensor/": make("tensor", scaled(), samples=(folder / "numbers.npz",)),
        "/constant/": make("constant", constant()),
    }


@pytest.fixture
def demo(sites: dict[str, Path], visitor: Visitor) -> Iterator[Callable[[str], Page]]:
    """Opens a demo page by its mount under the strict policy, and waits for its first answer.

    By the end nothing may have complained, as the browser does of all that breaks the policy, and nothing left the origin.
    """
    with Host(dict(sites), headers=ISOLATION | SECURITY_HEADERS) as host:

        def open_demo(mount: str) -> Page:
            page = visitor.open(host.origin + mount)
            until(page, _FIRST_RESULT)
            assert page.evaluate("document.documentElement.dataset.state") == "ready"
            return page

        yield open_demo
        assert visitor.complaints == []
        assert visitor.origins() == {host.origin}


def npy(array: np.ndarray) -> dict[str, object]:
    file = io.BytesIO()
    np.save(file, array)
    return {"name": "array.npy", "mimeType": "application/octet-stream", "buffer": file.getvalue()}


def test_pictures_are_classified(demo: Callable[[str], Page], sites: dict[str, Path]) -> None:
    page = demo("/image/")
    assert page.evaluate(_TOP_CLASS) == "blue"
    page.get_by_role("button", name="red").click()
    until(page, f"{_TOP_CLASS} === 'red'")
    green = io.BytesIO()
    Image.new("RGB", (8, 30), (0, 200, 0)).save(green, "PNG")
    page.get_by_label("Choose a picture").set_input_files(
        {"name": "leaf.png", "mimeType": "image/png", "buffer": green.getvalue()}
    )
    until(page, f"{_TOP_CLASS} === 'green'")
    until(page, "document.getElementById('said').textContent.startsWith('leaf.png: green')")


def test_a_picture_that_is_none_is_told_in_place(demo: Callable[[str], Page]) -> None:
    page = demo("/image/")
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.get_by_label("Choose a picture").set_input_files(broken)
    page.get_by_text("input-invalid").wait_for()
    assert page.evaluate(_TOP_CLASS) == ""
    page.get_by_role("button", name="blue").click()
    until(page, f"{_TOP_CLASS} === 'blue'")
    assert page.get_by_text("input-invalid").count() == 0


def test_lines_are_ranked_as_the_query_is_typed(demo: Callable[[str], Page]) -> None:
    page = demo("/text/")
    assert page.get_by_label("Query").input_value() == "the cat sat here"
    assert [line for line, _ in page.evaluate(_SCORES)] == ["a cat sat there", "the moon is up"]
    page.get_by_label("Lines to rank").fill("the moon is up\na dog ran here\na dog ran here")
    page.get_by_label("Query").fill("dog")
    until(page, f'JSON.stringify({_SCORES}) === \'[["a dog ran here","0.50"],["the moon is up","0.00"]]\'')
    page.get_by_label("Query").fill("")
    until(page, f"{_SCORES}.every(([, score]) => score === '{DASH}')")


def test_tensors_of_any_dtype_are_shown_and_downloaded(demo: Callable[[str], Page], tmp_path: Path) -> None:
    page = demo("/tensor/")
    # Twice 2^53 + 1 has more digits than a JavaScript number holds.
    assert page.locator(".scalar").all_inner_texts() == [str(2**54 + 2), "false"]
    page.locator("fieldset").first.get_by_role("radio", name=".npy").check()
    page.get_by_label(".npy file for x").set_input_files(npy(np.full((3, 4), 1.5, np.float16)))
    page.get_by_role("button", name="Run").click()
    page.get_by_text(f"float16 · 3 {TIMES} 4").wait_for()
    assert page.get_by_label("N", exact=True).input_value() == "3"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    download.value.save_as(tmp_path / "y.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.full((3, 4), 3, np.float16))


def test_a_file_that_does_not_fit_is_told_beside_its_input(demo: Callable[[str], Page]) -> None:
    page = demo("/tensor/")
    first = page.locator("fieldset").first
    first.get_by_role("radio", name=".npy").check()
    for array, said in (
        (np.zeros((2, 4)), "holds float64, but x takes float16"),
        (np.zeros((2, 3), np.float16), f"shape is 2 {TIMES} 3, but x takes N {TIMES} 4"),
        (np.asfortranarray(np.zeros((2, 4), np.float16)), "Fortran order"),
    ):
        page.get_by_label(".npy file for x").set_input_files(npy(array))
        first.get_by_text(said).wait_for()


def test_json_and_sizes_are_checked_before_a_run(demo: Callable[[str], Page]) -> None:
    page = demo("/tensor/")
    second = page.locator("fieldset").nth(1)
    second.get_by_role("radio", name="JSON").check()
    for text, said in {
        "[1": "not JSON",
        "1.5": "not a whole number",
        str(2**63): "does not fit int64",
        "[1, 2]": "shape is 2",
    }.items():
        page.get_by_label("JSON for n").fill(text)
        page.get_by_role("button", name="Run").click()
        second.get_by_text(said).wait_for()
    page.get_by_label("JSON for n").fill(str(2**62 - 1))
    page.locator("fieldset").first.get_by_role("radio", name="Zeros").check()
    page.get_by_label("N", exact=True).fill("-1")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("N needs a whole number, 0 or more.").wait_for()
    page.get_by_label("N", exact=True).fill("1")
    page.get_by_role("button", name="Run").click()
    page.get_by_text(str(2**63 - 2)).wait_for()


def test_a_model_without_inputs_answers(demo: Callable[[str], Page]) -> None:
    page = demo("/constant/")
    page.get_by_text("This model takes no inputs.").wait_for()
    assert page.locator("tbody tr").nth(2).inner_text().split() == ["[2,", ":]", "3", "8", "9", "10", "11"]


@pytest.mark.parametrize("mount", ["/image/", "/text/", "/tensor/"])
def test_nothing_jumps_while_the_page_loads(demo: Callable[[str], Page], mount: str) -> None:
    assert demo(mount).evaluate(_JUMPS) < 0.1


def test_the_slip_says_what_runs_and_clearing_is_told(demo: Callable[[str], Page]) -> None:
    page = demo("/constant/")
    works_offline(page)
    slip = page.get_by_role("complementary").inner_text()
    assert "fp32 · ort-wasm" in slip
    assert "cross-origin isolated" in slip
    assert "not in a browser" in slip
    page.get_by_role("button", name="Clear cache").click()
    page.get_by_text("Cleared 2 caches").wait_for()
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("document.getElementById('badge').textContent") == "needs the network"


def test_a_load_that_fails_is_tried_again_in_place(sites: dict[str, Path], visitor: Visitor) -> None:
    with Host({"/": sites["/tensor/"]}, headers=dict(ISOLATION)) as host:
        host.faults.append(Fault("/shards/*", "missing"))
        page = visitor.open(f"{host.origin}/")
        until(page, "document.documentElement.dataset.state === 'error'")
        page.get_by_text("shard-unreachable").wait_for()
        host.faults.clear()
        page.get_by_role("button", name="Try again").click()
        until(page, _FIRST_RESULT)
        assert page.get_by_text("shard-unreachable").count() == 0


def test_what_the_address_asks_goes_to_the_load(sites: dict[str, Path], visitor: Visitor) -> None:
    with Host({"/": sites["/constant/"]}, headers=dict(ISOLATION)) as host:
        page = visitor.open(f"{host.origin}/?threads=1")
        until(page, _FIRST_RESULT)
        assert page.evaluate("packager.model.info.threads") == 1
        page = visitor.open(f"{host.origin}/?variant=none-such")
        page.get_by_text("none-such").wait_for()
