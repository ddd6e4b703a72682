"""Baselines: the report of an earlier measurement, and whether a figure got worse by more than the noise of both."""

from __future__ import annotations

import math
from typing import Any, Final

from packager.bench import stats
from packager.bench.figures import FIGURES, estimate_of, label
from packager.bench.units import show_figure

# What is compared, and the share by which it may grow before that counts: what people would not notice, and for times what a
# machine's mood from one day to the next brings even where every single measurement was quiet.
MARGINS: Final[dict[str, float]] = {
    "first.result": 0.10,
    "first.bytes": 0.01,
    "first.requests": 0.10,
    "return.result": 0.10,
    "return.bytes": 0.10,
    "offline.result": 0.10,
    "steady.ratio": 0.05,
    "steady.median": 0.05,
    "steady.cpu": 0.10,
    "task.median": 0.05,
    "memory.page": 0.10,
    "memory.pss": 0.10,
    "parity.relative": 1.0,
    "parity.cosine": 0.0,
}
# Figures that are the same on every machine.
_EXACT = ("first.bytes", "first.requests", "parity.relative", "parity.cosine")
# Native onnxruntime at a speed that differs by more than this share: the machine is not what it was.
_DRIFT = 0.10
# Differences up to these are nothing: rounding between builds of a browser, or whether it asked once more for what it had.
_NOTHING = {"parity.relative": 1e-5, "parity.cosine": 1e-5, "first.requests": 4, "return.bytes": 4000}


def judge_baseline(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """A verdict for every figure that both reports have of a setting, and for every setting that is not there any more."""
    before = {(setting["variant"], setting["threads_asked"]): setting for setting in old["settings"]}
    after = {(setting["variant"], setting["threads_asked"]): setting for setting in new["settings"]}
    machines = _differences(old, new)
    verdicts = []
    for key, setting in before.items():
        if key not in after:
            sentence = f"{label(setting)}: is in the baseline and was not measured."
            verdicts.append(_said(setting, "all", "undecided", sentence))
            continue
        drift = _drift(setting, after[key])
        verdicts += [
            _compare(name, setting, after[key], machines or (drift if FIGURES[name].unit in ("ms", "s") else ""))
            for name in MARGINS
            if name in setting["figures"]
        ]
    return verdicts


def _compare(name: str, old: dict[str, Any], new: dict[str, Any], reason: str) -> dict[str, Any]:
    unit = FIGURES[name].unit
    was = show_figure(old["figures"][name], unit)
    if name not in new["figures"]:
        return _said(new, name, "undecided", f"{label(new)}: {name} was not measured; the baseline has {was}.")
    now = show_figure(new["figures"][name], unit)
    verdict = _verdict(name, estimate_of(old["figures"][name]), estimate_of(new["figures"][name]))
    why = ""
    if reason and name not in _EXACT:
        verdict, why = "undecided", f" ({reason})"
    words = {
        "passed": f"has not got worse: {was} before, {now} now",
        "violated": f"got worse: {was} before, {now} now",
        "undecided": f"cannot be compared surely{why}: {was} before, {now} now",
    }
    return _said(new, name, verdict, f"{label(new)}: {name} {words[verdict]}.")


def _verdict(name: str, old: stats.Estimate, new: stats.Estimate) -> stats.Verdict:
    worse = new.value - old.value if FIGURES[name].lower else old.value - new.value
    if (name in _EXACT or name in _NOTHING) and worse <= _NOTHING.get(name, 0.0):
        return "passed"
    if not FIGURES[name].lower:
        return "violated"  # of those compared, only exact ones are better when higher
    return stats.judge_change(stats.change(old, new), MARGINS[name])


def _drift(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Why times cannot be compared: native onnxruntime itself ran at another speed. Empty where they can."""
    if "native.median" not in old["figures"] or "native.median" not in new["figures"]:
        return ""
    change = stats.change(estimate_of(old["figures"]["native.median"]), estimate_of(new["figures"]["native.median"]))
    if change.low is None or change.high is None or not math.isfinite(change.value):
        return ""
    sure = change.low > 1 or change.high < 1
    return (
        f"the machine now takes {change.value:.2f} times as long for the same" if sure and abs(change.value - 1) > 0.1 else ""
    )


def _differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Why times and memory cannot be compared at all. Empty where they can."""
    for what, read in (
        ("machine", lambda report: (report["machine"]["cpu"], report["machine"]["logical_processors"])),
        ("browser", lambda report: report["browser"]["name"]),
        ("network or processor asked for", lambda report: report["conditions"]),
    ):
        if read(old) != read(new):
            return f"the {what} is another"
    return ""


def _said(setting: dict[str, Any], figure: str, verdict: stats.Verdict, sentence: str) -> dict[str, Any]:
    return {
        "source": "baseline",
        "setting": label(setting),
        "figure": figure,
        "verdict": verdict,
        "sentence": sentence,
    }
