"""Writes a graph model's parts: nodes, constants, and the sizes that the engine feeds."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower import pack
from packager.lower.ir import Constant
from packager.lower.sizes import fold
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Array, Graph, Node, Operand, Value
    from packager.lower.pack import Packed
    from packager.lower.sizes import Shape, Size
    from packager.options import Precision

FORMAT, VERSION = "packager-graph-model", 1

MOST_DIMENSIONS = 6
MOST_ELEMENTS = 8192 * 8192
"""What fits into a texture of the size that nearly every GPU has."""
LARGEST_INTEGER = 2**24
"""WebGL holds integers in floats, which are exact up to here."""

# Constants of so few elements travel within the document.
_FEW = 16
# A number repeated so often is filled in by the page.
_UNIFORM = 4096

_DTYPES = {
    "float32": "float32", "float16": "float32", "int64": "int32", "int32": "int32", "int8": "int32", "uint8": "int32",
    "bool": "bool",
}  # fmt: skip
_TYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL"}


def held_as(dtype: str) -> str:
    """The dtype that TensorFlow.js computes with in place of the model's. Raises Unsupported."""
    if dtype not in _DTYPES:
        raise Unsupported(f"it works on {dtype}")
    return _DTYPES[dtype]


@dataclass(frozen=True)
class Type:
    """An attribute that is a dtype of the model."""

    dtype: str


@dataclass(frozen=True)
class Weight:
    """A constant that travels as bytes: its entry in the document, which lacks its place; codes, and scales for int8."""

    entry: dict[str, Any]
    packed: Packed


