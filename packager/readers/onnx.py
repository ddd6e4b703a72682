"""Reads ONNX files: untrusted bytes in, a whole model in memory or one clear sentence out."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from packager.bounds import LARGEST_MODEL, read_limited
from packager.errors import InputError
from packager.model import DTYPES, Model, node_label
from packager.readers.limits import check_functions, check_tensor, check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packager._manifest_types import Dim, Signature, TensorType

# What the reference, native onnxruntime, accepts.
OLDEST_OPSET = 7
_KINDS = {
    "sequence_type": "a sequence",
    "map_type": "a map",
    "optional_type": "an optional value",
    "sparse_tensor_type": "a sparse tensor",
}
STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")


def read_onnx(path: Path, dims: dict[str, int]) -> Model:
    """The ONNX model at ``path``, its external data loaded and ``dims`` fixed. Raises InputError."""
    return model_of(path, _parse(path), dims)


def model_of(path: Path, proto: onnx.ModelProto, dims: dict[str, int]) -> Model:
    """The model of a file's content, which is altered: external data loaded and ``dims`` fixed. Raises InputError."""
    check_text(path, proto)
    _check_opset(path, proto)
    if not proto.graph.node:
        raise InputError("The graph is empty: it has no nodes.", where=str(path), remedy="Export the model again.")
    if not proto.graph.output:
        raise InputError("The graph has no outputs.", where=str(path), remedy="Export the model again.")
    check_functions(path, proto)
    _load_external_data(path, proto)
    _name_dims(proto.graph)
    _fix_dims(path, proto.graph, dims)
    return Model(path=path, proto=proto, signature=_signature(path, proto.graph), dims=dict(dims))


def _parse(path: Path) -> onnx.ModelProto:
    try:
        data = read_limited(path, LARGEST_MODEL)
    except OSError as error:
        raise InputError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise InputError(
            "This is not an ONNX file, or it was cut short.",
            where=str(path),
            remedy="Export or download the model again.",
        ) from error
    # Any short text can parse as a protobuf with unknown fields only.
    if not proto.HasField("graph") or proto.ir_version == 0:
        raise InputError("This is not an ONNX file.", where=str(path), remedy="Give a model exported as .onnx.")
    return proto


def _check_opset(path: Path, proto: onnx.ModelProto) -> None:
    newest = onnx.defs.onnx_opset_version()
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx") and not OLDEST_OPSET <= entry.version <= newest:
            raise InputError(
                f"Opset {entry.version} is not supported; {OLDEST_OPSET} to {newest} are.",
                where=str(path),
                remedy="Export the model with an opset in this range.",
            )
    for node in nodes(proto.graph):
        if node.domain not in STANDARD_DOMAINS and not any(node.domain == function.domain for function in proto.functions):
            raise InputError(
                f"The node {node_label(node)} is of the domain '{node.domain}', which no target knows.",
                where=str(path),
                remedy="Export the model with standard ONNX operators.",
            )


def nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from nodes(inner)


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs that a node's attributes hold, as the branches of If."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from graph_tensors(proto.graph)
    for function in proto.functions:
        yield from _node_tensors(function.node)


def graph_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """All constant tensors of a graph: initializers and attributes, inner graphs too."""
    yield from graph.initializer
    yield from _node_tensors(graph.node)


