"""Visits: a browser opens the page, and what it took until the first result was on the screen is written down."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from packager.bench import phases
from packager.bench.devtools import Targets
from packager.bench.told import STORED, Told
from packager.bench.traffic import Kinds, Transfer, Wire, tally
from packager.errors import BuildError, InputError
from packager.manifest import engine_scripts, module_contents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import BrowserContext, Page

    from packager._manifest_types import Manifest, Variant
    from packager.bench.conditions import Conditions
    from packager.bench.options import Threads
    from packager.bench.relay import Relay

# How long a page may take to store what it fetched, after the first result.
_STORING = 60.0
# A visit is over when nothing was sent for so long.
_QUIET = 0.4


@dataclass(frozen=True)
class Address:
    """Where the page of a bundle is: its folder's URL, and the relay in front of the server where it is ours."""

    url: str
    relay: Relay | None

    def of(self, variant: Variant, threads: Threads) -> str:
        """The page that loads this variant with so many threads."""
        return f"{self.url}?{urlencode({'variant': variant['id'], **({} if threads == 'all' else {'threads': threads})})}"


@dataclass
class Visitor:
    """Opens pages of one bundle. ``timeout`` is how many seconds a page may take until its first result."""

    address: Address
    manifest: Manifest
    conditions: Conditions
    devtools: bool
    timeout: float

    @asynccontextmanager
    async def page(self, context: BrowserContext, url: str) -> AsyncIterator[tuple[Page, Told, Wire | None]]:
        """A page that is on its way to ``url``, and what it tells. Raises BuildError where the server does not give it."""
        from playwright.async_api import Error

        page = context.pages[0] if context.pages and context.pages[0].url == "about:blank" else await context.new_page()
        told = Told()
        try:
            with Wire(context) if self.devtools else nullcontext() as wire:
                await told.listen(page)
                if self.conditions.asked:
                    await self._limit(context, page)
                await _go(page, url, self.timeout)
                yield page, told, wire
        except Error as error:
            told.check()
            raise BuildError(f"The browser gave up: {_line(error)}", where=url) from error

    async def visit(self, context: BrowserContext, url: str, *, fresh: bool) -> dict[str, Any]:
        """A visit up to the first result and until all is stored. Raises BuildError."""
        if self.address.relay is not None:
            self.address.relay.exchanges.clear()
        async with self.page(context, url) as (_, told, wire):
            await self._result(told, 1)
            stored = await self._settle(told, wire)
            visit = self._describe(told, told.results[0], told.documents[0])
            visit["stored"] = stored
            visit["traffic"] = await self._traffic(wire, told, fresh=fresh)
            return visit

    @asynccontextmanager
    async def settled(self, context: BrowserContext, url: str) -> AsyncIterator[tuple[Page, Told]]:
        """A page with its model, all stored, ready to be worked with. Raises BuildError."""
        async with self.page(context, url) as (page, told, wire):
            await self._result(told, 1)
            await self._settle(told, wire)
            yield page, told

    async def update(self, context: BrowserContext, url: str, new: Manifest) -> dict[str, Any]:
        """A visit of someone whose browser holds an older bundle: the page of before, its update, the reload that takes it."""
        if self.address.relay is not None:
            self.address.relay.exchanges.clear()
        async with self.page(context, url) as (page, told, wire):
            await self._result(told, 1)
            if (
                not await told.until(lambda: told.badge in ("update-ready", "unsupported"), _STORING)
                or told.badge != "update-ready"
            ):
                raise BuildError("The page did not find the newer bundle.", where=url)
            documents = len(told.documents)
            await page.reload(wait_until="commit")
            in_time = await told.until(lambda: any(each["info"]["id"] == new["id"] for each in told.results), self.timeout)
            if not in_time:
                raise BuildError("The page did not switch to the newer bundle.", where=url)
            stored = await self._settle(told, wire)
            result = next(each for each in told.results if each["info"]["id"] == new["id"])
            visit = self._describe(told, result, told.documents[documents])
            visit["stored"] = stored
            visit["traffic"] = await self._traffic(wire, told, fresh=False)
            return visit

    async def _limit(self, context: BrowserContext, page: Page) -> None:
        async def prepare(targets: Targets, target: Any) -> None:
            await targets.send(target, "Network.enable")
            await self.conditions.apply(targets, target)

        await Targets(await context.new_cdp_session(page), prepare).start()

    async def _result(self, told: Told, count: int) -> None:
        if await told.until(lambda: len(told.results) >= count, self.timeout):
            return
        if not told.documents:
            raise BuildError(f"The page did not open within {self.timeout:g} seconds.", where=self.address.url)
        raise BuildError(
            f"The page showed no result within {self.timeout:g} seconds.",
            where=self.address.url,
            remedy="Open it in a browser to see why, or wait longer with --timeout.",
        )

    async def _settle(self, told: Told, wire: Wire | None) -> bool:
        """Waits until all is stored and nothing moves any more; whether the page said so."""
        stored = await told.until(lambda: told.badge in STORED and told.answered, _STORING)
        relay, moved = self.address.relay, None
        while moved != (moved := (relay and relay.sent, wire and wire.ended, len(told.documents))):
            await asyncio.sleep(_QUIET if relay else 2 * _QUIET)
        told.check()
        return stored

    def _describe(self, told: Told, result: dict[str, Any], began: float) -> dict[str, Any]:
        """Times in milliseconds since the navigation, which was at ``began`` on the wall clock."""
        info = result["info"]
        offset = max(0.0, result["origin"] - began)
        end = offset + result["mark"]
        found = phases.spans(info["trace"], offset=offset, end=end, engine=self._engine(info["target"]))
        first_run = next((span.end for span in found if span.phase == "first run"), end)
        return {
            "result_ms": end,
            "inference_ms": first_run,
            "documents": len(told.documents),
            "threads": info["threads"],
            "isolated": result["isolated"],
            "phases": phases.partition(found, end),
            "spans": [[span.phase, span.row, span.start, span.end] for span in found],
            "paint": {entry["name"]: offset + entry["startTime"] for entry in result["paint"]},
            "long_tasks": result["tasks"],
            "notes": info["notes"],
        }

    def _engine(self, target: str) -> list[str]:
        paths = engine_scripts(self.manifest, target)
        scripts = [file["sha256"] for file in self.manifest["files"] if file["path"] in paths]
        return [*scripts, *(shard["sha256"] for content in module_contents(self.manifest, target) for shard in content)]

    async def _traffic(self, wire: Wire | None, told: Told, *, fresh: bool) -> dict[str, Any]:
        kinds, relay = Kinds(self.manifest, self.address.url), self.address.relay
        sent = [Transfer(exchange.path, exchange.sent) for exchange in relay.exchanges if exchange.sent] if relay else []
        seen: list[Transfer] | None = None
        if wire is not None:
            resources = [entry for result in told.results for entry in result["resources"]]
            seen = await wire.transfers(resources, fresh=fresh)
        devtools = None if seen is None else sum(transfer.bytes for transfer in seen)
        if relay is not None:
            return {"source": "server", **tally(sent, kinds), "devtools_bytes": devtools}
        if seen is not None:
            return {"source": "devtools", **tally(seen, kinds), "devtools_bytes": devtools}
        return {"source": "none", "bytes": None, "requests": None, "kinds": None, "devtools_bytes": None}


async def _go(page: Page, url: str, timeout: float) -> None:
    response = await page.goto(url, wait_until="commit", timeout=timeout * 1000)
    if response is not None and response.status >= 400:
        raise InputError(f"The server answered {response.status} for the page.", where=url.partition("?")[0])


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].removeprefix("Page.goto: ")
