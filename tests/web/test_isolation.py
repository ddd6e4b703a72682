"""Threads need two headers that many hosts cannot send; the service worker adds them, at the price of one reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .server import ISOLATION
from .visitor import run

if TYPE_CHECKING:
    from .bundles import Bundle
    from .server import Host
    from .visitor import Visitor

# A page of somebody's own, in the bundle's folder.
OWN = """<!doctype html><title>Own</title><button>Press</button><script type="module">
import { enableOffline } from "./packager.js";
const states = globalThis.states = [];
const enable = () => enableOffline({ onState: (state) => states.push(state), %s });
if (location.hash) document.querySelector("button").onclick = enable;
else enable();
</script>"""


def test_without_headers_there_is_one_thread_and_a_reason(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.pages["/own.html"] = "<!doctype html><title>Own</title>"
    info = run(visitor.open(f"{host.origin}/own.html"), bundle).info
    assert info["threads"] == 1
    assert "isolated" in info["threadsReason"]


def test_with_headers_there_are_threads_at_once(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.headers |= ISOLATION
    page = visitor.open(f"{host.origin}/")
    page.wait_for_timeout(1_500)
    assert run(page, bundle).info["threads"] > 1
    assert len(visitor.loads) == 1


def test_a_host_without_headers_costs_one_reload_and_no_more(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    page = visitor.open(f"{host.origin}/", documents=2)
    page.wait_for_timeout(1_500)
    assert run(page, bundle).info["threads"] > 1
    page.reload()
    page.wait_for_timeout(1_500)
    assert page.evaluate("crossOriginIsolated")
    assert len(visitor.loads) == 3


def test_a_host_that_forbids_isolation_is_tried_once(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.headers |= {"Cross-Origin-Opener-Policy": "unsafe-none"}
    page = visitor.open(f"{host.origin}/", documents=2)
    page.wait_for_timeout(1_500)
    page.reload()
    page.wait_for_timeout(1_500)
    assert run(page, bundle).info["threads"] == 1
    assert len(visitor.loads) == 3


def test_a_page_in_use_is_not_reloaded(host: Host, visitor: Visitor) -> None:
    host.pages["/own.html"] = OWN % ""
    page = visitor.open(f"{host.origin}/own.html#wait")
    page.get_by_role("button").click()
    page.wait_for_timeout(1_500)
    assert page.evaluate("navigator.serviceWorker.controller !== null")
    assert not page.evaluate("crossOriginIsolated")
    assert len(visitor.loads) == 1


def test_a_page_that_wants_no_isolation_is_left_as_it_is(host: Host, visitor: Visitor) -> None:
    host.pages["/own.html"] = OWN % "isolate: false"
    page = visitor.open(f"{host.origin}/own.html")
    page.wait_for_timeout(1_500)
    assert page.evaluate("navigator.serviceWorker.controller !== null")
    page.reload()
    assert not page.evaluate("crossOriginIsolated")
    assert len(visitor.loads) == 2


def test_a_page_in_a_frame_is_not_reloaded(host: Host, visitor: Visitor) -> None:
    host.pages["/outer.html"] = '<!doctype html><title>Outer</title><iframe src="./"></iframe>'
    page = visitor.open(f"{host.origin}/outer.html")
    frames = []
    page.on("framenavigated", lambda frame: frames.append(frame.url))
    page.wait_for_timeout(2_000)
    assert frames == []
