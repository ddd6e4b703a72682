"""Target ``ort-wasm``: ONNX Runtime Web.

The graph refers to its weights as external data, so that they travel in shards and no 2 GB protobuf is ever built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from packager.external_data import externalise
from packager.lowered import NOTHING
from packager.native import complaint, open_session
from packager.targets.verdict import Verdict

if TYPE_CHECKING:
    from packager.lowered import Kept, Lowered
    from packager.model import Model
    from packager.options import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32",)


def check(model: Model) -> Verdict:
    """ONNX Runtime Web's plain build has every operator that native onnxruntime has on the CPU, so a real session decides."""
    if model.proto.ByteSize() > 1_900_000_000:
        return Verdict("ort-wasm", notes=["The graph is too large to try here; the proof of the build decides."])
    try:
        open_session(model.proto.SerializeToString(), optimise=False)
    except Exception as error:  # onnxruntime's exceptions have no public base class
        return Verdict("ort-wasm", problems=[complaint(error)])
    return Verdict("ort-wasm")


def lower(model: Model, shard_size: int, precision: Precision, kept: Kept = NOTHING) -> Lowered:  # noqa: ARG001 (it has one)
    """The graph without its weights, and the weights in graph order. Raises BuildError."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    return externalise(proto, shard_size, model.path, kept)
