"""A summary in Markdown, for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.bench.reports.tables import facts, remarks, tables

if TYPE_CHECKING:
    from packager.bench.report import Report
    from packager.bench.reports.tables import Table

_WORDS = {"violated": "✗", "undecided": "?", "passed": "✓"}


def markdown(report: Report) -> str:
    """Verdicts first, then tables, then what was measured on what."""
    parts = [f"## packager bench: {_safe(report['bundle']['name'])}", _verdicts(report)]
    parts += [_table(table) for table in tables(report)]
    notes = [f"- {_safe(sentence)}" for sentence in remarks(report)]
    parts += ["\n".join(notes)] if notes else []
    described = "\n".join(f"| {name} | {_safe(fact)} |" for name, fact in facts(report))
    parts.append(f"<details><summary>Machine and conditions</summary>\n\n| | |\n|---|---|\n{described}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _verdicts(report: Report) -> str:
    verdicts = report["verdicts"]
    counts = {verdict: sum(each["verdict"] == verdict for each in verdicts) for verdict in _WORDS}
    total = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "Nothing was judged"
    lines = [
        f"- {_WORDS[verdict]} {each['source']}: {_safe(each['sentence'])}"
        for verdict in ("violated", "undecided")
        for each in verdicts
        if each["verdict"] == verdict
    ]
    return "\n".join([f"**{total}.**", *([""] if lines else []), *lines])


def _table(table: Table) -> str:
    rows = [table.headings, ["---", *("---:" for _ in table.headings[1:])], *table.rows]
    return f"**{table.title}**\n\n" + "\n".join(f"| {' | '.join(_safe(cell) for cell in row)} |" for row in rows)


def _safe(text: str) -> str:
    """Text that is no markup: names come from whoever made the model."""
    for mark in "\\`*_{}[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
