"""Compares this project with its peers on real models and rewrites docs/benchmarks.md: see scripts/compare --help."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from benchmarks import native, results
from benchmarks.browser import empty_peak
from benchmarks.contenders import PEERS
from benchmarks.host import serving
from benchmarks.made import SITE
from benchmarks.measure import Effort, Measurement
from benchmarks.models import WORKLOADS
from benchmarks.report import text, write_report
from benchmarks.tasks import build_pages, files_to_warm, task
from packager.bench.machine import machine
from packager.browser import chromium
from packager.errors import BuildError, InputError, PackagerError

if TYPE_CHECKING:
    from benchmarks.models import Workload
    from benchmarks.results import Results

RESULTS = Path(__file__).parent / "results"
_WHOLE = Effort(visits=5, visit_seconds=10, seconds=10, rounds=20)
_QUICK = Effort(visits=1, visit_seconds=15, seconds=5, rounds=6)
_RENDERER = """() => {
  const context = document.createElement("canvas").getContext("webgl2");
  const names = context?.getExtension("WEBGL_debug_renderer_info");
  return context && names ? context.getParameter(names.UNMASKED_RENDERER_WEBGL) : "none";
}"""


def main() -> int:
    """Runs the comparison; the exit code is 0, or that of the error."""
    arguments = _parser().parse_args()
    try:
        if arguments.report:
            write_report(results.read(arguments.report))
            return 0
        workloads = _chosen(arguments.quick)
        effort, file = (_QUICK, "quick.json") if arguments.quick else (_WHOLE, "latest.json")
        found = compare(workloads, effort, RESULTS / file)
        if arguments.quick:
            print(text(found))
        else:
            write_report(found)
    except PackagerError as error:
        print(f"scripts/compare: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def compare(workloads: list[Workload], effort: Effort, file: Path) -> Results:
    """Measures; what there is is written to ``file`` after each workload. Raises PackagerError."""
    start = time.monotonic()

    def say(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - start), 60)
        print(f"{minutes:3}:{seconds:02}  {line}", file=sys.stderr, flush=True)

    versions = {**build_pages(), "onnxruntime": native.VERSION}
    tasks = []
    for workload in workloads:
        say(f"preparing {workload.title}")
        tasks.append(task(workload))
    about = _machine()
    found: Results = {
        "format": results.FORMAT, "machine": about, "versions": versions, "empty_page_bytes": 0, "seconds": 0,
        "workloads": {},
    }  # fmt: skip
    with serving(SITE) as host, sync_playwright() as playwright:
        for path in files_to_warm():
            host.warm(path)
        with tempfile.TemporaryDirectory(prefix="packager-visit-", ignore_cleanup_errors=True) as profile:
            found["empty_page_bytes"] = empty_peak(playwright, Path(profile))
        for each in tasks:
            workload = each.source.workload
            say(workload.title)
            result = found["workloads"][workload.name] = {
                "title": workload.title, "model": workload.model.name, "contenders": {}, "absent": {},
            }  # fmt: skip
            try:
                Measurement(playwright, host, each, result, say, about["renderer"]).run(effort)
            finally:
                found["seconds"] = time.monotonic() - start
                results.write(found, file)
    if missing := results.unaccounted(found, [peer.id for peer in PEERS]):
        raise BuildError(f"The comparison lost sight of {', '.join(missing)}.", where=str(file))
    say(f"measured in {found['seconds'] / 60:.1f} minutes; all samples are in {file}")
    return found


def _chosen(names: list[str] | None) -> list[Workload]:
    if not names:
        return list(WORKLOADS)
    known = [workload.name for workload in WORKLOADS]
    for name in names:
        if name not in known:
            raise InputError(f"'{name}' is not a workload.", where="--quick", remedy=f"Choose from: {', '.join(known)}.")
    return [workload for workload in WORKLOADS if workload.name in names]


def _machine() -> dict[str, str]:
    """The machine in words, for the reader of the tables."""
    with chromium() as browser:
        version, renderer = str(browser.version), str(browser.new_page().evaluate(_RENDERER))
    about = machine()
    return {
        "processor": str(about["cpu"]),
        "cores": str(about["logical_processors"]),
        "system": str(about["system"]),
        "browser": f"Chromium {version}, headless",
        "renderer": renderer,
        "date": time.strftime("%Y-%m-%d"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/compare", description="Compares this project with its peers and rewrites docs/benchmarks.md."
    )
    parser.add_argument(
        "--quick", action="append", metavar="WORKLOAD",
        help="only this one (repeatable), with few rounds; prints the tables and rewrites nothing: "
        + ", ".join(workload.name for workload in WORKLOADS),
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="RESULTS", help="write the report from these results again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