class Writer:
    """A graph model as it grows. ``sources`` has the model's node behind each node."""

    def __init__(self, graph: Graph, precision: Precision = "fp32") -> None:
        self.graph = graph
        self.nodes: list[dict[str, Any]] = []
        self.sources: list[str] = []
        self.weights: list[Weight] = []
        self._precision = precision
        self._source = ""
        self._held: list[dict[str, Any]] = []
        self._sizes: list[dict[str, Any]] = []
        self._known: dict[Any, str] = {}
        self._names: dict[Value, str] = {}
        for entry in graph.inputs:
            self._names[entry] = self.add("Placeholder", dtype=Type(entry.dtype))

    def begin(self, node: Node) -> None:
        """Nodes that follow belong to this one. Raises Unsupported for tensors that no texture takes."""
        self._source = node.source
        for value in (*node.inputs, *node.outputs):
            if value is not None and value.rank > MOST_DIMENSIONS:
                raise Unsupported(f"it works on {value.rank} dimensions, where TensorFlow.js has {MOST_DIMENSIONS}")
            if value is None:
                continue
            held_as(value.dtype)
            if isinstance(value.count, int) and value.count > MOST_ELEMENTS:
                raise Unsupported(f"it works on {value.count} elements at once, where a texture has {MOST_ELEMENTS}")

    # Values

    def read(self, operand: Operand) -> str:
        """The tensor that holds a value."""
        if operand is None:
            raise AssertionError("an operand is missing")
        if operand not in self._names:
            if operand.constant is not None:
                self._names[operand] = self._constant(operand.constant, "plain")
            elif operand.elements is not None:
                self._names[operand] = self.sizes(operand.elements, operand.shape)
            else:
                raise AssertionError(f"{operand.name} is read before it is made")
        return self._names[operand]

    def give(self, value: Value, tensor: str) -> None:
        """Says which tensor holds a value."""
        self._names[value] = tensor

    # Nodes

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A new node; its name, which stands for its first output too."""
        name = f"n{len(self.nodes)}"
        node: dict[str, Any] = {"name": name, "op": op, "input": list(inputs)}
        self.nodes.append(node | {"attr": {key: _attribute(given) for key, given in attributes.items()}})
        self.sources.append(self._source)
        return name

    def reshape(self, x: str, shape: Sequence[Size]) -> str:
        """The same elements in another shape."""
        return self.add("Reshape", x, self.vector(shape))

    def transpose(self, x: str, perm: Sequence[int]) -> str:
        """The dimensions in another order; nothing where it is the same."""
        return x if list(perm) == sorted(perm) else self.add("Transpose", x, self.vector(perm))

    # Constants. What nodes take as parameters is kept apart from what they compute with, which goes to the GPU.

    def vector(self, numbers: Sequence[Size]) -> str:
        """Integers that a node takes as a parameter; those that only the inputs tell are fed by the engine."""
        return self.sizes(numbers, (len(numbers),))

    def scalar(self, number: Size) -> str:
        """An integer that a node takes as a parameter."""
        return self.sizes((number,), ())

    def factor(self, number: float) -> str:
        """A float that a node takes as a parameter."""
        return self._once(("factor", number), lambda: self._inline("float32", [float(number)], ()))

    def number(self, number: float, dtype: str = "float32") -> str:
        """A number to compute with."""
        return self.array(np.array(number, held_as(dtype)))

    def array(self, array: Array) -> str:
        """A tensor to compute with, once."""
        data = np.ascontiguousarray(array)
        key = (str(array.dtype), array.shape, hashlib.sha256(data.tobytes()).digest())
        return self._once(key, lambda: self._plain(pack.Packed(array)))

    def sizes(self, numbers: Sequence[Size], shape: Sequence[Size]) -> str:
        """Integers in a shape of numbers."""
        if all(isinstance(number, int) for number in numbers):
            return self._once(("sizes", tuple(numbers), tuple(shape)), lambda: self._inline("int32", list(numbers), shape))

        def feed() -> str:
            name = self.add("Placeholder", dtype=Type("int32"))
            self._sizes.append({"name": name, "shape": list(shape), "values": [_expression(number) for number in numbers]})
            return name

        return self._once(("fed", tuple(map(str, numbers)), tuple(shape)), feed)

    def matrix(self, weights: Value, shape: Shape | None = None) -> str:
        """[…, N] weights, coded by column where that is wanted; ``shape`` is another one of the same elements and last axis."""
        if weights.constant is None:
            return self.read(weights) if shape is None else self.reshape(self.read(weights), shape)
        return self._constant(weights.constant, "matrix", shape)

    def columns(self, weights: Value, shape: Shape) -> str:
        """Filters of depthwise convolutions, in another shape."""
        if weights.constant is None:
            return self.reshape(self.read(weights), shape)
        return self._constant(weights.constant, "columns", shape)

    def table(self, weights: Value) -> str:
        """[N, …] that is read row by row, coded by row where that is wanted."""
        return self.read(weights) if weights.constant is None else self._constant(weights.constant, "rows")

    def _constant(self, held: Constant, layout: str, shape: Shape | None = None) -> str:
        pack_ = {"plain": pack.plain, "matrix": pack.matrix, "columns": pack.columns, "rows": pack.rows}[layout]

        def make() -> str:
            packed = pack_(held, self._precision)
            if layout == "columns" and packed.scale is not None and shape is not None and shape[-1] != 1:
                packed = pack.plain(Constant(held.data), self._precision)  # its columns do not stay
            axis = {"rows": 0, "columns": 2}.get(layout)
            return self._plain(packed, shape, **({} if axis is None else {"axis": axis}))

        return self._once((held, layout, shape), make)

    def _plain(self, packed: Packed, shape: Shape | None = None, **extra: Any) -> str:
        codes = packed.codes
        dtype = held_as(str(codes.dtype)) if packed.scale is None else "float32"
        shape = tuple(codes.shape) if shape is None else shape
        if packed.scale is None and dtype == "int32":
            _check(codes)
            codes = codes.astype(np.int32)
        if packed.scale is None and codes.size >= _UNIFORM and np.all(codes == codes.reshape(-1)[0]):
            value = codes.reshape(-1)[0].item()
            given = self.factor(value) if dtype == "float32" else self.scalar(int(value))
            return self.add("Fill", self.vector(shape), given, T=Type(dtype))
        if packed.scale is None and codes.size <= _FEW and np.isfinite(codes.astype(np.float32)).all():
            return self._inline(dtype, codes.reshape(-1).tolist(), shape)
        name = self.add("Const", dtype=Type(dtype))
        entry = {"name": name, "dtype": dtype, "shape": list(shape)}
        if str(codes.dtype) != dtype:
            entry |= {"stored": str(codes.dtype)} | (extra if packed.scale is not None else {})
        self._held.append(entry)
        self.weights.append(Weight(entry, pack.Packed(codes, packed.scale)))
        return name

    def _inline(self, dtype: str, numbers: list[Any], shape: Sequence[Size]) -> str:
        name = self.add("Const", dtype=Type(dtype))
        self._held.append({"name": name, "dtype": dtype, "shape": list(shape), "values": [+number for number in numbers]})
        return name

    def _once(self, key: Any, make: Any) -> str:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    # The document

    def document(self) -> dict[str, Any]:
        """The graph model, but for the places of its weights."""
        self._source = ""
        results = [(name, self.read(result)) for name, result in self.graph.outputs]
        given = {node["name"] for node in self.nodes if node["op"] in ("Const", "Placeholder")}
        seen: set[str] = set()
        outputs = []
        for name, tensor in results:
            own = self.add("Identity", tensor) if tensor in given or tensor in seen else tensor
            seen.add(own)
            outputs.append({"name": name, "tensor": own})
        return {
            "format": FORMAT,
            "version": VERSION,
            "inputs": [
                {"name": entry.name, "tensor": self._names[entry], "shape": [_expression(size) for size in entry.shape]}
                for entry in self.graph.inputs
            ],
            "outputs": outputs,
            "weights": self._held,
            "sizes": self._sizes,
            "checks": [[_expression(left), _expression(right)] for left, right in self.graph.checks],
            "topology": {"node": self.nodes, "library": {}, "versions": {"producer": 1}},
        }


def _check(array: Array) -> None:
    largest = int(np.abs(array.astype(np.int64)).max(initial=0))
    if not 0 <= largest <= LARGEST_INTEGER:
        raise Unsupported(f"it holds the integer {largest}, where a GPU is exact up to {LARGEST_INTEGER}")


def _expression(size: Size) -> Any:
    return fold(size, lambda name: name, lambda op, left, right: [op, left, right])


def _attribute(given: Any) -> dict[str, Any]:
    """An attribute as JSON has it."""
    if isinstance(given, Type):
        return {"type": _TYPES[held_as(given.dtype)]}
    if isinstance(given, list):
        kind = "s" if given and isinstance(given[0], str) else "i"
        return {"list": {kind: [_text(entry) if kind == "s" else str(entry) for entry in given]}}
    if isinstance(given, str):
        return {"s": _text(given)}
    if isinstance(given, bool):
        return {"b": given}
    return {"i": str(given)} if isinstance(given, int) else {"f": float(given)}


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
