"""A tab, a browser or a server killed at a random moment of a load or an update, and the visit after it.

`python -m scripts.reliability.kills` plays 200 of these; test_faults.py plays a few.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psutil
from playwright.sync_api import Error

from packager.browser import chromium_flags, chromium_path
from packager.headers import SECURITY_HEADERS

from .faults import BLANK, BOUND, TIMEOUT, await_end, bad_entries, come_before, visit
from .server import ISOLATION, Host

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from playwright.sync_api import Browser, BrowserContext

    from .bundles import Bundle

VICTIMS: Final = ("tab", "browser", "server")

# A visitor in a hurry: looks for a new version at once, and reloads once as soon as one waits, which is when it takes over.
_EAGER = """location.pathname === "/" && navigator.serviceWorker?.getRegistration().then(async (registration) => {
  await registration?.update().catch(() => undefined);
  const fresh = registration?.installing ?? registration?.waiting;
  while (fresh?.state === "installing") {
    await new Promise((go) => fresh.addEventListener("statechange", go, { once: true }));
  }
  if (fresh?.state !== "installed" || sessionStorage.getItem("reloaded")) return;
  sessionStorage.setItem("reloaded", "1");
  location.reload();
})"""


@dataclass
class Death:
    """What was killed when, and what the next visit gave."""

    victim: str
    during: str
    """`load` or `update`."""
    moment: float
    """Seconds after the visit began."""
    version: str = ""
    """That the next visit answered with."""
    problems: list[str] = field(default_factory=list)


def die(browser: Browser, versions: tuple[Bundle, Bundle], random: Random, span: float, folder: Path) -> Death:
    """Plays one death in up to ``span`` seconds of a load, or twice that of an update; the profile is kept in ``folder``."""
    update = random.random() < 0.5
    death = Death(random.choice(VICTIMS), "update" if update else "load", random.uniform(0, span * (2 if update else 1)))
    old, new = versions
    headers = {"Cache-Control": "no-cache"} | ISOLATION | SECURITY_HEADERS
    with Host({"/": old.site}, {"/blank.html": BLANK}, headers) as host:
        context = _open(browser, folder) if death.victim == "browser" else browser.new_context()
        if update:
            come_before(context, host, versions, [])
            host.mounts["/"] = new.site
        context.add_init_script(_EAGER)
        page = context.new_page()
        page.evaluate("(url) => { setTimeout(() => { location.href = url; }); }", f"{host.origin}/?timeout={TIMEOUT}")
        page.wait_for_timeout(death.moment * 1000)
        if death.victim == "tab":
            page.close()
        elif death.victim == "browser":
            _kill(folder)
            with contextlib.suppress(Error):
                context.close()
            context = _open(browser, folder)
        else:
            host.kill()
            outcome = await_end(page, time.monotonic() + BOUND, versions)
            if outcome.problems or outcome.kind in ("none", "no code", "internal"):
                death.problems += [f"without its server the page ended in {outcome.kind}", *outcome.problems]
            host.start()
        _look(context, host, versions, death)
        context.close()
    return death


def _open(browser: Browser, profile: Path) -> BrowserContext:
    """A browser process of its own on the profile."""
    return browser.browser_type.launch_persistent_context(profile, executable_path=chromium_path(), args=chromium_flags())


def _kill(profile: Path) -> None:
    """Kills the browser of this profile with all its processes, as a power cut would."""
    for process in psutil.process_iter(["cmdline"]):
        if f"--user-data-dir={profile}" in (process.info["cmdline"] or []) and process.pid != 1:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in process.children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
                process.kill()


def _look(context: BrowserContext, host: Host, versions: tuple[Bundle, Bundle], death: Death) -> None:
    """The next visit: it answers, all of one version, and nothing bad is stored."""
    page, outcome = visit(context, f"{host.origin}/?timeout={TIMEOUT}", versions)
    death.version = outcome.version
    if outcome.kind != "answer":
        death.problems.append(f"the next visit ended in {outcome.kind}")
    death.problems += outcome.problems
    page.close()
    death.problems += bad_entries(context, host, versions)
