"""Target ``webgl``: TensorFlow.js on the GPU. ``packager.lower.tensorflow`` makes a graph model; here its weights are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower import tensorflow as compiler
from packager.lowered import NOTHING, Item, Kept, Lowered, Weights, group
from packager.model import TensorFlowModel
from packager.targets.verdict import Verdict

if TYPE_CHECKING:
    from packager.lower.tensorflow import GraphModel, Weight
    from packager.model import AnyModel
    from packager.options import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
"""Those of weights on the wire, the finest first; what computes is float32."""
WAYS = 'For other targets write ONNX: Keras 3 does with model.export("model.onnx", format="onnx"), tf2onnx from a SavedModel.'
"""The remedy for a model that TensorFlow read."""


def check(model: AnyModel) -> Verdict:
    """What TensorFlow.js cannot express, node by node, with a remedy."""
    if isinstance(model, TensorFlowModel):
        problem = model.about["problem"]
        return Verdict("webgl", [] if problem is None else [f"{problem} {WAYS}"])
    uncovered = compiler.cover(model)
    return Verdict("webgl", [f"{node} Another target has it: wasm or ort-wasm." for node in uncovered])


def lower(model: AnyModel, shard_size: int, precision: Precision, kept: Kept = NOTHING) -> Lowered:
    """The graph model and its weights. Raises BuildError where TensorFlow.js cannot express the model."""
    if isinstance(model, TensorFlowModel):
        return placed(compiler.adopt(model, precision), shard_size, kept)
    return placed(compiler.compile(model, precision), shard_size, kept)


def placed(compiled: GraphModel, shard_size: int, kept: Kept = NOTHING) -> Lowered:
    """Weights in graph order, by the size of their elements, grouped up to ``shard_size`` bytes or as ``kept`` has them.

    Enters into the document where each one is; locations are numbered.
    """
    groups: list[Weights] = []
    for element in sorted({_element(weight) for weight in compiled.weights}, reverse=True):
        weights = [weight for weight in compiled.weights if _element(weight) == element]
        data = [_bytes(weight) for weight in weights]
        for indices in group(data, shard_size, kept):
            location, offset = str(len(groups)), 0
            for index in indices:
                _place(weights[index], location, offset)
                offset += len(data[index])
            groups.append(Weights(location, [Item(data[index], element) for index in indices]))
    return Lowered(compiled.text(), groups)


def _element(weight: Weight) -> int:
    return int(weight.packed.codes.dtype.itemsize)


def _bytes(weight: Weight) -> bytes:
    """Codes, and scales behind them; both start at multiples of 4."""
    codes = np.ascontiguousarray(weight.packed.codes).tobytes()
    scale = b"" if weight.packed.scale is None else np.ascontiguousarray(weight.packed.scale, np.float32).tobytes()
    return codes + bytes(-len(codes) % 4) + scale


def _place(weight: Weight, location: str, offset: int) -> None:
    weight.entry.update(location=location, offset=offset)
    if weight.packed.scale is not None:
        codes = weight.packed.codes.nbytes
        weight.entry["scale"] = offset + codes + -codes % 4
