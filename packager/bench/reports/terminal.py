"""The report on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from packager.bench.reports.tables import Table as Figures
from packager.bench.reports.tables import facts, remarks, tables

if TYPE_CHECKING:
    from rich.console import Console

    from packager.bench.report import Report

_MARKS = {"passed": "[green]✓[/]", "violated": "[red]✗[/]", "undecided": "[yellow]?[/]"}


def show_report(console: Console, report: Report) -> None:
    """Facts, tables, remarks, and a line for every verdict but those that passed."""
    for name, fact in facts(report):
        console.print(f"[dim]{name:>12}[/]  {escape(fact)}", highlight=False)
    for table in map(_upright, tables(report)):
        shown = Table(title=table.title, title_justify="left", box=SIMPLE_HEAD)
        for index, heading in enumerate(table.headings):
            shown.add_column(heading, justify="right" if index else "left", overflow="fold")
        for row in table.rows:
            shown.add_row(*(escape(cell) for cell in row))
        console.print(shown)
    for sentence in remarks(report):
        console.print(f"[yellow]![/] {escape(sentence)}", highlight=False)
    show_verdicts(console, report)


def _upright(table: Figures) -> Figures:
    """With the settings as columns, of which there are few: terminals are narrow."""
    if len(table.headings) <= len(table.rows) + 1:
        return table
    columns = [table.headings, *table.rows]
    turned = [list(cells) for cells in zip(*columns, strict=True)]
    return Figures(table.title, turned[0], turned[1:])


def show_verdicts(console: Console, report: Report) -> None:
    """One line for each that is violated or undecided, and how many passed."""
    for verdict in ("undecided", "violated"):
        for each in report["verdicts"]:
            if each["verdict"] == verdict:
                console.print(f"{_MARKS[verdict]} {each['source']}: {escape(each['sentence'])}", highlight=False)
    passed = sum(each["verdict"] == "passed" for each in report["verdicts"])
    if report["verdicts"]:
        console.print(f"{_MARKS['passed']} {passed} of {len(report['verdicts'])} checks passed.", highlight=False)
