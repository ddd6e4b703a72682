"""A new version of the bundle: whole or not at all, never under the hands of a visitor, never mixed with the old one."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING

import pytest

from .bundles import Bundle, build_bundle
from .server import Fault, Host
from .visitor import find_update, run, stored_files, stored_shards, until, version, works_offline

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from .visitor import Visitor


@pytest.fixture
def page(host: Host, visitor: Visitor) -> Page:
    """A page of the first version, under its service worker."""
    page = visitor.open(f"{host.origin}/", documents=2)
    assert version(page) == ("First", "First")
    return page


def test_a_reload_of_the_only_page_switches_whole(host: Host, page: Page, visitor: Visitor, newer: Bundle) -> None:
    host.mounts["/"] = newer.site
    find_update(page)
    assert version(page) == ("First", "First")
    with visitor.coming(page, documents=2):
        page.reload()
    assert version(page) == ("Second", "Second")


def test_a_version_that_never_takes_over_leaves_the_old_one_at_work(
    host: Host, page: Page, visitor: Visitor, bundle: Bundle, newer: Bundle, tmp_path: Path
) -> None:
    works_offline(page)
    stubborn = shutil.copytree(newer.site, tmp_path / "stubborn")
    script = (stubborn / "sw.js").read_text(encoding="utf-8")
    assert "skipWaiting" in script
    (stubborn / "sw.js").write_text(script.replace("skipWaiting", "toString"), encoding="utf-8")
    host.mounts["/"] = stubborn
    find_update(page)
    with visitor.coming(page, documents=2):
        page.reload()
    assert version(page) == ("First", "First")
    assert run(page, bundle).matches(bundle)


def test_an_update_costs_only_what_changed(host: Host, visitor: Visitor, bundle: Bundle, newer: Bundle) -> None:
    host.headers = {"Cache-Control": "no-store"}
    page = visitor.open(f"{host.origin}/", documents=2)
    works_offline(page)
    # The page's own first run fetches a sample, and may still be at it when all else is stored.
    until(page, "performance.getEntriesByName('packager:first-result').length > 0")
    host.log.clear()
    host.mounts["/"] = newer.site
    find_update(page)
    changed = [f"/{path}" for path in newer.weight_files() if path not in bundle.weight_files()]
    assert len(changed) == 1
    assert sorted(set(host.log)) == ["/", "/manifest.json", *changed, "/sw.js"]


def test_who_needed_no_network_before_an_update_needs_none_after_it(
    host: Host, page: Page, visitor: Visitor, newer: Bundle
) -> None:
    works_offline(page)
    host.mounts["/"] = newer.site
    find_update(page)
    host.stop()
    with visitor.coming(page, documents=2):
        page.reload()
    works_offline(page)
    answer = run(page, newer)
    assert answer.matches(newer)
    assert answer.info["bytes"]["network"] == 0


# Sound gzip of as many bytes as the head's shard has, but of others.
FOREIGN = Fault("/shards/*", "other", body=gzip.compress(bytes(20_480)))


@pytest.mark.parametrize("fault", [FOREIGN, Fault("/shards/*", "missing")], ids=["foreign", "missing"])
def test_an_update_whose_weights_are_not_there_is_not_taken(
    host: Host, page: Page, visitor: Visitor, bundle: Bundle, newer: Bundle, fault: Fault
) -> None:
    works_offline(page)
    host.mounts["/"] = newer.site
    host.faults = [fault]
    find_update(page, whole=False)
    page.reload()
    assert run(page, bundle).matches(bundle)
    host.faults = [Fault("/shards/*", "cut", times=1)]
    update(page, visitor)
    assert run(page, newer).matches(newer)


def test_an_update_that_does_not_fit_beside_the_old_version_comes_without_its_weights(
    host: Host, page: Page, visitor: Visitor, tmp_path: Path
) -> None:
    works_offline(page)
    other = build_bundle(tmp_path, name="Other", seed=8)
    room = page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)") + 700_000
    session = visitor.context.new_cdp_session(page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": host.origin, "quotaSize": room})
    host.mounts["/"] = other.site
    update(page, visitor)
    assert version(page) == ("Other", "Other")
    assert run(page, other).matches(other)


def test_what_no_version_needs_any_more_is_removed(
    host: Host, page: Page, visitor: Visitor, bundle: Bundle, newer: Bundle
) -> None:
    host.mounts["/other/"] = bundle.site
    other = visitor.open(f"{host.origin}/other/", documents=2)
    works_offline(other)
    works_offline(page)
    before = stored_shards(page)

    host.mounts["/"] = newer.site
    update(page, visitor)
    stored_files(page, newer, f"{host.origin}/")
    stored_files(page, bundle, f"{host.origin}/other/")
    assert stored_shards(page) > before

    host.mounts["/other/"] = newer.site
    update(other, visitor)
    assert stored_shards(other) <= newer.shards


def update(page: Page, visitor: Visitor) -> None:
    """Switches the page to what its host now publishes, for good."""
    find_update(page)
    with visitor.coming(page, documents=2):
        page.reload()
    works_offline(page)


def test_pages_in_use_keep_their_version_until_the_visitor_says_so(
    host: Host, page: Page, visitor: Visitor, newer: Bundle
) -> None:
    host.mounts["/"] = newer.site
    find_update(page)
    other = visitor.open(f"{host.origin}/")
    other.reload()
    other.wait_for_timeout(1_000)
    assert version(page) == version(other) == ("First", "First")
    with visitor.coming(page, documents=2):
        other.get_by_role("button", name="Use it now").click()
    assert version(page) == version(other) == ("Second", "Second")


@pytest.mark.parametrize("fault", [Fault("/", "html"), Fault("/manifest.json", "corrupt"), Fault("/", "missing")], ids=str)
def test_a_half_published_version_is_not_taken(host: Host, page: Page, visitor: Visitor, newer: Bundle, fault: Fault) -> None:
    host.mounts["/"] = newer.site
    host.faults.append(fault)
    find_update(page, whole=False)
    page.reload()
    assert version(page) == ("First", "First")
    host.stop()
    page.reload()
    assert version(page) == ("First", "First")
    host.faults.clear()
    host.start()
    find_update(page)
    with visitor.coming(page, documents=2):
        page.reload()
    assert version(page) == ("Second", "Second")
