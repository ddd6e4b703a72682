"""A contender's page in a Chromium of its own: opened, asked, measured, and ended whatever it does."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import psutil
from playwright.sync_api import Error

from benchmarks.rounds import RunnerError
from packager.browser import INSTALL, chromium_flags, chromium_path
from packager.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Page, Playwright

SECONDS = 180
"""After so long without an answer a browser is ended."""

# Pages that wait for their turn are not slowed down when it comes.
_FLAGS = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)


class ContenderError(RunnerError):
    """The page did not do what it should; the message is a sentence for the reader of the tables."""


@dataclass(frozen=True)
class Started:
    """What a page tells after its first inference: milliseconds since the navigation began, and facts."""

    marks: dict[str, float]
    info: dict[str, Any]


class Visit:
    """A page that has made its first inference."""

    def __init__(self, page: Page, profile: Path) -> None:
        self._page = page
        self._profile = profile
        self.started = Started(**self._ask("contender.started"))

    def time(self, runs: int) -> list[float]:
        """Milliseconds of so many runs. Raises ContenderError."""
        return list(self._ask(f"contender.time({runs})"))

    def answer(self) -> dict[str, NDArray[np.float32]]:
        """Outputs by name. Raises ContenderError."""
        return {
            name: np.frombuffer(base64.b64decode(output["data"]), "<f4").reshape(output["dims"])
            for name, output in self._ask("contender.answer()").items()
        }

    def peak_memory(self) -> int:
        """Bytes: the most that each of the browser's processes has had resident, all together."""
        return sum(_peak(process) for process in _processes(self._profile))

    def _ask(self, expression: str) -> Any:
        with _watched(self._profile) as ended:
            try:
                return self._page.evaluate(expression)
            except Error as error:
                raise ContenderError(_sentence(error, late=ended.is_set())) from error


@contextmanager
def visit(playwright: Playwright, profile: Path, page: str, config: dict[str, Any]) -> Iterator[Visit]:
    """Opens ``page`` in a new browser process with this profile. Raises ContenderError, MissingToolError."""
    try:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium_path(), args=[*chromium_flags(), *_FLAGS]
        )
    except Error as error:
        raise MissingToolError(f"Chromium did not start: {str(error).splitlines()[0]}", remedy=INSTALL) from error
    try:
        opened = context.pages[0]
        try:
            opened.goto(f"{page}?config={quote(json.dumps(config))}", timeout=SECONDS * 1000)
        except Error as error:
            raise ContenderError(_sentence(error, late=False)) from error
        yield Visit(opened, profile)
    finally:
        with suppress(Error):
            context.close()


def empty_peak(playwright: Playwright, profile: Path) -> int:
    """Peak memory of a browser with an empty page: what every contender's figure holds too."""
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=chromium_path(), args=[*chromium_flags(), *_FLAGS]
    )
    try:
        context.pages[0].goto("about:blank")
        return sum(_peak(process) for process in _processes(profile))
    finally:
        context.close()


@contextmanager
def _watched(profile: Path) -> Iterator[threading.Event]:
    """Ends the browser when the answer takes too long, so that whoever waits for it gets an error instead."""
    ended = threading.Event()

    def end() -> None:
        ended.set()
        for process in _processes(profile):
            with suppress(psutil.Error):
                process.kill()

    timer = threading.Timer(SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()


def _processes(profile: Path) -> list[psutil.Process]:
    """The browser that uses this profile, and all that it has started."""
    flag = f"--user-data-dir={profile}"
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = process.cmdline()
            if flag in command and not any(part.startswith("--type=") for part in command):
                return [process, *process.children(recursive=True)]
    return []


def _peak(process: psutil.Process) -> int:
    try:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as file:  # noqa: PTH123 (no path of ours)
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
        return 0


def _sentence(error: Error, *, late: bool) -> str:
    if late:
        return f"It did not answer within {SECONDS} seconds."
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
    return f"It failed: {first.removeprefix('Page.evaluate: ').removeprefix('Error: ')[:300]}"
