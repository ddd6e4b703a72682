"""Kills builds at random moments, and has others run into a full disk: the old bundle stays whole, or the new one is there.

    python -m scripts.kills [--kills N] [--full N] [--seed N]

Prints the counts as docs/reliability.md has them; the exit code is 1 where a bundle was broken or a file was left.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from packager import BuildOptions, build
from packager.errors import PackagerError
from packager.verify import verify
from tests import models


@dataclass
class Trial:
    """A folder with a site, two models to build in turn, and what became of the builds."""

    folder: Path
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.site = self.folder / "out/site"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.models = [models.save(models.layers(8, 256, seed=seed), self.folder / f"{seed}.onnx") for seed in (1, 2)]
        self.seconds = 0.0
        self.ids: dict[str, int] = {}
        for index in (0, 1):
            start = time.monotonic()
            self._run(index)
            self.seconds = time.monotonic() - start
            self.ids[verify(str(self.site)).id] = index

    def kill(self, chance: random.Random) -> None:
        """Kills a build of the model that the site is not of, at any moment of its time."""
        index, before = self._next()
        child = self._start(index)
        child.join(chance.uniform(0, self.seconds * 1.1))
        child.kill()
        child.join()
        self._judge(before, "killed")

    def fill(self, limit: int) -> None:
        """Builds where no file may be longer than ``limit`` bytes, as on a disk that has no more."""
        index, before = self._next()
        child = self._start(index, limit)
        child.join()
        self._judge(before, "full")
        self._swept("a build on a full disk")

    def finish(self) -> None:
        """A build that is let run removes what the killed ones left."""
        self._run(self._next()[0])
        self._swept("a build after killed ones")

    def _next(self) -> tuple[int, str]:
        before = verify(str(self.site)).id
        return 1 - self.ids[before], before

    def _run(self, index: int) -> None:
        child = self._start(index)
        child.join()
        if child.exitcode != 0:
            raise RuntimeError(f"a build that was let alone ended with {child.exitcode}")

    def _start(self, index: int, limit: int | None = None) -> multiprocessing.process.BaseProcess:
        child = multiprocessing.get_context("fork").Process(target=_build, args=(self, index, limit))
        child.start()
        return child

    def _judge(self, before: str, what: str) -> None:
        verdict = verify(str(self.site))
        self.faults += [f"{what}: {path} {problem}" for path, problem in verdict.problems]
        if verdict.id not in self.ids:
            self.faults.append(f"{what}: neither the old bundle nor the new one is there")
        self.ends[f"{what}: {'the old bundle' if verdict.id == before else 'the new bundle'}"] += 1
        print(f"{dict(self.ends)}, {len(self.faults)} faults", file=sys.stderr, flush=True)

    def _swept(self, after: str) -> None:
        left = [path for path in (*self.site.parent.iterdir(), *self.temporary.iterdir()) if path != self.site]
        self.faults += [f"{after} left {path}" for path in left]


def _build(trial: Trial, index: int, limit: int | None) -> None:
    """In a child: quietly, with exit code 3 where the build says that it did not succeed."""
    tempfile.tempdir = str(trial.temporary)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        build(BuildOptions(trial.models[index], trial.site, name="m", browser="off", shard_size=2**18))
    except PackagerError:
        os._exit(3)
    os._exit(0)


def try_builds(kills: int, full: int, seed: int) -> Trial:
    """So many builds killed, and so many on a full disk."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        trial = Trial(Path(name))
        for _ in range(kills):
            trial.kill(chance)
        trial.finish()
        for _ in range(full):
            trial.fill(int(2 ** chance.uniform(10, 23)))
        return trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.kills")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--full", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20481)
    options = parser.parse_args()
    trial = try_builds(options.kills, options.full, options.seed)
    for end, count in sorted(trial.ends.items()):
        print(f"{end}: {count}")
    print(f"faults: {len(trial.faults)}")
    for fault in trial.faults[:50]:
        print(fault, file=sys.stderr)
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
