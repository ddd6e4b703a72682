"""Measures two bundles with `packager bench`, twice each, and shows in docs/benchmarks.md that the two agree: scripts/repeat

The measurements of a model do not follow each other, so that each finds the machine in another mood.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import PAGE, PLOTS, replaced
from packager.bench import stats
from packager.bench.figures import FIGURES, estimate_of, label
from packager.bench.plots import Point, points
from packager.bench.report import read_report
from packager.bench.units import show_figure
from packager.errors import PackagerError
from scripts.gallery import SITES, build_site
from scripts.models.catalogue import by_name

if TYPE_CHECKING:
    from packager.bench.report import Report

MODELS = ("efficientnet-lite0", "minilm")
TIMES = 2
RESULTS = Path(__file__).parent / "results"
BEGIN = "<!-- scripts/repeat writes what follows, down to its end mark. -->"
END = "<!-- The end of what scripts/repeat writes. -->"
_EMPTY = "# Benchmarks\n"
# What two measurements of the same are expected to agree on; the machine's speed cancels out of the first alone.
_SHOWN = ("steady.ratio", "steady.median", "steady.cpu", "first.result", "return.result", "first.bytes")

_METHOD = """\
Each bundle was measured twice by `packager bench`, the models in turns, on the same machine. *Change* is the second
measurement over the first, with the noise of both: where its interval holds 1, the two agree. Ratios are to native
onnxruntime in rounds that alternate with the page's, so the machine's speed cancels out of them. Times stand as they were;
on a machine that is shared with others they may differ by more than the noise within one measurement."""


def main() -> int:
    """Measures and writes; the exit code is 0, or that of the first command that failed."""
    parser = argparse.ArgumentParser(prog="scripts/repeat", description=__doc__)
    parser.add_argument("bench", nargs="*", help="options that go to packager bench, after --")
    options = parser.parse_args()
    try:
        for name in MODELS:
            if code := build_site(by_name(name)):
                return code
        RESULTS.mkdir(exist_ok=True)
        for time in range(1, TIMES + 1):
            for name in MODELS:
                print(f"{name}, measurement {time} of {TIMES}", file=sys.stderr, flush=True)
                files = [f"--json={_file(name, time)}", f"--html={_file(name, time).with_suffix('.html')}"]
                command = [sys.executable, "-m", "packager", "bench", str(SITES / name), *files, *options.bench]
                if code := subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
                    return code
        write()
    except PackagerError as error:
        print(f"scripts/repeat: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def write() -> None:
    """Rewrites the page's part of this from the last measurements, and its plot."""
    pairs = {by_name(name).title: [read_report(_file(name, time)) for time in range(1, TIMES + 1)] for name in MODELS}
    PLOTS.mkdir(parents=True, exist_ok=True)
    (PLOTS / "repeat-ratio.svg").write_text(_plot(pairs), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else _EMPTY
    PAGE.write_text(replaced(page, text(pairs), BEGIN, END), encoding="utf-8")


def text(pairs: dict[str, list[Report]]) -> str:
    """The section in Markdown."""
    first = next(iter(pairs.values()))[0]
    machine, browser = first["machine"], first["browser"]
    parts = [
        "## Two measurements of the same",
        f"Measured by `scripts/repeat`, {first['started'][:10]}: {machine['cpu']}, {machine['logical_processors']} logical "
        f"processors, {machine['system']}, {browser['name']} {browser['version']}, {first['native']['runner']}.",
        _METHOD,
    ]
    for title, (one, other) in pairs.items():
        rows = [row for settings in _settings(one, other) for row in _rows(*settings)]
        head = "| | figure | first | second | change | agree |\n|---|---|---:|---:|---:|---|"
        parts.append("\n".join([f"### {title}", "", head, *(f"| {' | '.join(row)} |" for row in rows)]))
    parts.append("![Two measurements of each ratio to native onnxruntime](benchmarks/repeat-ratio.svg)")
    return "\n\n".join(parts)


def _rows(one: dict[str, Any], other: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for name in _SHOWN:
        if name not in one["figures"] or name not in other["figures"]:
            continue
        change = stats.change(estimate_of(one["figures"][name]), estimate_of(other["figures"][name]))
        known = change.low is not None and change.high is not None
        agree = "not known" if not known else "yes" if (change.low or 0) <= 1 <= (change.high or 0) else "no"
        interval = f" ({change.low:.3f} to {change.high:.3f})" if known and change.low != change.high else ""
        figures = [show_figure(setting["figures"][name], FIGURES[name].unit) for setting in (one, other)]
        rows.append(["" if rows else label(one), FIGURES[name].title, *figures, f"{change.value:.3f}{interval}", agree])
    return rows


def _settings(one: Report, other: Report) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The same setting of both."""
    second = {(setting["variant"], setting["threads"]): setting for setting in other["settings"]}
    keys = [(setting["variant"], setting["threads"]) for setting in one["settings"]]
    return [(setting, second[key]) for setting, key in zip(one["settings"], keys, strict=True) if key in second]


def _plot(pairs: dict[str, list[Report]]) -> str:
    groups: dict[str, list[Point]] = {}
    for title, (one, other) in pairs.items():
        for pair in _settings(one, other):
            for which, setting in zip(("first", "second"), pair, strict=True):
                figure = setting["figures"]["steady.ratio"]
                point = Point(which, figure["value"], figure["low"], figure["high"])
                groups.setdefault(f"{title.partition(',')[0]}, {label(setting)},", []).append(point)
    return points(groups, title=FIGURES["steady.ratio"].title, unit="times native onnxruntime", line=1.0)


def _file(name: str, time: int) -> Path:
    return RESULTS / f"repeat-{name}-{time}.json"


if __name__ == "__main__":
    sys.exit(main())
