"""Tabs, browsers and servers killed at random moments: python -m scripts.reliability.kills [--rounds N] [--seed N] [--jobs N]

Writes the section "Killed tabs, browsers and servers" of docs/reliability.md; exits with 1 when a visit after it was not right.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from packager.browser import chromium
from packager.headers import SECURITY_HEADERS
from scripts.reliability.apart import play
from scripts.reliability.document import write_section
from tests.web.bundles import Bundle
from tests.web.faults import build_versions, visit
from tests.web.kills import VICTIMS, Death, die
from tests.web.server import ISOLATION, Host

_TEXT = """Written by `python -m scripts.reliability.kills --rounds {rounds} --seed {seed} --jobs {jobs}`. In each round
a visitor loads the page for the first time, or comes back when a new version was published and reloads as soon as that
waits. At a random moment the tab is closed, or every process of the browser gets SIGKILL, or the server is stopped in the
middle of its answers and stays away until the page has ended in an answer or an error with a code. Then the visitor
comes again.

Held to in each round: the next visit answers right, page, manifest and weights are of one version, and every entry of the
caches has the hash that its name, or the manifest of its version, says.

| killed | during | rounds | next visit right | of the old version | of the new |
|---|---|---:|---:|---:|---:|
{rows}

**{right} of {rounds} next visits were right.** A load took {span:.1f} s on this machine when nothing was killed and nothing ran
beside it; moments are spread evenly over that time, over twice that for updates. {stalls} rounds
stood still for 300 seconds, harness and all, and were played again.{problems}
"""


def run(given: tuple[str, int, float]) -> Death:
    """Plays the round of a seed."""
    folder, seed, span = given
    with chromium() as browser, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        try:
            death = die(browser, _versions(folder), Random(seed), span, Path(profile))
        except Exception as error:
            death = Death("unknown", "unknown", 0, "", [f"{type(error).__name__}: {error}"])
    print(seed, death, flush=True)
    return death


def _versions(folder: str) -> tuple[Bundle, Bundle]:
    first, second = (Bundle(Path(folder, name, "site"), Path(folder, name, "model.onnx")) for name in ("First", "Second"))
    return first, second


def _measure(folder: str) -> float:
    """Seconds that a first load takes: the middle of three."""
    times = []
    versions = _versions(folder)
    with chromium() as browser, Host({"/": versions[0].site}, headers=ISOLATION | SECURITY_HEADERS) as host:
        for _ in range(3):
            with browser.new_context() as context:
                start = time.monotonic()
                _, outcome = visit(context, host.origin, versions)
                assert outcome.kind == "answer", outcome
                times.append(time.monotonic() - start)
    return sorted(times)[1]


def main() -> int:
    """Plays the rounds and writes them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="rounds side by side")
    options = parser.parse_args()
    seeds = list(range(options.seed, options.seed + options.rounds))
    with tempfile.TemporaryDirectory(prefix="packager-kills-") as folder:
        build_versions(Path(folder))
        span = _measure(folder)
        played = list(play(run, [(folder, seed, span) for seed in seeds], options.jobs))
    deaths = [death for death, _ in played]
    wrong = [death for death in deaths if death.problems]
    said = "".join(f"\n- {death}" for death in wrong)
    write_section(
        "Killed tabs, browsers and servers",
        _TEXT.format(
            rounds=options.rounds,
            seed=options.seed,
            jobs=options.jobs,
            rows="\n".join(_row(victim, during, deaths) for victim in VICTIMS for during in ("load", "update")),
            right=len(deaths) - len(wrong),
            span=span,
            stalls=sum(stalls for _, stalls in played) or "No",
            problems=f"\n\nNot right:\n{said}" if wrong else "",
        ),
    )
    return int(bool(wrong))


def _row(victim: str, during: str, deaths: list[Death]) -> str:
    found = [death for death in deaths if (death.victim, death.during) == (victim, during)]
    right = [death for death in found if not death.problems]
    versions = [death.version for death in right]
    new = versions.count("Second") if during == "update" else "-"
    return f"| {victim} | {during} | {len(found)} | {len(right)} | {versions.count('First')} | {new} |"


if __name__ == "__main__":
    sys.exit(main())
