"""First and later visits: the page answers, keeps what it needs, and asks nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .server import ISOLATION, PLAIN, Fault
from .visitor import run, stored_files, stored_shards, works_offline

if TYPE_CHECKING:
    from .bundles import Bundle
    from .conftest import Opens
    from .server import Host
    from .visitor import Visitor


@pytest.mark.parametrize(
    ("mount", "headers"),
    [("/", PLAIN), ("/models/of/mine/", PLAIN), ("/", ISOLATION), ("/models/of/mine/", {"Cache-Control": "no-store"})],
    ids=str,
)
def test_the_second_visit_needs_no_host(
    host: Host, bundle: Bundle, returning: Opens, mount: str, headers: dict[str, str]
) -> None:
    host.mounts = {mount: bundle.site}
    host.headers = headers
    url = host.origin + mount
    page = returning().open(url, documents=1 if headers is ISOLATION else 2)
    works_offline(page)
    assert run(page, bundle).matches(bundle)
    host.stop()

    visitor = returning()
    page = visitor.open(url)
    works_offline(page)
    answer = run(page, bundle)
    assert answer.matches(bundle)
    assert answer.info["bytes"]["network"] == 0
    assert answer.info["threads"] > 1
    assert visitor.origins() == {host.origin}
    assert visitor.complaints == []


def test_what_was_fetched_before_the_service_worker_came_is_kept(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.headers = ISOLATION | {"Cache-Control": "no-store"}
    host.faults = [Fault("/sw.js", "slow", seconds=3)]
    page = visitor.open(f"{host.origin}/")
    works_offline(page)
    host.stop()
    page.reload()
    assert run(page, bundle).matches(bundle)


def test_a_visit_leaves_only_sound_files_of_the_bundle(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    page = visitor.open(f"{host.origin}/", documents=2)
    works_offline(page)
    engine = bundle.manifest["engines"]["ort-wasm"]
    shell = {file["path"] for file in bundle.manifest["files"] if file["role"] == "shell"}
    assert stored_files(page, bundle, f"{host.origin}/") == shell | {engine["script"], engine["glue"], "manifest.json"}
    assert stored_shards(page) >= {shard["sha256"] for shard in bundle.weight_shards()}


def test_a_first_visit_fetches_each_shard_once_and_nothing_elsewhere(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.headers |= ISOLATION
    page = visitor.open(f"{host.origin}/")
    works_offline(page)
    shards = host.requests("/shards/*")
    assert sorted(shards) == sorted(set(shards))
    assert visitor.origins() == {host.origin}
    assert visitor.complaints == []


def test_a_strict_policy_of_the_host_is_enough(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.headers |= ISOLATION | {
        "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        "connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    }
    page = visitor.open(f"{host.origin}/")
    works_offline(page)
    assert run(page, bundle).matches(bundle)
    assert visitor.complaints == []


def test_two_bundles_of_one_origin_do_not_touch_each_other(host: Host, bundle: Bundle, newer: Bundle, visitor: Visitor) -> None:
    host.mounts = {"/a/": bundle.site, "/b/": newer.site}
    pages = [visitor.open(f"{host.origin}{mount}", documents=2) for mount in host.mounts]
    for page in pages:
        works_offline(page)
    host.stop()
    for page, own in zip(pages, (bundle, newer), strict=True):
        page.reload()
        answer = run(page, own)
        assert answer.matches(own)
        assert answer.name == own.manifest["name"]


def test_samples_are_stored_whole(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.pages["/own.html"] = "<!doctype html><title>Own</title>"
    page = visitor.open(f"{host.origin}/own.html")
    run(page, bundle)
    names = [sample["name"] for sample in bundle.manifest["samples"]]
    page.evaluate("(names) => Promise.all(names.map((name) => model.sample(name))).then(() => model.dispose())", names)
    assert stored_shards(page) == bundle.shards
