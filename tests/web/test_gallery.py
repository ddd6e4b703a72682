"""The index page of several bundles in a real browser, and what was served at its address before."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.serving import serving

from .visitor import run, until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from .bundles import Bundle
    from .visitor import Visitor


@pytest.fixture
def sites(bundle: Bundle, newer: Bundle, tmp_path: Path) -> Path:
    for name, built in (("one", bundle), ("two", newer)):
        shutil.copytree(built.site, tmp_path / "sites" / name)
    return tmp_path / "sites"


def test_it_leads_to_each_model(sites: Path, bundle: Bundle, newer: Bundle, visitor: Visitor) -> None:
    with serving(sites) as server:
        page = visitor.open(server.url)
        assert page.locator("h2").all_inner_texts() == ["First", "Second"]
        for name, built in (("First", bundle), ("Second", newer)):
            page.get_by_role("link", name=name).click()
            assert run(page, built).matches(built)
            assert page.evaluate("crossOriginIsolated")
            page.go_back()
        assert visitor.origins() == {server.url.rstrip("/")}
        assert visitor.complaints == []
        assert server.errors == []


@pytest.mark.parametrize("isolate", [True, False])
def test_threads_come_with_the_headers_or_with_the_service_worker(bundle: Bundle, visitor: Visitor, isolate: bool) -> None:
    with serving(bundle.site, isolate=isolate) as server:
        page = visitor.open(server.url, documents=1 if isolate else 2)
        assert page.evaluate("crossOriginIsolated")
        assert run(page, bundle).matches(bundle)
        assert visitor.complaints == []


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 16, 22)")])
def test_on_a_phone_nothing_sticks_out_and_every_link_is_as_large_as_its_card(
    sites: Path, browser: Browser, scheme: str, paper: str
) -> None:
    phone = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme)  # type: ignore[arg-type]
    with serving(sites) as server, phone:
        page = phone.new_page()
        page.goto(server.url)
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        card = page.locator(".demo").last
        card.click(position={"x": 200, "y": 120})
        assert page.url == f"{server.url}two/"


def test_the_service_worker_of_a_bundle_once_served_here_makes_way(sites: Path, bundle: Bundle, visitor: Visitor) -> None:
    with serving(bundle.site) as server:
        port = server.port
        page = visitor.open(server.url)
        until(page, "document.getElementById('badge').dataset.state === 'ready'")  # works offline
        assert page.title() == "First"
    with serving(sites, port=port) as server:
        page.goto(server.url)  # answered by the old service worker, which then finds its successor
        until(page, "document.title === 'Models in your browser'")
        assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
