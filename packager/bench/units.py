"""Figures for people: written with their units, and read back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from packager.bench.figures import Unit

_SCALES: Final[dict[str, dict[str, float]]] = {
    "ms": {"ms": 1, "s": 1000, "min": 60_000},
    "s": {"ms": 1e-3, "s": 1, "min": 60},
    "bytes": {"b": 1, "bytes": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30},
    "share": {"%": 0.01},
}


def show(value: float, unit: Unit) -> str:
    """A value with its unit: three digits or so, decimal units of bytes as browsers show them."""
    match unit:
        case "ms":
            return f"{_digits(value / 1000)} s" if abs(value) >= 1000 else f"{_digits(value)} ms"
        case "s":
            return f"{_digits(value * 1000)} ms" if abs(value) < 1 else f"{_digits(value)} s"
        case "bytes":
            for name, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
                if abs(value) >= size:
                    return f"{_digits(value / size)} {name}"
            return f"{value:.0f} B"
        case "count":
            return f"{value:.0f}"
        case "times":
            return f"{_digits(value)}x"
        case "share":
            return f"{100 * value:.4g} %"
        case "/s":
            return f"{_digits(value)}/s"
        case "number":
            return f"{value:.3g}" if abs(value) < 0.9 else f"{value:.6g}"


def show_figure(figure: dict[str, Any], unit: Unit, *, interval: bool = True) -> str:
    """A figure with its interval, where it has one that is wider than nothing."""
    text = show(figure["value"], unit)
    low, high = figure["low"], figure["high"]
    if not interval or low is None or high is None or low == high:
        return text
    return f"{text} ({show(low, unit)} to {show(high, unit)})"


def read(value: object, unit: Unit) -> float | None:
    """A limit: a number in the figure's own unit, or text such as "2.5 s" and "6 MB". None where it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([a-zA-Z%]+)\s*", value) if isinstance(value, str) else None
    scale = _SCALES.get(unit, {}).get(match[2].lower()) if match else None
    return float(match[1]) * scale if match and scale else None


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
