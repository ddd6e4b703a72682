"""All processes of a browser: their processor time and their memory."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packager.bench.extra import need

need("psutil")
import psutil  # noqa: E402 (after the check, so that what is missing has a name)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_SAMPLE_SECONDS = 0.1


@dataclass
class Processes:
    """The browser that was started on a profile's folder, with all that it started itself."""

    root: psutil.Process

    def all(self) -> list[psutil.Process]:
        """Those that run now."""
        with suppress(psutil.Error):
            return [self.root, *self.root.children(recursive=True)]
        return []

    def cpu_seconds(self) -> float:
        """Processor time that they have used, user and system."""
        total = 0.0
        for process in self.all():
            with suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def resident_bytes(self) -> tuple[int, int | None]:
        """Resident memory, with shared pages counted in each process (RSS), and counted once (PSS) where the system tells."""
        rss, pss = 0, 0
        told = True
        for process in self.all():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                try:
                    full = process.memory_full_info()
                except psutil.AccessDenied:
                    rss, told = rss + process.memory_info().rss, False
                    continue
                rss += full.rss
                told = told and hasattr(full, "pss")
                pss += getattr(full, "pss", 0)
        return rss, pss if told else None


def processes(profile: Path) -> Processes | None:
    """The browser on this profile, or None where there is none that can be seen."""
    name = str(profile)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(name in argument for argument in process.cmdline()):
                return Processes(process)  # parents come before their children
    return None


@dataclass
class Memory:
    """Samples over time: seconds since the first, RSS and PSS in bytes."""

    samples: list[tuple[float, int, int | None]] = field(default_factory=list)

    @property
    def rss(self) -> int:
        """The peak."""
        return max((rss for _, rss, _ in self.samples), default=0)

    @property
    def pss(self) -> int | None:
        """The peak, or None where the system does not tell."""
        known = [pss for _, _, pss in self.samples if pss is not None]
        return max(known) if known else None


@asynccontextmanager
async def sampled(browser: Processes | None) -> AsyncIterator[Memory]:
    """Memory of the browser, sampled while the block runs; nothing of one that cannot be seen."""
    memory = Memory()
    if browser is None:
        yield memory
        return
    began = time.monotonic()

    async def sample() -> None:
        while True:
            rss, pss = await asyncio.to_thread(browser.resident_bytes)
            if rss:
                memory.samples.append((time.monotonic() - began, rss, pss))
            await asyncio.sleep(_SAMPLE_SECONDS)

    task = asyncio.create_task(sample())
    try:
        yield memory
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
