"""A graph model of TensorFlow.js' own converter, as ours are: its constants become weights in a precision of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from packager.lower import pack
from packager.lower.ir import Constant
from packager.lower.tensorflow.compiler import GraphModel
from packager.lower.tensorflow.writer import FORMAT, VERSION, Weight

if TYPE_CHECKING:
    from packager.lower.ir import Array
    from packager.model import TensorFlowModel
    from packager.options import Precision


def adopt(model: TensorFlowModel, precision: Precision = "fp32") -> GraphModel:
    """The model's graph with the model's own names at its borders."""
    nodes = [_unordered(node) for node in model.nodes if node["op"] != "NoOp"]
    weights = [_weight(name, array, model.scales.get(name), precision) for name, array in model.weights.items()]
    inputs = [{"name": entry["name"], "tensor": model.tensor("inputs", entry["name"])} for entry in model.signature["inputs"]]
    outputs = [
        {"name": entry["name"], "tensor": model.tensor("outputs", entry["name"])} for entry in model.signature["outputs"]
    ]
    document = {
        "format": FORMAT,
        "version": VERSION,
        "inputs": inputs,
        "outputs": outputs,
        "weights": [weight.entry for weight in weights],
        "topology": {**model.document["modelTopology"], "node": [*nodes, *_unread(nodes, inputs)]},
    }
    return GraphModel(document, weights, [str(node["name"]) for node in nodes])


def _unordered(node: dict[str, Any]) -> dict[str, Any]:
    """The node without what only orders it.

    Nothing in a frozen graph has effects, and TensorFlow.js never sees what lies behind the other branch of a loop as done.
    """
    return node | {"input": [name for name in node.get("input", []) if not name.startswith("^")]}


def _weight(name: str, array: Array, scale: Array | None, precision: Precision) -> Weight:
    """A constant as it travels, and what the document says of it."""
    entry = {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
    if scale is not None:
        axis = int(np.argmax(scale.shape)) if scale.size > 1 else array.shape.index(1)
        return Weight(entry | {"dtype": "float32", "stored": "int8", "axis": axis}, pack.Packed(array, scale.reshape(-1)))
    packed = pack.plain(Constant(array), precision)
    stored = str(packed.codes.dtype)
    return Weight(entry | ({"stored": stored} if stored != entry["dtype"] else {}), packed)


def _unread(nodes: list[dict[str, Any]], inputs: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Placeholders of inputs that the graph does not read, and the converter has dropped: the page gives them all the same."""
    known = {node["name"] for node in nodes}
    return [
        cast("dict[str, Any]", {"name": entry["tensor"], "op": "Placeholder", "input": [], "attr": {}})
        for entry in inputs
        if entry["tensor"] not in known
    ]
