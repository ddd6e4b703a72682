"""Signed bundles in the page: it runs what the pinned key's holder signed, and nothing else, whichever file is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from packager import BuildOptions, build
from packager.content import shard_path
from packager.manifest import encode, read_manifest
from packager.signing import make_key, read_signer

from .bundles import Bundle, model_file
from .server import ISOLATION, Fault, Host
from .visitor import Visitor, run, works_offline

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

# Starts what a visit does and leaves its end in the page, so that many visits run side by side.
_START = """(input) => {
  globalThis.ended = (async () => {
    try {
      const { load } = await import(new URL("packager.js", location.href));
      const model = await load("./manifest.json");
      await model.infer({ x: { data: new Float32Array(input), dims: [1, input.length] } });
      return "it ran";
    } catch (error) {
      return error.code ?? error.name;
    }
  })();
}"""


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("signed")
    make_key(folder / "site.key")
    model = model_file(folder)
    build(BuildOptions(model, folder / "site", name="Signed", targets=("wasm",), sign=folder / "site.key"))
    return Bundle(folder / "site", model)


def used(bundle: Bundle, browser: Browser) -> list[str]:
    """Every file that a visit to the page asks for, but those that wait for a click."""
    samples = [tensor["content"] for sample in bundle.manifest["samples"] for tensor in sample["tensors"]]
    later = {shard_path(shard) for content in samples for shard in content}
    with Host({"/": bundle.site}, headers=ISOLATION) as host, browser.new_context() as context:
        visitor = Visitor(context)
        works_offline(visitor.open(host.origin))
        asked = {path.removeprefix("/") or "index.html" for path in host.log}
    return sorted(path for path in asked - later if (bundle.site / path).is_file())


def ends(bundle: Bundle, browser: Browser, wrong: list[str]) -> dict[str, Any]:
    """How a first visit ends where a byte of one file is flipped, by that file. Visits run side by side."""
    pages = {"/blank.html": "<!doctype html>"}
    hosts = {path: Host({"/": bundle.site}, pages=pages, headers=ISOLATION) for path in wrong}
    contexts = {path: browser.new_context() for path in wrong}
    try:
        for path, host in hosts.items():
            host.faults = [Fault("/" if path == "index.html" else f"/{path}", "corrupt")]
            host.start()
            page = contexts[path].new_page()
            page.goto(f"{host.origin}/blank.html")
            page.evaluate(_START, bundle.input)
        return {path: contexts[path].pages[0].evaluate("globalThis.ended") for path in wrong}
    finally:
        for path in wrong:
            contexts[path].close()
            hosts[path].stop()


def test_a_flipped_byte_in_any_file_of_a_visit_is_caught(signed: Bundle, browser: Browser) -> None:
    files = used(signed, browser)
    shards = [path for path in files if path.startswith("shards/")]
    assert {"manifest.json", "index.html", "packager.js", "sw.js"} <= set(files)
    assert len(shards) >= 3
    # A script that is no script any more cannot say so itself.
    broken = {"file-unreachable", "worker-failed", "SyntaxError", "TypeError", "ReferenceError"}
    for path, end in ends(signed, browser, files).items():
        if path.startswith("shards/"):
            assert end == "shard-corrupt", path
        elif path == "manifest.json":
            assert end in ("manifest-invalid", "signature-invalid")
        else:
            script = path.startswith(("assets/worker-", "assets/signed-")) or path == "packager.js"
            assert end in {"file-corrupt"} | (broken if script else set()), path


@pytest.mark.parametrize("change", ["unsigned", "other key"])
def test_what_the_pinned_key_did_not_sign_is_refused(
    signed: Bundle, host: Host, visitor: Visitor, tmp_path: Path, change: str
) -> None:
    manifest: dict[str, Any] = dict(read_manifest(signed.site))
    if change == "unsigned":
        del manifest["signed"]
    else:
        make_key(tmp_path / "other")
        manifest = dict(read_signer(tmp_path / "other").sign(read_manifest(signed.site)))
    host.mounts = {"/": signed.site}
    host.faults = [Fault("/manifest.json", "other", body=encode(manifest))]
    error = run(visitor.open(host.origin), signed).error
    assert error["code"] == "signature-invalid"
    assert ("not signed" if change == "unsigned" else "another key") in error["message"]
    assert not host.requests("/shards/*")
