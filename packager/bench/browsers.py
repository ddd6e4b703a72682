"""Browsers for visits: a new process on a profile for each visit here, or a session of a remote Playwright server."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.bench.extra import need
from packager.browser import chromium_flags, chromium_path
from packager.errors import BuildError, MissingToolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, BrowserType

    from packager.bench.options import BenchOptions

_SECONDS = 60
# Memory is told when it is asked for, not at the next collection that the browser sees fit.
_FLAGS = ("--enable-blink-features=ForceEagerMeasureMemory",)


@dataclass
class Profile:
    """What a visitor's browser keeps. ``folder`` is None where the browser is remote and keeps it to itself."""

    _browsers: Browsers
    folder: Path | None
    _context: BrowserContext | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[BrowserContext]:
        """A browser on this profile: a new process, or a remote session that stays open between visits."""
        if self._context is not None:
            yield self._context
            for page in list(self._context.pages):
                await page.close()
            return
        assert self.folder is not None
        context = await self._browsers.launch(self.folder)
        try:
            yield context
        finally:
            await _close(context)


class Browsers:
    """Starts browsers of one kind. Raises MissingToolError where there is none that starts."""

    def __init__(self, kind: BrowserType, options: BenchOptions, remote: Browser | None, *, gpu: bool) -> None:
        self._kind, self._options, self._remote, self._gpu = kind, options, remote, gpu

    @property
    def remote(self) -> bool:
        """True where the browser runs on another machine, or may."""
        return self._remote is not None

    @property
    def name(self) -> str:
        """chromium, firefox or webkit."""
        return self._options.browser

    @asynccontextmanager
    async def profile(self) -> AsyncIterator[Profile]:
        """A fresh profile, gone at the end."""
        if self._remote is not None:
            context = await self._remote.new_context()
            try:
                yield Profile(self, None, context)
            finally:
                await _close(context)
            return
        with tempfile.TemporaryDirectory(prefix="packager-visitor-", ignore_cleanup_errors=True) as name:
            yield Profile(self, Path(name))

    async def launch(self, folder: Path) -> BrowserContext:
        """A new process on a profile's folder."""
        from playwright.async_api import Error

        chromium = self._options.browser == "chromium"
        given: dict[str, Any] = {"args": [*chromium_flags(gpu=self._gpu), *_FLAGS]} if chromium else {}
        executable = self._options.executable or (chromium_path() if chromium else None)
        try:
            return await self._kind.launch_persistent_context(
                folder, executable_path=executable, timeout=_SECONDS * 1000, handle_sigint=False, **given
            )
        except Error as error:
            raise self._missing(error) from error

    def _missing(self, error: Exception) -> MissingToolError:
        line = str(error).strip().splitlines()[0].removeprefix("BrowserType.launch_persistent_context: ")
        remedy = f"Install it with: playwright install {self.name}. Or name another with --executable."
        return MissingToolError(f"{self.name.capitalize()} did not start: {line.rstrip('.')}.", remedy=remedy)


@asynccontextmanager
async def browsers(options: BenchOptions, *, gpu: bool) -> AsyncIterator[Browsers]:
    """Playwright, and the remote browser where one is named; with ``gpu`` for variants that compute on a graphics card."""
    need("playwright", "psutil")
    from playwright.async_api import Error, async_playwright

    async with AsyncExitStack() as held:
        playwright = await held.enter_async_context(async_playwright())
        kind: BrowserType = getattr(playwright, options.browser)
        remote = None
        if options.connect is not None:
            try:
                # The remote browser reaches the server on this machine through the connection.
                remote = await kind.connect(options.connect, expose_network="<loopback>", timeout=_SECONDS * 1000)
            except Error as error:
                line = str(error).strip().splitlines()[0].removeprefix("BrowserType.connect: ")
                raise BuildError(f"There is no connection: {line}", where=options.connect) from error
            held.push_async_callback(_close, remote)
        yield Browsers(kind, options, remote, gpu=gpu)


async def _close(opened: BrowserContext | Browser) -> None:
    """Closes what may have died already."""
    from playwright.async_api import Error

    with suppress(Error, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            await opened.close()
