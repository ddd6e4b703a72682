"""Writes docs/webgl-coverage.md anew: generated cases of every operator on the target webgl, in a browser with a software GPU.

python -m scripts.webgl_coverage
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from packager.browser import chromium
from packager.lower.tensorflow import cover
from tests.lower.graphs import agree, expected
from tests.web.generated import GENERATED, Made, generated
from tests.web.webgl import Case, Result, WebglEngine, is_plain, webgl_engine

PAGE = Path(__file__).parents[1] / "docs" / "webgl-coverage.md"
# Relative to the largest number of an output. Sines are coarse on the GPUs that browsers emulate.
TOLERANCE = 1e-4
HEAD = f"""# Operators on WebGL

`python -m scripts.webgl_coverage` runs small models of one operator each, made by chance, on the target `webgl` in Chromium
with a software GPU, and holds them against native onnxruntime: differences up to {TOLERANCE:g} of the largest number are let
pass. Cases with NaN, infinities or tensors of nothing are left out: what a GPU makes of them is its own affair. Operators that
are not listed are made of these. What is refused is refused when a model is built, with the node's name and the reason here.

| operator | cases | agree | refused, and why |
|---|---:|---:|---|
"""


def main() -> None:
    """Runs all operators, and writes the page."""
    with chromium(gpu=True) as browser, webgl_engine(browser) as engine:
        rows = [_row(op, engine) for op in sorted(GENERATED)]
    PAGE.write_text(HEAD + "".join(rows), encoding="utf-8")


def _row(op: str, engine: WebglEngine) -> str:
    made = [entry for entry in generated(op, 1) if is_plain(entry)]
    refused: Counter[str] = Counter()
    taken = []
    for entry in made:
        reasons = cover(entry.model)
        if reasons:
            refused[reasons[0].reason] += 1
        else:
            taken.append(entry)
    results = engine.run([Case(entry.model, entry.feeds) for entry in taken]) if taken else []
    good = sum(_agrees(result, entry) for result, entry in zip(results, taken, strict=True))
    why = "; ".join(f"{count}: {reason}" for reason, count in refused.items())
    print(f"{op}: {good} of {len(taken)}, {refused.total()} refused", flush=True)
    return f"| {op} | {len(made)} | {good}{'' if good == len(taken) else f' of {len(taken)}'} | {why} |\n"


def _agrees(result: Result, made: Made) -> bool:
    if result.error:
        return False
    try:
        agree(result.outputs, expected(made.model, made.feeds), max(made.tolerance, TOLERANCE))
    except AssertionError:
        return False
    return True


if __name__ == "__main__":
    main()
