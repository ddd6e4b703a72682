"""Kills builds at random moments, and has others run out of disk: the old bundle stays whole, or the new one is there.

    unshare -rm python -m scripts.reliability.builds [--kills N] [--disks N] [--limits N] [--seed N]

`unshare` lends the right to mount a small disk, which root has anyway. Writes what came of it to docs/reliability.md; the
exit code is 1 where a bundle was broken, a file was left, or a build ended in anything but success or a sentence.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packager import BuildOptions, build
from packager.errors import PackagerError
from packager.manifest import read_manifest
from packager.verify import verify
from scripts.reliability.document import write_section
from tests import models

if TYPE_CHECKING:
    from collections.abc import Iterator

Browser = Literal["off", "required"]

_NAMES = ("one", "two")
_BROWSERS: tuple[Browser, Browser] = ("off", "required")
_DISK = 512 * 2**20
# What a killed build's browser takes to notice that it is alone.
_ALONE_SECONDS = 60
_REFUSED = 3
_KILLED = """
Written by `unshare -rm python -m scripts.reliability.builds --kills {kills} --seed {seed}`. Two models are built in turn into
one folder, and each build gets SIGKILL at a random moment of the time that such a build takes; every other one is one that
drives a browser. After each, `packager verify` judges the folder, which has to hold the old bundle or the new one; then a build
is let run, after which nothing may lie beside the bundle or in the temporary folder.

| | builds | old bundle whole | new bundle whole | faults |
|---|---:|---:|---:|---:|
{rows}
"""
_FULL = """
Written by `unshare -rm python -m scripts.reliability.builds --disks {disks} --limits {limits} --seed {seed}`. The
same on a disk that has room for 64 KB to 128 MB more, temporary files included, or where no file may have more than 256 bytes
to 1 MB. A build has to end well or in a sentence, with nothing beside the bundle or in the temporary folder.

| | builds | old bundle whole | new bundle whole | faults |
|---|---:|---:|---:|---:|
{rows}
"""


@dataclass
class Trial:
    """A folder with a site, two models to build in turn, and what became of the builds: which bundle."""

    folder: Path
    width: int = 256
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.site = self.folder / "out/site"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.models = {
            name: models.save(models.layers(8, self.width, seed=seed), self.folder / f"{name}.onnx")
            for seed, name in enumerate(_NAMES)
        }
        self._finish("one")

    def time(self, browser: Browser) -> float:
        """Seconds that a build takes which is let alone."""
        start = time.monotonic()
        self._finish(self._other(), browser)
        return time.monotonic() - start

    def kill(self, moment: float, browser: Browser) -> None:
        """Kills a build after so many seconds."""
        what = "killed" if browser == "off" else "killed with a browser"
        name, before = self._other(), verify(str(self.site)).id
        child = self._start(name, browser)
        child.join(moment)
        child.kill()
        child.join()
        self._judge(what, name, before)
        self._finish(self._other())
        self._swept(what)

    def limit(self, size: int) -> None:
        """Builds where no file may be longer than ``size`` bytes."""
        name, before = self._other(), verify(str(self.site)).id
        child = self._start(name, "off", size)
        child.join()
        self._ended("limited", child.exitcode)
        self._judge("limited", name, before)
        self._swept("limited")

    def fill(self, disk: Path, room: int, browser: Browser) -> None:
        """Builds where ``disk``, which holds all of this, has ``room`` bytes left."""
        what = "full disk" if browser == "off" else "full disk with a browser"
        name, before = self._other(), verify(str(self.site)).id
        filler = disk / "filler"
        with filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(disk).free - room)
        child = self._start(name, browser)
        child.join()
        filler.unlink()
        self._ended(what, child.exitcode)
        self._judge(what, name, before)
        self._swept(what)

    def _other(self) -> str:
        """The name of the model that the site is not of."""
        return _NAMES[read_manifest(self.site)["name"] == _NAMES[0]]

    def _finish(self, name: str, browser: Browser = "off") -> None:
        child = self._start(name, browser)
        child.join()
        if child.exitcode != 0:
            raise RuntimeError(f"a build that was let alone ended with {child.exitcode}")

    def _start(self, name: str, browser: Browser, limit: int | None = None) -> multiprocessing.process.BaseProcess:
        child = multiprocessing.get_context("fork").Process(target=_build, args=(self, name, browser, limit))
        child.start()
        return child

    def _ended(self, what: str, code: int | None) -> None:
        if code not in (0, _REFUSED):
            self.faults.append((what, f"the build ended with {code}"))

    def _judge(self, what: str, name: str, before: str) -> None:
        verdict = verify(str(self.site))
        self.faults += [(what, f"{path} {problem}") for path, problem in verdict.problems]
        found = read_manifest(self.site)["name"]
        if found != name and verdict.id != before:
            self.faults.append((what, "neither the old bundle nor the new one is there"))
        self.ends[what, "new" if found == name else "old"] += 1
        print(f"{dict(self.ends)}, {len(self.faults)} faults", file=sys.stderr, flush=True)

    def _swept(self, what: str) -> None:
        """Notes what is left; a killed build's browser is given the time to go."""
        until = time.monotonic() + _ALONE_SECONDS
        while left := [path for path in (*self.site.parent.iterdir(), *self.temporary.iterdir()) if path != self.site]:
            if time.monotonic() > until:
                self.faults += [(what, f"it left {path}") for path in left]
                return
            time.sleep(0.1)


