"""The report as one HTML page that needs nothing else: no script, no network, plots as SVG in the text."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from packager.bench import plots
from packager.bench.figures import FIGURES, label
from packager.bench.phases import PHASES
from packager.bench.plots import Block, Point
from packager.bench.reports.tables import facts, remarks, tables, typical

if TYPE_CHECKING:
    from packager.bench.report import Report
    from packager.bench.reports.tables import Table


def html(report: Report) -> str:
    """The page's text. Needs the extra ``bench``."""
    style = resources.files("packager.bench.reports").joinpath("report.css").read_text(encoding="utf-8")
    title = escape(report["bundle"]["name"])
    body = "\n".join(part for part in (_head(report), _verdicts(report), _tables(report), _plots(report), _foot()) if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>packager bench: {title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts(report))
    notes = "".join(f"<li>{escape(sentence)}</li>" for sentence in remarks(report))
    told = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f"<header><p>packager bench</p><h1>{escape(report['bundle']['name'])}</h1></header>\n<dl>{rows}</dl>\n{told}"


def _verdicts(report: Report) -> str:
    items = "".join(
        f'<li class="{verdict}"><b>{verdict}</b> {escape(each["sentence"])}</li>'
        for verdict in ("violated", "undecided", "passed")
        for each in report["verdicts"]
        if each["verdict"] == verdict
    )
    return f'<h2>Checks</h2>\n<ul class="verdicts">{items}</ul>' if items else ""


def _tables(report: Report) -> str:
    return "\n".join(_table(table) for table in tables(report))


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    rows = "".join(
        f"<tr><th>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>" for row in table.rows
    )
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _plots(report: Report) -> str:
    settings = [setting for setting in report["settings"] if setting["visits"]["first"]]
    made = [_cold_and_warm(settings), _bytes(settings), *(_waterfall(setting) for setting in settings)]
    made += [_phases(settings), _latencies(report["settings"]), _ratios(report["settings"])]
    return "\n".join(f"<figure>{plot}</figure>" for plot in made if plot)


def _point(setting: dict[str, Any], name: str, text: str) -> Point | None:
    figure = setting["figures"].get(name)
    return None if figure is None else Point(text, figure["value"], figure["low"], figure["high"])


def _cold_and_warm(settings: list[dict[str, Any]]) -> str:
    groups = {
        label(setting): [
            point
            for kind in ("first", "return", "offline", "update")
            if (point := _point(setting, f"{kind}.result", f"{kind} visit"))
        ]
        for setting in settings
    }
    return plots.points(groups, title="Cold and warm: until the first result is on the screen", unit="ms") if groups else ""


def _bytes(settings: list[dict[str, Any]]) -> str:
    rows = {}
    for setting in settings:
        for kind, visits in setting["visits"].items():
            kinds = typical(visits)["traffic"]["kinds"] if visits else None
            if kinds and any(kinds.values()):
                name = f"{label(setting)}, {kind}"
                rows[name] = {part: count / 1000 for part, count in kinds.items() if count}
    return plots.stacked(rows, title="Bytes on the wire, by what they were for", unit="kB") if rows else ""


def _waterfall(setting: dict[str, Any]) -> str:
    visit = typical(setting["visits"]["first"])
    blocks = [Block(row, phase, start, end) for phase, row, start, end in visit["spans"]]
    title = f"A first visit: {label(setting)}"
    return plots.waterfall(_folded(blocks), visit["result_ms"], title=title, order=PHASES)


def _folded(blocks: list[Block], most: int = 28) -> list[Block]:
    """Many shards on fewer lines, so that the plot stays readable: as many shards share a line as must."""
    shards = [row for row in dict.fromkeys(block.row for block in blocks) if row.startswith("shard ")]
    share = -(-len(shards) // most)
    if share <= 1:
        return blocks
    lines = {}
    for first in range(0, len(shards), share):
        group = shards[first : first + share]
        lines.update(dict.fromkeys(group, f"shards {group[0].split()[1]} to {group[-1].split()[1]}"))
    return [Block(lines.get(block.row, block.row), block.kind, block.start, block.end) for block in blocks]


def _phases(settings: list[dict[str, Any]]) -> str:
    rows = {}
    for setting in settings:
        for kind, visits in setting["visits"].items():
            if visits:
                phases = typical(visits)["phases"]
                rows[f"{label(setting)}, {kind}"] = {phase: phases[phase] for phase in PHASES if phases[phase] >= 0.5}
    return plots.stacked(rows, title="What a visit waits for, phase by phase", unit="ms", order=PHASES) if rows else ""


def _latencies(settings: list[dict[str, Any]]) -> str:
    series = {}
    for setting in settings:
        for name, rounds in (("page", "infer"), ("native", "native")):
            runs = [run for each in (setting["steady"] or {}).get(rounds, []) for run in each]
            if runs:
                series[f"{label(setting)}, {name}"] = runs
    return plots.distributions(series, title="Inference: every run, and the median") if series else ""


def _ratios(settings: list[dict[str, Any]]) -> str:
    found = [point for setting in settings if (point := _point(setting, "steady.ratio", label(setting)))]
    return plots.points({"": found}, title=FIGURES["steady.ratio"].title, unit="times native", line=1.0) if found else ""


def _foot() -> str:
    return (
        "<footer><p>In brackets and as whiskers: the interval that holds the true value in 95 of 100 measurements. Phases "
        "are those of the critical path and add up to the visit. docs/benchmarking.md says how all is measured.</p></footer>"
    )
