"""Shape inference, constant folding and common simplifications, by onnxslim, without making the download larger."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import onnx

from packager.bounds import bounded
from packager.model import AnyModel, Model

if TYPE_CHECKING:
    from collections.abc import Callable

M = TypeVar("M", bound=AnyModel)

# Ops whose constant result is larger than its constant input. Folding them would undo what the author packed: int8 weights
# behind a Cast or a DequantizeLinear would travel as fp32.
_WIDENING = {"Cast", "DequantizeLinear", "Expand", "Tile", "ConstantOfShape", "Range", "DequantizeBFP"}
# Folding smaller constants than this costs less than the nodes it saves.
_SMALL = 1024
# A protobuf message ends at 2 GiB; past this the model is shipped as it is.
_LARGEST = 1_900_000_000
# Start of the names of inputs that hold loops while the simplifier is at work.
_HELD = "packager.loop."


@bounded()
def optimise(model: M, warn: Callable[[str], None]) -> M:
    """The same function with fewer nodes, and never more bytes than a few per cent above the original's.

    A graph that the simplifier cannot handle is passed on as it is, with a warning; so is, without one, what TensorFlow read.
    """
    if not isinstance(model, Model):
        return model
    size = model.proto.ByteSize()
    if size > _LARGEST:
        warn("The model is too large to simplify in memory and is shipped as it was exported.")
        return model
    try:
        proto = _slim(model.proto, skip=[])
        if proto.ByteSize() > size * 1.05 + 65536:
            proto = _slim(model.proto, skip=["constant_folding"])
    except Exception as error:  # onnxslim raises whatever its passes raise
        warn(f"The graph could not be simplified ({_first_line(error)}) and is shipped as it was exported.")
        return model
    return replace(model, proto=proto)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _slim(original: onnx.ModelProto, skip: list[str]) -> onnx.ModelProto:
    import onnxslim  # slow to import, and only needed here

    proto = onnx.ModelProto()
    proto.CopyFrom(original)
    pinned = _pin(proto.graph)
    _hold_loops(proto.graph, proto.graph)
    logging.getLogger("onnxslim").setLevel(logging.ERROR)
    slimmed = onnxslim.slim(proto, skip_optimizations=skip or None)
    if not isinstance(slimmed, onnx.ModelProto):
        raise TypeError("onnxslim gave no model back")
    _release_loops(slimmed.graph, slimmed.graph)
    _unpin(slimmed.graph, pinned)
    _keep_inputs(original.graph, slimmed.graph)
    return slimmed


def _keep_inputs(original: onnx.GraphProto, graph: onnx.GraphProto) -> None:
    """Inputs that nothing reads any more stay in the signature: a caller still gives them."""
    left = {value.name for value in graph.input}
    weights = {tensor.name for tensor in original.initializer}
    graph.input.extend(value for value in original.input if value.name not in left and value.name not in weights)


def _pin(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Turns packed weights into inputs for a while, so that folding does not see constants."""
    consumers = {name for node in graph.node if node.op_type in _WIDENING for name in node.input}
    for node in [node for node in graph.node if node.op_type == "Constant" and node.output[0] in consumers]:
        value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if value is not None and value.ByteSize() >= _SMALL:
            tensor = graph.initializer.add()
            tensor.CopyFrom(value)
            tensor.name = node.output[0]
            graph.node.remove(node)
    given = {value.name for value in graph.input}
    pinned = {tensor.name: tensor for tensor in graph.initializer if tensor.name in consumers and tensor.ByteSize() >= _SMALL}
    kept = [tensor for tensor in graph.initializer if tensor.name not in pinned]
    pinned = {name: onnx.TensorProto.FromString(tensor.SerializeToString()) for name, tensor in pinned.items()}
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for name, tensor in pinned.items():
        if name not in given:
            graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, list(tensor.dims)))
    return pinned


def _hold_loops(top: onnx.GraphProto, graph: onnx.GraphProto) -> None:
    """Makes the turns of every loop depend on an input for a while: folding a loop means running it, and some never end."""
    for node in list(graph.node):
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _hold_loops(top, attribute.g)
        if node.op_type == "Loop" and node.input:
            name = f"{_HELD}{len(top.input)}"
            top.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, []))
            turns = [node.input[0]] if node.input[0] else []
            held = onnx.helper.make_node("Sum" if turns else "Identity", [*turns, name], [f"{name}.turns"])
            node.input[0] = held.output[0]
            graph.node.insert(list(graph.node).index(node), held)


def _release_loops(top: onnx.GraphProto, graph: onnx.GraphProto) -> None:
    inputs = {value.name for value in top.input if value.name.startswith(_HELD)}
    turns: dict[str, str] = {}
    for node in list(graph.node):
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _release_loops(top, attribute.g)
        if inputs & set(node.input) and node.op_type in ("Sum", "Identity"):
            turns[node.output[0]] = next((name for name in node.input if name not in inputs), "")
            graph.node.remove(node)
        elif node.op_type == "Loop" and node.input:
            node.input[0] = turns.get(node.input[0], node.input[0])
    if graph is top:
        for value in [value for value in top.input if value.name in inputs]:
            top.input.remove(value)


def _unpin(graph: onnx.GraphProto, pinned: dict[str, onnx.TensorProto]) -> None:
    inputs = [value for value in graph.input if value.name not in pinned]
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    del graph.input[:]
    graph.input.extend(inputs)
    graph.initializer.extend(tensor for name, tensor in pinned.items() if name in used)
