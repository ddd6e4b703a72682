"""Native onnxruntime on the CPU: sessions, and its complaints as sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

RUNNER = f"onnxruntime {onnxruntime.__version__}"


def open_session(model: Path | bytes, *, threads: int = 0, optimise: bool = True) -> onnxruntime.InferenceSession:
    """A session on the CPU with ``threads`` threads (0: as many as onnxruntime likes).

    Raises whatever onnxruntime raises, which has no public base class; ``complaint`` makes a sentence of it.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    given = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def complaint(error: Exception) -> str:
    """What onnxruntime says, without its codes and the places in its sources, as a sentence."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text).split("Status Message: ")[-1]
    text = re.sub(r"^\S+\.(?:h|cc):\d+ (?:.*?\) (?:const )?)?", "", text)
    return text.strip()[:400].rstrip(". ") + "."
