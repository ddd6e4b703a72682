"""Figures that hold on a machine whose speed drifts: medians with intervals, ratios over paired rounds, and verdicts.

Measurements come in *rounds*. The runs of a round follow each other at once; the rounds are spread over time and interleaved
with the rounds of what they are compared with. Runs of one round share the machine's mood, so they say little about the next
minute: the round is what is resampled, never the single run. Measurements that stand alone are rounds of one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Rounds = Sequence[Sequence[float] | NDArray[np.float64]]
    # Of the last axis, NaN left out.
    Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

Verdict = Literal["passed", "violated", "undecided"]

CONFIDENCE = 0.95
"""Of every interval here."""

RESAMPLES = 2000
SEED = 20481
"""Fixed, so that a report can be recomputed from its samples."""

# Below this many rounds a bootstrap has too few different resamples to reach the confidence that it states (the median of
# five lies outside their range once in sixteen times). Student's t takes its place.
_FEWEST_TO_RESAMPLE = 6
_STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that holds its true value in 95 of 100 measurements.

    ``low`` and ``high`` are None where one round alone cannot tell the noise.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Summary:
    """A series of times in milliseconds; ``median`` has the interval, ``throughput`` is runs a second."""

    runs: int
    rounds: int
    median: Estimate
    min: float
    mean: float
    p90: float
    p95: float
    p99: float
    max: float
    throughput: float


def exact(value: float) -> Estimate:
    """A figure without noise, such as a count of bytes."""
    return Estimate(value, value, value)


def summarise(rounds: Rounds) -> Summary:
    """All figures of a series. Raises ValueError where there is no run."""
    runs = _pool(rounds)
    p90, p95, p99 = np.percentile(runs, [90, 95, 99]).tolist()
    mean = float(runs.mean())
    return Summary(
        runs=len(runs),
        rounds=len([each for each in rounds if len(each)]),
        median=median(rounds),
        min=float(runs.min()),
        mean=mean,
        p90=p90,
        p95=p95,
        p99=p99,
        max=float(runs.max()),
        throughput=1000 / mean if mean > 0 else math.inf,
    )


def median(rounds: Rounds) -> Estimate:
    """The median of all runs. Raises ValueError where there is none."""
    return quantile(rounds, 50)


def quantile(rounds: Rounds, percent: float) -> Estimate:
    """A percentile of all runs. Raises ValueError where there is none."""

    def percentile(runs: NDArray[np.float64]) -> NDArray[np.float64]:
        kind = np.nanpercentile if np.isnan(runs).any() else np.percentile  # the first is slow
        return np.asarray(kind(runs, percent, axis=-1))

    return _estimate(rounds, percentile)


def mean(rounds: Rounds) -> Estimate:
    """The mean of all runs. Raises ValueError where there is none."""
    return _estimate(rounds, lambda runs: np.asarray(np.nanmean(runs, axis=-1)))


def round_ratios(numerator: Rounds, denominator: Rounds) -> list[float]:
    """Median over median, round by round; rounds that either side lacks are left out."""
    pairs = zip(numerator, denominator, strict=False)
    return [float(np.median(above) / np.median(below)) for above, below in pairs if len(above) and len(below)]


def paired_ratio(numerator: Rounds, denominator: Rounds) -> Estimate:
    """How many times as long ``numerator`` takes, from rounds that were run in turns.

    Each pair of rounds gives a ratio, in which the machine's speed at that moment cancels out; the figure is their median.
    Raises ValueError where no round has both.
    """
    return median([[ratio] for ratio in round_ratios(numerator, denominator)])


def change(before: Estimate, after: Estimate) -> Estimate:
    """How many times as large a figure has become between two measurements, with the noise of both."""
    if before.value == after.value and exact(before.value) == before and exact(after.value) == after:
        return exact(1.0)
    value = after.value / before.value if before.value else math.inf
    if None in (before.low, after.low) or not (before.value > 0 and after.value > 0):
        certain = exact(before.value) == before and exact(after.value) == after
        return exact(value) if certain else Estimate(value, None, None)
    # On the logarithms, where a ratio is a difference, the two widths add up like the sides of a right angle.
    below = math.hypot(_log(after.value, after.low), _log(before.high, before.value))
    above = math.hypot(_log(after.high, after.value), _log(before.value, before.low))
    return Estimate(value, value * math.exp(-below), value * math.exp(above))


def judge(figure: Estimate, limit: float) -> Verdict:
    """Whether a figure is at most ``limit``: undecided where the interval lies on both sides of it, or is not known."""
    if figure.low is None or figure.high is None:
        return "undecided"
    if figure.high <= limit:
        return "passed"
    return "violated" if figure.low > limit else "undecided"


def judge_change(figure: Estimate, margin: float) -> Verdict:
    """Whether a change (1 is none) is a regression: surely upwards, and by more than ``margin`` (0.05 is five per cent).

    Undecided where it may be more than the margin but is not surely so.
    """
    if figure.low is None or figure.high is None:
        return "undecided"
    if figure.low > 1 and figure.value > 1 + margin:
        return "violated"
    return "passed" if figure.high <= 1 + margin else "undecided"


def _pool(rounds: Rounds) -> NDArray[np.float64]:
    runs = np.concatenate([np.asarray(each, np.float64) for each in rounds]) if len(rounds) else np.empty(0)
    if runs.size == 0:
        raise ValueError("There are no runs.")
    return runs


def _estimate(rounds: Rounds, statistic: Statistic) -> Estimate:
    kept = [np.asarray(each, np.float64) for each in rounds if len(each)]
    value = float(statistic(_pool(kept)))
    if len(kept) == 1:
        return Estimate(value, None, None)
    if len(kept) < _FEWEST_TO_RESAMPLE:
        return _student(value, np.array([float(statistic(each)) for each in kept]))
    return _around(value, statistic(_resampled(kept)))


def _resampled(rounds: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """``RESAMPLES`` draws, one a row, of as many rounds as there are, each with all of its runs; NaN fills short ones."""
    longest = max(len(each) for each in rounds)
    padded = np.full((len(rounds), longest), np.nan)
    for row, values in zip(padded, rounds, strict=True):
        row[: len(values)] = values
    drawn = np.random.default_rng(SEED).integers(0, len(rounds), (RESAMPLES, len(rounds)))
    return padded[drawn].reshape(RESAMPLES, -1)


def _around(value: float, resampled: NDArray[np.float64]) -> Estimate:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail]).tolist()
    return Estimate(value, min(low, value), max(high, value))


def _student(value: float, figures: NDArray[np.float64]) -> Estimate:
    """From a few rounds: their spread, on the logarithms where all are positive, as times spread by factors."""
    factor = _STUDENT[len(figures)] / math.sqrt(len(figures))
    if (figures > 0).all() and value > 0:
        width = factor * float(np.log(figures).std(ddof=1))
        return Estimate(value, value * math.exp(-width), value * math.exp(width))
    width = factor * float(figures.std(ddof=1))
    return Estimate(value, value - width, value + width)


def _log(above: float | None, below: float | None) -> float:
    """Logarithm of a ratio of positive numbers; without bound where one is not."""
    return math.log(above / below) if above and below and above > 0 and below > 0 else math.inf
