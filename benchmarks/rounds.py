"""Interleaved rounds: in each, every runner has a turn of several runs, in an order drawn anew.

What the machine does meanwhile falls on all alike, and ratios are taken within a round.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Rounds

_SEED = 20481
# A turn lasts about so long, so that models of a millisecond are not measured by a first run alone.
_TURN_MS, _MOST_RUNS = 120.0, 100
_WARM_UP_MS, _WARM_UP_RUNS = 900.0, 300
# Above this a run before the turn, which finds caches and threads cold, is not worth its time.
_LONG_MS = 300.0
_FEWEST_ROUNDS = 6
# Between turns: threads that spin on after a run come to rest.
_PAUSE_SECONDS = 0.03


class RunnerError(Exception):
    """A runner gave up; the message is a sentence."""


class Runner(Protocol):
    """Whatever can be timed."""

    def time(self, runs: int) -> list[float]:
        """Milliseconds of so many runs, one after another. Raises RunnerError."""


@dataclass(frozen=True)
class Turn:
    """How often a runner runs in its turn, how long that takes, and in which rounds it has one."""

    runs: int
    first: int
    milliseconds: float
    rounds: frozenset[int]


def race(
    runners: Mapping[str, Runner], seconds: float, most_rounds: int, pause: float = _PAUSE_SECONDS
) -> tuple[dict[str, Rounds], dict[str, str]]:
    """Milliseconds of each runner round by round, and why some were dropped.

    A round in which a slow runner has no turn is an empty list. Takes about ``seconds`` and ``most_rounds`` at most, but never
    fewer rounds than a bootstrap needs.
    """
    dropped: dict[str, str] = {}
    latencies: dict[str, float] = {}
    for name, runner in runners.items():
        try:
            latencies[name] = _warm_up(runner)
        except RunnerError as error:
            dropped[name] = str(error)
    turns, count = plan(latencies, seconds, most_rounds)
    samples: dict[str, Rounds] = {name: [] for name in turns}
    order = random.Random(_SEED)  # noqa: S311 (an order of turns)
    for number in range(count):
        for name in order.sample(list(samples), len(samples)):
            turn = turns[name]
            try:
                times = runners[name].time(turn.first + turn.runs) if number in turn.rounds else []
            except RunnerError as error:
                dropped[name] = str(error)
                del samples[name]
                continue
            samples[name].append(times[turn.first :])
            time.sleep(pause)
    return samples, dropped


def plan(latencies: Mapping[str, float], seconds: float, most_rounds: int) -> tuple[dict[str, Turn], int]:
    """The turns of runners with these latencies in milliseconds, and the number of rounds.

    A runner that would take more than its share of the time has a turn in some rounds only, evenly spread.
    """
    sizes = {}
    for name, latency in latencies.items():
        runs = max(1, min(_MOST_RUNS, round(_TURN_MS / max(latency, 0.01))))
        first = 0 if latency > _LONG_MS else 1
        sizes[name] = (runs, first, (runs + first) * latency)
    whole = 1000 * seconds
    share = whole / max(len(sizes), 1)
    usual = sorted(length for _, _, length in sizes.values())
    # What the quick ones leave of the time decides, so that one slow runner does not cost all others their rounds.
    quick = sum(length for length in usual if length * _FEWEST_ROUNDS <= share) or sum(usual)
    count = max(_FEWEST_ROUNDS, min(most_rounds, int(whole / max(quick, 1))))
    turns = {}
    for name, (runs, first, length) in sizes.items():
        part = max(3, min(count, int(share / max(length, 0.001))))
        turns[name] = Turn(runs, first, length, frozenset(index * count // part for index in range(part)))
    return turns, count


def _warm_up(runner: Runner) -> float:
    """Runs until the engine's code is compiled for speed; the latency it then has."""
    times = runner.time(1)
    while sum(times) < _WARM_UP_MS and len(times) < _WARM_UP_RUNS:
        times += runner.time(2)
    return median(times[len(times) // 2 :])
