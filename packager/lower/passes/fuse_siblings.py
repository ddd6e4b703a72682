"""Products of one tensor with several weights become one product: Q, K and V of attention, read from its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Array, Constant, Graph, Node, Operand, Value, constant, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable


def fuse_siblings(graph: Graph) -> Graph:
    """``x @ a``, ``x @ b``, … that only attention reads become ``x @ [a b …]`` and slices, which attention takes as views."""
    families: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        if node.op == "gemm" and node.inputs[0] is not None and _is_plain(node) and _feeds_attention(graph, node.output):
            families.setdefault(node.inputs[0], []).append(node)
    first: dict[Node, list[Node]] = {}
    for family in families.values():
        if len(family) > 1 and _joinable(family):
            first[family[0]] = family
    replaced: dict[Value, Value] = {}
    joined = {node for family in first.values() for node in family}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node not in joined:
            return None
        return _join(first[node], current, replaced) if node in first else []

    return rewrite(graph, rule, replaced)


def _is_plain(node: Node) -> bool:
    weights = node.inputs[1]
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    return (
        node["fn"] == "none" and (len(node.inputs) < 4 or node.inputs[3] is None)
        and weights is not None and weights.constant is not None and (bias is None or bias.constant is not None)
    )  # fmt: skip


def _feeds_attention(graph: Graph, value: Value) -> bool:
    readers = graph.consumers.get(value, [])
    return bool(readers) and graph.uses[value] == len(readers) and all(
        (reader.op == "attention" and value not in reader.inputs[3:])
        or (reader.op == "reshape" and _feeds_attention(graph, reader.output))
        for reader in readers
    )  # fmt: skip


def _joinable(family: list[Node]) -> bool:
    kinds = {
        _kind(node.inputs[1].constant) for node in family if node.inputs[1] is not None and node.inputs[1].constant is not None
    }
    biased = {len(node.inputs) > 2 and node.inputs[2] is not None for node in family}
    return len(kinds) == 1 and len(biased) == 1


def _kind(held: Constant) -> str:
    if held.scale is None:
        return "plain"
    return f"{held.array.dtype} by column" if held.scale.size in (1, held.shape[-1]) and held.scale.shape[0] == 1 else "other"


def _join(family: list[Node], current: Callable[[Operand], Operand], replaced: dict[Value, Value]) -> list[Node]:
    node = family[0]
    build = GraphBuilder(f"siblings.{node.output.name}.")
    build.source = node.source
    weights = _columns([entry.inputs[1].constant for entry in family])  # type: ignore[union-attr]
    bias = None
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = constant("bias", np.concatenate([_data(entry.inputs[2]) for entry in family]))
    whole = build.op("gemm", current(node.inputs[0]), weights, bias, **node.attributes)
    start = 0
    for entry in family:
        width = int(entry.output.shape[-1])  # type: ignore[arg-type]
        rank = whole.rank
        replaced[entry.output] = build.op(
            "slice", whole, starts=(0,) * (rank - 1) + (start,), counts=tuple(entry.output.shape), steps=(1,) * rank
        )
        start += width
    return build.nodes


def _columns(parts: list[Constant | None]) -> Value:
    held = [part for part in parts if part is not None]
    codes = np.concatenate([part.array for part in held], 1)
    if held[0].scale is None:
        return constant("weights", codes)
    scale = np.concatenate([np.broadcast_to(np.asarray(part.scale), (1, part.shape[1])) for part in held], 1)
    return constant("weights", codes, np.ascontiguousarray(scale))


def _data(operand: Operand) -> Array:
    if operand is None or operand.data is None:
        raise AssertionError("a bias went missing")
    return operand.data
