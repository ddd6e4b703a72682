"""Weights of 4 bits: large matrices in blocks, each with a step and a zero point, as the operator MatMulNBits takes them.

Arithmetic stays in float32, so that any graphics card will do. Tables that Gather reads keep 8 bits, and all other large
weights travel as float16 behind a Cast, which the engine computes once, when it loads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from packager.native import open_session
from packager.targets.half import reads, to_half

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BLOCK = 32
"""Weights that share a step and a zero point: neighbours along the axis that a product sums over."""
_DOMAIN = "com.microsoft"
# Smaller matrices save too little to be worth an operator of their own.
_LARGE = 2**14
# Shares of a block's range that its codes may span: a few values cut off may leave the others closer.
_SPANS = (1.0, 0.95, 0.9, 0.85, 0.8)


def quantise(proto: onnx.ModelProto) -> None:
    """Rewrites the graph in place."""
    graph = proto.graph
    constants = _evaluate(proto, {name for node in graph.node for name in _matrices(node)})
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        matrix = next((constants[name] for name in _matrices(node) if name in constants), None)
        nodes += [node] if matrix is None else _REWRITES[node.op_type](graph, node, matrix)
    del graph.node[:]
    graph.node.extend(nodes)
    if constants and all(entry.domain != _DOMAIN for entry in proto.opset_import):
        proto.opset_import.add(domain=_DOMAIN, version=1)
    _prune(graph)
    _shrink(graph)


def pack(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes uint8 [N, K/32, 16], steps float16 [N, K/32] and zero points uint8 [N, K/64] of a matrix [K, N].

    Two codes make a byte, the first in its low half; K is rounded up to whole blocks and an even number of zero points.
    """
    depth, rows = matrix.shape
    blocks = -(-depth // BLOCK)
    padded = np.zeros((rows, blocks * BLOCK), np.float32)
    padded[:, :depth] = matrix.T
    codes, steps, zeros = _round(padded.reshape(rows, blocks, BLOCK), 15)
    zeros = np.pad(zeros, ((0, 0), (0, blocks % 2)))
    return codes[..., ::2] | codes[..., 1::2] << 4, steps, zeros[:, ::2] | zeros[:, 1::2] << 4


def unpack(codes: np.ndarray, steps: np.ndarray, zeros: np.ndarray, depth: int) -> np.ndarray:
    """The inverse of pack: a float32 matrix [K, N] with K = ``depth``, as the operator computes with it."""
    rows, blocks, _ = codes.shape
    wide = np.stack([codes & 15, codes >> 4], -1).reshape(rows, blocks, BLOCK).astype(np.float32)
    zero = np.stack([zeros & 15, zeros >> 4], -1).reshape(rows, -1)[:, :blocks].astype(np.float32)
    return ((wide - zero[..., None]) * steps.astype(np.float32)[..., None]).reshape(rows, -1)[:, :depth].T


def _round(blocks: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes from 0 to ``most``, steps and zero points of the blocks along the last axis, with the least squared error."""
    low, high = np.minimum(blocks.min(-1), 0), np.maximum(blocks.max(-1), 0)
    best: tuple[np.ndarray, ...] | None = None
    for span in _SPANS if most == 15 else _SPANS[:1]:
        # A block of zeros has any step.
        steps = np.maximum((high - low) * (span / most), 2**-14).astype(np.float16)
        step = steps.astype(np.float32)
        zeros = np.clip(np.rint(-low * span / step), 0, most)
        codes = np.clip(np.rint(blocks / step[..., None]) + zeros[..., None], 0, most)
        errors = np.square((codes - zeros[..., None]) * step[..., None] - blocks).sum(-1)
        fresh = (codes.astype(np.uint8), steps, zeros.astype(np.uint8), errors)
        if best is None:
            best = fresh
        else:
            better = errors < best[3]
            shapes = (better[..., None], better, better, better)
            best = tuple(np.where(mask, new, old) for mask, new, old in zip(shapes, fresh, best, strict=True))
    assert best is not None
    return best[0], best[1], best[2]


def _matrices(node: onnx.NodeProto) -> list[str]:
    """The input of a node that may be packed, by name."""
    if node.domain not in ("", "ai.onnx"):
        return []
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "MatMul":
        return [node.input[1]]
    if node.op_type == "Gemm":
        plain = attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0 and not attributes.get("transA", 0)
        return [node.input[1]] if plain else []
    return [node.input[0]] if node.op_type == "Gather" and attributes.get("axis", 0) == 0 else []


def _product(graph: onnx.GraphProto, node: onnx.NodeProto, matrix: np.ndarray) -> list[onnx.NodeProto]:
    if any(attribute.name == "transB" and attribute.i for attribute in node.attribute):
        matrix = matrix.T
    codes, steps, zeros = pack(matrix)
    bias = [name for name in node.input[2:] if name]
    flow = f"{node.output[0]}.product" if bias else node.output[0]
    depth, rows = matrix.shape
    casts, step = _constant(graph, f"{node.output[0]}.steps", steps.reshape(-1))
    _, code = _constant(graph, f"{node.output[0]}.codes", codes)
    _, zero = _constant(graph, f"{node.output[0]}.zeros", zeros.reshape(-1))
    inputs = [node.input[0], code, step, zero]
    product = helper.make_node(
        "MatMulNBits", inputs, [flow], node.name, domain=_DOMAIN, K=depth, N=rows, bits=4, block_size=BLOCK
    )
    return [*casts, product, *(helper.make_node("Add", [flow, name], [node.output[0]]) for name in bias)]


def _lookup(graph: onnx.GraphProto, node: onnx.NodeProto, table: np.ndarray) -> list[onnx.NodeProto]:
    rows, width = table.shape
    if width % BLOCK:
        return [node]
    codes, steps, zeros = _round(table.reshape(rows, -1, BLOCK), 255)
    name = node.output[0]
    casts, step = _constant(graph, f"{name}.steps", steps)
    _, code = _constant(graph, f"{name}.codes", codes.reshape(rows, width))
    _, zero = _constant(graph, f"{name}.zeros", zeros)
    inputs = [code, node.input[1], step, zero]
    attributes: dict[str, Any] = {"bits": 8, "block_size": BLOCK, "gather_axis": 0, "quantize_axis": 1}
    return [*casts, helper.make_node("GatherBlockQuantized", inputs, [name], node.name, domain=_DOMAIN, **attributes)]


_REWRITES: dict[str, Callable[[onnx.GraphProto, onnx.NodeProto, np.ndarray], list[onnx.NodeProto]]] = {
    "MatMul": _product,
    "Gemm": _product,
    "Gather": _lookup,
}


def _constant(graph: onnx.GraphProto, name: str, array: np.ndarray) -> tuple[list[onnx.NodeProto], str]:
    """A constant of the graph, and the Cast that makes float32 of half floats."""
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    if array.dtype != np.float16:
        return [], name
    wide = f"{name}.wide"
    return [helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT)], wide


def _evaluate(proto: onnx.ModelProto, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Those of the values that are large float32 matrices, and constant: given, or computed of constants alone."""
    graph = proto.graph
    constant = {tensor.name for tensor in graph.initializer} - {value.name for value in graph.input}
    nodes = []
    for node in graph.node:
        if all(name in constant for name in reads(node) if name) and not any(a.HasField("g") for a in node.attribute):
            nodes.append(node)
            constant.update(node.output)
    wanted = sorted({name for name in names if name in constant})
    if not wanted:
        return {}
    part = onnx.ModelProto()
    part.CopyFrom(proto)
    del part.graph.node[:], part.graph.input[:], part.graph.output[:], part.graph.value_info[:]
    part.graph.node.extend(nodes)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    _prune(part.graph)
    arrays = open_session(part.SerializeToString()).run(None, {})
    return {name: array for name, array in zip(wanted, arrays, strict=True) if _is_large(array)}


def _is_large(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype == np.float32 and array.ndim == 2 and array.size >= _LARGE


def _shrink(graph: onnx.GraphProto) -> None:
    """Other large float32 weights travel as float16."""
    casts = []
    for tensor in list(graph.initializer):
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims, dtype=np.int64) >= BLOCK**2:
            half = to_half(numpy_helper.to_array(tensor))
            if half is not None:
                name = tensor.name
                tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
                casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _prune(graph: onnx.GraphProto) -> None:
    """Leaves out nodes and weights that nothing reads any more."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(reads(node))
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(weights)
