"""Browsers may refuse storage, run out of it, or lose it: the model answers all the same, and the page says what that means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .server import Fault
from .visitor import Visitor, run, stored, stored_shards, until, works_offline

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from .bundles import Bundle
    from .conftest import Opens
    from .server import Host


def needs_network(page: Page) -> str:
    """Waits until the page says that every visit needs the network, and gives what it says on storage."""
    until(page, "document.getElementById('badge').dataset.state === 'unsupported'")
    return page.inner_text("aside")


def test_a_browser_that_refuses_all_storage(host: Host, bundle: Bundle, returning: Opens, profile: Path) -> None:
    (profile / "Default").mkdir(parents=True)
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Default" / "Preferences").write_text(json.dumps(settings))
    visitor = returning()
    page = visitor.open(f"{host.origin}/")
    assert "refused" in needs_network(page)
    answer = run(page, bundle)
    assert answer.matches(bundle)
    assert (answer.info["storage"], answer.info["threads"]) == ("memory", 1)
    assert "refused" in answer.info["storageReason"]
    assert len(visitor.loads) == 1


def test_a_page_that_is_not_secure(host: Host, bundle: Bundle, returning: Opens) -> None:
    visitor = returning("--host-resolver-rules=MAP model.test 127.0.0.1")
    page = visitor.open(f"http://model.test:{host.port}/")
    assert not page.evaluate("isSecureContext")
    assert "http" in needs_network(page)
    answer = run(page, bundle)
    assert answer.matches(bundle)
    assert (answer.info["storage"], answer.info["threads"]) == ("memory", 1)
    assert visitor.origins() == {f"http://model.test:{host.port}"}


def test_a_full_storage(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    page = visitor.context.new_page()
    session = visitor.context.new_cdp_session(page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": host.origin, "quotaSize": 2_000_000})
    page.goto(f"{host.origin}/")
    assert "full" in needs_network(page)
    answer = run(page, bundle)
    assert answer.matches(bundle)
    assert (answer.info["storage"], "full" in answer.info["storageReason"]) == ("memory", True)
    stored_shards(page)

    session.send("Storage.overrideQuotaForOrigin", {"origin": host.origin})
    page.reload()
    works_offline(page)


def test_a_cache_that_the_visitor_clears_fills_again(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    page = visitor.open(f"{host.origin}/", documents=2)
    works_offline(page)
    page.get_by_role("button", name="Clear cache").click()
    until(page, "caches.keys().then((names) => names.length === 0)")
    assert run(page, bundle).matches(bundle)
    page.reload()
    works_offline(page)
    host.stop()
    page.reload()
    assert run(page, bundle).matches(bundle)


def test_a_click_asks_the_browser_to_keep_the_model(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    page = visitor.open(f"{host.origin}/", documents=2)
    works_offline(page)
    assert page.evaluate("navigator.storage.persisted()") is False
    page.get_by_role("button", name="Keep for good").click()
    page.get_by_text("The browser did not agree").wait_for()
    session = visitor.context.new_cdp_session(page)
    profile = session.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
    grant = {"origin": host.origin, "permissions": ["durableStorage"], "browserContextId": profile}
    session.send("Browser.grantPermissions", grant)
    page.get_by_role("button", name="Keep for good").click()
    page.get_by_text("The browser keeps the model until you clear it").wait_for()
    assert page.evaluate("navigator.storage.persisted()") is True
    assert page.get_by_role("button", name="Keep for good").is_hidden()


def test_a_host_without_the_service_worker(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.faults.append(Fault("/sw.js", "missing"))
    page = visitor.open(f"{host.origin}/")
    assert "service worker" in needs_network(page)
    assert run(page, bundle).matches(bundle)


def test_a_shell_that_cannot_be_stored_is_said(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.faults.append(Fault("/assets/sha256-*", "html"))
    page = visitor.open(f"{host.origin}/")
    assert "assets/sha256-" in needs_network(page)
    assert run(page, bundle).matches(bundle)
    assert [entry for entry in stored(page) if "sha256-" in entry["url"]] == []
