"""Multiplications and additions of constants per channel, one after another, as one scale and shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Array, Graph, Node, Operand, Value, rewrite
from packager.lower.ops.convolution import NO_ACTIVATION

if TYPE_CHECKING:
    from collections.abc import Callable

Affine = tuple[Array, Array]


def fuse_scale(graph: Graph) -> Graph:
    """Batch norm spelled as products and sums, or followed by some, is one ``scale_shift``, which weights may take in."""
    inner: set[Node] = set()
    chains: dict[Node, tuple[Value, Array, Array]] = {}
    for node in reversed(graph.nodes):
        if node in inner or _step(node) is None:
            continue
        source, scale, shift, links = _chain(graph, node)
        if len(links) > 1 or node.op == "scale_shift" or _follows_weights(graph, source):
            chains[node] = source, scale, shift
            inner.update(links[1:])

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node in inner:
            return []
        if node not in chains:
            return None
        source, scale, shift = chains[node]
        build = GraphBuilder(f"scale.{node.output.name}.")
        build.source = node.source
        attributes = dict(node.attributes) if node.op == "scale_shift" else NO_ACTIVATION
        made = build.op("scale_shift", current(source), build.constant(scale), build.constant(shift), **attributes)
        replaced[node.output] = made
        return build.nodes

    replaced: dict[Value, Value] = {}
    return rewrite(graph, rule, replaced)


def _chain(graph: Graph, last: Node) -> tuple[Value, Array, Array, list[Node]]:
    """What the chain that ends here starts from, its scale and shift, and its nodes from the last."""
    links, node = [last], last
    source, scale, shift = _known(last)
    while True:
        before = graph.producer(source)
        step = _step(before) if before is not None and graph.only_use(source) else None
        if before is None or step is None or (before.op == "scale_shift" and before["fn"] != "none"):
            return source, scale.astype(np.float32), shift.astype(np.float32), links
        source, more, added = step
        scale, shift = scale * more, shift + scale * added
        node = before
        links.append(node)


def _known(node: Node) -> tuple[Value, Array, Array]:
    step = _step(node)
    if step is None:
        raise AssertionError("not a step of a chain")
    return step


def _step(node: Node) -> tuple[Value, Array, Array] | None:
    """(x, scale, shift) where the node computes ``x * scale + shift`` with a constant per channel."""
    x, channels = node.inputs[0] if node.inputs else None, node.output.shape[-1] if node.output.rank else None
    if node.output.rank < 2 or node.output.dtype != "float32" or not isinstance(channels, int) or x is None:
        return None
    if node.op == "scale_shift":
        scale, shift = (entry.data if entry is not None else None for entry in node.inputs[1:3])
        return None if scale is None or shift is None else (x, scale.astype(np.float64), shift.astype(np.float64))
    if node.op != "binary" or node["fn"] not in ("add", "sub", "mul", "div"):
        return None
    for index in range(2):
        given, other = node.inputs[1 - index], node.inputs[index]
        number = _per_channel(given, channels)
        if number is None or other is None or tuple(other.shape) != tuple(node.output.shape):
            continue
        one, zero = np.ones(channels), np.zeros(channels)
        match node["fn"]:
            case "mul":
                return other, number, zero
            case "add":
                return other, one, number
            case "sub":
                return (other, one, -number) if index == 0 else (other, -one, number)
            case "div" if index == 0 and np.all(number != 0):
                return other, 1 / number, zero
    return None


def _per_channel(operand: Operand, channels: int) -> Array | None:
    if operand is None or operand.data is None or operand.count not in (1, channels):
        return None
    if operand.count != 1 and operand.shape[-1] != channels:
        return None
    return np.broadcast_to(operand.data.reshape(-1), (channels,)).astype(np.float64)


def _follows_weights(graph: Graph, source: Value) -> bool:
    before = graph.producer(source)
    return before is not None and before.op in ("conv", "conv_transpose", "gemm") and graph.only_use(source) and (
        before["fn"] == "none" and (len(before.inputs) < 4 or before.inputs[3] is None)
        and all(entry is None or entry.constant is not None for entry in before.inputs[1:3])
    )  # fmt: skip
