"""Operators that exporters write out as several nodes and that the peers have as one: GELU and hard swish."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

_SIXTH, _ROOT = 1 / 6, math.sqrt(2)


class Patterns:
    """Rewrites the nodes of a graph in place of its own list; the result is in ``nodes``."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes = list(graph.node)
        self._scalars = {
            tensor.name: float(array.reshape(()))
            for tensor in graph.initializer
            if (array := numpy_helper.to_array(tensor)).size == 1 and array.dtype == np.float32
        }
        self._makers = {name: node for node in self.nodes for name in node.output}
        self._users: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self._users.setdefault(name, []).append(node)

    def rewrite(self) -> list[onnx.NodeProto]:
        """The nodes, each pattern replaced by one node ``Gelu`` or ``HardSwish`` where its last node stood."""
        for found in [*self._gelus(), *self._hard_swishes()]:
            kind, x, chain = found
            last = chain[-1]
            self.nodes[self.nodes.index(last)] = helper.make_node(kind, [x], list(last.output), name=last.name)
            for node in chain[:-1]:
                self.nodes.remove(node)
        return self.nodes

    def _gelus(self) -> Iterator[tuple[str, str, list[Any]]]:
        """x · (1 + erf(x / √2)) · ½, the three factors in any order."""
        for erf in [node for node in self.nodes if node.op_type == "Erf"]:
            scaled = self._makers.get(erf.input[0])
            shifted = self._only_user(erf, "Add")
            if scaled is None or shifted is None or not self._divides_by_root(scaled) or not self._has(shifted, 1):
                continue
            x = scaled.input[0]
            inner = self._only_user(shifted, "Mul")
            outer = inner and self._only_user(inner, "Mul")
            if inner and outer and {self._factor(inner, x), self._factor(outer, x)} == {"x", "half"}:
                yield "Gelu", x, [scaled, erf, shifted, inner, outer]

    def _hard_swishes(self) -> Iterator[tuple[str, str, list[Any]]]:
        """x · clip(x / 6 + ½, 0, 1)."""
        for gate in [node for node in self.nodes if node.op_type == "HardSigmoid"]:
            found = {entry.name: helper.get_attribute_value(entry) for entry in gate.attribute}
            product = self._only_user(gate, "Mul")
            if product and gate.input[0] in product.input and math.isclose(found.get("alpha", 0.2), _SIXTH, rel_tol=1e-4):
                yield "HardSwish", gate.input[0], [gate, product]

    def _only_user(self, node: onnx.NodeProto, kind: str) -> onnx.NodeProto | None:
        users = self._users.get(node.output[0], [])
        return users[0] if len(users) == 1 and users[0].op_type == kind else None

    def _divides_by_root(self, node: onnx.NodeProto) -> bool:
        value = self._scalars.get(node.input[1]) if node.op_type == "Div" else None
        return value is not None and math.isclose(value, _ROOT, rel_tol=1e-5)

    def _has(self, node: onnx.NodeProto, value: float) -> bool:
        return any(self._scalars.get(name) == value for name in node.input)

    def _factor(self, node: onnx.NodeProto, x: str) -> str:
        """What a product multiplies by: the argument, or one half."""
        if x in node.input:
            return "x"
        return "half" if self._has(node, 0.5) else "else"
