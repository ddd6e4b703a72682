"""The figures of a setting: what budgets limit, what baselines are compared by, what reports show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from packager.bench import stats

if TYPE_CHECKING:
    from collections.abc import Iterator

Unit = Literal["ms", "s", "bytes", "count", "times", "share", "number", "/s"]


@dataclass(frozen=True)
class Figure:
    """What a figure is. ``lower`` says that less is better."""

    title: str
    unit: Unit
    lower: bool = True


def _visit(name: str, title: str) -> dict[str, Figure]:
    return {
        f"{name}.result": Figure(f"{title}: result on the screen", "ms"),
        f"{name}.inference": Figure(f"{title}: first inference done", "ms"),
        f"{name}.bytes": Figure(f"{title}: bytes on the wire", "bytes"),
        f"{name}.requests": Figure(f"{title}: requests", "count"),
    }


FIGURES: Final[dict[str, Figure]] = {
    **_visit("first", "First visit"),
    "first.shell_bytes": Figure("First visit: bytes of the page", "bytes"),
    "first.engine_bytes": Figure("First visit: bytes of the engine", "bytes"),
    "first.weights_bytes": Figure("First visit: bytes of the model", "bytes"),
    "first.long_tasks": Figure("First visit: page blocked by long tasks", "ms"),
    **_visit("return", "Return visit"),
    **_visit("update", "Update visit"),
    "offline.result": Figure("Offline visit: result on the screen", "ms"),
    "offline.inference": Figure("Offline visit: first inference done", "ms"),
    "steady.median": Figure("Inference: median", "ms"),
    "steady.min": Figure("Inference: fastest", "ms"),
    "steady.p90": Figure("Inference: 90th percentile", "ms"),
    "steady.p95": Figure("Inference: 95th percentile", "ms"),
    "steady.p99": Figure("Inference: 99th percentile", "ms"),
    "steady.throughput": Figure("Inference: throughput", "/s", lower=False),
    "steady.ratio": Figure("Inference: times native onnxruntime", "times"),
    "steady.cpu": Figure("Inference: processor time", "s"),
    "steady.long_tasks": Figure("Inference: page blocked by long tasks", "ms"),
    "task.median": Figure("Whole task: median", "ms"),
    "native.median": Figure("Native onnxruntime: median", "ms"),
    "parity.max_abs": Figure("Parity: largest difference", "number"),
    "parity.relative": Figure("Parity: largest relative difference", "number"),
    "parity.cosine": Figure("Parity: lowest cosine", "number", lower=False),
    "parity.top1": Figure("Parity: same first choice", "share", lower=False),
    "memory.page": Figure("Memory: the page's own", "bytes"),
    "memory.rss": Figure("Memory: resident, all processes", "bytes"),
    "memory.pss": Figure("Memory: resident, shared pages once", "bytes"),
}


def label(setting: dict[str, Any]) -> str:
    """How a setting is called everywhere. What ran on a processor is never called a figure of a graphics card."""
    threads = setting["threads"] if setting["threads"] is not None else setting["threads_asked"]
    count = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{setting['variant']}, {count}" + (" (software GPU)" if setting["software_gpu"] else "")


def figures(setting: dict[str, Any]) -> dict[str, Any]:
    """Every figure that the setting's measurements give, by name: value, low, high."""
    found = [*_visits(setting["visits"]), *_steady(setting["steady"]), *_parity(setting["parity"]), *_memory(setting["memory"])]
    return {name: asdict(estimate) for name, estimate in found}


def estimate_of(figure: dict[str, Any]) -> stats.Estimate:
    """A figure as the report has it."""
    return stats.Estimate(figure["value"], figure["low"], figure["high"])


_Found = tuple[str, stats.Estimate]


def _visits(visits: dict[str, list[dict[str, Any]]]) -> Iterator[_Found]:
    for kind, made in visits.items():
        if not made:
            continue
        for name, field in (("result", "result_ms"), ("inference", "inference_ms")):
            yield f"{kind}.{name}", _noisy([visit[field] for visit in made])
        counted = [visit["traffic"] for visit in made if visit["traffic"]["bytes"] is not None]
        if counted and kind != "offline":
            yield f"{kind}.bytes", _count([traffic["bytes"] for traffic in counted])
            yield f"{kind}.requests", _count([traffic["requests"] for traffic in counted])
        if kind == "first":
            yield "first.long_tasks", _noisy([sum(task[1] for task in visit["long_tasks"]) for visit in made])
            for part in ("shell", "engine", "weights") if counted else ():
                yield f"first.{part}_bytes", _count([traffic["kinds"][part] for traffic in counted])


def _steady(steady: dict[str, Any] | None) -> Iterator[_Found]:
    if steady is None or not steady["infer"]:
        return
    rounds = steady["infer"]
    yield "steady.median", stats.median(rounds)
    for name, percent in (("min", 0), ("p90", 90), ("p95", 95), ("p99", 99)):
        yield f"steady.{name}", stats.quantile(rounds, percent)
    yield "steady.throughput", _inverse(stats.mean(rounds))
    if steady["native"]:
        yield "native.median", stats.median(steady["native"])
        yield "steady.ratio", stats.paired_ratio(rounds, steady["native"])
    if steady["cpu_seconds"]:
        cpu = [[spent / len(each)] for spent, each in zip(steady["cpu_seconds"], rounds, strict=False)]
        yield "steady.cpu", stats.mean(cpu)
    yield "steady.long_tasks", stats.exact(sum(steady["long_tasks_ms"]))
    if steady["task"]:
        yield "task.median", stats.median(steady["task"])


def _parity(parity: dict[str, Any] | None) -> Iterator[_Found]:
    if parity is None or not parity["outputs"]:
        return
    outputs = parity["outputs"]
    for name in ("max_abs", "relative"):
        yield f"parity.{name}", stats.exact(max(output[name] for output in outputs))
    for name in ("cosine", "top1"):
        known = [output[name] for output in outputs if output[name] is not None]
        if known:
            yield f"parity.{name}", stats.exact(min(known))


def _memory(memory: list[dict[str, Any]]) -> Iterator[_Found]:
    for name, field in (("page", "page_bytes"), ("rss", "rss_bytes"), ("pss", "pss_bytes")):
        known = [each[field] for each in memory if each[field] is not None]
        if known:
            yield f"memory.{name}", _noisy(known)


def _noisy(values: list[float]) -> stats.Estimate:
    return stats.median([[value] for value in values])


def _count(values: list[float]) -> stats.Estimate:
    """Bytes and requests are the same every time, or else their spread is told."""
    return stats.exact(values[0]) if len(set(values)) == 1 else _noisy(values)


def _inverse(milliseconds: stats.Estimate) -> stats.Estimate:
    """Runs a second."""
    low, high = (None if bound is None or bound <= 0 else 1000 / bound for bound in (milliseconds.high, milliseconds.low))
    return stats.Estimate(1000 / milliseconds.value if milliseconds.value > 0 else 0.0, low, high)
