"""Reports made by hand, small and whole."""

from __future__ import annotations

from typing import Any

from packager.bench.measure import new_setting
from packager.bench.options import BenchOptions
from packager.bench.phases import PHASES
from packager.bench.report import new_report

MACHINE = {
    "system": "Linux 6", "cpu": "A processor", "logical_processors": 2, "memory_bytes": 8 * 10**9,
    "python": "3.11.7", "load": 0.1,
}  # fmt: skip


def figure(value: float, *interval: float | None) -> dict[str, Any]:
    """A figure; exact where no interval is given."""
    low, high = interval or (value, value)
    return {"value": value, "low": low, "high": high}


def setting(variant: str, threads: Any, figures: dict[str, Any]) -> dict[str, Any]:
    made = new_setting({"id": variant, "target": "ort-wasm", "precision": "fp32"}, threads)  # type: ignore[typeddict-item]
    return {**made, "threads": 2 if threads == "all" else threads, "isolated": True, "figures": figures}


def report(*settings: dict[str, Any]) -> dict[str, Any]:
    manifest: Any = {"id": "0" * 64, "name": "A <b>model</b> | of *mine*", "task": {"kind": "tensor"}}
    return {**new_report(BenchOptions("site"), manifest, None, MACHINE), "settings": list(settings)}


def visit(total: float, sent: int = 5000) -> dict[str, Any]:
    kinds = {"shell": sent // 5, "engine": sent // 5 * 3, "weights": sent // 5, "samples": 0, "other": 0}
    phases = {**dict.fromkeys(PHASES, 0.0), "shell": total / 2, "load": total / 2}
    return {
        "result_ms": total, "inference_ms": total - 5, "documents": 1, "threads": 1, "isolated": True, "phases": phases,
        "spans": [["shell", "page", 0.0, total / 2], ["load", "session", total / 2, total],
                  *(["shards download", f"shard {number}", 1.0, 9.0] for number in range(1, 61))],
        "paint": {"first-paint": 40.0}, "long_tasks": [[10.0, 60.0]], "notes": [], "stored": True,
        "traffic": {"source": "server", "bytes": sent, "requests": 12, "devtools_bytes": sent, "kinds": kinds},
    }  # fmt: skip


def measured_setting(variant: str = "ort-wasm-fp32", threads: Any = 1) -> dict[str, Any]:
    """With samples of every kind; figures are still to be computed."""
    made = setting(variant, threads, {})
    made["visits"] = {
        "first": [visit(1000.0), visit(1100.0), visit(1050.0)], "return": [visit(400.0, 800), visit(420.0, 800)],
        "offline": [visit(390.0, 0)], "update": [visit(500.0, 3000)],
    }  # fmt: skip
    made["steady"] = {
        "infer": [[4.0, 4.2, 4.1]] * 8, "native": [[2.0, 2.1, 2.05]] * 8, "task": [[6.0, 6.1]] * 8,
        "cpu_seconds": [0.02] * 8, "long_tasks_ms": [], "unchecked": 0,
    }  # fmt: skip
    output = {"name": "y", "max_abs": 1e-6, "relative": 2e-6, "cosine": 1.0, "top1": None}
    made["parity"] = {
        "reference": "onnxruntime", "tolerance": 1e-3, "inputs": 2, "answers": 2, "outputs": [output], "error": None,
    }  # fmt: skip
    sample = {"page_bytes": 30_000_000, "rss_bytes": 900_000_000, "pss_bytes": None, "samples": [[0.0, 900_000_000, None]]}
    made["memory"] = [sample, sample]
    return made
