"""What a visitor does and sees, in words: opens a page, runs the model, looks at what the browser kept."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page, Request

    from .bundles import Bundle

# Loads the model and runs it once. Errors come back as data: what a page's own code could know of them.
_RUN = """async ([input, options]) => {
  const { load } = await import(new URL("packager.js", location.href));
  try {
    const model = await load("./manifest.json", options);
    const { y } = await model.infer({ x: { data: new Float32Array(input), dims: [1, input.length] } });
    const { info, manifest } = model;
    globalThis.model = model;
    return { output: Array.from(y.data), info, name: manifest.name };
  } catch (error) {
    return { error: { name: error.name, code: error.code, message: error.message } };
  }
}"""

# Every entry of the caches with the hash of what it holds.
_STORED = """async () => {
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const entries = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const { url } of await cache.keys()) {
      const body = await (await cache.match(url)).arrayBuffer();
      entries.push({ cache: name, url, sha256: hex(await crypto.subtle.digest("SHA-256", body)) });
    }
  }
  return entries;
}"""


@dataclass
class Answer:
    """What came of a load and a run: the numbers, or the error's name, code and message."""

    output: list[float] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    error: dict[str, str] = field(default_factory=dict)

    def matches(self, bundle: Bundle) -> bool:
        return not self.error and bool(np.allclose(self.output, bundle.output, rtol=1e-4, atol=1e-4))


@dataclass
class Visitor:
    """One browser profile, and all that its pages and workers asked the network for."""

    context: BrowserContext
    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Console errors and uncaught exceptions."""
    loads: list[str] = field(default_factory=list)
    """URLs of all documents that came up, reloads included."""

    def __post_init__(self) -> None:
        self.context.set_default_timeout(20_000)
        self.context.on("request", self._note)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))

    def _note(self, request: Request) -> None:
        self.urls.append(request.url)

    def open(self, url: str, documents: int = 1) -> Page:
        """Opens a page in a new tab and waits for so many documents: two where the service worker reloads it."""
        page = self.context.new_page()
        page.on("domcontentloaded", lambda page: self.loads.append(page.url))
        with self.coming(page, documents):
            page.goto(url)
        return page

    @contextlib.contextmanager
    def coming(self, page: Page, documents: int) -> Iterator[None]:
        """Waits after the block until so many documents came up since its start, in all tabs.

        Nothing may be evaluated in the page meanwhile: to the page that is a visitor's click, and it is not reloaded under
        a visitor's hands.
        """
        wanted = len(self.loads) + documents
        yield
        end = time.monotonic() + 60
        while len(self.loads) < wanted:
            assert time.monotonic() < end, f"Of {wanted} documents only these came: {self.loads}"
            page.wait_for_timeout(20)

    def origins(self) -> set[str]:
        """Of all requests that could leave the machine."""
        parts = [urlsplit(url) for url in self.urls]
        return {f"{part.scheme}://{part.netloc}" for part in parts if part.scheme not in ("data", "blob")}


def run(page: Page, bundle: Bundle, **options: Any) -> Answer:
    """Loads and runs the model on the page, with `load`'s options."""
    return Answer(**page.evaluate(_RUN, [bundle.input, options]))


def stored(page: Page) -> list[dict[str, Any]]:
    """Entries of the caches: cache, url, sha256 of the body."""
    return page.evaluate(_STORED)


def stored_shards(page: Page) -> set[str]:
    """SHA-256 of the shards in the store, each proven to hold what its name says."""
    shards = [entry for entry in stored(page) if "/.packager/shards/" in entry["url"]]
    for entry in shards:
        assert entry["url"].endswith(f"/{entry['sha256']}"), f"bad bytes were cached: {entry}"
    return {entry["sha256"] for entry in shards}


def stored_files(page: Page, bundle: Bundle, base: str) -> set[str]:
    """Paths of the bundle's files in the service worker's caches, each proven to be of this version."""
    files = [entry for entry in stored(page) if entry["cache"].startswith(f"packager-shell:{base}:")]
    hashes = {file["path"]: file["sha256"] for file in bundle.manifest["files"]}
    paths = set()
    for entry in files:
        assert entry["cache"].endswith(f":{bundle.manifest['id']}"), f"an old shell was left: {entry}"
        path = entry["url"].removeprefix(base) or "index.html"
        assert path == "manifest.json" or hashes[path] == entry["sha256"], f"bad bytes were cached: {entry}"
        paths.add(path)
    return paths


def until(page: Page, condition: str, seconds: float = 60.0) -> None:
    """Waits for a JavaScript condition, over reloads. Playwright's own wait needs the `eval` that our pages forbid."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Error):  # Of a page that is just being replaced.
            if page.evaluate(condition):
                return
        assert time.monotonic() < end, f"In {seconds} s this did not come true: {condition}"
        page.wait_for_timeout(50)


def works_offline(page: Page) -> None:
    """Waits until the page says that the next visit needs no network."""
    until(page, "document.getElementById('badge').dataset.state === 'ready'")


def version(page: Page) -> tuple[str, str]:
    """The versions that the page and the manifest that it would load are of, by their names."""
    return page.title(), page.evaluate("async () => (await (await fetch('manifest.json')).json()).name")


def find_update(page: Page, *, whole: bool = True) -> None:
    """Has the browser look for a new version, and waits until that waits its turn or, if not whole, was given up."""
    ended = page.evaluate(
        """async (whole) => {
          const registration = await navigator.serviceWorker.getRegistration();
          for (let tries = 0; tries < 5; tries++) {
            await registration.update();
            const fresh = registration.installing ?? registration.waiting;
            while (fresh?.state === "installing") {
              await new Promise((go) => fresh.addEventListener("statechange", go, { once: true }));
            }
            // The browser looks by itself after each navigation: this may be one that began before the host healed.
            if (fresh?.state === "installed" || !whole) return fresh?.state;
          }
        }""",
        whole,
    )
    assert ended == ("installed" if whole else "redundant")
