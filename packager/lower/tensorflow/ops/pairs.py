"""Functions of two operands that broadcast, and the choice between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.ops.base import value_of
from packager.lower.sizes import product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packager.lower.ir import Node
    from packager.lower.sizes import Shape
    from packager.lower.tensorflow.writer import Writer

_BINARY = {
    "add": "AddV2", "sub": "Sub", "mul": "Mul", "div": "RealDiv", "min": "Minimum", "max": "Maximum", "pow": "Pow",
    "mod": "FloorMod", "prelu": "Prelu",
}  # fmt: skip
_OF_INTEGERS = ("add", "sub", "mul", "min", "max")
_COMPARE = {
    "equal": "Equal", "not_equal": "NotEqual", "less": "Less", "less_equal": "LessEqual", "greater": "Greater",
    "greater_equal": "GreaterEqual",
}  # fmt: skip
_MOST_CHOSEN = 4
_LOGIC = {"and": "LogicalAnd", "or": "LogicalOr", "xor": "NotEqual", "equal": "Equal"}


def _of(table: Mapping[str, str]) -> Callable[[Writer, Node], None]:
    def emit(out: Writer, node: Node) -> None:
        a, b = value_of(node.inputs[0]), value_of(node.inputs[1])
        if node["fn"] not in table:
            raise Unsupported(f"TensorFlow.js has no {node['fn']} on a GPU")
        left, right = out.read(a), out.read(b)
        if table is _BINARY and a.dtype != "float32" and node["fn"] not in _OF_INTEGERS:
            if node["fn"] not in _WHOLE:
                raise Unsupported(f"its {node['fn']} works on {a.dtype}")
            out.give(node.output, _WHOLE[node["fn"]](out, left, right))
        else:
            out.give(node.output, out.add(table[node["fn"]], left, right))

    return emit


def _quotient(out: Writer, a: str, b: str) -> str:
    """Towards zero."""
    size = out.add("FloorDiv", out.add("Abs", a), out.add("Abs", b))
    return out.add("Mul", size, out.add("Mul", out.add("Sign", a), out.add("Sign", b)))


_WHOLE: dict[str, Callable[[Writer, str, str], str]] = {
    "div": _quotient,
    "mod": lambda out, a, b: out.add("Sub", a, out.add("Mul", out.add("FloorDiv", a, b), b)),
}


def _where(out: Writer, node: Node) -> None:
    condition, a, b = map(value_of, node.inputs)
    parts = [(out.read(entry), entry.shape) for entry in (condition, a, b)]
    out.give(node.output, chosen(out, parts, node.output.shape))


def chosen(out: Writer, parts: Sequence[tuple[str, Shape]], shape: Shape) -> str:
    """One of two by a condition, each a tensor and its shape. TensorFlow.js chooses in up to 4 dimensions."""
    tensors = [tensor for tensor, _ in parts]
    if len(shape) <= _MOST_CHOSEN:
        return out.add("SelectV2", *tensors)
    if not all(own == shape or product(own) == 1 for _, own in parts):
        raise Unsupported(f"it chooses in {len(shape)} dimensions")
    flat = [out.reshape(tensor, (product(own),)) for tensor, own in parts]
    return out.reshape(out.add("SelectV2", *flat), shape)


EMIT = {"binary": _of(_BINARY), "compare": _of(_COMPARE), "logic": _of(_LOGIC), "where": _where}