def _build(trial: Trial, name: str, browser: Browser, limit: int | None) -> None:
    """In a child: quietly, with an exit code of its own where the build says that it did not succeed."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(trial.temporary)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        build(BuildOptions(trial.models[name], trial.site, name=name, browser=browser, shard_size=2**18))
    except PackagerError:
        os._exit(_REFUSED)
    os._exit(0)


@contextmanager
def small_disk() -> Iterator[Path]:
    """A disk of its own, in memory."""
    with tempfile.TemporaryDirectory(prefix="packager-disk-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def main() -> int:
    """Plays all of it and writes it down."""
    parser = argparse.ArgumentParser(prog="python -m scripts.reliability.builds", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--disks", type=int, default=30)
    parser.add_argument("--limits", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20481)
    options = parser.parse_args()
    with small_disk() as disk:
        trial = Trial(disk)
        if options.kills:
            _kill(trial, options)
        if options.disks or options.limits:
            _fill(trial, disk, options)
    for what, fault in trial.faults[:50]:
        print(f"{what}: {fault}", file=sys.stderr)
    return int(bool(trial.faults))


def _kill(trial: Trial, options: argparse.Namespace) -> None:
    chance = random.Random(options.seed)
    seconds = {browser: trial.time(browser) for browser in _BROWSERS}
    for index in range(options.kills):
        browser = _BROWSERS[index % 2]
        trial.kill(chance.uniform(0, 1.1 * seconds[browser]), browser)
    rows = _rows(trial, "killed", "killed with a browser")
    write_section("Killed builds", _KILLED.format(rows=rows, **vars(options)))


def _fill(trial: Trial, disk: Path, options: argparse.Namespace) -> None:
    chance = random.Random(options.seed)
    for index in range(options.disks):
        trial.fill(disk, int(2 ** chance.uniform(16, 27)), _BROWSERS[index % 3 == 0])
    for _ in range(options.limits):
        trial.limit(int(2 ** chance.uniform(8, 20)))
    rows = _rows(trial, "full disk", "full disk with a browser", "limited")
    write_section("Builds on a full disk", _FULL.format(rows=rows, **vars(options)))


def _rows(trial: Trial, *names: str) -> str:
    return "\n".join(_row(trial, name) for name in names)


def _row(trial: Trial, what: str) -> str:
    old, new = trial.ends[what, "old"], trial.ends[what, "new"]
    faults = sum(found == what for found, _ in trial.faults)
    return f"| {what} | {old + new} | {old} | {new} | {faults} |"


if __name__ == "__main__":
    sys.exit(main())
