"""Fuzzes what takes foreign input, and writes what came of it to docs/reliability.md.

python -m scripts.reliability.fuzz [--seed N] [--manifests N] [--models N] [--paths N]

Each part has a section, and 0 leaves it out. The exit code is 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import sys

from scripts.reliability.document import write_section
from scripts.reliability.fuzz import manifests, models, paths

_SLICE = 250
_MANIFESTS = """
Written by `python -m scripts.reliability.fuzz --manifests {count} --seed {seed}`. Each is one of the valid examples of
`tests/manifests` with one to three parts replaced, removed, doubled, wrapped, renamed or moved; in every fifth the text
itself is cut, changed, or given a value that is no JSON. Python's reader and the page's judge each text.

| manifests | valid to both | refused by both | judged differently |
|---:|---:|---:|---:|
| {count:,} | {valid:,} | {refused:,} | {faults} |
"""
_MODELS = """
Written by `python -m scripts.reliability.fuzz --models {count} --seed {seed}`. Each is one of six small models, half of them
with up to four fields anywhere in the file changed, half with bytes changed, cut or doubled. Each goes through `inspect`,
through `build` without a browser, and through the compilers of the targets that only a browser can prove. Whole means that a
bundle was written, refused that one of them said why not. A fault would be any other exception, a process that ends, or one
that takes over {seconds} s (the original may run for {run} s here); no process gets more than {memory} GiB above what the
libraries take.

| models | whole | refused | faults | slowest, s | most memory of a process, MB |
|---:|---:|---:|---:|---:|---:|
| {count:,} | {whole:,} | {refused:,} | {faults} | {slowest:.1f} | {peak:.0f} |
"""
_PATHS = """
Written by `python -m scripts.reliability.fuzz --paths {count} --seed {seed}`. Each request is bytes on a connection of its own:
parts that climb, hide, are encoded once, twice or wrongly, with separators of other systems, broken methods, ranges and
headers. The served folder has secrets beside it, in hidden files, and behind links that lead out of it. A fault would be a
secret in an answer, a status of 500 or more, no answer, a line in the log, or a server that does not serve afterwards.

| requests | {statuses} | faults |
|---:|{rule}---:|
| {count:,} | {counts} | {faults} |
"""


def main() -> int:
    """Fuzzes as much as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m scripts.reliability.fuzz")
    parser.add_argument("--seed", type=int, default=20481)
    parser.add_argument("--manifests", type=int, default=20_000)
    parser.add_argument("--models", type=int, default=5_000)
    parser.add_argument("--paths", type=int, default=10_000)
    options = parser.parse_args()
    wrong = 0
    for fuzz, count in ((_manifests, options.manifests), (_models, options.models), (_paths, options.paths)):
        wrong += fuzz(options.seed, count) if count else 0
    return int(wrong > 0)


def _manifests(seed: int, count: int) -> int:
    valid, faults = manifests.disagreements(seed, count)
    _show(faults)
    refused = count - valid - len(faults)
    write_section(
        "Fuzzed manifests", _MANIFESTS.format(count=count, seed=seed, valid=valid, refused=refused, faults=len(faults))
    )
    return len(faults)


def _models(seed: int, count: int) -> int:
    outcome = models.Outcome()
    # In slices, each of a seed of its own, so that one can be repeated.
    for start in range(0, count, _SLICE):
        models.try_files(seed + start, min(_SLICE, count - start), outcome)
        print(f"{min(start + _SLICE, count)} models: {outcome}", file=sys.stderr, flush=True)
    write_section(
        "Fuzzed models",
        _MODELS.format(
            count=count,
            seed=seed,
            whole=outcome.whole,
            refused=outcome.refused,
            faults=len(outcome.faults),
            slowest=outcome.slowest,
            peak=models.peak_memory() / 1e6,
            seconds=models.SECONDS,
            run=models.RUN_SECONDS,
            memory=models.MEMORY // 2**30,
        ),
    )
    return len(outcome.faults)


def _paths(seed: int, count: int) -> int:
    statuses, faults = paths.faults(seed, count)
    _show(faults)
    write_section(
        "Hostile request paths",
        _PATHS.format(
            count=count,
            seed=seed,
            statuses=" | ".join(f"answered {status}" for status in sorted(statuses)),
            rule="---:|" * len(statuses),
            counts=" | ".join(f"{statuses[status]:,}" for status in sorted(statuses)),
            faults=len(faults),
        ),
    )
    return len(faults)


def _show(faults: list[str]) -> None:
    for fault in faults[:50]:
        print(fault, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
