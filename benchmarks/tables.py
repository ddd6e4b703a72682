"""Cells and tables in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.bench.stats import Estimate

NOTHING = "-"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text, the others are figures."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(figure: Estimate | None) -> str:
    """The value alone."""
    return NOTHING if figure is None else digits(figure.value)


def spread(figure: Estimate | None) -> str:
    """The value with its interval, where that is known."""
    if figure is None:
        return NOTHING
    if figure.low is None or figure.high is None:
        return digits(figure.value)
    return f"{digits(figure.value)} ({digits(figure.low)} to {digits(figure.high)})"


def digits(value: float) -> str:
    """Three digits, and never an exponent."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def bytes_text(count: int) -> str:
    """Decimal units, as browsers show them."""
    if count >= 1e6:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e3:.1f} kB" if count >= 1000 else f"{count} B"
