"""Target ``webgpu``: ONNX Runtime Web with its WebGPU provider.

The graph is ONNX with external data, as for ``ort-wasm``. Operators that the provider lacks run on the processor inside the
same engine, with copies between the two. docs/webgpu.md is the description.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import onnx

from packager.external_data import externalise
from packager.lowered import NOTHING
from packager.model import node_label
from packager.native import complaint, open_session
from packager.targets.four_bits import quantise
from packager.targets.half import halve
from packager.targets.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.lowered import Kept, Lowered
    from packager.model import Model
    from packager.options import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int4")

# What WebGPU promises of every adapter; most give more. A larger buffer is a risk, and one beyond what common cards give is a
# refusal.
_PROMISED_BINDING = 128 * 2**20
_COMMON_BUFFER = 2**30
# They hold no numbers or give none of their own: where they run does not matter.
_FREE = frozenset(["Constant", "Identity", "Shape", "Size", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Dropout"])


def check(model: Model) -> Verdict:
    """Strings and tensors that no graphics card takes are refused; what runs on the processor is told in a note."""
    problems = [*_strings(model), *_too_large(model)]
    if problems:
        return Verdict("webgpu", problems=problems)
    if model.proto.ByteSize() <= 1_900_000_000:
        try:
            open_session(model.proto.SerializeToString(), optimise=False)
        except Exception as error:  # onnxruntime's exceptions have no public base class
            return Verdict("webgpu", problems=[complaint(error)])
    return Verdict("webgpu", notes=[*_on_the_processor(model), *_above_the_promise(model)])


def lower(model: Model, shard_size: int, precision: Precision, kept: Kept = NOTHING) -> Lowered:
    """The graph without its weights, and the weights in graph order. Raises BuildError.

    ``fp16`` computes in half floats where the operators bear it; ``int4`` holds large matrices in 4 bits and computes in fp32.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    if precision == "fp16":
        halve(proto, lambda node: supported(node, model.opset))
    elif precision == "int4":
        quantise(proto)
    return externalise(proto, shard_size, model.path, kept)


@cache
def _operators() -> dict[str, list[list[int]]]:
    """Versions of operators that the provider has, by name with the domain before it where it is not ONNX's own."""
    table = json.loads(resources.files("packager").joinpath("targets/webgpu_operators.json").read_text(encoding="utf-8"))
    operators: dict[str, list[list[int]]] = table["operators"]
    return operators


def supported(node: onnx.NodeProto, opset: int) -> bool:
    """Whether the provider has a kernel for a node."""
    known = _operators().get(node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}")
    if known is None:
        return False
    return node.domain not in ("", "ai.onnx") or any(first <= opset <= last for first, last in known)


def _on_the_processor(model: Model) -> list[str]:
    nodes = [node for node in model.proto.graph.node if node.op_type not in _FREE and not supported(node, model.opset)]
    if not nodes:
        return []
    counts = Counter(node.op_type for node in nodes)
    listed = ", ".join(f"{op} x{count}" if count > 1 else op for op, count in counts.most_common(8))
    first = node_label(nodes[0])
    how_many = "1 node runs" if len(nodes) == 1 else f"{len(nodes)} nodes run"
    return [f"{how_many} on the processor, with copies to and from the graphics card: {listed}; the first is {first}."]


def _tensors(model: Model) -> Iterator[tuple[str, int, int]]:
    """Name, bytes and element type of every constant, and of every value whose size is known."""
    for tensor in model.proto.graph.initializer:
        yield tensor.name, _bytes(list(tensor.dims), tensor.data_type), tensor.data_type
    graph = model.proto.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        kind = value.type.tensor_type
        if value.type.HasField("tensor_type") and kind.HasField("shape"):
            dims = [dim.dim_value for dim in kind.shape.dim]
            yield value.name, _bytes(dims, kind.elem_type), kind.elem_type


def _bytes(dims: list[int], element: int) -> int:
    """0 where a dim or the type is not known."""
    if element in (onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING) or element not in onnx.TensorProto.DataType.values():
        return 0
    size = onnx.helper.tensor_dtype_to_np_dtype(element).itemsize
    for dim in dims:
        size *= dim
    return size


def _strings(model: Model) -> list[str]:
    names = [name for name, _, element in _tensors(model) if element == onnx.TensorProto.STRING]
    return [
        f"The tensor '{name}' holds strings, which no graphics card computes with. Export the part of the model behind them."
        for name in dict.fromkeys(names)
    ]


def _too_large(model: Model) -> list[str]:
    return [
        f"The tensor '{name}' takes {size / 2**20:.0f} MiB and a buffer of a graphics card at most {_COMMON_BUFFER >> 20}. "
        "Split it, give smaller sizes with --dim, or build for the target ort-wasm."
        for name, size, _ in _unique(model)
        if size > _COMMON_BUFFER
    ]


def _above_the_promise(model: Model) -> list[str]:
    return [
        f"The tensor '{name}' takes {size / 2**20:.0f} MiB, more than the {_PROMISED_BINDING >> 20} MiB that WebGPU promises "
        "of every device: where the limit is lower, the page takes the next variant."
        for name, size, _ in _unique(model)
        if _PROMISED_BINDING < size <= _COMMON_BUFFER
    ]


def _unique(model: Model) -> list[tuple[str, int, int]]:
    return list({name: (name, size, element) for name, size, element in _tensors(model)}.values())