def _node_tensors(entries: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in entries:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for inner in subgraphs(node):
            yield from graph_tensors(inner)


def _load_external_data(path: Path, proto: onnx.ModelProto) -> None:
    """Reads what the tensors name in other files; those must lie in the model's own folder."""
    folder = path.parent.resolve()
    found = [(tensor, *_part(path, folder, tensor)) for tensor in _tensors(proto) if uses_external_data(tensor)]
    if sum(length for _, _, _, length in found) > LARGEST_MODEL:
        raise InputError(
            f"The model's weights have more than {LARGEST_MODEL:,} bytes, which is all that a page can hold.",
            where=str(path),
            remedy="Use a smaller model, or one in fewer bits.",
        )
    for tensor, file, offset, length in found:
        with file.open("rb") as stream:
            stream.seek(offset)
            tensor.raw_data = stream.read(length)
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
    for tensor in _tensors(proto):
        check_tensor(path, tensor)


def _part(path: Path, folder: Path, tensor: onnx.TensorProto) -> tuple[Path, int, int]:
    """The file that holds a tensor, and where in it: offset and length in bytes."""
    try:
        info = ExternalDataInfo(tensor)
    except ValueError as error:
        raise InputError(
            f"The external data of the tensor '{tensor.name}' is described wrongly: {error}.", where=str(path)
        ) from error
    file = _inside(path, folder, tensor.name, info.location)
    size = file.stat().st_size
    offset = info.offset or 0
    length = info.length if info.length is not None else size - offset
    if offset + length > size or length < 0:
        raise InputError(
            f"The tensor '{tensor.name}' wants bytes {offset} to {offset + length} of '{info.location}', which has {size}.",
            where=str(path),
            remedy="Copy the model's data file again; it was cut short or belongs to another model.",
        )
    return file, offset, length


def _inside(path: Path, folder: Path, tensor: str, location: str) -> Path:
    """The file that an external-data location names, refused when it leaves the model's folder."""
    escapes = (
        not location
        or "\0" in location
        or PurePosixPath(location).is_absolute()
        or PureWindowsPath(location).is_absolute()
        or ".." in PureWindowsPath(location).parts
    )
    file = folder if escapes else (folder / location).resolve()
    if escapes or not file.is_relative_to(folder):
        raise InputError(
            f"The tensor '{tensor}' names data outside the model's folder: {location!r}.",
            where=str(path),
            remedy="Such a file is not read; save the model with its data beside it.",
        )
    if not file.is_file():
        raise InputError(
            f"The data file '{location}' of the tensor '{tensor}' is missing.",
            where=str(path),
            remedy="Put it beside the model, as it was when the model was saved.",
        )
    return file


def _name_dims(graph: onnx.GraphProto) -> None:
    """Gives a dimension without size and name the name <tensor>_<axis>, so that it can be fixed and shown."""
    for value in (*graph.input, *graph.output):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value") and not dim.dim_param:
                dim.dim_param = f"{value.name}_{axis}"


def _fix_dims(path: Path, graph: onnx.GraphProto, dims: dict[str, int]) -> None:
    known = {dim.dim_param for value in graph.input for dim in value.type.tensor_type.shape.dim if dim.dim_param}
    for name in dims:
        if name not in known:
            has = f"Its symbolic dimensions are: {', '.join(sorted(known))}." if known else "It has none."
            raise InputError(f"No input has a symbolic dimension '{name}'.", where=str(path), remedy=has)
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in dims:
                dim.dim_value = dims[dim.dim_param]


def _signature(path: Path, graph: onnx.GraphProto) -> Signature:
    weights = {tensor.name for tensor in graph.initializer}
    return {
        "inputs": [_tensor_type(path, value, "input") for value in graph.input if value.name not in weights],
        "outputs": [_tensor_type(path, value, "output") for value in graph.output],
    }


def _tensor_type(path: Path, value: onnx.ValueInfoProto, kind: str) -> TensorType:
    if value.type.WhichOneof("value") != "tensor_type":
        raise InputError(
            f"The {kind} '{value.name}' is not a tensor but {_KINDS.get(value.type.WhichOneof('value') or '', 'of no type')}.",
            where=str(path),
            remedy="Export the model so that it takes and gives tensors (for scikit-learn: options={'zipmap': False}).",
        )
    element = value.type.tensor_type.elem_type
    if element not in DTYPES:
        name = onnx.TensorProto.DataType.Name(element) if element in onnx.TensorProto.DataType.values() else str(element)
        raise InputError(
            f"The {kind} '{value.name}' is a tensor of {name.lower()}s, which a page cannot pass.",
            where=str(path),
            remedy="Export the model with numeric inputs and outputs.",
        )
    shape: list[Dim] = [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param[:200] for dim in value.type.tensor_type.shape.dim
    ]
    if any(isinstance(size, int) and size < 0 for size in shape):
        raise InputError(f"The {kind} '{value.name}' has a negative dimension: {shape}.", where=str(path))
    return {"name": value.name, "dtype": DTYPES[element], "shape": shape}
