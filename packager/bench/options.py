"""What the user of `bench` may choose, checked once, before a browser is started."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (dataclass fields are read at run time)
from typing import Literal, get_args
from urllib.parse import urlsplit

from packager.bench.conditions import NETWORKS, NetworkName
from packager.errors import InputError

BrowserName = Literal["chromium", "firefox", "webkit"]
BROWSERS: tuple[BrowserName, ...] = get_args(BrowserName)

Part = Literal["first", "return", "offline", "update", "steady", "memory"]
PARTS: tuple[Part, ...] = get_args(Part)

Threads = int | Literal["all"]


@dataclass(frozen=True)
class BenchOptions:
    """Options of ``packager bench``; docs of each are the command line's help. Raises InputError where one cannot be used."""

    site: str
    update_from: Path | None = None
    model: Path | None = None
    variants: tuple[str, ...] = ()
    threads: tuple[Threads, ...] = (1, "all")
    runs: int = 50
    visits: int = 5
    network: NetworkName = "none"
    cpu_throttle: float = 1.0
    browser: BrowserName = "chromium"
    executable: Path | None = None
    connect: str | None = None
    timeout: float | None = None
    only: tuple[Part, ...] = PARTS
    budget: Path | None = None
    baseline: Path | None = None

    def __post_init__(self) -> None:
        self._check_files()
        for value, known, flag in ((self.network, NETWORKS, "--network"), (self.browser, BROWSERS, "--browser")):
            if value not in known:
                raise InputError(f"'{value}' is not known.", where=flag, remedy=f"Choose from: {', '.join(known)}.")
        for count, flag in ((self.runs, "--runs"), (self.visits, "--visits")):
            if not 1 <= count <= 10_000:
                raise InputError(f"{count} is out of range.", where=flag, remedy="Give 1 to 10000.")
        if not (math.isfinite(self.cpu_throttle) and 1 <= self.cpu_throttle <= 100):
            raise InputError("The throttle must be 1 to 100.", where="--cpu-throttle", remedy="4 makes it four times slower.")
        if self.timeout is not None and not 0 < self.timeout <= 86_400:
            raise InputError("The limit must be more than 0 and at most 86400 seconds.", where="--timeout")
        for part in self.only:
            if part not in PARTS:
                raise InputError(f"'{part}' is nothing to measure.", where="--only", remedy=f"Choose from: {', '.join(PARTS)}.")
        self._check_combinations()

    @property
    def remote(self) -> bool:
        """True where ``site`` is a URL rather than a folder."""
        return urlsplit(self.site).scheme in ("http", "https")

    def _check_files(self) -> None:
        files = {
            "--model": self.model,
            "--executable": self.executable,
            "--budget": self.budget,
            "--baseline": self.baseline,
        }
        for flag, file in files.items():
            if file is not None and not file.is_file():
                raise InputError(f"{flag} names a file that does not exist.", where=str(file))

    def _check_combinations(self) -> None:
        slowed = self.network != "none" or self.cpu_throttle > 1
        if slowed and self.browser != "chromium":
            raise InputError(
                f"Only Chromium can be slowed, through its DevTools; {self.browser} cannot.",
                where="--network" if self.network != "none" else "--cpu-throttle",
                remedy="Use --browser chromium, or measure without.",
            )
        if self.connect is not None and self.executable is not None:
            raise InputError(
                "A remote browser is started by its server, so no file can be named for it.",
                where="--executable",
                remedy="Leave out --executable or --connect.",
            )
        if self.connect is not None and urlsplit(self.connect).scheme not in ("ws", "wss"):
            raise InputError(
                f"'{self.connect}' is not the address of a Playwright server.",
                where="--connect",
                remedy="Write it like ws://host:port/.",
            )
        if self.update_from is not None and self.remote:
            raise InputError(
                "An update is measured between two folders, and the site is a URL.",
                where="--update-from",
                remedy="Give the folder of the new bundle in place of the URL.",
            )
        if len(set(self.threads)) != len(self.threads) or not self.threads:
            raise InputError("Each number of threads is to be given once.", where="--threads", remedy="Write it like 1,all.")


def parse_threads(text: str) -> tuple[Threads, ...]:
    """Numbers of threads of ``1,2,all``. Raises InputError."""
    found: list[Threads] = []
    for part in text.split(","):
        word = part.strip().lower()
        if word == "all":
            found.append("all")
        elif word.isdigit() and 1 <= int(word) <= 1024:
            found.append(int(word))
        else:
            raise InputError(f"'{part}' is not a number of threads.", where="--threads", remedy="Write it like 1,all.")
    return tuple(found)
