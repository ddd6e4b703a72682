"""The compiled engine in a bundle and a real Chromium: its answers, the build of its module that a browser gets, and what
happens where the browser lacks something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from packager import BuildOptions, build
from packager.content import shard_path
from packager.headers import SECURITY_HEADERS

from .bundles import Bundle, model_file
from .server import ISOLATION, Fault, Host
from .visitor import run, works_offline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Opens
    from .visitor import Visitor

TOGETHER = ISOLATION | SECURITY_HEADERS
PLAIN_PAGE = '<!doctype html><link rel="icon" href="data:,"><title>Own</title>'
# Ahead of the page's worker: what a browser without these would say of a module that uses them.
WITHOUT_RELAXED = "{ const all = WebAssembly.validate; WebAssembly.validate = (bytes) => bytes.length < 40 && all(bytes); }"
WITHOUT_SIMD = "WebAssembly.validate = () => false;"
WITHOUT_GROWTH = "WebAssembly.Memory.prototype.grow = () => { throw new RangeError('no memory'); };"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of the target wasm alone."""
    folder = tmp_path_factory.mktemp("compiled")
    model = model_file(folder)
    build(BuildOptions(model, folder / "site", name="Compiled", shard_size=256 * 2**10, targets=("wasm",)))
    return Bundle(folder / "site", model)


@pytest.fixture
def host(compiled: Bundle) -> Iterator[Host]:
    with Host({"/": compiled.site}, pages={"/own.html": PLAIN_PAGE}) as started:
        yield started


def builds(compiled: Bundle) -> dict[str, set[str]]:
    """Paths of the shards of each build of the module, by what it needs."""
    modules = compiled.manifest["engines"]["wasm"]["modules"]
    return {",".join(build["needs"]): {f"/{shard_path(shard)}" for shard in build["content"]} for build in modules}


def fetched(host: Host, compiled: Bundle) -> set[str]:
    """Which builds the page asked for."""
    return {needs for needs, paths in builds(compiled).items() if paths & set(host.log)}


def alter_worker(host: Host, compiled: Bundle, code: str) -> None:
    """Puts code ahead of the worker's own."""
    (worker,) = (file["path"] for file in compiled.manifest["files"] if file["path"].startswith("assets/worker-"))
    body = f"{code}\n".encode() + (compiled.site / worker).read_bytes()
    host.faults.append(Fault(f"/{worker}", "other", body=body))


def test_the_bundle_holds_no_onnx_runtime(compiled: Bundle) -> None:
    assert list(compiled.manifest["engines"]) == ["wasm"]
    assert [path.name for path in compiled.site.rglob("*") if "ort-" in path.name] == []
    assert sum(path.stat().st_size for path in compiled.site.rglob("*") if path.is_file()) < 3_000_000
    (variant,) = compiled.manifest["variants"]
    assert (variant["id"], variant["parity"]["proof"]) == ("wasm-fp32", "browser")
    assert variant["parity"]["outputs"][0]["relative"] < 1e-4


@pytest.mark.parametrize(
    ("headers", "needs"), [({}, "relaxed-simd"), (TOGETHER, "relaxed-simd,threads")], ids=["alone", "together"]
)
def test_it_answers_with_the_one_build_that_fits(
    host: Host, compiled: Bundle, visitor: Visitor, headers: dict[str, str], needs: str
) -> None:
    host.headers |= headers
    answer = run(visitor.open(f"{host.origin}/own.html"), compiled)
    assert answer.matches(compiled), answer
    assert answer.info["target"] == "wasm"
    assert (answer.info["threads"] > 1) == bool(headers)
    assert fetched(host, compiled) == {needs}
    assert visitor.complaints == []


@pytest.mark.parametrize(("headers", "needs"), [({}, ""), (ISOLATION, "threads")], ids=["alone", "together"])
def test_without_relaxed_instructions_the_plain_build_answers(
    host: Host, compiled: Bundle, visitor: Visitor, headers: dict[str, str], needs: str
) -> None:
    host.headers |= headers
    alter_worker(host, compiled, WITHOUT_RELAXED)
    answer = run(visitor.open(f"{host.origin}/own.html"), compiled)
    assert answer.matches(compiled), answer
    assert fetched(host, compiled) == {needs}


def test_without_simd_the_page_says_so(host: Host, compiled: Bundle, visitor: Visitor) -> None:
    alter_worker(host, compiled, WITHOUT_SIMD)
    answer = run(visitor.open(f"{host.origin}/own.html"), compiled)
    assert answer.error["code"] == "unsupported"
    assert "lacks WebAssembly SIMD" in answer.error["message"]
    assert fetched(host, compiled) == set()


@pytest.mark.parametrize("headers", [{}, ISOLATION], ids=["alone", "together"])
def test_refused_memory_ends_in_a_coded_error(host: Host, compiled: Bundle, visitor: Visitor, headers: dict[str, str]) -> None:
    host.headers |= headers
    alter_worker(host, compiled, WITHOUT_GROWTH)
    answer = run(visitor.open(f"{host.origin}/own.html"), compiled)
    assert answer.error["code"] == "out-of-memory"
    assert "MiB of memory, which the browser does not give" in answer.error["message"]


def test_threads_that_do_not_start_are_done_without(host: Host, compiled: Bundle, visitor: Visitor) -> None:
    host.headers |= ISOLATION
    alter_worker(host, compiled, "globalThis.Worker = class { constructor() { throw new Error('no more workers'); } };")
    answer = run(visitor.open(f"{host.origin}/own.html"), compiled)
    assert answer.matches(compiled), answer
    assert answer.info["threads"] == 1
    assert answer.info["threadsReason"] == "The engine could not start more threads."


def test_the_second_visit_needs_no_host(host: Host, compiled: Bundle, returning: Opens) -> None:
    host.headers |= ISOLATION
    page = returning().open(f"{host.origin}/")
    works_offline(page)
    host.stop()
    page = returning().open(f"{host.origin}/")
    works_offline(page)
    answer = run(page, compiled)
    assert answer.matches(compiled)
    assert answer.info["bytes"]["network"] == 0


def test_a_plan_that_is_none_ends_in_a_coded_error(host: Host, compiled: Bundle, visitor: Visitor, tmp_path: Path) -> None:
    """The bundle's maker may be anyone: hashes are right, and the plan is not."""
    from packager import manifest as manifests
    from packager.lowered import Item
    from packager.shard import Shards

    manifest: dict[str, Any] = json.loads((compiled.site / "manifest.json").read_bytes())
    shards = Shards(tmp_path, 2**20)
    variant = manifest["variants"][0]
    variant["graph"] = shards.write([Item(b'{"format": "packager-plan", "version": 1}')])
    sealed = manifests.encode(manifests.seal(manifest))
    for path in (tmp_path / "shards").iterdir():
        host.faults.append(Fault(f"/shards/{path.name}", "other", body=path.read_bytes()))
    host.faults.append(Fault("/manifest.json", "other", body=sealed))
    answer = run(visitor.open(f"{host.origin}/own.html"), compiled)
    assert answer.error["code"] == "plan-invalid"
