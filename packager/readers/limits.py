"""What a model may not be, however small its file: a graph that unfolds without end, weights that no page can hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onnx import TensorProto, helper
from onnx.external_data_helper import uses_external_data

from packager.bounds import LARGEST_MODEL
from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import onnx

    Key = tuple[str, str]

_REMEDY = "The file is damaged; export the model again."
# Of the types whose elements are packed several to a byte.
_BITS: dict[int, int] = {TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.FLOAT4E2M1: 4}
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


def check_tensor(path: Path, tensor: onnx.TensorProto) -> None:
    """Raises InputError where a constant has other bytes than its shape and type ask for."""
    if (
        tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED, TensorProto.COMPLEX64, TensorProto.COMPLEX128)
        or tensor.data_type not in TensorProto.DataType.values()
    ):
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
    field = _FIELDS.get(int(tensor.data_type), "int32_data")
    given = len(getattr(tensor, field))
    if bits > 4 and not tensor.HasField("raw_data") and not uses_external_data(tensor) and given != elements:
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
