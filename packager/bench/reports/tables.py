"""The tables that every report for people shows: words and figures, laid out by each in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.bench.figures import FIGURES, label
from packager.bench.phases import PHASES
from packager.bench.units import show, show_figure

if TYPE_CHECKING:
    from packager.bench.report import Report


@dataclass(frozen=True)
class Table:
    """``rows`` begin with what they are about; the other cells are figures."""

    title: str
    headings: list[str]
    rows: list[list[str]]


def tables(report: Report) -> list[Table]:
    """All tables that have something to show."""
    made = [_visits(report), _traffic(report), _phases(report), _steady(report), _rest(report)]
    return [table for table in made if table.rows]


def facts(report: Report) -> list[tuple[str, str]]:
    """What was measured, on what, and under which conditions."""
    machine, browser, network = report["machine"], report["browser"], report["conditions"]["network"]
    graphics = browser["graphics"]
    found = [
        ("bundle", f"{report['bundle']['name']} ({report['bundle']['task']}), {report['bundle']['id'][:12]}"),
        ("at", report["bundle"]["address"]),
        ("browser", f"{browser['name']} {browser['version']}" + (", reached over a connection" if browser["remote"] else "")),
        ("machine", f"{machine['cpu']}, {machine['logical_processors']} logical processors, "
                    f"{show(machine['memory_bytes'], 'bytes')}, {machine['system']}"),
        ("load before", f"{machine['load']:g}"),
        ("native", f"{report['native']['runner']} on {report['native']['model'] or 'the variant as shipped'}"),
        ("network", "as it is" if network is None else f"{network['name']}: {network['latency_ms']:g} ms, "
                    f"{network['down_bytes_s'] / 125:g} kbit/s down, {network['up_bytes_s'] / 125:g} up"),
        ("processor", "as it is" if report["conditions"]["cpu_throttle"] == 1
                      else f"slowed {report['conditions']['cpu_throttle']:g} times"),
        ("measured", f"{report['started']}, in {report['seconds']:.0f} s, by {report['generator']}"),
    ]  # fmt: skip
    if graphics is not None and graphics["software"]:
        found.insert(4, ("graphics", f"software, not a graphics card: {graphics['webgpu'] or graphics['webgl']}"))
    return found


def remarks(report: Report) -> list[str]:
    """Notes on the whole and on settings, and what went wrong."""
    failure = [f"The measurement is not whole: {report['failure']}"] if report["failure"] else []
    settings = [
        f"{label(setting)}: {sentence}"
        for setting in report["settings"]
        for sentence in [*([setting["error"]] if setting["error"] else []), *setting["notes"]]
    ]
    return [*failure, *report["notes"], *dict.fromkeys(settings)]


def typical(visits: list[dict[str, Any]]) -> dict[str, Any]:
    """The visit in the middle."""
    return sorted(visits, key=lambda visit: float(visit["result_ms"]))[(len(visits) - 1) // 2]


def _visits(report: Report) -> Table:
    names = [name for name in ("first", "return", "offline", "update") if any(s["visits"][name] for s in report["settings"])]
    rows = [[label(s), *(_cell(s, f"{name}.result") for name in names)] for s in report["settings"] if s["visits"]["first"]]
    return Table("Visits: from the navigation to the first result on the screen", ["", *(f"{n} visit" for n in names)], rows)


def _traffic(report: Report) -> Table:
    fields = ["first.bytes", "first.shell_bytes", "first.engine_bytes", "first.weights_bytes", "first.requests", "return.bytes"]
    headings = ["", "first visit", "page", "engine", "model", "requests", "return visit"]
    if any("update.bytes" in setting["figures"] for setting in report["settings"]):
        fields, headings = [*fields, "update.bytes"], [*headings, "update visit"]
    rows = [
        [label(s), *(_cell(s, field, interval=False) for field in fields)]
        for s in report["settings"]
        if "first.bytes" in s["figures"]
    ]
    return Table("Bytes on the wire", headings, rows)


def _phases(report: Report) -> Table:
    """Medians of the phases of first visits, which need not add up as those of one visit do."""
    settings = [setting for setting in report["settings"] if setting["visits"]["first"]]
    rows = []
    for phase in PHASES:
        medians = [float(np.median([visit["phases"][phase] for visit in s["visits"]["first"]])) for s in settings]
        if any(median >= 0.5 for median in medians):
            rows.append([phase, *(show(median, "ms") for median in medians)])
    return Table("Where a first visit waits (median of each phase)", ["", *(label(setting) for setting in settings)], rows)


def _steady(report: Report) -> Table:
    fields = {
        "median": "steady.median", "p90": "steady.p90", "p95": "steady.p95", "p99": "steady.p99", "fastest": "steady.min",
        "a second": "steady.throughput", "to native": "steady.ratio", "processor": "steady.cpu", "whole task": "task.median",
    }  # fmt: skip
    settings = [setting for setting in report["settings"] if "steady.median" in setting["figures"]]
    shown = {heading: name for heading, name in fields.items() if any(name in s["figures"] for s in settings)}
    wide = ("steady.median", "steady.ratio")
    rows = [[label(s), *(_cell(s, name, interval=name in wide) for name in shown.values())] for s in settings]
    return Table("Inference, in turns with native", ["", *shown], rows)


def _rest(report: Report) -> Table:
    fields = {
        "page": "memory.page", "resident": "memory.rss", "shared once": "memory.pss",
        "relative difference": "parity.relative", "cosine": "parity.cosine", "same first choice": "parity.top1",
    }  # fmt: skip
    settings = [s for s in report["settings"] if any(name in s["figures"] for name in fields.values())]
    shown = {heading: name for heading, name in fields.items() if any(name in s["figures"] for s in settings)}
    rows = [[label(s), *(_cell(s, name, interval=False) for name in shown.values())] for s in settings]
    return Table("Peak memory, and agreement with native", ["", *shown], rows)


def _cell(setting: dict[str, Any], name: str, *, interval: bool = True) -> str:
    figure = setting["figures"].get(name)
    return "-" if figure is None else show_figure(figure, FIGURES[name].unit, interval=interval)
