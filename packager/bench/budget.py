"""Budgets: limits in a TOML file, and whether the figures keep them.

A key is a figure's name. Limits at the top hold for every setting; a table narrows them, and the narrower one wins:
``[threads.N]``, then ``[variant.ID]``, then ``[variant.ID.threads.N]``, with N a number or ``all``.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.bench import stats
from packager.bench.figures import FIGURES, estimate_of, label
from packager.bench.units import read, show, show_figure
from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Limit:
    """``variant`` and ``threads`` are None where it holds for all."""

    figure: str
    limit: float
    variant: str | None = None
    threads: str | None = None

    def holds_for(self, setting: dict[str, Any]) -> bool:
        """Whether this limit is about the setting."""
        names = (str(setting["threads_asked"]), str(setting["threads"]))
        return self.variant in (None, setting["variant"]) and (self.threads is None or self.threads in names)

    @property
    def narrowness(self) -> int:
        """Of two limits that hold, the one with the larger number counts."""
        return 2 * (self.variant is not None) + (self.threads is not None)


def read_budget(path: Path, variants: Iterable[str]) -> list[Limit]:
    """The limits of a file. Raises InputError for what is not TOML, a key that is no figure, a value that is no limit."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The budget cannot be read: {error}.", where=str(path)) from error
    limits = list(_limits(tables, path, set(variants), None, None))
    if not limits:
        raise InputError("The budget holds no limit.", where=str(path), remedy='Write one like first.bytes = "6 MB".')
    return limits


def _limits(table: dict[str, Any], path: Path, variants: set[str], variant: str | None, threads: str | None) -> Iterator[Limit]:
    for key, value in table.items():
        if key == "variant" and variant is None and threads is None:
            for name, inner in _tables(key, value, path):
                if name not in variants:
                    known = ", ".join(sorted(variants))
                    raise InputError(f"The bundle has no variant '{name}'.", where=str(path), remedy=f"It has: {known}.")
                yield from _limits(inner, path, variants, name, None)
        elif key == "threads" and threads is None:
            for name, inner in _tables(key, value, path):
                if name != "all" and not name.isdigit():
                    raise InputError(
                        f"'{name}' is not a number of threads.", where=str(path), remedy="Write [threads.1] or [threads.all]."
                    )
                yield from _limits(inner, path, variants, variant, name)
        else:
            for name, limit in _flat(key, value):
                yield _limit(name, limit, path, variant, threads)


def _tables(key: str, value: object, path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    if not isinstance(value, dict) or not all(isinstance(inner, dict) for inner in value.values()):
        raise InputError(f"'{key}' must be followed by a name and hold limits.", where=str(path), remedy=f"Write [{key}.NAME].")
    return value.items()


def _flat(key: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for inner, limit in value.items():
            yield from _flat(f"{key}.{inner}", limit)
    else:
        yield key, value


def _limit(name: str, value: object, path: Path, variant: str | None, threads: str | None) -> Limit:
    if name not in FIGURES:
        raise InputError(f"'{name}' is not a figure.", where=str(path), remedy=f"Known are: {', '.join(FIGURES)}.")
    unit = FIGURES[name].unit
    limit = read(value, unit)
    if limit is None or not 0 <= limit < math.inf:
        remedy = f"Give a number{_EXAMPLES.get(unit, '')}."
        raise InputError(f"{value!r} is no limit for {name}.", where=str(path), remedy=remedy)
    return Limit(name, limit, variant, threads)


_EXAMPLES = {
    "ms": ' of milliseconds, or text such as "2.5 s"',
    "s": ' of seconds, or text such as "40 ms"',
    "bytes": ' of bytes, or text such as "6 MB"',
    "share": ' from 0 to 1, or text such as "99 %"',
}


def judge_budget(limits: list[Limit], settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A verdict for each limit and setting that it holds for; undecided where the figure is too noisy, or was not measured."""
    verdicts = []
    for setting in settings:
        chosen: dict[str, Limit] = {}
        for limit in sorted((each for each in limits if each.holds_for(setting)), key=lambda each: each.narrowness):
            chosen[limit.figure] = limit
        verdicts += [_verdict(limit, setting) for limit in chosen.values()]
    return verdicts


def _verdict(limit: Limit, setting: dict[str, Any]) -> dict[str, Any]:
    kind = FIGURES[limit.figure]
    figure = setting["figures"].get(limit.figure)
    bound = show(limit.limit, kind.unit)
    if figure is None:
        verdict, said = "undecided", f"was not measured; the budget is {bound}"
    else:
        estimate = estimate_of(figure)
        verdict = stats.judge(estimate, limit.limit) if kind.lower else stats.judge(_negative(estimate), -limit.limit)
        side = "over" if kind.lower else "under"
        words = {
            "passed": f"keeps the budget of {bound}",
            "violated": f"is {side} the budget of {bound}",
            "undecided": f"is too noisy to judge by the budget of {bound}",
        }
        said = f"{show_figure(figure, kind.unit)} {words[verdict]}"
    return {
        "source": "budget",
        "setting": label(setting),
        "figure": limit.figure,
        "verdict": verdict,
        "sentence": f"{label(setting)}: {limit.figure} {said}.",
    }


def _negative(estimate: stats.Estimate) -> stats.Estimate:
    low, high = (None if bound is None else -bound for bound in (estimate.high, estimate.low))
    return stats.Estimate(-estimate.value, low, high)
