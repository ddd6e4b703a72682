"""What a model may not be, however small its file: a graph that unfolds without end, weights that no page can hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from google.protobuf.message import Message
from onnx import TensorProto, helper

from packager.bounds import LARGEST_MODEL
from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import onnx

    Key = tuple[str, str]

_REMEDY = "The file is damaged; export the model again."
# Of the types whose elements are packed several to a byte. Not every release of onnx has all of them.
_BITS: dict[int, int] = {
    TensorProto.DataType.Value(name): bits
    for name, bits in {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}.items()
    if name in TensorProto.DataType.keys()  # noqa: SIM118 (it is no dictionary)
}
# Of these it is not said how many bytes they take, or no engine has them.
_UNCOUNTED = ("UNDEFINED", "STRING", "COMPLEX64", "COMPLEX128", "FLOAT6E2M3", "FLOAT6E3M2")
# Where numbers stand that are not raw bytes.
_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
}
_MOST_NODES = 1_000_000
_DEEPEST = 64


def check_functions(path: Path, proto: onnx.ModelProto) -> None:
    """Raises InputError where a model's own functions call themselves, or unfold to more nodes than any network has."""
    bodies = {(function.domain, function.name): function for function in proto.functions}
    counts: dict[Key, int] = {}

    def count(key: Key, callers: tuple[Key, ...]) -> int:
        if key in callers or len(callers) > _DEEPEST:
            how = "calls itself" if key in callers else f"is called more than {_DEEPEST} deep"
            raise InputError(f"The function '{key[1]}' {how}.", where=str(path), remedy="Export the model without it.")
        if key not in counts:
            counts[key] = sum(total(_all(bodies[key].node), (*callers, key)))
        return counts[key]

    def total(nodes: Iterable[onnx.NodeProto], callers: tuple[Key, ...]) -> Iterator[int]:
        for node in nodes:
            key = (node.domain, node.op_type)
            yield 1 + (count(key, callers) if key in bodies else 0)

    unfolded = sum(total(_all(proto.graph.node), ()))
    if unfolded > _MOST_NODES:
        raise InputError(
            f"The graph unfolds to {unfolded:,} nodes; {_MOST_NODES:,} are the most.",
            where=str(path),
            remedy="Export the model without functions.",
        )


def check_text(path: Path, message: Message) -> None:
    """Raises InputError where a name anywhere in the model is no UTF-8, which protobuf then gives as bytes."""
    for descriptor, value in message.ListFields():
        if descriptor.type not in (descriptor.TYPE_STRING, descriptor.TYPE_MESSAGE) or descriptor.name == "doc_string":
            continue
        for part in [value] if isinstance(value, Message | str | bytes) else value:
            if isinstance(part, Message):
                check_text(path, part)
            elif isinstance(part, bytes):
                raise InputError(f"The {descriptor.name} {part[:80]!r} is no text.", where=str(path), remedy=_REMEDY)


def check_tensor(path: Path, tensor: onnx.TensorProto) -> None:
    """Raises InputError where a constant has other bytes than its shape and type ask for."""
    if tensor.data_type not in TensorProto.DataType.values():
        raise InputError(
            f"The tensor '{tensor.name}' has the type {tensor.data_type}, which ONNX does not have.",
            where=str(path),
            remedy=_REMEDY,
        )
    if TensorProto.DataType.Name(tensor.data_type) in _UNCOUNTED:
        return
    bits = _BITS.get(int(tensor.data_type)) or 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    elements = math.prod(tensor.dims)
    if any(size < 0 for size in tensor.dims) or elements * bits > 8 * LARGEST_MODEL:
        raise InputError(f"The tensor '{tensor.name}' has the shape {list(tensor.dims)}.", where=str(path), remedy=_REMEDY)
    if tensor.HasField("raw_data") and len(tensor.raw_data) != (elements * bits + 7) // 8:
        raise InputError(
            f"The tensor '{tensor.name}' holds {len(tensor.raw_data):,} bytes, and its shape {list(tensor.dims)} asks for "
            f"{(elements * bits + 7) // 8:,}.",
            where=str(path),
            remedy=_REMEDY,
        )
    given = len(getattr(tensor, _FIELDS.get(int(tensor.data_type), "int32_data")))
    if bits > 4 and not tensor.HasField("raw_data") and given != elements:
        raise InputError(
            f"The tensor '{tensor.name}' holds {given:,} numbers, and its shape {list(tensor.dims)} asks for {elements:,}.",
            where=str(path),
            remedy=_REMEDY,
        )


def _all(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes, and those of the graphs inside them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _all(graph.node)
