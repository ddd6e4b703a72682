"""Fuzzes what takes foreign input, and prints the counts of docs/reliability.md. The exit code is 1 where anything is wrong.

python -m scripts.fuzz [--seed N] [--manifests N] [--models N] [--paths N]
"""

from __future__ import annotations

import argparse
import sys

from scripts.fuzz import manifests, models, paths

_SLICE = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz")
    parser.add_argument("--seed", type=int, default=20481)
    parser.add_argument("--manifests", type=int, default=20_000)
    parser.add_argument("--models", type=int, default=5_000)
    parser.add_argument("--paths", type=int, default=10_000)
    options = parser.parse_args()
    wrong: list[str] = []
    if options.manifests:
        valid, faults = manifests.disagreements(options.seed, options.manifests)
        print(f"{options.manifests} manifests: {valid} valid, the rest refused, {len(faults)} judged differently")
        wrong += faults
    if options.models:
        outcome = models.Outcome()
        # In slices, each of a seed of its own, so that one can be repeated.
        for start in range(0, options.models, _SLICE):
            models.try_files(options.seed + start, min(_SLICE, options.models - start), outcome)
            done = min(start + _SLICE, options.models)
            print(f"{done} models: {outcome.whole} whole, {outcome.refused} refused, {len(outcome.faults)} faults", flush=True)
        wrong += ["The faults of models are above."] if outcome.faults else []
    if options.paths:
        statuses, faults = paths.faults(options.seed, options.paths)
        print(f"{options.paths} paths: {dict(sorted(statuses.items()))}, {len(faults)} faults")
        wrong += faults
    for fault in wrong[:50]:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
