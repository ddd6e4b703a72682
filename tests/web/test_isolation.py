"""Threads need two headers that many hosts cannot send; the service worker adds them, at the price of one reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .server import Host
    from .visitor import Visitor


def test_a_host_without_headers_costs_one_reload_and_no_more(host: Host, visitor: Visitor) -> None:
    page = visitor.open(f"{host.origin}/", documents=2)
    page.wait_for_timeout(1_500)
    assert page.evaluate("crossOriginIsolated")
    page.reload()
    page.wait_for_timeout(1_500)
    assert page.evaluate("crossOriginIsolated")
    assert len(visitor.loads) == 3
