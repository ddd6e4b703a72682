"""Several tabs, and tabs that die: a model is downloaded once, and what came in before the end is not fetched again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .bundles import Bundle, build_bundle
from .server import Fault
from .visitor import run, stored_shards, until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from .server import Host
    from .visitor import Visitor

# A page without a service worker, whose load is begun and not waited for.
OWN = '<!doctype html><link rel="icon" href="data:,"><title>Own</title>'
_BEGIN = """() => {
  globalThis.outcome = "loading";
  import(new URL("packager.js", location.href)).then(({ load }) => load("./manifest.json")).then(
    (model) => { globalThis.outcome = `${model.info.bytes.network} ${model.info.bytes.cache}`; },
    (error) => { globalThis.outcome = error.code; },
  );
}"""


@pytest.fixture(autouse=True)
def own(host: Host) -> None:
    host.pages["/own.html"] = OWN


def begin(visitor: Visitor, host: Host) -> Page:
    """A tab whose load has begun."""
    page = visitor.open(f"{host.origin}/own.html")
    page.evaluate(_BEGIN)
    return page


def wait_for(host: Host, pattern: str) -> None:
    """Waits until something that fits was asked for."""
    end = time.monotonic() + 60
    while not host.requests(pattern):
        assert time.monotonic() < end, host.log
        time.sleep(0.02)


def test_two_tabs_download_a_model_once(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    slow = f"/{bundle.weight_files()[0]}"
    host.faults = [Fault(slow, "slow", seconds=2)]
    one = begin(visitor, host)
    wait_for(host, slow)
    other = begin(visitor, host)
    for page in (one, other):
        until(page, "globalThis.outcome !== 'loading'")
    shards = host.requests("/shards/*")
    assert sorted(shards) == sorted(set(shards))
    assert one.evaluate("globalThis.outcome").endswith(" 0")
    assert other.evaluate("globalThis.outcome").startswith("0 ")
    assert run(other, bundle).matches(bundle)


def test_a_tab_that_dies_leaves_what_it_had_and_the_next_takes_over(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    stalled = f"/{bundle.weight_files()[0]}"
    host.faults = [Fault(stalled, "stall")]
    one = begin(visitor, host)
    looking = visitor.open(f"{host.origin}/own.html")
    settle(looking, len(bundle.load_shards) - 1)
    host.log.clear()
    other = begin(visitor, host)
    until(looking, "navigator.locks.query().then(({ pending }) => pending.length > 0)")
    host.faults.clear()
    one.close()
    until(other, "globalThis.outcome !== 'loading'")
    assert set(host.requests("/shards/*")) == {stalled}
    assert run(other, bundle).matches(bundle)


def test_the_model_that_was_used_least_recently_makes_way(host: Host, bundle: Bundle, visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "fourth").mkdir()
    third = build_bundle(tmp_path, name="Third", seed=8)
    fourth = build_bundle(tmp_path / "fourth", name="Fourth", seed=9)
    host.mounts = {"/a/": third.site, "/b/": bundle.site, "/c/": fourth.site}
    for mount in host.mounts:
        host.pages[f"{mount}own.html"] = OWN
    page = visitor.open(f"{host.origin}/a/own.html")
    assert run(page, third).matches(third)
    referred(page)
    page.goto(f"{host.origin}/b/own.html")
    assert run(page, bundle).matches(bundle)
    referred(page)
    room = page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)") + 600_000
    session = visitor.context.new_cdp_session(page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": host.origin, "quotaSize": room})
    page.goto(f"{host.origin}/c/own.html")
    answer = run(page, fourth)
    assert answer.matches(fourth)
    referred(page)
    assert stored_shards(page) == bundle.load_shards | fourth.load_shards
    assert page.evaluate("globalThis.model.info.storage") == "cache"


def settle(page: Page, shards: int) -> None:
    """Waits until so many shards lie in the store."""
    keys = "caches.open('packager-shards-1').then((store) => store.keys())"
    until(page, f"{keys}.then((keys) => keys.filter(({{ url }}) => url.includes('/.packager/shards/')).length === {shards})")


def referred(page: Page) -> None:
    """Waits until the bundle of the page is noted as in use, which comes after its last shard."""
    key = "`${location.origin}/.packager/references/${encodeURIComponent(new URL('./', location.href))}`"
    until(page, f"caches.match({key}).then(Boolean)")
