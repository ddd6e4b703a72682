"""Equal nodes become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from packager.lower.ir import Graph, Node, Operand, Value, rewrite


def merge_equal(graph: Graph) -> Graph:
    """Each computation once: nodes of the same op, operands and attributes are the first of them."""
    seen: dict[Any, Node] = {}
    replaced: dict[Value, Value] = {}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        key = (node.op, tuple(id(current(operand)) for operand in node.inputs), _frozen(node.attributes))
        first = seen.setdefault(key, node)
        if first is node:
            return None
        replaced.update(zip(node.outputs, first.outputs, strict=True))
        return []

    return rewrite(graph, rule, replaced)


def _frozen(item: Any) -> Any:
    if isinstance(item, Mapping):
        return tuple((name, _frozen(item[name])) for name in sorted(item))
    if isinstance(item, tuple | list):
        return tuple(map(_frozen, item))
    return ("nan",) if isinstance(item, float) and item != item else (type(item).__name__, item)
