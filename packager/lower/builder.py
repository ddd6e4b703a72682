"""Makes nodes: infers their types, and folds what is known already, constants and sizes alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import ELEMENTS, Array, Node, Operand, Type, Value, constant, sized
from packager.lower.ops import OPS
from packager.lower.packed import fold_packed
from packager.lower.sizes import Expr, Size
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ops.base import Op

# Folding never makes a download this much larger.
_GROWTH = 1 << 16


class GraphBuilder:
    """Collects nodes in order. ``prefix`` keeps the names of different builders apart."""

    def __init__(self, prefix: str = "") -> None:
        self.nodes: list[Node] = []
        self.checks: dict[tuple[Size, Size], None] = {}
        self.source = ""
        self._prefix = prefix
        self._count = 0

    def op(self, name: str, *inputs: Operand, **attributes: Any) -> Value:
        """The only output of a new node, or what it folds to."""
        (output,) = self.ops(name, *inputs, **attributes)
        return output

    def ops(self, name: str, *inputs: Operand, **attributes: Any) -> tuple[Value, ...]:
        """All outputs of a new node, or what they fold to."""
        op = OPS[name]
        types = op.infer(attributes, inputs)
        known = fold(op, attributes, inputs, types)
        if known is not None:
            return known
        outputs = tuple(Value(self._name(name), kind.dtype, tuple(kind.shape)) for kind in types)
        self.nodes.append(Node(name, inputs, outputs, attributes, self.source))
        return outputs

    def constant(self, array: Array) -> Value:
        """A value that is known."""
        return constant(self._name("constant"), array)

    def equal(self, left: Size, right: Size) -> Size:
        """The size that both are. Where neither is shown to be the other, it is checked when the plan is bound."""
        if left == right:
            return left
        if isinstance(left, int) and isinstance(right, int):
            raise Unsupported(f"the sizes {left} and {right} do not go together")
        first, second = sorted((left, right), key=lambda size: (not isinstance(size, int), len(str(size)), str(size)))
        self.checks[first, second] = None
        return first

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{self._prefix}{what}.{self._count}"


def fold(op: Op, attributes: Mapping[str, Any], inputs: Sequence[Operand], types: Sequence[Type]) -> tuple[Value, ...] | None:
    """The outputs, where they follow from what is known; else None."""
    operands = [operand for operand in inputs if operand is not None]
    if all(operand.constant is not None for operand in operands) and _plain(attributes):
        packed = fold_packed(op.name, attributes, [operand.constant for operand in operands if operand.constant is not None])
        if packed is not None:
            return (Value(op.name, "float32", tuple(packed.shape), packed),)
        before = sum(_bytes(operand.constant.data) for operand in operands if operand.constant is not None)
        with np.errstate(all="ignore"):
            results = op.evaluate(attributes, *(None if operand is None else operand.data for operand in inputs))
        if sum(map(_bytes, results)) <= before * 1.5 + _GROWTH:
            return tuple(constant(op.name, result) for result in results)
        return None
    if op.symbolic and operands and all(operand.elements is not None for operand in operands):
        return _fold_sizes(op, attributes, inputs, types)
    return None


def _fold_sizes(
    op: Op, attributes: Mapping[str, Any], inputs: Sequence[Operand], types: Sequence[Type]
) -> tuple[Value, ...] | None:
    try:
        results = op.evaluate(attributes, *(None if operand is None else _as_sizes(operand) for operand in inputs))
    except (TypeError, ValueError, NotImplementedError):
        return None  # not an operation that sizes have
    if any(result.size > ELEMENTS for result in results):
        return None
    folded = []
    for result, kind in zip(results, types, strict=True):
        folded.append(sized(op.name, tuple(result.reshape(-1).tolist()), tuple(result.shape), kind.dtype))
    return tuple(folded)


def _bytes(array: Array) -> int:
    """What the array adds to a download; one number repeated adds nothing."""
    return array.itemsize if not any(array.strides) else array.nbytes


def _as_sizes(operand: Value) -> Array:
    array = np.empty(len(operand.elements or ()), object)
    array[:] = operand.elements
    return array.reshape([size for size in operand.shape if isinstance(size, int)])


def _plain(attributes: Any) -> bool:
    if isinstance(attributes, Expr):
        return False
    if isinstance(attributes, tuple | list):
        return all(map(_plain, attributes))
    return all(map(_plain, attributes.values())) if isinstance(attributes, Mapping) else True
