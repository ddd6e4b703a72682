"""One setting, a variant with so many threads: its visits, its steady state, its memory. What is measured is kept at once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packager.bench.machine import graphics
from packager.bench.memory import page_bytes
from packager.bench.processes import processes, sampled
from packager.bench.steady import ROUNDS, Rounds, nothing_measured
from packager.options import GPU_TARGETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import BrowserContext

    from packager._manifest_types import Manifest, Variant
    from packager.bench.browsers import Browsers, Profile
    from packager.bench.inputs import Input
    from packager.bench.native import Native
    from packager.bench.options import Part, Threads
    from packager.bench.processes import Processes
    from packager.bench.steady import Answers
    from packager.bench.visits import Visitor
    from packager.progress import Progress

# Memory and updates vary little and take long.
_FEW = 3


@dataclass(frozen=True)
class Old:
    """The bundle from which an update starts, and where it is served."""

    manifest: Manifest
    upstream: tuple[str, int]


@dataclass
class Bench:
    """All that a setting is measured with."""

    browsers: Browsers
    visitor: Visitor
    inputs: list[Input]
    runs: int
    visits: int
    only: tuple[Part, ...]
    old: Old | None
    progress: Progress


def new_setting(variant: Variant, threads: Threads) -> dict[str, Any]:
    """A setting of which nothing is known yet."""
    return {
        "variant": variant["id"],
        "target": variant["target"],
        "precision": variant["precision"],
        "threads_asked": threads,
        "threads": None,
        "isolated": None,
        "software_gpu": False,
        "visits": {"first": [], "return": [], "offline": [], "update": []},
        "steady": None,
        "parity": None,
        "memory": [],
        "figures": {},
        "error": None,
        "notes": [],
    }


async def first_visit(bench: Bench, variant: Variant, threads: Threads, setting: dict[str, Any]) -> None:
    """A first visit with its own profile, which also tells how many threads there are, and the visits that follow from it."""
    url = bench.visitor.address.of(variant, threads)
    async with bench.browsers.profile() as profile:
        async with profile.open() as context:
            visit = await bench.visitor.visit(context, url, fresh=True)
        _keep(setting, "first", visit)
        if "return" in bench.only:
            async with profile.open() as context:
                _keep(setting, "return", await bench.visitor.visit(context, url, fresh=False))
        if "offline" not in bench.only:
            return
        if not visit["stored"]:
            _note(setting, "The page was not all stored in time, so a visit without a network was not tried.")
            return
        async with profile.open() as context, _offline(bench, context):
            _keep(setting, "offline", await bench.visitor.visit(context, url, fresh=False))


async def updates(bench: Bench, variant: Variant, threads: Threads, setting: dict[str, Any]) -> None:
    """Visits of someone who has the old bundle."""
    old, relay = bench.old, bench.visitor.address.relay
    if old is None or relay is None:
        return
    known = {each["id"] for each in old.manifest["variants"]}
    if variant["id"] not in known:
        _note(setting, f"The older bundle has no variant {variant['id']}, so no update to it was measured.")
        return
    url = bench.visitor.address.of(variant, threads)
    before = replace(bench.visitor, manifest=old.manifest)
    new = relay.upstream
    for _ in range(min(bench.visits, _FEW)):
        async with bench.browsers.profile() as profile:
            try:
                relay.upstream = old.upstream
                async with profile.open() as context:
                    await before.visit(context, url, fresh=True)
            finally:
                relay.upstream = new
            async with profile.open() as context:
                setting["visits"]["update"].append(await bench.visitor.update(context, url, bench.visitor.manifest))


async def steady(
    bench: Bench,
    variant: Variant,
    threads: Threads,
    setting: dict[str, Any],
    native: Callable[[int], Native | None],
    answers: Answers,
) -> None:
    """The steady state, in turns with native if any; adds different answers with the index of their input to ``answers``."""
    url = bench.visitor.address.of(variant, threads)
    signature = bench.visitor.manifest["signature"]
    async with (
        bench.browsers.profile() as profile,
        profile.open() as context,
        bench.visitor.settled(context, url) as (page, told),
    ):
        browser = _processes(profile)
        if browser is None:
            _note(setting, "Processor time and resident memory cannot be seen of a browser elsewhere.")
        if variant["target"] in GPU_TARGETS:
            setting["software_gpu"] = (await graphics(page))["software"]
        rounds = Rounds(page, told, signature, bench.inputs, browser, bench.visitor.timeout)
        count = setting["threads"] = await rounds.prepare()
        found = setting["steady"] = nothing_measured()
        with bench.progress.bar(f"Running {variant['id']} in turns with native", ROUNDS) as advance:
            await rounds.measure(bench.runs, lambda: native(count), found, answers, advance)
        if found["unchecked"]:
            _note(setting, f"{found['unchecked']} runs gave yet other answers that were not checked.")


async def memory(bench: Bench, variant: Variant, threads: Threads, setting: dict[str, Any]) -> None:
    """Memory over first visits with a few runs."""
    url = bench.visitor.address.of(variant, threads)
    signature = bench.visitor.manifest["signature"]
    for _ in range(min(bench.visits, _FEW)):
        async with (
            bench.browsers.profile() as profile,
            profile.open() as context,
            sampled(_processes(profile)) as samples,
            bench.visitor.settled(context, url) as (page, told),
        ):
            loaded, _ = await page_bytes(page)
            rounds = Rounds(page, told, signature, bench.inputs, None, bench.visitor.timeout)
            await rounds.prepare()
            await rounds.run(3)
            after, reason = await page_bytes(page)
        known = [count for count in (loaded, after) if count is not None]
        if not known:
            _note(setting, f"The page's own memory is not known of every visit: {reason}.")
        setting["memory"].append(
            {
                "page_bytes": max(known) if known else None,
                "rss_bytes": samples.rss or None,
                "pss_bytes": samples.pss,
                "samples": [list(sample) for sample in samples.samples],
            }
        )


@asynccontextmanager
async def _offline(bench: Bench, context: BrowserContext) -> AsyncIterator[None]:
    """No network: the server is out of reach."""
    relay = bench.visitor.address.relay
    if relay is None:
        await context.set_offline(True)
    else:
        await relay.pause()
    try:
        yield
    finally:
        if relay is None:
            await context.set_offline(False)
        else:
            await relay.resume()


def _processes(profile: Profile) -> Processes | None:
    return None if profile.folder is None else processes(profile.folder)


def _keep(setting: dict[str, Any], kind: str, visit: dict[str, Any]) -> None:
    """Adds a visit; where the service worker brings the headers for threads, later visits have more of them than the first."""
    setting["visits"][kind].append(visit)
    setting["threads"], setting["isolated"] = visit["threads"], visit["isolated"]


def _note(setting: dict[str, Any], sentence: str) -> None:
    if sentence not in setting["notes"]:
        setting["notes"].append(sentence)
