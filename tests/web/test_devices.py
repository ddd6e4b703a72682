"""A variant for the graphics card beside one for the processor: which the page takes, and what it does when a card fails."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from packager import BuildOptions, build
from packager import manifest as manifests
from packager.browser import chromium_flags, chromium_path
from packager.lowered import Item
from packager.shard import Shards

from .bundles import Bundle, model_file
from .server import Host
from .visitor import Visitor, run, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    Change = Callable[[dict[str, Any], Path], None]
    Publish = Callable[..., str]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("devices")
    model = model_file(folder)
    build(BuildOptions(model, folder / "site", targets=("wasm", "webgl"), browser="required", race=True))
    return Bundle(folder / "site", model)


@pytest.fixture(scope="module")
def browser(gpu_browser: Browser) -> Browser:
    """The visitors here have a graphics card."""
    return gpu_browser


@pytest.fixture
def publish(bundle: Bundle, tmp_path: Path) -> Iterator[Publish]:
    """Puts a changed copy of the bundle on a host, and gives its address."""
    hosts: list[Host] = []

    def published(change: Change = unchanged, *, card_first: bool = True) -> str:
        site = tmp_path / "site"
        shutil.copytree(bundle.site, site)
        manifest = json.loads((site / "manifest.json").read_bytes())
        manifest["variants"].sort(key=lambda variant: (variant["target"] == "webgl") != card_first)
        change(manifest, site)
        (site / "manifest.json").write_bytes(manifests.encode(manifests.seal(manifest)))
        hosts.append(Host({"/": site}))
        return f"{hosts[-1].__enter__().origin}/"

    yield published
    for host in hosts:
        host.__exit__(None, None, None)


def unchanged(manifest: dict[str, Any], site: Path) -> None:
    pass


def no_race(manifest: dict[str, Any], site: Path) -> None:
    del manifest["race"]


def wrong_golden(manifest: dict[str, Any], site: Path) -> None:
    """The sample's answers as no card gives them."""
    no_race(manifest, site)
    (output,) = manifest["golden"]["outputs"]
    output["content"] = Shards(site, 65536).write([Item(np.full(output["dims"], 7, np.float32).tobytes(), 4)])


def test_software_in_the_place_of_a_card_is_no_first_choice(bundle: Bundle) -> None:
    first, second = bundle.manifest["variants"]
    assert (first["target"], first["measured"]["device"]) == ("wasm", "cpu")
    assert (second["target"], second["measured"]["device"]) == ("webgl", "software-gpu")
    assert "tfjs" not in json.dumps(bundle.manifest["engines"]["wasm"])


def test_the_card_computes_where_it_is_chosen(bundle: Bundle, publish: Publish, visitor: Visitor) -> None:
    answer = run(visitor.open(publish(no_race)), bundle)
    assert answer.matches(bundle), answer
    assert answer.info["variant"] == "webgl-fp32"
    assert answer.info["device"]["kind"] == "software-gpu"
    assert answer.info["threadsReason"] == "One thread: the graphics card does the work."
    assert answer.info["notes"] == []


def test_a_card_that_computes_wrongly_is_set_aside(bundle: Bundle, publish: Publish, visitor: Visitor) -> None:
    page = visitor.open(publish(wrong_golden))
    answer = run(page, bundle)
    assert answer.matches(bundle), answer
    assert answer.info["variant"] == "wasm-fp32"
    (note,) = answer.info["notes"]
    assert note.startswith('webgl-fp32 was set aside: This device computes the output "y" of a known sample wrongly: off by')
    forced = run(page, bundle, variant="webgl-fp32")
    assert forced.error["code"] == "engine-failed"
    # The page shows it too.
    until(page, "document.getElementById('slip-variant').textContent.includes('was set aside')")


def test_a_card_that_is_lost_hands_over_to_the_processor(
    bundle: Bundle, publish: Publish, visitor: Visitor, browser: Browser
) -> None:
    page = visitor.open(publish(no_race))
    assert run(page, bundle).info["variant"] == "webgl-fp32"
    browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    again = """async (input) => {
      const { y } = await model.infer({ x: { data: new Float32Array(input), dims: [1, input.length] } });
      return { output: Array.from(y.data), info: model.info };
    }"""
    until(page, f"({again})({bundle.input}).then(({{ info }}) => info.variant === 'wasm-fp32')")
    answer = page.evaluate(again, bundle.input)
    assert np.allclose(answer["output"], bundle.output, rtol=1e-4, atol=1e-4)
    (note,) = answer["info"]["notes"]
    assert note.startswith("webgl-fp32 was set aside: The GPU's context was lost"), note


def test_without_a_card_the_next_variant_runs(bundle: Bundle, publish: Publish, browser: Browser) -> None:
    flags = [*chromium_flags(), "--disable-gpu", "--disable-software-rasterizer"]
    with browser.browser_type.launch(executable_path=chromium_path(), args=flags) as plain, plain.new_context() as context:
        page = Visitor(context).open(publish(no_race))
        answer = run(page, bundle)
        assert answer.matches(bundle), answer
        assert answer.info["reason"] == "wasm-fp32 is the best variant for this browser, which lacks WebGL 2."
        assert run(page, bundle, variant="webgl-fp32").error["code"] == "unsupported"


def test_a_race_decides_the_next_visit(bundle: Bundle, publish: Publish, visitor: Visitor) -> None:
    url = publish(card_first=False)
    page = visitor.open(url)
    assert run(page, bundle).info["variant"] == "wasm-fp32"
    until(page, "model.info.notes.some((note) => note.includes('will be taken on the next visit'))")
    answer = run(page, bundle)
    assert answer.info["reason"].endswith("was the faster of two when they were timed on this device."), answer
    assert answer.matches(bundle)
    plain = run(page, bundle, race=False)
    assert plain.info["reason"] == "wasm-fp32 was measured to be the best of 2 variants."
