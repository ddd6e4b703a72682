"""Native onnxruntime, or TensorFlow for its own formats: the reference; and the bytes as shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager import tensorflow
from packager.assembly import assembled
from packager.bounds import bounded
from packager.errors import BuildError, InputError
from packager.model import TensorFlowModel
from packager.native import RUNNER, complaint, open_session, run

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime

    from packager._manifest_types import Signature, Variant
    from packager.model import AnyModel, Tensors


@bounded()
def run_reference(model: AnyModel, feeds: list[Tensors]) -> list[Tensors]:
    """Outputs of the model as the user gave it, by name, one entry a feed. Raises InputError where it cannot run."""
    if isinstance(model, TensorFlowModel):
        return tensorflow.run(model.path, model.about, feeds)
    try:
        session = open_session(model.path)
    except Exception as error:  # onnxruntime's exceptions have no public base class
        raise InputError(
            f"{RUNNER} cannot load the model: {complaint(error)}",
            where=str(model.path),
            remedy="Check it with onnx.checker, or export it again.",
        ) from error
    try:
        return [_run(session, model.signature, feed) for feed in feeds]
    except Exception as error:
        raise InputError(
            f"The model does not run on the sample inputs: {complaint(error)}",
            where=str(model.path),
            remedy="Give inputs that it takes with --sample FILE.npz.",
        ) from error


def referee(model: AnyModel) -> str | None:
    """What runs the reference, where that is not native onnxruntime."""
    return f"TensorFlow {model.about['versions']['tensorflow']}" if isinstance(model, TensorFlowModel) else None


def run_natively(bundle: Path, signature: Signature, variant: Variant, feeds: list[Tensors]) -> list[Tensors]:
    """Outputs of a variant of ``bundle``, put together from its shards as the page does it. Raises BuildError."""
    # What a killed build leaves there is swept with the rest of it.
    with assembled(bundle, variant, inside=bundle) as graph:
        try:
            session = open_session(graph)
            return [_run(session, signature, feed) for feed in feeds]
        except Exception as error:
            raise BuildError(
                f"The variant does not run in native onnxruntime: {complaint(error)}", where=variant["id"]
            ) from error


def _run(session: onnxruntime.InferenceSession, signature: Signature, feed: Tensors) -> Tensors:
    names = [output["name"] for output in signature["outputs"]]
    return dict(zip(names, run(session, names, feed), strict=True))
