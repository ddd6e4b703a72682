"""What samples tell of a model's weights: the inputs that each meets, and what an error in it does to the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from packager.native import open_session
from packager.quantise.rounding import Feedback
from packager.quantise.weights import by_output, open_weights, with_graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.model import Tensors
    from packager.quantise.weights import Weight

Array = np.ndarray

# Sums over more columns than this are rounded without feedback: the matrix that it takes has the square of them.
_WIDEST = 4096
# Positions that are looked at, over all samples and at least of each: a picture has many that are alike.
_POSITIONS, _LEAST_POSITIONS = 1 << 16, 256
# Sensitivities are told by so many samples: each weight takes a run of all of them.
_PROBES = 8
_SEED = 20481


class Calibration:
    """Samples that went through the model once."""

    def __init__(self, proto: onnx.ModelProto, weights: Sequence[Weight], feeds: Sequence[Tensors]) -> None:
        self._weights = {weight.name: weight.array for weight in weights}
        self._probes = feeds[:: max(1, -(-len(feeds) // _PROBES))]
        self._outputs = [output.name for output in proto.graph.output]
        self._session = open_session(open_weights(proto, weights).SerializeToString())
        self._expected = [self._run(feed, {}) for feed in self._probes]
        self._feedback = _feedback(proto, weights, feeds)

    def feedback(self, weight: Weight) -> Feedback | None:
        """What rounds this weight with its inputs in view; None where they are not known."""
        return self._feedback.get(_source(weight))

    def loss(self, changed: Mapping[str, Array]) -> float:
        """Squared error of the outputs with these weights, as a share of their squares, summed over the outputs."""
        errors = np.zeros(len(self._outputs))
        squares = np.zeros(len(self._outputs))
        for feed, expected in zip(self._probes, self._expected, strict=True):
            for place, (mine, theirs) in enumerate(zip(self._run(feed, changed), expected, strict=True)):
                if theirs.dtype.kind == "f" and mine.shape == theirs.shape:
                    errors[place] += np.square(np.nan_to_num(mine.astype(np.float64) - theirs)).sum()
                    squares[place] += np.square(np.nan_to_num(theirs.astype(np.float64))).sum()
        return float((errors / np.maximum(squares, 1e-12)).sum())

    def _run(self, feed: Tensors, changed: Mapping[str, Array]) -> list[Array]:
        return list(self._session.run(self._outputs, {**feed, **self._weights, **changed}))


def _source(weight: Weight) -> tuple[object, ...]:
    """Weights of one source meet the same inputs."""
    first = weight.readers[0]
    rest = b"".join(attribute.SerializeToString() for attribute in first.attribute)
    return (first.op_type, tuple(sorted(node.input[0] for node in weight.readers)), rest, by_output(weight).shape[1])


def _feedback(
    proto: onnx.ModelProto, weights: Sequence[Weight], feeds: Sequence[Tensors]
) -> dict[tuple[object, ...], Feedback]:
    sources = {_source(weight): weight for weight in weights if not weight.table and by_output(weight).shape[1] <= _WIDEST}
    names = sorted({node.input[0] for weight in sources.values() for node in weight.readers})
    grams: dict[tuple[object, ...], Array] = {}
    counts: dict[tuple[object, ...], int] = {}
    session = open_session(_with_outputs(proto, names).SerializeToString())
    random = np.random.default_rng(_SEED)
    most = max(_LEAST_POSITIONS, _POSITIONS // max(1, len(feeds)))
    for feed in feeds:
        inputs = dict(zip(names, session.run(names, feed), strict=True)) if names else {}
        for source, weight in sources.items():
            for node in weight.readers:
                met = inputs_met(node, inputs[node.input[0]], weight.array.shape)
                if met is None or not np.isfinite(met).all():
                    continue
                if len(met) > most:
                    met = met[random.choice(len(met), most, replace=False)]
                grams[source] = grams.get(source, 0) + (met.T @ met).astype(np.float64)
                counts[source] = counts.get(source, 0) + len(met)
    return {source: Feedback(gram, counts[source]) for source, gram in grams.items()}


def _with_outputs(proto: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    graph = onnx.GraphProto()
    graph.CopyFrom(proto.graph)
    has = {output.name for output in graph.output}
    graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names if name not in has)
    return with_graph(proto, graph)


def inputs_met(node: onnx.NodeProto, x: Array, shape: tuple[int, ...]) -> Array | None:
    """[positions, columns]: what each row of the weight's matrix is multiplied with; None where that is not looked at."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "MatMul":
        return x.reshape(-1, shape[0])
    if node.op_type == "Gemm":
        return x.T if given.get("transA") else x
    plain = given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    if node.op_type != "Conv" or given.get("group", 1) != 1 or len(shape) != 4 or not plain:
        return None
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    (down, across), (step_y, step_x) = given.get("dilations", (1, 1)), given.get("strides", (1, 1))
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    reach = ((shape[2] - 1) * down + 1, (shape[3] - 1) * across + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))[:, :, ::step_y, ::step_x, ::down, ::across]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * shape[2] * shape[3])
