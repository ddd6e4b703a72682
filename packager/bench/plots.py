"""Plots as SVG text: one plain, light style for `bench` and for the comparison with peers. Needs the extra ``bench``.

Every function returns an ``<svg>`` element that can stand in HTML or in a file of its own, the same bytes for the same data.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.bench.extra import need

need("matplotlib")
import matplotlib as mpl  # noqa: E402 (after the check, so that what is missing has a name)
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

INK, FAINT, GRID = "#1c2430", "#667085", "#e3e7ee"
# Told apart by lightness too, for readers who see few colours and for print in gray.
PALETTE = (
    "#2540d9", "#e07a1f", "#2a9d74", "#9b5de5", "#c2335b", "#6b7a90", "#c9a227", "#1b9aaa",
    "#7a4b2a", "#a3b1c6", "#14213d", "#f2a6c0", "#8fd19e", "#5b2a86", "#d9c5a0", "#40516b",
)  # fmt: skip
_WIDTH = 8.4
_MOST_DOTS = 400
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "packager",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": FAINT,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": INK,
    "grid.color": GRID,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Block:
    """A stretch of a waterfall, from ``start`` to ``end``; blocks with the same ``row`` share a line."""

    row: str
    kind: str
    start: float
    end: float


@dataclass(frozen=True)
class Point:
    """A value with its interval (None where it has none), and a note shown beside it."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""


def waterfall(blocks: Sequence[Block], end: float, *, title: str = "", unit: str = "ms", order: Sequence[str] = ()) -> str:
    """Lines of blocks over time from 0 to ``end``, first row on top, with a legend of the kinds.

    ``order`` fixes the colours of kinds over several plots.
    """
    rows = list(dict.fromkeys(block.row for block in blocks))
    colors = _colors((block.kind for block in blocks), order)
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(0.9 + 0.24 * len(rows), title)
        for block in blocks:
            # A sliver stays visible.
            width = max(block.end - block.start, end / 800)
            axes.barh(rows.index(block.row), width, left=block.start, height=0.7, color=colors[block.kind])
        _rows(axes, rows)
        axes.set_xlim(0, end)
        axes.set_xlabel(unit)
        _legend(figure, colors)
        return _svg(figure)


def distributions(series: Mapping[str, Sequence[float]], *, title: str = "", unit: str = "ms") -> str:
    """Runs as dots (of many, some), the median of all as a line, one row a series; far outliers lie past the right edge."""
    rows = list(series)
    random = np.random.default_rng(0)
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(0.8 + 0.42 * len(rows), title)
        for row, values in enumerate(series.values()):
            color = PALETTE[row % len(PALETTE)]
            shown = values[:: -(-len(values) // _MOST_DOTS)]
            spread = row + random.uniform(-0.28, 0.28, len(shown))
            axes.plot(shown, spread, ".", color=color, alpha=0.45, markersize=4, markeredgewidth=0)
            middle = float(np.median(values))
            axes.plot([middle, middle], [row - 0.38, row + 0.38], color=INK, linewidth=1.4)
        _rows(axes, rows)
        axes.set_xlim(0, max((float(np.percentile(values, 99)) for values in series.values()), default=1) * 1.5 or 1)
        axes.set_xlabel(unit)
        return _svg(figure)


def stacked(rows: Mapping[str, Mapping[str, float]], *, title: str = "", unit: str = "ms", order: Sequence[str] = ()) -> str:
    """One bar a row, its parts side by side as they come, the sum at its end; ``order`` as in ``waterfall``."""
    colors = _colors((part for parts in rows.values() for part in parts), order)
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(0.9 + 0.34 * len(rows), title)
        for row, parts in enumerate(rows.values()):
            left = 0.0
            for part, value in parts.items():
                axes.barh(row, value, left=left, height=0.64, color=colors[part])
                left += value
            axes.text(left, row, f" {_short(left)}", va="center", color=FAINT)
        _rows(axes, list(rows))
        axes.set_xlim(0, max((sum(parts.values()) for parts in rows.values()), default=1) * 1.12 or 1)
        axes.set_xlabel(unit)
        _legend(figure, colors)
        return _svg(figure)


def points(groups: Mapping[str, Sequence[Point]], *, title: str = "", unit: str = "", line: float | None = None) -> str:
    """Values with their intervals as whiskers, grouped; ``line`` marks a value to compare with (1 for ratios).

    The axis is logarithmic where the values span more than a factor of 20.
    """
    rows = [(group, point) for group, members in groups.items() for point in members]
    values = [point.value for _, point in rows]
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(0.8 + 0.34 * len(rows) + 0.1 * len(groups), title)
        places = _places(groups)
        for place, (group, point) in zip(places, rows, strict=True):
            color = PALETTE[list(groups).index(group) % len(PALETTE)]
            if point.low is not None and point.high is not None:
                axes.plot([point.low, point.high], [place, place], color=color, linewidth=2, alpha=0.5)
            axes.plot([point.value], [place], "o", color=color, markersize=5)
            axes.annotate(
                f"{_short(point.value)} {point.note}".rstrip(), (point.value, place), (0, 6), textcoords="offset points",
                ha="center", color=FAINT, fontsize=8,
            )  # fmt: skip
        _rows(axes, [f"{group}  {point.label}" if group else point.label for group, point in rows], places)
        if values and min(values) > 0 and max(values) / min(values) > 20:
            _logarithmic(axes)
        else:
            # Wide intervals of a few measurements may run out of the plot; they would flatten everything else.
            reach = max((min(point.high or 0.0, 2.5 * max(values)) for _, point in rows), default=1.0)
            axes.set_xlim(0, 1.15 * max([reach, *values]) or 1)
        if line is not None:
            axes.axvline(line, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlabel(unit)
        return _svg(figure)


def _figure(height: float, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(axis="x")
    axes.set_title(title)
    return figure, axes


def _rows(axes: Axes, labels: list[str], places: Sequence[float] | None = None) -> None:
    axes.set_yticks(list(range(len(labels))) if places is None else places, labels)
    axes.tick_params(length=0, which="both")
    axes.set_ylim((places[-1] if places else len(labels) - 1) + 0.6, -0.6)


def _logarithmic(axes: Axes) -> None:
    """With whole labels: 1, 2, 5, 10 and so on."""
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_locator(NullLocator())


def _places(groups: Mapping[str, Sequence[Point]]) -> list[float]:
    """Heights of the rows, with a gap between groups."""
    places, at = [], 0.0
    for members in groups.values():
        places += [at + index for index in range(len(members))]
        at += len(members) + 0.4
    return places


def _colors(kinds: Iterable[str], order: Sequence[str] = ()) -> dict[str, str]:
    """A colour for each kind, in order."""
    used = list(dict.fromkeys(kinds))
    known = list(dict.fromkeys([*order, *used]))
    return {kind: PALETTE[index % len(PALETTE)] for index, kind in enumerate(known) if kind in used}


def _legend(figure: Figure, colors: Mapping[str, str]) -> None:
    handles = [Patch(color=color, label=kind) for kind, color in colors.items()]
    figure.legend(handles=handles, loc="outside lower left", ncols=6, handlelength=1, handleheight=1, columnspacing=1.2)


def _short(value: float) -> str:
    """Three digits, and never an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.1e}"


def _svg(figure: Figure) -> str:
    """The element alone, without declaration, metadata and comments, and scaled by the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Identifiers are unique in one file only; in a page with several plots they must not meet.
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'(id="|"#|url\(#)', lambda match: f"{match[1]}{mark}-", text)
    return re.sub(r"\n\s*\n+", "\n", text).strip() + "\n"
