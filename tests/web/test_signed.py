"""Signed bundles in the page: it runs what the pinned key's holder signed, and nothing else, whichever file is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from packager import BuildOptions, build
from packager.content import shard_path
from packager.manifest import bundle_id, encode, read_manifest
from packager.signing import make_key, read_signer

from .bundles import Bundle, model_file
from .server import ISOLATION, Fault, Host
from .visitor import Visitor, run, works_offline

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

# Starts what a visit does and leaves its end in the page, so that many visits run side by side.
_START = """([input, options]) => {
  globalThis.ended = (async () => {
    try {
      const { load } = await import(new URL("packager.js", location.href));
      const model = await load("./manifest.json", options);
      await model.infer({ x: { data: new Float32Array(input), dims: [1, input.length] } });
      for (const { name } of model.manifest.samples) await model.sample(name);
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


def visited(bundle: Bundle, browser: Browser) -> set[str]:
    """Every file that a visit to the page asks for."""
    with Host({"/": bundle.site}, headers=ISOLATION) as host, browser.new_context() as context:
        visitor = Visitor(context)
        works_offline(visitor.open(host.origin))
        asked = {path.removeprefix("/") or "index.html" for path in host.log}
    return asked & files(bundle)


def files(bundle: Bundle) -> set[str]:
    return {path.relative_to(bundle.site).as_posix() for path in bundle.site.rglob("*") if path.is_file()}


def sample_files(bundle: Bundle) -> set[str]:
    tensors = [tensor for sample in bundle.manifest["samples"] for tensor in sample["tensors"]]
    return {shard_path(shard) for tensor in tensors for shard in tensor["content"]}


@dataclass(frozen=True)
class Case:
    """A first visit: what its host does wrong, and the options of `load`."""

    faults: list[Fault] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


def builds(bundle: Bundle) -> dict[str, Case]:
    """By the file of each build of the engine's module, a visit that takes it: no other is in the manifest, as signed."""
    signer, manifest = read_signer(bundle.site.parent / "site.key"), read_manifest(bundle.site)
    cases: dict[str, Case] = {}
    for module in manifest["engines"]["wasm"]["modules"]:
        engine = {**manifest["engines"]["wasm"], "modules": [module]}
        only: Any = {**manifest, "engines": {"wasm": engine}}
        del only["signed"]
        only["id"] = bundle_id(only)
        faults = [Fault("/manifest.json", "other", body=encode(signer.sign(only)))]
        cases[shard_path(module["content"][0])] = Case(faults, {} if "threads" in module["needs"] else {"threads": 1})
    return cases


def ends(bundle: Bundle, browser: Browser, cases: dict[str, Case]) -> dict[str, str]:
    """How each of the visits ends, which run side by side."""
    pages = {"/blank.html": "<!doctype html>"}
    hosts = {path: Host({"/": bundle.site}, pages=pages, headers=ISOLATION) for path in cases}
    contexts = {path: browser.new_context() for path in cases}
    try:
        for path, host in hosts.items():
            host.faults = cases[path].faults
            host.start()
            page = contexts[path].new_page()
            page.goto(f"{host.origin}/blank.html")
            page.evaluate(_START, [bundle.input, cases[path].options])
        return {path: contexts[path].pages[0].evaluate("globalThis.ended") for path in cases}
    finally:
        for path in cases:
            contexts[path].close()
            hosts[path].stop()


def flipped(path: str) -> Fault:
    return Fault("/" if path == "index.html" else f"/{path}", "corrupt")


def test_a_flipped_byte_in_any_file_that_a_page_can_use_is_caught(signed: Bundle, browser: Browser) -> None:
    used, built = visited(signed, browser) | sample_files(signed), builds(signed)
    assert {"manifest.json", "index.html", "packager.js", "sw.js"} <= used
    assert len(built) == 4
    # No page reads these; `verify` does.
    assert files(signed) - used - set(built) == {"licenses.txt", "packager.d.ts", ".nojekyll", "_headers", "vercel.json"}
    cases = {path: Case([flipped(path)]) for path in sorted(used)}
    cases |= {path: Case([*case.faults, flipped(path)], case.options) for path, case in built.items()}
    found = ends(signed, browser, cases)
    assert set(found) == used | set(built)
    # A script that is no script any more cannot say so itself.
    broken = {"file-unreachable", "worker-failed", "SyntaxError", "TypeError", "ReferenceError"}
    for path, end in found.items():
        if path.startswith("shards/"):
            assert end == "shard-corrupt", path
        elif path == "manifest.json":
            assert end in ("manifest-invalid", "signature-invalid")
        else:
            script = path.startswith(("assets/worker-", "assets/signed-")) or path == "packager.js"
            assert end in {"file-corrupt"} | (broken if script else set()), path


def test_the_same_visits_without_a_fault_end_well(signed: Bundle, browser: Browser) -> None:
    found = ends(signed, browser, {"all": Case(), **builds(signed)})
    assert set(found.values()) == {"it ran"}


def test_the_service_worker_gives_no_other_bytes_of_what_a_visit_does_not_use(
    signed: Bundle, host: Host, visitor: Visitor
) -> None:
    host.mounts = {"/": signed.site}
    page = visitor.open(host.origin, documents=2)
    works_offline(page)
    for path in ("licenses.txt", "packager.d.ts"):
        ask = f"fetch('{path}', {{ cache: 'reload' }}).then(() => 'it came', () => 'refused')"
        host.faults = [flipped(path)]
        assert page.evaluate(ask) == "refused"
        host.faults = []
        assert page.evaluate(ask) == "it came"


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
