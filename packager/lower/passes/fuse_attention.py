"""Attention as one kernel: two products with a softmax between them, whatever the export spelled around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Graph, Node, Operand, Value, rewrite
from packager.lower.ops.base import scalar

if TYPE_CHECKING:
    from collections.abc import Callable

_SAME = (0, 1, 2, 3)
_HEADS_FIRST = (0, 2, 1, 3)


@dataclass(frozen=True)
class _Match:
    q: Value
    k: Value
    v: Value
    mask: Value | None
    scale: float
    q_perm: tuple[int, ...]
    k_perm: tuple[int, ...]
    v_perm: tuple[int, ...]


def fuse_attention(graph: Graph) -> Graph:
    """``softmax(q @ kᵀ · scale + mask) @ v`` over four dimensions becomes one node, and takes in the transposes around it."""
    replaced: dict[Value, Value] = {}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        match = _match(graph, node) if node.op == "matmul" and node.output.rank == 4 else None
        if match is None:
            return None
        build = GraphBuilder(f"attention.{node.output.name}.")
        build.source = node.source
        after = graph.consumers.get(node.output, [])
        turned = len(after) == 1 and after[0].op == "transpose" and tuple(after[0]["perm"]) == _HEADS_FIRST
        operands = [current(operand) for operand in (match.q, match.k, match.v, match.mask)]
        made = build.op(
            "attention", *(operands if match.mask is not None else operands[:3]), scale=match.scale, q_perm=match.q_perm,
            k_perm=match.k_perm, v_perm=match.v_perm, y_perm=_HEADS_FIRST if turned and graph.only_use(node.output) else _SAME,
        )  # fmt: skip
        replaced[after[0].output if turned and graph.only_use(node.output) else node.output] = made
        return build.nodes

    return rewrite(graph, rule, replaced)


def _match(graph: Graph, node: Node) -> _Match | None:
    if node["transposed"]:
        return None
    softmax = graph.producer(_guarded(graph, node.inputs[0]), "softmax")
    if softmax is None or softmax["axis"] != 3 or softmax["logarithm"] or not _once(graph, softmax.output):
        return None
    scores, mask, scale = softmax.inputs[0], None, 1.0
    total = graph.producer(scores, "binary")
    if total is not None and total["fn"] == "add" and graph.only_use(scores):
        scores, mask = _split_mask(graph, total)
    scores, factor = _unscaled(graph, scores)
    product = graph.producer(scores, "matmul")
    if product is None or product["transposed"] or not graph.only_use(scores):
        return None
    scale *= factor
    q, factor, q_perm = _through(graph, product.inputs[0])
    k, other, k_perm = _through(graph, product.inputs[1])
    v, third, v_perm = _through(graph, node.inputs[1])
    if q is None or k is None or v is None or third != 1.0:
        return None
    # K comes as [batch, heads, depth, keys].
    k_perm = (k_perm[0], k_perm[1], k_perm[3], k_perm[2])
    if any(perm[3] != 3 for perm in (q_perm, k_perm, v_perm)) or q.rank != 4 or k.rank != 4 or v.rank != 4:
        return None
    if tuple(product.output.shape[:2]) != tuple(node.output.shape[:2]) or not _same_heads(q, q_perm, k, k_perm, v, v_perm):
        return None
    return _Match(q, k, v, mask, scale * factor * other, q_perm, k_perm, v_perm)


def _same_heads(
    q: Value, q_perm: tuple[int, ...], k: Value, k_perm: tuple[int, ...], v: Value, v_perm: tuple[int, ...]
) -> bool:
    heads = [(entry.shape[perm[0]], entry.shape[perm[1]]) for entry, perm in ((q, q_perm), (k, k_perm), (v, v_perm))]
    return heads[0] == heads[1] == heads[2]


def _once(graph: Graph, operand: Value) -> bool:
    """True where the shares are used for the product alone; the guard against NaN reads them twice."""
    return graph.uses[operand] == 1 or {node.op for node in graph.consumers.get(operand, [])} == {"test", "where"}


def _guarded(graph: Graph, operand: Operand) -> Operand:
    """Past ``where(isnan(s), 0, s)``, which a mask of finite numbers never needs."""
    where = graph.producer(operand, "where")
    test = graph.producer(where.inputs[0], "test") if where is not None else None
    if where is None or test is None or test["fn"] != "is_nan" or test.inputs[0] is not where.inputs[2]:
        return operand
    return where.inputs[2] if scalar(where.inputs[1]) == 0 else operand


def _split_mask(graph: Graph, total: Node) -> tuple[Operand, Value | None]:
    for index in range(2):
        source, _ = _unscaled(graph, total.inputs[index])
        if graph.producer(source, "matmul") is not None:
            return total.inputs[index], total.inputs[1 - index]
    return total.output, None


def _unscaled(graph: Graph, operand: Operand) -> tuple[Operand, float]:
    node = graph.producer(operand, "binary")
    if node is None or node["fn"] not in ("mul", "div"):
        return operand, 1.0
    for index in range(2 if node["fn"] == "mul" else 1):
        factor = scalar(node.inputs[1 - index])
        if factor:
            inner, more = _unscaled(graph, node.inputs[index])
            return inner, more * (factor if node["fn"] == "mul" else 1 / factor)
    return operand, 1.0


def _through(graph: Graph, operand: Operand) -> tuple[Operand, float, tuple[int, ...]]:
    """What the operand was before it was scaled and its dimensions reordered; the scale, and the order."""
    operand, factor = _unscaled(graph, operand)
    node = graph.producer(operand, "transpose")
    if node is None:
        return operand, factor, _SAME
    inner, more = _unscaled(graph, node.inputs[0])
    return inner, factor * more, tuple(node["perm"])
