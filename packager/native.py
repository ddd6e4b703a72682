"""Native onnxruntime on the CPU: sessions, and its complaints as sentences."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

    from packager.model import Tensors

# Of one inference: more than any that somebody would wait for in a page, by far.
_SECONDS = 600.0

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


def run(session: onnxruntime.InferenceSession, names: list[str], feed: Tensors) -> list[Any]:
    """The outputs ``names`` for one feed. Raises what onnxruntime raises, also when it does not end in time."""
    options = onnxruntime.RunOptions()
    # A model may hold a loop without end. The run looks at this between two nodes.
    watch = threading.Timer(_SECONDS, setattr, (options, "terminate", True))
    watch.daemon = True
    watch.start()
    try:
        return list(session.run(names, feed, options))
    except Exception as error:
        if options.terminate:
            raise TimeoutError(f"It did not end within {_SECONDS:g} seconds.") from error
        raise
    finally:
        watch.cancel()


def complaint(error: Exception) -> str:
    """What onnxruntime says, without its codes and the places in its sources, as a sentence."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text).split("Status Message: ")[-1]
    text = re.sub(r"^\S+\.(?:h|cc):\d+ (?:.*?\) (?:const )?)?", "", text)
    return text.strip()[:400].rstrip(". ") + "."
