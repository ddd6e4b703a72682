"""Native onnxruntime: the reference, and the bytes as shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime

from packager.assembly import assembled
from packager.errors import BuildError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Signature, Variant
    from packager.model import Model, Tensors

RUNNER = f"onnxruntime {onnxruntime.__version__}"


def run_reference(model: Model, feeds: list[Tensors]) -> list[Tensors]:
    """Outputs of the model as the user gave it, by name, one entry a feed. Raises InputError where it cannot run."""
    try:
        session = _session(model.path)
    except Exception as error:  # onnxruntime's exceptions have no public base class
        raise InputError(
            f"onnxruntime {onnxruntime.__version__} cannot load the model: {_line(error)}",
            where=str(model.path),
            remedy="Check it with onnx.checker, or export it again.",
        ) from error
    try:
        return [_run(session, model.signature, feed) for feed in feeds]
    except Exception as error:
        raise InputError(
            f"The model does not run on the sample inputs: {_line(error)}",
            where=str(model.path),
            remedy="Give inputs that it takes with --sample FILE.npz.",
        ) from error


def run_natively(bundle: Path, signature: Signature, variant: Variant, feeds: list[Tensors]) -> list[Tensors]:
    """Outputs of a variant of ``bundle``, put together from its shards as the page does it. Raises BuildError."""
    with assembled(bundle, variant) as graph:
        try:
            session = _session(graph)
            return [_run(session, signature, feed) for feed in feeds]
        except Exception as error:
            raise BuildError(f"The variant does not run in native onnxruntime: {_line(error)}", where=variant["id"]) from error


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, signature: Signature, feed: Tensors) -> Tensors:
    names = [output["name"] for output in signature["outputs"]]
    return dict(zip(names, session.run(names, feed), strict=True))


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.split(" : ", 2)[-1].strip()[:500]
