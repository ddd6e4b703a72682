"""The fault matrix in a real Chromium: python -m scripts.reliability.matrix [--jobs N] [--only WORD]

Writes the section "Network faults" of docs/reliability.md; exits with 1 when a cell ended as none may.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from packager.browser import chromium
from scripts.reliability.apart import play as play_all
from scripts.reliability.document import write_section
from tests.web.bundles import Bundle
from tests.web.faults import FAULTS, PARTS, TIMEOUT, VISITS, Outcome, build_versions, cells, play

Cell = tuple[str, str, str]

_VISITORS = {
    "first": "First visit",
    "return": "Return, with all stored",
    "update": "Return after a new version was published",
}

_TEXT = """Written by `python -m scripts.reliability.matrix`. A host fails in one of {faults} ways, for every file of one part
of a bundle, as long as the visit lasts: {total} cells, each in a fresh profile of Chromium. Afterwards the host is sound again.
{stalls} cells stood still for 300 seconds, harness and all, and were played again.

Held to in each cell: the visit ends in a right answer, of one version as a whole (page, manifest and weights are told apart by
what they hold), or in an error with a code; every entry of the caches has the hash that its name, or the manifest of its
version, says; and the next visit answers, with the version that was published.

**{answers} answers, {codes} errors with a code, {notices} times the page's own word that its script has not come, {pages} times
the browser's own page; {problems} cells did not hold.**

Where the shell fails on a first visit, no code of ours may be there: the page, which is plain HTML, then says so after ten
seconds. That this document comes is between browser and host; on later visits the service worker has it.

{tables}

Silence, or fewer than 1,024 bytes, for 20 seconds is taken for a dead line (here {timeout}, by `?timeout=`). A file is asked
for four times in all, with growing waits, or those that `Retry-After` asks for, of at most 15 seconds each; a manifest that is
refused with 404 once. So a file that does not come is given up within {bound} seconds.
"""


def run(given: tuple[str, Cell]) -> Outcome:
    """Plays a cell in a browser of its own."""
    folder, cell = given
    first, second = (Bundle(Path(folder, name, "site"), Path(folder, name, "model.onnx")) for name in ("First", "Second"))
    try:
        with chromium() as browser:
            outcome = play(browser, (first, second), cell)
    except Exception as error:
        outcome = Outcome("none", "", [f"{type(error).__name__}: {error}"])
    print(*cell, "→", outcome.kind, outcome.version, *outcome.problems, sep="  ", flush=True)
    return outcome


def main() -> int:
    """Plays the matrix and writes it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="browsers side by side")
    parser.add_argument("--only", default="", help="cells that hold this word; nothing is written")
    options = parser.parse_args()
    wanted = [cell for cell in cells() if options.only in " ".join(cell)]
    with tempfile.TemporaryDirectory(prefix="packager-faults-") as folder:
        build_versions(Path(folder))
        played = list(play_all(run, [(folder, cell) for cell in wanted], options.jobs))
    outcomes = dict(zip(wanted, (outcome for outcome, _ in played), strict=True))
    if not options.only:
        write_section("Network faults", _text(outcomes, sum(stalls for _, stalls in played)))
    return int(any(outcome.problems for outcome in outcomes.values()))


def _text(outcomes: dict[Cell, Outcome], stalls: int) -> str:
    kinds = [outcome.kind for outcome in outcomes.values()]
    known = {"answer", "notice", "browser", "none"}
    return _TEXT.format(
        faults=len(FAULTS),
        total=len(outcomes),
        stalls=stalls or "No",
        answers=kinds.count("answer"),
        codes=sum(kind not in known for kind in kinds),
        notices=kinds.count("notice"),
        pages=kinds.count("browser"),
        problems=sum(bool(outcome.problems) for outcome in outcomes.values()),
        tables="\n\n".join(_table(kind, outcomes) for kind in VISITS),
        timeout=f"{TIMEOUT // 1000} seconds",
        bound=4 * 20 + 3 * 15,
    )


def _table(kind: str, outcomes: dict[Cell, Outcome]) -> str:
    rows = [f"**{_VISITORS[kind]}**", "", f"| fault | {' | '.join(PARTS)} |", f"|---|{'---|' * len(PARTS)}"]
    for fault in FAULTS:
        found = [outcomes[fault, part, kind] for part in PARTS]
        rows.append(f"| {fault} | {' | '.join(_said(outcome) for outcome in found)} |")
    return "\n".join(rows)


def _said(outcome: Outcome) -> str:
    if outcome.problems:
        return f"**{outcome.kind}: {'; '.join(outcome.problems)}**"
    version = {"First": "", "Second": ", the new version"}.get(outcome.version, "")
    return f"answer{version}" if outcome.kind == "answer" else outcome.kind if outcome.kind == "notice" else f"`{outcome.kind}`"


if __name__ == "__main__":
    sys.exit(main())
