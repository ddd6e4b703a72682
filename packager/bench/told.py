"""What a page under observation tells, and the ways in which it can fail to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import ConsoleMessage, Page

_PREFIX = "packager-bench "
STORED = ("ready", "update-ready", "unsupported", "offline")
"""States of the page's badge after which nothing more is stored."""


class PageError(BuildError):
    """The page itself says that it failed; ``code`` is the runtime's."""

    def __init__(self, what: str, code: str) -> None:
        super().__init__(what)
        self.code = code


@dataclass
class Told:
    """What came from the page so far. ``documents`` are the wall-clock origins of all documents, in milliseconds."""

    documents: list[float] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    badge: str = ""
    _failure: BuildError | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, page: Page) -> None:
        """Has the page's observer report here, from its next document on."""
        page.on("console", self._hear)
        script = resources.files("packager.bench").joinpath("observe.js").read_text(encoding="utf-8")
        await page.add_init_script(script)
        page.on("crash", lambda _: self.fail("The page crashed."))
        page.on("close", lambda _: self.fail("The browser died, or was closed."))

    @property
    def answered(self) -> bool:
        """Whether the document that is open now has shown a result."""
        return bool(self.results and self.documents) and self.results[-1]["origin"] == self.documents[-1]

    def fail(self, what: str) -> None:
        """From here on every wait ends with this error."""
        self._failure = self._failure or BuildError(what)
        self._news.set()

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "debug" and said.text.startswith(_PREFIX):
            self._take(json.loads(said.text.removeprefix(_PREFIX)))

    def _take(self, message: dict[str, Any]) -> None:
        if message["event"] == "document":
            self.documents.append(message["origin"])
            self.badge = ""
        elif message["event"] == "result":
            self.results.append(message)
        elif message["event"] == "badge":
            self.badge = message["state"]
        elif message["event"] == "error":
            self._failure = self._failure or PageError(f"The page says: {message['text'].strip()}", message["code"])
        self._news.set()

    async def until(self, come: Callable[[], bool], seconds: float) -> bool:
        """Whether it came in time. Raises BuildError where the page or the browser failed."""
        try:
            async with asyncio.timeout(seconds):
                while not come():
                    self.check()
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def check(self) -> None:
        """Raises BuildError where the page or the browser failed."""
        if self._failure is not None:
            raise self._failure
