"""Runs the ONNX node tests on the compiled engine in Chromium, and writes what passes: python -m scripts.coverage [--check]

Writes tests/golden/engine_nodes.json, which the tests hold, and from it docs/engine-coverage.md. With --check nothing runs: it
says whether the document is that of the record.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from packager.browser import chromium
from packager.lower.ops import IMPORTS
from tests.web.backend_nodes import CONSTANTS, FOLDED, KINDS, PASSED, RECORD, record, recorded, run_all
from tests.web.engine import browser_engine

DOCUMENT = Path(__file__).parents[1] / "docs" / "engine-coverage.md"
_HEAD = """# What the compiled engine covers

Written by `python -m scripts.coverage` from a run of the node tests that ship in the `onnx` package ({version}) on the
engine in Chromium; `tests/web/test_engine_nodes.py` holds the list. A test is a model of one operator, or of its
definition in simpler ones (`…_expanded`), with the operator's answer, which must agree to a relative {rtol:g} and an
absolute {atol:g}.

All tensors of these tests are inputs, also those that models keep as constants: axes, new shapes, weights. What a plan
must know when it is compiled is made a constant then, and counted under *{constants}*. Under *{folded}* all inputs
are constants: the compiler's NumPy gave the answer, and the engine only handed it out.

Where a dimension that only the input tells meets another size, both are taken to be the same: an input for which they
are not, because one of them is 1 and would broadcast, is refused with a message, never answered wrongly.

**{passed} of {total} pass: {plain} as they are, {fixed} with constants, {known} when compiling;
{failed} fail, {refused} are refused.**
Of the {covered_ops} operators that the engine covers, {covered_passed} of {covered_total} tests pass.

| operator | tests | {kinds} | failed | refused |
|---|---:|---:|---:|---:|---:|---:|
{rows}

Covered too, though no node test is for them: {more}.

## Why the others of these do not pass

{reasons}

## Operators that the engine does not cover

A model with one of these goes to the target `ort-wasm`. In brackets: how many of the tests pass, most of them the operator's
definition in simpler ones.

{rest}
"""


def covered(op: str, kept: dict[str, Any]) -> bool:
    """True for operators that the engine takes in some form at least, by themselves or by their definition."""
    passed = [name for kind in KINDS for name in kept.get(kind, ())]
    return op in IMPORTS or any("_expanded" not in name for name in passed)


def counts(kept: dict[str, Any]) -> dict[str, int]:
    """How many tests of an operator there are of each kind."""
    found = {kind: len(kept.get(kind, [])) for kind in KINDS}
    return found | {kind: sum(map(len, kept.get(kind, {}).values())) for kind in ("failed", "refused")}


def document(kept: dict[str, Any]) -> str:
    """docs/engine-coverage.md."""
    import onnx

    by_op = {op: counts(entry) for op, entry in kept.items()}
    total = {kind: sum(entry[kind] for entry in by_op.values()) for kind in (*KINDS, "failed", "refused")}
    ours = {op: entry for op, entry in by_op.items() if covered(op, kept[op])}
    rest = {op: entry for op, entry in by_op.items() if not covered(op, kept[op])}
    return _HEAD.format(
        version=".".join(onnx.__version__.split(".")[:2]), rtol=1e-3, atol=1e-7, constants=CONSTANTS, folded=FOLDED,
        passed=sum(total[kind] for kind in KINDS), total=sum(total.values()), plain=total[PASSED], fixed=total[CONSTANTS],
        known=total[FOLDED], failed=total["failed"], refused=total["refused"], covered_ops=len(ours),
        covered_passed=sum(entry[kind] for entry in ours.values() for kind in KINDS),
        covered_total=sum(sum(entry.values()) for entry in ours.values()), kinds=" | ".join(KINDS),
        more=", ".join(f"`{name}`" for name in sorted(set(IMPORTS) - set(kept))),
        rows="\n".join(_row(op, entry) for op, entry in ours.items()),
        reasons="\n".join(_reasons(op, kept[op]) for op, entry in ours.items() if entry["failed"] + entry["refused"]),
        rest=", ".join(f"{op} ({_passed(entry)} of {sum(entry.values())})" for op, entry in rest.items()) + ".",
    )  # fmt: skip


def _passed(entry: dict[str, int]) -> int:
    return sum(entry[kind] for kind in KINDS)


def _row(op: str, entry: dict[str, int]) -> str:
    numbers = [sum(entry.values()), *(entry[kind] for kind in (*KINDS, "failed", "refused"))]
    return f"| {op} | {' | '.join(str(number or '') for number in numbers)} |"


def _reasons(op: str, kept: dict[str, Any]) -> str:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for kind in ("failed", "refused"):
        for reason, names in kept.get(kind, {}).items():
            by_reason.setdefault((kind, _short(op, reason)), []).extend(names)
    lines = [
        f"  - {kind} ({len(names)}): {reason}. `{names[0]}`{', …' if len(names) > 1 else ''}"
        for (kind, reason), names in sorted(by_reason.items(), key=lambda entry: (entry[0][0], -len(entry[1])))
    ]
    return "\n".join([f"- {op}", *lines])


def _short(op: str, reason: str) -> str:
    """A reason that is the same for many dtypes, once."""
    if "which a page cannot pass" in reason:
        return "a dtype that pages do not have (bfloat16, float8, float4, int4, int2, strings)"
    parts = [part.removeprefix(f"{op}: ") for part in reason.rstrip(".").split("; ")]
    parts = [re.sub(r"^the input '.*': it is (\w+)$", r"its input is \1", part) for part in parts]
    return "; ".join(dict.fromkeys(parts)).replace("|", "/")


def main(arguments: list[str]) -> int:
    """The command; 1 where a check finds an old document."""
    if "--check" in arguments:
        current = DOCUMENT.read_text(encoding="utf-8") == document(recorded())
        if not current:
            print(f"{DOCUMENT.name} is not that of the record; python -m scripts.coverage writes it", file=sys.stderr)
        return 0 if current else 1
    with chromium() as browser, browser_engine(browser) as engine:
        kept = record(run_all(engine))
    RECORD.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    DOCUMENT.write_text(document(kept), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
