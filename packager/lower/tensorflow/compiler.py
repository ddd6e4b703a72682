"""Import → passes → graph model. The passes are those that do not make kernels of our own engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.errors import BuildError
from packager.lower.importer import Uncovered, import_model
from packager.lower.passes import PASSES as ALL
from packager.lower.passes.fuse_attention import fuse_attention
from packager.lower.passes.fuse_siblings import fuse_siblings
from packager.lower.tensorflow.ops import EMIT
from packager.lower.tensorflow.writer import Weight, Writer
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Graph
    from packager.model import Model
    from packager.options import Precision

# TensorFlow.js has no kernel for attention, and nothing to gain from products that only such a kernel reads as one.
_OF_OUR_ENGINE = (fuse_attention, fuse_siblings)
PASSES = tuple(apply for apply in ALL if apply not in _OF_OUR_ENGINE)
"""The passes for this end, in order."""


@dataclass(frozen=True)
class GraphModel:
    """The document without the places of its weights, the weights, and the model's node behind each node."""

    document: dict[str, Any]
    weights: list[Weight]
    sources: list[str]

    def text(self) -> bytes:
        """The document as it is shipped. Every weight must have its place in ``document["weights"]`` by then."""
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def compile(model: Model, precision: Precision = "fp32") -> GraphModel:  # noqa: A001 (what it does)
    """The model as a graph model. Raises BuildError where TensorFlow.js cannot express it, naming every node."""
    compiled, refused = _compile(model, precision)
    if compiled is None:
        raise BuildError(
            f"TensorFlow.js cannot express this model: {' '.join(map(str, refused))}", where=str(model.path),
            remedy="Build it for the target wasm or ort-wasm.",
        )  # fmt: skip
    return compiled


def cover(model: Model) -> list[Uncovered]:
    """Every node that cannot be expressed, with the reason; none where the model can be."""
    return _compile(model, "fp32")[1]


def optimise(graph: Graph) -> Graph:
    """All passes for this end, in order."""
    for apply in PASSES:
        graph = apply(graph)
    return graph


def _compile(model: Model, precision: Precision) -> tuple[GraphModel | None, list[Uncovered]]:
    graph, refused = import_model(model)
    if graph is None:
        return None, refused
    graph = optimise(graph)
    out = Writer(graph, precision)
    for node in graph.nodes:
        try:
            out.begin(node)
            emit = EMIT.get(node.op)
            if emit is None:
                raise Unsupported("TensorFlow.js has nothing like it on a GPU")
            emit(out, node)
        except Unsupported as error:
            refused.append(Uncovered(node.source, node.source.split(" ")[0], str(error)))
            for output in node.outputs:
                out.give(output, "")
    try:
        document = out.document()
    except Unsupported as error:
        refused.append(Uncovered("an output", "", str(error)))
    if refused:
        return None, list(dict.fromkeys(refused))
    return GraphModel(document, out.weights, out.sources), []
