"""The tables of a comparison, workload by workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.contenders import NATIVE, NATIVE_ONE_THREAD, PEERS, THREADS
from benchmarks.tables import NOTHING, bytes_text, number, spread, table

if TYPE_CHECKING:
    from benchmarks.results import ContenderResult, Results, WorkloadResult

NATIVES = (NATIVE, NATIVE_ONE_THREAD)
_VISITS = (
    "Visits",
    "first: sent",
    "requests",
    "answer, ms",
    "ready, ms",
    "run, ms",
    "return: sent",
    "answer, ms",
    "ready, ms",
    "run, ms",
)
_INFERENCE = (
    "Inference",
    "1 thread, ms",
    "times native",
    "2 threads, ms",
    "times native",
    "gain of the second",
    "memory",
    "off by",
)


def overview(found: Results, threads: int) -> str:
    """Ratios to native of everybody on everything."""
    workloads = found["workloads"].values()
    found_titles = {name: each["title"] for workload in workloads for name, each in workload["contenders"].items()}
    order = [peer.id for peer in PEERS]
    # This project's variants, which are none of the peers, stand first.
    titles = dict(sorted(found_titles.items(), key=lambda item: order.index(item[0]) if item[0] in order else -1))
    rows = []
    for name, title in titles.items():
        cells = [number(figures.to_native(workload, name, threads)) for workload in workloads]
        if name not in NATIVES and any(cell != NOTHING for cell in cells):
            rows.append([title, *cells])
    return table(["One thread" if threads == 1 else f"{threads} threads", *found["workloads"]], rows)


def inference(workload: WorkloadResult, empty_page: int) -> str:
    """Times, ratios to native, what the second thread gains, peak memory above an empty page, agreement with native."""
    rows = []
    for name, contender in workload["contenders"].items():
        if name == NATIVE_ONE_THREAD:
            continue
        cells = [contender["title"]]
        for threads in THREADS:
            cells += [spread(figures.latency(contender, threads)), spread(figures.to_native(workload, name, threads))]
        peak = max(contender["memory"].values(), default=None)
        memory = NOTHING if peak is None else bytes_text(max(peak - empty_page, 0))
        rows.append([*cells, spread(figures.gain(workload, name)), memory, _off_by(contender)])
    return table(_INFERENCE, rows)


def visits(workload: WorkloadResult) -> str | None:
    """Bytes, requests and times of first and return visits; None where none was made."""
    rows = []
    for contender in workload["contenders"].values():
        cold, warm = figures.wire(contender, "cold"), figures.wire(contender, "warm")
        if cold and warm:
            first = [spread(figures.span(contender, "cold", of)) for of in ("first", "ready", "run")]
            later = [spread(figures.span(contender, "warm", of)) for of in ("first", "ready", "run")]
            rows.append(
                [contender["title"], bytes_text(cold.bytes), str(cold.requests), *first, bytes_text(warm.bytes), *later]
            )
    return table(_VISITS, rows) if rows else None


def against_peers(workload: WorkloadResult) -> str | None:
    """How many times as fast the bundle's first choice is as each of the others; None where it has none here."""
    contenders = workload["contenders"]
    first = next((name for name in contenders if name.startswith("packager-")), None)
    others = [name for name in contenders if name != first and name not in NATIVES]
    if first is None or not others:
        return None
    heads = [f"{contenders[first]['title']}, times as fast as", *(f"{n} thread{'s' * (n > 1)}" for n in THREADS)]
    rows = []
    for name in others:
        cells = [spread(figures.faster(workload, first, name, threads)) for threads in THREADS]
        for of in ("first", "ready"):
            cells += [spread(figures.sooner(workload, first, name, kind, of)) for kind in ("cold", "warm")]
        rows.append([contenders[name]["title"], *cells])
    return table([*heads, "first visit", "return visit", "ready, first visit", "ready, return visit"], rows)


def _off_by(contender: ContenderResult) -> str:
    agreement = contender["agreement"]
    if agreement is None or agreement["relative"] is None or agreement["cosine"] is None:
        return NOTHING
    cosine = f", cosine {agreement['cosine']:.3f}" if agreement["cosine"] < 0.9995 else ""
    return f"{agreement['relative']:.1g}{cosine}"
