"""Ten thousand hostile plans, weights and inputs: every one ends in an error with a code or in an answer, soon, and none
reaches outside of the arena."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import replace

from .engine import Case, node_engine
from .engine_mutations import mutated
from .engine_seeds import seeds

COUNT = 10_000
LIMITS = {"memory": 64 * 2**20, "work": 1e7}
CODES = {"", "plan-invalid", "input-invalid", "out-of-memory"}


def test_sound_plans_run_within_their_arena() -> None:
    with node_engine() as engine:
        results = engine.run([replace(case, guard="arena", limits=LIMITS) for case in seeds()])
    assert [result.message for result in results] == [""] * len(results)


def test_ten_thousand_mutations_end_well() -> None:
    source = random.Random(20261122)
    sound = [replace(case, guard="arena", limits=LIMITS) for case in seeds()]
    ends: Counter[str] = Counter()
    slowest = 0.0
    with node_engine() as engine:
        for _ in range(COUNT):
            case: Case = mutated(source.choice(sound), source)
            began = time.monotonic()
            (result,) = engine.run([case])
            slowest = max(slowest, time.monotonic() - began)
            assert result.error in CODES, f"{result.error}: {result.message}\n{case}"
            ends[result.error] += 1
    assert ends.total() == COUNT
    assert min(ends[""], ends["plan-invalid"], ends["input-invalid"]) > COUNT / 100, ends
    assert slowest < 5, f"{slowest} seconds for one"
