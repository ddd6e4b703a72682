"""An ONNX graph without its weights: large tensors become external data, named by location, so that they travel in shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import numpy_helper

from packager.errors import BuildError
from packager.lowered import Item, Kept, Lowered, Weights, group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Smaller tensors stay in the graph: an entry of external data costs about as much as they do.
_INLINE = 1024


def externalise(proto: onnx.ModelProto, shard_size: int, path: Path, kept: Kept) -> Lowered:
    """The graph, and its weights in graph order, grouped up to ``shard_size`` bytes or as ``kept`` has them.

    ``proto`` is used up.

    A tensor larger than that has a location of its own. Tensors of one location have elements of one size, so that byte planes
    can be told apart. Locations are numbered, not named by content: a change of weights leaves the graph as it is.

    Raises BuildError where the graph of the model at ``path`` is too large even so.
    """
    _hoist_constants(proto.graph, {})
    used: dict[str, int] = {}
    for order, name in enumerate(_reads(proto.graph)):
        used.setdefault(name, order)
    large = [
        tensor
        for tensor in proto.graph.initializer
        if len(_raw(tensor)) >= _INLINE and tensor.data_type != onnx.TensorProto.STRING
    ]
    large.sort(key=lambda tensor: used.get(tensor.name, len(used)))
    weights: list[Weights] = []
    for element in sorted({_element_size(tensor) for tensor in large}):
        tensors = [tensor for tensor in large if _element_size(tensor) == element]
        items = [Item(_raw(tensor), element) for tensor in tensors]
        for indices in group([item.data for item in items], shard_size, kept):
            moved = [(tensors[index], items[index]) for index in indices]
            weights.append(_move(moved, f"weights-{len(weights)}"))
    try:
        return Lowered(proto.SerializeToString(deterministic=True), weights)
    except ValueError as error:
        raise BuildError(
            "The graph without its weights is larger than 2 GiB.",
            where=str(path),
            remedy="Keep its constants as initializers.",
        ) from error


def _move(tensors: list[tuple[onnx.TensorProto, Item]], location: str) -> Weights:
    offset = 0
    for tensor, item in tensors:
        for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset), ("length", len(item.data))):
            tensor.external_data.add(key=key, value=str(value))
        offset += len(item.data)
    return Weights(location, [item for _, item in tensors])


def _raw(tensor: onnx.TensorProto) -> bytes:
    """A tensor's bytes, little-endian and row-major, whichever field holds them."""
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensor.data_type == onnx.TensorProto.STRING:
        return b""
    array = numpy_helper.to_array(tensor)
    return numpy_helper.from_array(array).raw_data


def _element_size(tensor: onnx.TensorProto) -> int:
    return max(1, onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)


def _reads(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _reads(attribute.g)


def _hoist_constants(top: onnx.GraphProto, renamed: dict[str, str], graph: onnx.GraphProto | None = None) -> None:
    """Moves large Constant nodes and the initializers of inner graphs up to the outermost graph, under names of their own."""
    inner = graph is not None
    graph = top if graph is None else graph
    for node in list(graph.node):
        value = next((entry.t for entry in node.attribute if entry.name == "value" and entry.HasField("t")), None)
        if node.op_type == "Constant" and value is not None and len(_raw(value)) >= _INLINE:
            _add(top, value, node.output[0], renamed, inner)
            graph.node.remove(node)
    if inner:
        for tensor in [tensor for tensor in graph.initializer if len(_raw(tensor)) >= _INLINE]:
            _add(top, tensor, tensor.name, renamed, inner)
            graph.initializer.remove(tensor)
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _hoist_constants(top, dict(renamed), attribute.g)
    for output in graph.output if inner else ():
        if output.name in renamed:
            # A branch may not give an outer value as its result directly.
            graph.node.append(onnx.helper.make_node("Identity", [renamed[output.name]], [output.name]))


def _add(top: onnx.GraphProto, value: onnx.TensorProto, name: str, renamed: dict[str, str], inner: bool) -> None:
    tensor = top.initializer.add()
    tensor.CopyFrom(value)
    tensor.name = f"{name}.{len(top.initializer)}" if inner else name
    if inner:
        renamed[name] = tensor.name
    else:
        renamed.pop(name, None)
