"""The story of a measurement: open → for each setting: visits → rounds in turns with native → memory → figures → verdicts.

Everything that was measured is kept: where a browser dies or the user stops, the report holds what there was, and why it ends.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from packager import manifest as manifests
from packager.assembly import assembled
from packager.bench import measure
from packager.bench.baseline import judge_baseline
from packager.bench.browsers import browsers
from packager.bench.budget import judge_budget, read_budget
from packager.bench.bundle import opened
from packager.bench.figures import label
from packager.bench.inputs import inputs
from packager.bench.machine import machine
from packager.bench.native import Native
from packager.bench.prepare import Plan, describe, older, prepare
from packager.bench.report import fill_figures, measured, new_report, read_report
from packager.bench.told import PageError
from packager.errors import BuildError, PackagerError, ParityError
from packager.native import RUNNER
from packager.options import GPU_TARGETS
from packager.parity import compare
from packager.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Variant
    from packager.bench.bundle import Bundle
    from packager.bench.options import BenchOptions, Threads
    from packager.bench.report import Report
    from packager.bench.steady import Answers
    from packager.progress import Progress

_NO_GRAPH = "the bundle holds no ONNX graph. Give the original with --model."


def bench(options: BenchOptions, progress: Progress = Silent()) -> Report:  # noqa: B008 (it holds nothing)
    """Measures a bundle and judges it; the report is whole, or its ``failure`` says why not.

    Raises PackagerError where nothing could be measured: InputError for what was given, MissingToolError for what is not
    installed, BuildError for a page or a browser that fails at once.
    """
    began = time.monotonic()
    with opened(options.site, remote=options.remote) as bundle:
        known = [variant["id"] for variant in bundle.manifest["variants"]]
        limits = read_budget(options.budget, known) if options.budget else []
        before = read_report(options.baseline) if options.baseline else None
        plan = Plan(options, bundle, bundle.variants(options.variants), inputs(bundle), older(options, bundle))
        report = new_report(options, bundle.manifest, plan.old, machine())
        try:
            asyncio.run(_measure(plan, report, progress))
        except (PackagerError, KeyboardInterrupt) as error:
            if not measured(report):
                raise
            report["failure"] = str(error) if isinstance(error, PackagerError) else "It was stopped before its end."
    fill_figures(report)
    verdicts = [*_judge_parity(report), *judge_budget(limits, report["settings"])]
    report["verdicts"] = [*verdicts, *(judge_baseline(before, report) if before else [])]
    report["seconds"] = round(time.monotonic() - began, 1)
    return report


async def _measure(plan: Plan, report: Report, progress: Progress) -> None:
    """Adds settings to the report. Raises PackagerError where it cannot go on."""
    from playwright.async_api import Error

    try:
        async with AsyncExitStack() as held:
            gpu = any(variant["target"] in GPU_TARGETS for variant in plan.variants)
            started = await held.enter_async_context(browsers(plan.options, gpu=gpu))
            with progress.step("Starting the browser"):
                await describe(started, report)
            made = await prepare(held, plan, started, progress)
            conditioned = made.visitor.conditions
            report["conditions"]["network"] = conditioned.network.as_json() if conditioned.network else None
            report["native"]["runner"] = RUNNER
            try:
                for variant in plan.variants:
                    graph = plan.options.model or _assembled(held, plan.bundle, variant)
                    if graph is None:
                        report["notes"].append(f"{variant['id']} is not compared with native onnxruntime: {_NO_GRAPH}")
                    for threads in plan.options.threads:
                        await _setting(made, report, variant, threads, graph, given=plan.options.model is not None)
            finally:
                report["notes"] += sorted(conditioned.remarks)
    except Error as error:
        raise BuildError(f"The browser failed: {str(error).strip().splitlines()[0]}") from error


def _assembled(held: AsyncExitStack, bundle: Bundle, variant: Variant) -> Path | None:
    """What native onnxruntime can run in place of a variant: itself, or else another of the same bundle; None where none is."""
    graphs = [each for each in (variant, *bundle.manifest["variants"]) if each["target"] == "ort-wasm"]
    if not graphs:
        return None
    return held.enter_context(assembled(bundle.need(manifests.variant_contents(graphs[0])), graphs[0]))


async def _setting(
    made: measure.Bench, report: Report, variant: Variant, threads: Threads, graph: Path | None, *, given: bool
) -> None:
    """Measures a setting into the report. A page that reports an error ends this setting only."""
    setting = measure.new_setting(variant, threads)
    report["settings"].append(setting)
    answers: Answers = []
    native: list[Native] = []

    def start(count: int) -> Native | None:
        if graph is None:
            return None
        native.append(Native(graph, made.visitor.manifest["signature"], count, given=given))
        return native[0]

    try:
        if {"first", "return", "offline"} & set(made.only):
            with made.progress.bar(f"Visiting {variant['id']} with {threads} threads", made.visits) as advance:
                for _ in range(made.visits):
                    await measure.first_visit(made, variant, threads, setting)
                    if _known(report, setting):
                        return
                    advance(1)
        if "update" in made.only and setting is next(s for s in report["settings"] if s["variant"] == variant["id"]):
            await measure.updates(made, variant, threads, setting)
        if "steady" in made.only:
            await measure.steady(made, variant, threads, setting, start, answers)
        if "memory" in made.only:
            with made.progress.step(f"Memory of {variant['id']}"):
                await measure.memory(made, variant, threads, setting)
    except PageError as error:
        setting["error"] = str(error)
        if error.code == "unsupported":
            report["settings"].remove(setting)
            report["notes"].append(f"{variant['id']} was left out: {error}")
    except PackagerError as error:
        setting["error"] = str(error)
        raise
    finally:
        if answers and native:
            setting["parity"] = _parity(made, variant, answers, native[0], graph if given else None)


def _known(report: Report, setting: dict[str, Any]) -> bool:
    """Drops a setting that came out as one before it: all threads of a machine with one, or of a page that is not isolated."""
    for other in report["settings"]:
        if other is not setting and (other["variant"], other["threads"]) == (setting["variant"], setting["threads"]):
            report["settings"].remove(setting)
            report["notes"].append(f"{label(setting)}: asked for with {setting['threads_asked']} too, which came out the same.")
            return True
    return False


def _parity(made: measure.Bench, variant: Variant, answers: Answers, native: Native, graph: Path | None) -> dict[str, Any]:
    """Every different answer of the browser against native's."""
    signature = made.visitor.manifest["signature"]
    reference = [native.infer(each.tensors) for each in made.inputs]
    found: dict[str, Any] = {
        "reference": f"{RUNNER} on {graph or 'the variant as shipped'}",
        "tolerance": variant["parity"]["tolerance"],
        "inputs": len(made.inputs),
        "answers": len(answers),
        "outputs": [],
        "error": None,
    }
    try:
        agreement = compare(signature, [reference[index] for index, _ in answers], [out for _, out in answers], variant["id"])
    except ParityError as error:
        return {**found, "error": error.what}
    worst = agreement.worst
    if worst["relative"] > found["tolerance"]:
        found["error"] = (
            f"The output '{worst['name']}' differs from {found['reference']} by {worst['relative']:.3g} of its largest value; "
            f"the bundle's tolerance is {found['tolerance']:g}."
        )
    return {**found, "outputs": agreement.outputs}


def _judge_parity(report: Report) -> list[dict[str, Any]]:
    """A fast wrong answer is an error, with and without a budget."""
    return [
        {
            "source": "parity",
            "setting": label(setting),
            "figure": "parity.relative",
            "verdict": "violated" if setting["parity"]["error"] else "passed",
            "sentence": f"{label(setting)}: {setting['parity']['error'] or 'the answers agree with native onnxruntime.'}",
        }
        for setting in report["settings"]
        if setting["parity"] is not None
    ]
