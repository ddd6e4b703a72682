"""`packager bench`: flags to options, the report to a terminal and to files, its verdicts to an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.bench.conditions import NETWORKS
from packager.bench.options import BROWSERS, PARTS, BenchOptions, parse_threads
from packager.errors import BuildError

if TYPE_CHECKING:
    import argparse

    from packager.bench.report import Report


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    bench: argparse.ArgumentParser = commands.add_parser(
        "bench",
        help="measure a site in a real browser",
        description="Measures a site in a real browser: what a visitor waits for and downloads, and how fast it runs beside "
        "native. Exit code 1 for a wrong answer, a violated budget, a regression, or a measurement that ended early.",
    )
    bench.set_defaults(command=run)
    bench.add_argument("site", metavar="SITE|URL", help="the folder of a bundle, or the URL at which one is served")
    bench.add_argument(
        "--update-from", type=Path, metavar="OLD_SITE", help="also measure the update from this older bundle of the same site"
    )
    bench.add_argument(
        "--model", type=Path, metavar="FILE",
        help="the original .onnx, to compare with (default: the variant as shipped, put together from its shards)",
    )  # fmt: skip
    _add_extent(bench)
    _add_browser(bench)
    _add_judges(bench)
    return bench


def _add_extent(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("--variants", metavar="ID,…", help="only these variants (default: all that the browser can run)")
    bench.add_argument(
        "--threads", type=parse_threads, default="1,all", metavar="N,…",
        help="numbers of threads, or 'all' for what the page takes by itself (default: %(default)s)",
    )  # fmt: skip
    bench.add_argument("--runs", type=int, default=50, help="inferences to time, at least (default: %(default)s)")
    bench.add_argument("--visits", type=int, default=5, help="visits of each kind (default: %(default)s)")
    bench.add_argument("--only", metavar="PART,…", help=f"measure no more than these of: {', '.join(PARTS)} (default: all)")
    bench.add_argument(
        "--network", choices=NETWORKS, default="none", help="slow the network down, through DevTools (default: %(default)s)"
    )
    bench.add_argument(
        "--cpu-throttle", type=float, default=1.0, metavar="N",
        help="slow the page's main thread N times, through DevTools (default: 1, not at all)",
    )  # fmt: skip
    bench.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long a page may take (default: ample for its size and network)"
    )


def _add_browser(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("--browser", choices=BROWSERS, default="chromium", help="which browser (default: %(default)s)")
    bench.add_argument("--executable", type=Path, metavar="FILE", help="the browser's program (default: the one that is found)")
    bench.add_argument("--connect", metavar="ws://…", help="use the browser of a Playwright server instead of one here")


def _add_judges(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("--budget", type=Path, metavar="FILE", help="limits to hold, in TOML")
    bench.add_argument("--baseline", type=Path, metavar="FILE", help="an earlier --json report that must not be got worse than")
    for name, what in _FILES.items():
        bench.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write the report as {what}")


_FILES = {
    "json": "JSON, with all samples",
    "html": "a page with plots, in one file",
    "junit": "JUnit XML",
    "markdown": "Markdown, for a pull request",
}


def run(options: argparse.Namespace) -> int:
    """Measures, writes, prints."""
    from rich.console import Console

    chosen = BenchOptions(
        site=options.site,
        update_from=options.update_from,
        model=options.model,
        variants=_names(options.variants),
        threads=options.threads,
        runs=options.runs,
        visits=options.visits,
        network=options.network,
        cpu_throttle=options.cpu_throttle,
        browser=options.browser,
        executable=options.executable,
        connect=options.connect,
        timeout=options.timeout,
        only=_names(options.only) or PARTS,
        budget=options.budget,
        baseline=options.baseline,
    )
    files = {name: file for name in _FILES if (file := getattr(options, name)) is not None}
    for file in files.values():
        if not file.parent.is_dir():
            raise BuildError("The report's folder does not exist.", where=str(file.parent), remedy="Make it first.")
    if "html" in files:
        from packager.bench.extra import need

        need("matplotlib")  # now, and not when all is measured
    from packager.bench.pipeline import bench
    from packager.bench.report import exit_code
    from packager.bench.reports.terminal import show_report
    from packager.progress import Shown

    report = bench(chosen, Shown(Console(stderr=True)))
    for name, file in files.items():
        _write(name, file, report)
    show_report(Console(), report)
    return exit_code(report)


def _names(text: str | None) -> tuple[Any, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def _write(name: str, file: Path, report: Report) -> None:
    try:
        file.write_text(_text(name, report), encoding="utf-8")
    except OSError as error:
        raise BuildError(f"The report cannot be written: {error.strerror}.", where=str(file)) from error


def _text(name: str, report: Report) -> str:
    if name == "html":
        from packager.bench.reports.html import html

        return html(report)
    if name == "junit":
        from packager.bench.reports.junit import junit

        return junit(report)
    if name == "markdown":
        from packager.bench.reports.markdown import markdown

        return markdown(report)
    from packager.bench.report import encode

    return encode(report)
