"""The compiler's graph: typed values, nodes in order, and nothing that changes once it is made.

A pass makes a new graph; ``rewrite`` does it node by node. Values are compared by identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from packager.lower.sizes import Shape, Size, product, value

Array = np.ndarray
Attributes = Mapping[str, Any]
"""Plain Python data: numbers, strings, tuples, sizes, None."""


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor known when compiling: ``array``, or ``array × scale`` where the model holds int8 codes or half floats.

    ``scale`` is float32 and broadcasts over ``array``. Codes stay codes as long as the passes only move them about.
    """

    array: Array
    scale: Array | None = None

    @cached_property
    def data(self) -> Array:
        """The tensor as the model computes with it."""
        return self.array if self.scale is None else self.array.astype(np.float32) * self.scale

    @property
    def shape(self) -> tuple[int, ...]:
        """As the model sees it."""
        return self.array.shape


@dataclass(frozen=True)
class Type:
    """What is known of a value before anything runs. ``dtype`` is the manifest's name: float32, int64, bool, …"""

    dtype: str
    shape: Shape


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor in the graph.

    ``constant`` holds it where it is known; ``elements`` are its elements, row-major, where they are integers that are known as
    sizes (shapes, and what is computed from them).
    """

    name: str
    dtype: str
    shape: Shape
    constant: Constant | None = None
    elements: tuple[Size, ...] | None = None

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def count(self) -> Size:
        """Number of elements."""
        return product(self.shape)

    @property
    def type(self) -> Type:
        """Its dtype and shape."""
        return Type(self.dtype, self.shape)

    @property
    def data(self) -> Array | None:
        """The constant's tensor, or None."""
        return None if self.constant is None else self.constant.data

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.shape))}]"


Operand = Value | None


@dataclass(frozen=True, eq=False)
class Node:
    """An operation of the IR: ``op`` names it in the registry of ``packager.lower.ops``; ``source`` is the model's node."""

    op: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Value, ...]
    attributes: Attributes = field(default_factory=dict)
    source: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    @property
    def output(self) -> Value:
        """The only output."""
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in an order in which they can run. Outputs have the model's names; inputs carry theirs."""

    symbols: tuple[str, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[tuple[str, Value], ...]
    nodes: tuple[Node, ...]
    checks: tuple[tuple[Size, Size], ...] = ()

    @cached_property
    def producers(self) -> dict[Value, Node]:
        """The node that makes each value; inputs and constants have none."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def uses(self) -> Counter[Value]:
        """How often each value is read, by nodes or as an output of the graph."""
        counts: Counter[Value] = Counter(operand for node in self.nodes for operand in node.inputs if operand is not None)
        counts.update(result for _, result in self.outputs)
        return counts

    @cached_property
    def consumers(self) -> dict[Value, list[Node]]:
        """The nodes that read each value, each once."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for operand in dict.fromkeys(node.inputs):
                if operand is not None:
                    found.setdefault(operand, []).append(node)
        return found

    def producer(self, operand: Operand, op: str | None = None) -> Node | None:
        """The node that makes it, if there is one and it is of this op."""
        node = None if operand is None else self.producers.get(operand)
        return node if node is not None and op in (None, node.op) else None

    def only_use(self, operand: Operand) -> bool:
        """True where exactly one place reads the value, so that fusing it away loses nothing."""
        return operand is not None and self.uses[operand] == 1


def rewrite(graph: Graph, rule: Callable[[Node, Callable[[Operand], Operand]], Iterable[Node] | None],
            replaced: dict[Value, Value]) -> Graph:  # fmt: skip
    """A new graph: for each node in order, ``rule(node, current)`` gives the nodes to put in its place, or None to keep it.

    ``current`` maps a value of the old graph to what stands for it now. A rule enters into ``replaced`` what its new nodes
    stand for: old output → new value.
    """

    def current(operand: Operand) -> Operand:
        while operand in replaced:
            operand = replaced[operand]
        return operand

    nodes: list[Node] = []
    for node in graph.nodes:
        made = rule(node, current)
        nodes.extend([node] if made is None else made)
    # A replaced value may be read by a node that was kept, before or after the rule saw it.
    kept = [
        replace(node, inputs=tuple(current(operand) for operand in node.inputs))
        if any(operand in replaced for operand in node.inputs) else node
        for node in nodes
    ]  # fmt: skip
    outputs = tuple((name, _present(current(result))) for name, result in graph.outputs)
    return prune(replace(graph, nodes=tuple(kept), outputs=outputs))


def prune(graph: Graph) -> Graph:
    """Without the nodes that no output needs."""
    needed = {result for _, result in graph.outputs}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(output in needed for output in node.outputs):
            kept.append(node)
            needed.update(operand for operand in node.inputs if operand is not None)
    return graph if len(kept) == len(graph.nodes) else replace(graph, nodes=tuple(reversed(kept)))


def _present(operand: Operand) -> Value:
    if operand is None:
        raise AssertionError("an output of the graph was replaced by nothing")
    return operand


def constant(name: str, array: Array, scale: Array | None = None) -> Value:
    """A value that is known. Small integers are known as sizes too."""
    array = np.asarray(array)
    dtype = "float32" if scale is not None else str(array.dtype)
    elements = None
    if scale is None and array.dtype.kind in "iu" and array.size <= ELEMENTS:
        elements = tuple(int(item) for item in array.reshape(-1))
    return Value(name, dtype, tuple(array.shape), Constant(array, scale), elements)


def sized(name: str, sizes: Sequence[Size], shape: tuple[int, ...], dtype: str = "int64") -> Value:
    """An integer tensor of known sizes: a constant where they are numbers."""
    if all(isinstance(size, int) for size in sizes):
        return constant(name, np.array(sizes, dtype).reshape(shape))
    return Value(name, dtype, shape, None, tuple(sizes))


ELEMENTS = 64
"""Integer tensors of more elements than this are data, not shapes."""


def bind(item: Any, symbols: Mapping[str, int]) -> Any:
    """Attributes, shapes or sizes with every symbol replaced by its number."""
    if isinstance(item, tuple | list):
        return tuple(bind(entry, symbols) for entry in item)
    if isinstance(item, Mapping):
        return {name: bind(entry, symbols) for name, entry in item.items()}
    return value(item, symbols) if hasattr(item, "terms") else item


def same_shape(left: Sequence[Size], right: Sequence[Size]) -> bool:
    """True where the shapes are equal whatever the symbols are."""
    return tuple(left) == tuple(right)
