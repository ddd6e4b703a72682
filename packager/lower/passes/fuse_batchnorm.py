"""A scale and a shift of channels, folded into the weights and the bias of the kernel before them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ir import Array, Constant, Graph, Node, Operand, Value, constant, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

_WITH_WEIGHTS = ("conv", "conv_transpose", "gemm")


def fuse_batchnorm(graph: Graph) -> Graph:
    """Batch norm after a convolution or a product costs nothing; int8 codes stay, only their scales change."""
    norms: dict[Node, Node] = {}
    for node in graph.nodes:
        source = graph.producer(node.inputs[0]) if node.op == "scale_shift" and _known(node.inputs[1:]) else None
        if source is not None and source.op in _WITH_WEIGHTS and graph.only_use(source.output) and _takes(source):
            norms[source] = node
    taken = set(norms.values())

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node in taken:
            return []
        return [_folded(node, norms[node])] if node in norms else None

    return rewrite(graph, rule, {})


def _known(operands: tuple[Operand, ...]) -> bool:
    return all(operand is None or operand.constant is not None for operand in operands)


def _takes(source: Node) -> bool:
    residual = source.inputs[3] if len(source.inputs) > 3 else None
    return source["fn"] == "none" and residual is None and _known(source.inputs[1:3])


def _folded(node: Node, norm: Node) -> Node:
    x, weights, bias = (*node.inputs, None)[:3]
    scale, shift = _data(norm.inputs[1]), _data(norm.inputs[2])
    if weights is None or weights.constant is None:
        raise AssertionError("weights went missing")
    total = shift if bias is None else _data(bias) * scale + shift
    attributes = {**node.attributes, **{name: norm[name] for name in ("fn", "p0", "p1")}}
    return replace(node, inputs=(x, _scaled(weights.name, weights.constant, scale), constant("bias", total)),
                   outputs=norm.outputs, attributes=attributes)  # fmt: skip


def _scaled(name: str, held: Constant, scale: Array) -> Value:
    if held.scale is None:
        return constant(name, (held.array * scale).astype(np.float32))
    full = held.scale.reshape((1,) * (held.array.ndim - held.scale.ndim) + held.scale.shape)
    return constant(name, held.array, (full * scale).astype(np.float32))


def _data(operand: Operand) -> Array:
    if operand is None or operand.data is None:
        raise AssertionError("a constant went missing")
    return operand.data
