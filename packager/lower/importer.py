"""ONNX → the compiler's graph. Nodes that are not covered are collected, all of them, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from packager.lower.builder import GraphBuilder
from packager.lower.functions import definition, instance, is_defined, opset_of
from packager.lower.ir import Graph, Operand, Value, constant, prune
from packager.lower.ops import IMPORTS
from packager.lower.ops.base import Call
from packager.lower.sizes import symbol, symbols_of
from packager.lower.unsupported import Unsupported
from packager.model import DTYPES, Model, node_label

_ABSENT = object()


@dataclass(frozen=True)
class Uncovered:
    """A node that the engine does not cover: its label, its op type, and why."""

    node: str
    op: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node}: {self.reason}."


def import_model(model: Model) -> tuple[Graph | None, list[Uncovered]]:
    """The graph, or None with everything that stands in its way."""
    importer = _Importer(model)
    return importer.run()


class _Importer:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.opset = model.opset
        self.build = GraphBuilder()
        self.refused: list[Uncovered] = []
        self.within: list[str] = []

    def run(self) -> tuple[Graph | None, list[Uncovered]]:
        inputs = tuple(
            Value(
                entry["name"], entry["dtype"], tuple(size if isinstance(size, int) else symbol(size) for size in entry["shape"])
            )
            for entry in self.model.signature["inputs"]
        )
        scope: dict[str, Operand | object] = {entry.name: self.widened(entry) for entry in inputs}
        for entry in inputs:
            if entry.dtype not in ("float32", "float16", "int64", "int32", "bool", "int8", "uint8"):
                self.refused.append(Uncovered(f"the input '{entry.name}'", "", f"it is {entry.dtype}"))
        self.graph(self.model.proto.graph, scope)
        outputs = []
        for output in self.model.proto.graph.output:
            result = scope.get(output.name, _ABSENT)
            if isinstance(result, Value):
                outputs.append((output.name, self.narrowed(result, output)))
            elif not self.refused:
                self.refused.append(Uncovered(f"the output '{output.name}'", "", "nothing computes it"))
        if self.refused:
            return None, self.refused
        names: dict[str, None] = {}
        for entry in inputs:
            for size in entry.shape:
                names.update(dict.fromkeys(sorted(symbols_of(size))))
        graph = Graph(tuple(names), inputs, tuple(outputs), tuple(self.build.nodes), tuple(self.build.checks))
        return prune(graph), []

    def widened(self, entry: Value) -> Value:
        """Half floats are computed with as floats."""
        return self.build.op("cast", entry, to="float32") if entry.dtype == "float16" else entry

    def narrowed(self, result: Value, output: onnx.ValueInfoProto) -> Value:
        """An output that the model gives in half floats."""
        half = output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
        result = self.build.op("cast", result, to="float16") if half and result.dtype == "float32" else result
        if half and result.constant is not None:
            self.refused.append(Uncovered(f"the output '{output.name}'", "", "it is a constant in half floats"))
        return result

    def graph(self, graph: onnx.GraphProto, scope: dict[str, Any]) -> None:
        """Imports a graph's nodes; ``scope`` has what each name stands for, _ABSENT for what a refused node would have made."""
        for tensor in graph.initializer:
            if tensor.data_type in DTYPES:
                scope[tensor.name] = _held(tensor.name, numpy_helper.to_array(tensor))
            else:
                scope[tensor.name] = _ABSENT
        for node in graph.node:
            self.node(node, scope)

    def node(self, node: onnx.NodeProto, scope: dict[str, Any]) -> None:
        label = node_label(node)
        results: list[Any] = [_ABSENT] * len(node.output)
        try:
            results = self.results(node, label, scope)
        except Unsupported as error:
            self.refused.append(Uncovered(label, node.op_type, str(error)))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # An importer takes the node to be valid ONNX; where it is not, another target may still say what is wrong.
            self.refused.append(Uncovered(label, node.op_type, f"it is not as the engine expects it ({error})"))
        scope.update((name, result) for name, result in zip(node.output, results, strict=False) if name)

    def results(self, node: onnx.NodeProto, label: str, scope: dict[str, Any]) -> list[Any]:
        """What a node's outputs are; _ABSENT for those that nothing computes."""
        absent: list[Any] = [_ABSENT] * len(node.output)
        known = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        importer = IMPORTS.get(known)
        operands = [scope.get(name, _ABSENT) if name else None for name in node.input]
        if node.op_type == "If":
            return self.branches(node, label, operands[0], scope)
        if importer is None:
            return self.function(node, label, operands)
        if _ABSENT in operands:
            return absent
        self.build.source = label
        made = importer(Call(node.op_type, tuple(operands), _attributes(node), self.opset, len(node.output), self.build))
        results = [made] if isinstance(made, Value) else list(made)
        return results + [_ABSENT] * (len(node.output) - len(results))

    def function(self, node: onnx.NodeProto, label: str, operands: list[Any]) -> list[Any]:
        """An operator that is defined by others: by the model's own functions, or by ONNX."""
        absent = [_ABSENT] * len(node.output)
        body = next((entry for entry in self.model.proto.functions if _is_of(node, entry)), None)
        if body is None and node.domain in ("", "ai.onnx") and _ABSENT not in operands:
            body = definition(node, operands, self.opset)
        if body is None:
            if _ABSENT not in operands or not is_defined(node, self.opset):
                self.refused.append(Uncovered(label, node.op_type, "the engine does not know this operator"))
            return absent
        if len(self.within) > 20:
            self.refused.append(Uncovered(label, node.op_type, "it is defined by itself"))
            return absent
        outer, before = self.opset, len(self.refused)
        self.opset = opset_of(body, outer)
        self.within.append(label)
        scope: dict[str, Any] = dict.fromkeys(body.input, None) | dict(zip(body.input, operands, strict=False))
        for inner in instance(body, node):
            self.node(inner, scope)
        self.opset = outer
        self.within.pop()
        self.refused[before:] = dict.fromkeys(
            Uncovered(label, node.op_type, f"by its definition it needs {entry.op}: {entry.reason}")
            for entry in self.refused[before:]
        )
        return [scope.get(name, _ABSENT) for name in body.output][: len(node.output)]

    def branches(self, node: onnx.NodeProto, label: str, condition: Any, scope: dict[str, Any]) -> list[Any]:
        """If: the branch that a constant condition takes; else both are computed, and one is picked."""
        absent = [_ABSENT] * len(node.output)
        if condition is _ABSENT:
            return absent
        graphs = {attribute.name: attribute.g for attribute in node.attribute}
        if condition.data is not None:
            taken = "then_branch" if bool(np.all(condition.data)) else "else_branch"
            return self.branch(graphs[taken], scope)
        both = [self.branch(graphs[name], scope) for name in ("then_branch", "else_branch")]
        self.build.source = label
        results = []
        for then, other in zip(*both, strict=True):
            if then is _ABSENT or other is _ABSENT:
                return absent
            if then.dtype != other.dtype or then.rank != other.rank:
                self.refused.append(Uncovered(label, node.op_type, "its branches give tensors of different types"))
                return absent
            try:
                for left, right in zip(then.shape, other.shape, strict=True):
                    self.build.equal(left, right)
                results.append(self.build.op("where", condition, then, other))
            except Unsupported as error:
                self.refused.append(Uncovered(label, node.op_type, f"its branches differ: {error}"))
                return absent
        return results

    def branch(self, graph: onnx.GraphProto, scope: dict[str, Any]) -> list[Any]:
        inner = dict(scope)
        self.graph(graph, inner)
        return [inner.get(output.name, _ABSENT) for output in graph.output]


def _held(name: str, array: np.ndarray) -> Value:
    """A weight; half floats are floats that travel as halves."""
    if array.dtype == np.float16:
        return constant(name, array, np.ones((1,) * array.ndim, np.float32))
    return constant(name, array)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _is_of(node: onnx.NodeProto, function: onnx.FunctionProto) -> bool:
    return (node.domain, node.op_type, node.overload) == (function.domain, function.name, function.overload)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.HasField("g"):
            continue
        given = onnx.helper.get_attribute_value(attribute)
        if isinstance(given, bytes):
            given = given.decode("utf-8", "replace")
        elif isinstance(given, onnx.TensorProto):
            given = _wide(numpy_helper.to_array(given)) if given.data_type in DTYPES else given
        elif attribute.name in ("to", "dtype") and given in DTYPES:
            given = "float32" if DTYPES[given] == "float16" else DTYPES[given]
        elif not isinstance(given, int | float | str | np.ndarray):
            given = tuple(entry.decode("utf-8", "replace") if isinstance(entry, bytes) else entry for entry in given)
        found[attribute.name] = given
    return found
