"""Pages of the comparison in a real browser: asked, counted, and ended when they do not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from benchmarks import browser
from benchmarks.browser import ContenderError, visit
from benchmarks.host import serving

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """<!doctype html><title>a peer</title><link rel="icon" href="data:,"><script>
const marks = { script: 1, engine: 2, downloaded: 3, ready: 4, first: 5 };
globalThis.contender = {
  started: Promise.all(["weights.bin", "/inputs/x.bin"].map(async (file) => (await fetch(file)).arrayBuffer())).then(() => {
    return { marks, info: {} };
  }),
  time: async (runs) => BODY,
  answer: async () => ({ y: { dims: [2], data: btoa(String.fromCharCode(0, 0, 128, 63, 0, 0, 0, 64)) } }),
};
</script>"""


class TestPages:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        site = tmp_path / "site"
        for path, content in (("peer/weights.bin", b"w" * 5000), ("inputs/x.bin", b"i" * 7000)):
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_bytes(content)
        return site

    def page(self, site: Path, body: str) -> None:
        (site / "peer" / "index.html").write_text(PAGE.replace("BODY", body))

    def test_a_page_is_asked_and_its_bytes_are_counted_without_the_inputs(self, site: Path, tmp_path: Path) -> None:
        self.page(site, "Array(runs).fill(2.5)")
        with serving(site) as host, sync_playwright() as playwright:
            with visit(playwright, tmp_path / "profile", f"{host.origin}/peer/", {"threads": 1}) as page:
                assert page.started.marks["first"] == 5
                assert page.time(3) == [2.5] * 3
                assert page.answer()["y"].tolist() == [1.0, 2.0]
                assert page.peak_memory() > 50_000_000
                sent = host.traffic.bytes
            assert 5000 < sent < 6500
            with visit(playwright, tmp_path / "profile", f"{host.origin}/peer/", {"threads": 1}):
                # A return visit has all but the page from the cache, and of the page only that it is unchanged.
                assert host.traffic.bytes == sent

    def test_a_page_that_fails_is_a_sentence(self, site: Path, tmp_path: Path) -> None:
        self.page(site, "Promise.reject(new Error('no such operator: If'))")
        with serving(site) as host, sync_playwright() as playwright:
            url = f"{host.origin}/peer/"
            with visit(playwright, tmp_path, url, {}) as page, pytest.raises(ContenderError, match="no such operator: If"):
                page.time(1)

    @pytest.mark.parametrize("body", ["new Promise(() => {})", "{ for (;;); }"], ids=["waits for ever", "computes for ever"])
    def test_a_page_that_never_answers_is_ended(
        self, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
    ) -> None:
        self.page(site, f"(() => {body})()" if body.startswith("{") else body)
        with serving(site) as host, sync_playwright() as playwright:
            url = f"{host.origin}/peer/"
            with visit(playwright, tmp_path, url, {}) as page, pytest.raises(ContenderError, match="answer within 2 seconds"):
                monkeypatch.setattr(browser, "SECONDS", 2)
                page.time(1)
