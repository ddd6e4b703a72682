"""Every way in which a host can fail a visitor, for each part of a bundle, on each kind of visit, and what came of it.

`python -m scripts.reliability.matrix` plays them all; test_faults.py plays the nastiest.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from playwright.sync_api import Error

from packager import BuildOptions, build
from packager.content import shard_path
from packager.headers import SECURITY_HEADERS

from .bundles import Bundle, model_file
from .server import ISOLATION, Fault, Host, Kind
from .visitor import stored, works_offline

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

FAULTS: Final[dict[str, Kind]] = {
    "refused": "refuse",
    "reset mid-file": "cut",
    "stalled": "stall",
    "truncated": "truncate",
    "wrong bytes": "corrupt",
    "HTML with 200": "html",
    "404": "missing",
    "416": "unsatisfiable",
    "429 with Retry-After": "busy",
    "500": "broken",
    "slow drip": "drip",
    "redirect to another origin": "redirect",
}
PARTS: Final = ("shell", "manifest", "engine", "shard")
VISITS: Final = ("first", "return", "update")
"""Of a visitor who never came before; who has all; who has the version before. Cells may also be of one who "lost" the part
that fails and has the rest."""

BOUND: Final = 90.0
"""Seconds in which a visit ends, on a machine that may be busy with much else."""
TIMEOUT: Final = 2000
"""Milliseconds of silence after which the page tries again: 20,000 but for these tests."""

BLANK = '<!doctype html><link rel="icon" href="data:,"><title>Blank</title>'

# What came in place of the document, or half of it, is none of ours. The service worker's page while versions change is no end.
_STATE = """() => ({
  state: document.readyState !== "complete" || document.title === "Updating" || document.getElementById("update")
    ? document.documentElement.dataset.state ?? "loading"
    : "foreign",
  code: document.documentElement.dataset.code ?? "",
  late: document.getElementById("load-late")?.checkVisibility({ visibilityProperty: true }) ?? false,
})"""
_ANSWER = """async (input) => {
  const { model } = globalThis.packager;
  const { y } = await model.infer({ x: { data: new Float32Array(input), dims: [1, input.length] } });
  return [document.title, model.manifest.name, Array.from(y.data)];
}"""
_FORGET = """async (parts) => {
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      if (parts.some((part) => request.url.endsWith(part))) await cache.delete(request);
    }
  }
}"""
# The browser looks for a new version; settles when what it found is stored or given up, or after some seconds.
UPDATE = """(wait) => Promise.race([new Promise((go) => setTimeout(go, wait)), (async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  await registration?.update().catch(() => undefined);
  const fresh = registration?.installing;
  while (fresh?.state === "installing") {
    await new Promise((go) => fresh.addEventListener("statechange", go, { once: true }));
  }
})()])"""


@dataclass
class Outcome:
    """What came of a visit."""

    kind: str
    """`answer`; a PackagerError's code; `notice`, the page's word that its script has not come; `browser`, where the document
    itself did not come, so that nothing of ours could run; `none` where nothing ended within the bound."""
    version: str = ""
    """Of an answer: the version that page, manifest and weights all are of."""
    problems: list[str] = field(default_factory=list)


def build_versions(folder: Path) -> tuple[Bundle, Bundle]:
    """Two versions of a bundle of the compiled engine, which differ in their name and in one tensor."""
    made = []
    for name, head in (("First", 1.0), ("Second", 2.0)):
        place = folder / name
        place.mkdir()
        model = model_file(place, head)
        build(BuildOptions(model, place / "site", name=name, shard_size=256 * 2**10, targets=("wasm",)))
        made.append(Bundle(place / "site", model))
    return made[0], made[1]


def paths_of(part: str, bundle: Bundle, kind: str) -> list[str]:
    """What visitors ask for that is of this part. On a first visit the document comes, or there would be nothing of ours."""
    manifest = bundle.manifest
    if part == "manifest":
        return ["/manifest.json"]
    if part == "shell":
        files = ["/sw.js", *(f"/{file['path']}" for file in manifest["files"] if file["role"] == "shell")]
        return files if kind == "first" else ["/", *files]
    if part == "engine":
        modules = [build["content"] for build in manifest["engines"]["wasm"]["modules"]]
        scripts = [f"/{file['path']}" for file in manifest["files"] if file["role"] == "engine"]
        return scripts + [f"/{shard_path(shard)}" for content in modules for shard in content]
    return [f"/{path}" for path in bundle.weight_files()]


def visit(context: BrowserContext, url: str, versions: tuple[Bundle, ...], bound: float = BOUND) -> tuple[Page, Outcome]:
    """Opens the page and waits for how it ends."""
    page = context.new_page()
    start = time.monotonic()
    with contextlib.suppress(Error):
        page.goto(url, wait_until="commit", timeout=bound / 3 * 1000)
    return page, await_end(page, start + bound, versions)


def await_end(page: Page, end: float, versions: tuple[Bundle, ...]) -> Outcome:
    """Waits for how a page that has been opened ends."""
    late_since = None
    while time.monotonic() < end:
        with contextlib.suppress(Error):  # Of a page that is just being replaced.
            if page.url.startswith("chrome-error:"):
                return Outcome("browser")
            seen = page.evaluate(_STATE)
            if seen["state"] == "ready":
                return _answer(page, versions)
            if seen["state"] == "error":
                return Outcome(seen["code"] or "no code")
            if seen["state"] == "foreign":
                return Outcome("browser")
            # Without its style sheet the page shows the notice from the start.
            late_since = (late_since or time.monotonic()) if seen["late"] else None
            if late_since is not None and time.monotonic() > late_since + 12:
                return Outcome("notice")
        page.wait_for_timeout(50)
    with contextlib.suppress(Error):
        if page.evaluate("document.readyState") == "loading":
            return Outcome("browser")
    return Outcome("none")


def _answer(page: Page, versions: tuple[Bundle, ...]) -> Outcome:
    """Which version answered, and whether all of it is of that one."""
    title, name, output = page.evaluate(_ANSWER, versions[0].input)
    weights = [bundle.manifest["name"] for bundle in versions if np.allclose(output, bundle.output, rtol=1e-4, atol=1e-4)]
    if [title] != weights or [name] != weights:
        return Outcome("answer", "", [f"mixed: the page is {title}, its manifest {name}, its weights {weights}"])
    return Outcome("answer", name)


def bad_entries(context: BrowserContext, host: Host, versions: tuple[Bundle, ...]) -> list[str]:
    """What the caches hold that is not what it should be."""
    page = context.new_page()
    page.goto(f"{host.origin}/blank.html")
    bad = []
    for entry in stored(page):
        path = entry["url"].removeprefix(f"{host.origin}/") or "index.html"
        if path.startswith(".packager/references/"):
            continue
        if path.startswith(".packager/shards/"):
            right = {path.removeprefix(".packager/shards/")}
        else:
            right = {_hash(bundle, path) for bundle in versions if entry["cache"].endswith(f":{bundle.manifest['id']}")}
        if entry["sha256"] not in right:
            bad.append(f"bad bytes in {entry['cache']}: {path}")
    page.close()
    return bad


def _hash(bundle: Bundle, path: str) -> str:
    if path == "manifest.json":
        return hashlib.sha256((bundle.site / path).read_bytes()).hexdigest()
    return next((file["sha256"] for file in bundle.manifest["files"] if file["path"] == path), "no file of this version")


def play(browser: Browser, versions: tuple[Bundle, Bundle], cell: tuple[str, str, str]) -> Outcome:
    """Plays one cell (fault, part, visit): a visit under the fault, then one with the host healed."""
    fault, part, kind = cell
    old, new = versions
    headers = {"Cache-Control": "no-store"} | ISOLATION | SECURITY_HEADERS
    foreign = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    now = new if kind == "update" else old
    with (
        Host({"/": old.site}, {"/blank.html": BLANK}, dict(headers)) as host,
        Host({"/": now.site}, {}, foreign) as elsewhere,
        browser.new_context() as context,
    ):
        context.set_default_timeout(60_000)
        if kind != "first":
            come_before(context, host, versions, paths_of(part, old, kind) if kind == "lost" else [])
        host.mounts["/"] = now.site
        # A file that both versions have is not fetched for the second.
        host.faults = [Fault(path, FAULTS[fault], target=elsewhere.origin) for path in paths_of(part, now, kind)]
        page, outcome = visit(context, f"{host.origin}/?timeout={TIMEOUT}", versions)
        if kind == "update" and outcome.kind == "answer":
            page.evaluate(UPDATE, 5000)
        outcome.problems += _judge(outcome, part, kind)
        outcome.problems += bad_entries(context, host, versions)
        # A host that recovers is one that was started anew: it holds no silent connection any more.
        host.faults.clear()
        host.kill()
        host.start()
        page.close()
        outcome.problems += _heal(context, host, versions, now)
        return outcome


def come_before(context: BrowserContext, host: Host, versions: tuple[Bundle, Bundle], lost: list[str]) -> None:
    """A visit after which all is stored, of which what lies at the paths `lost` is then forgotten."""
    page, outcome = visit(context, f"{host.origin}/", versions)
    assert outcome.kind == "answer", outcome
    works_offline(page)
    page.goto(f"{host.origin}/blank.html")
    # Shards are stored by their hash alone.
    parts = [path.partition("/shards/")[2].split(".")[0] or host.origin + path for path in lost]
    page.evaluate(_FORGET, parts)
    page.close()


def _judge(outcome: Outcome, part: str, kind: str) -> list[str]:
    """What is wrong with how a visit under a fault ended."""
    if outcome.kind in ("none", "no code", "internal"):
        return [f"ended in {outcome.kind}"]
    if kind in ("return", "update") and outcome.kind != "answer":
        return [f"a visitor who had all got {outcome.kind}"]
    if outcome.kind in ("browser", "notice") and part != "shell":
        return [f"ended in {outcome.kind}"]
    return []


def _heal(context: BrowserContext, host: Host, versions: tuple[Bundle, Bundle], wanted: Bundle) -> list[str]:
    """What is wrong with the visits after the host is healed: the next one answers, and the version published is soon there."""
    seen: list[str] = []
    for _ in range(6):
        page, outcome = visit(context, f"{host.origin}/?timeout={TIMEOUT}", versions)
        seen += [outcome.kind, *outcome.problems]
        if outcome.kind != "answer" or outcome.problems:
            return [f"the visits after it: {seen}"]
        if outcome.version == wanted.manifest["name"]:
            page.close()
            return bad_entries(context, host, versions)
        page.evaluate(UPDATE, 60_000)
        # A reload of the only page is when a new version takes over.
        with contextlib.suppress(Error):
            page.reload(wait_until="commit")
        page.wait_for_timeout(500)
        page.close()
    return [f"the version published did not come: {seen}"]


def cells() -> list[tuple[str, str, str]]:
    """All of the matrix."""
    return [(fault, part, kind) for kind in VISITS for part in PARTS for fault in FAULTS]


def describe(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON has it."""
    return {"kind": outcome.kind, "version": outcome.version, "problems": outcome.problems}
