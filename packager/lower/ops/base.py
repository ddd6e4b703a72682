"""What an operation of the IR is, and what all families of operations use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.emit import Emitter
    from packager.lower.sizes import Shape, Size


class Evaluate(Protocol):
    """NumPy's answer: attributes with numbers for sizes, then an array (or None) for each input; a list with each output."""

    def __call__(self, attributes: Mapping[str, Any], /, *arrays: Any) -> Sequence[Array]:
        """The outputs for these operands."""


@dataclass(frozen=True)
class Op:
    """One operation of the IR, all of it in one place.

    ``infer`` is the shape rule, ``evaluate`` the reference, ``emit`` the choice of kernels. A ``symbolic`` operation can be
    evaluated over sizes instead of integers too, so that shape arithmetic is done when compiling.
    """

    name: str
    infer: Callable[[Mapping[str, Any], Sequence[Operand]], Sequence[Type]]
    evaluate: Evaluate
    emit: Callable[[Emitter, Node], None]
    symbolic: bool = False


class Builder(Protocol):
    """Where operations are put; both the importer and the passes have one."""

    def op(self, name: str, *inputs: Operand, **attributes: Any) -> Value:
        """The only output of a new node, or what it folds to."""

    def ops(self, name: str, *inputs: Operand, **attributes: Any) -> tuple[Value, ...]:
        """All outputs of a new node."""

    def constant(self, array: Array) -> Value:
        """A value that is known."""

    def equal(self, left: Size, right: Size) -> Size:
        """The size that both are: shown now, or checked when the plan is bound."""


@dataclass(frozen=True)
class Call:
    """A node of the model as an importer sees it. Absent optional inputs are None."""

    op: str
    inputs: tuple[Operand, ...]
    attributes: Mapping[str, Any]
    opset: int
    outputs: int
    build: Builder

    def __getitem__(self, index: int) -> Value:
        """A required input."""
        found = self.input(index)
        if found is None:
            raise Unsupported(f"its input {index} is missing")
        return found

    def input(self, index: int) -> Operand:
        """An input, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; strings as str."""
        return self.attributes.get(name, default)

    def sizes(self, index: int, what: str) -> tuple[Size, ...] | None:
        """The elements of an integer input, which must not depend on data; None where it is left out."""
        operand = self.input(index)
        if operand is None:
            return None
        if operand.elements is None:
            raise Unsupported(f"its {what} depend on data")
        return operand.elements

    def integers(self, index: int, what: str) -> tuple[int, ...] | None:
        """Like ``sizes``, but known as numbers."""
        sizes = self.sizes(index, what)
        if sizes is not None and not all(isinstance(size, int) for size in sizes):
            raise Unsupported(f"its {what} depend on the input's shape")
        return sizes  # type: ignore[return-value]

    def data(self, index: int, what: str) -> Array:
        """A constant input."""
        found = self[index].data
        if found is None:
            raise Unsupported(f"its {what} are not constant")
        return found


Import = Callable[[Call], Value | Sequence[Value]]
"""Builds what an ONNX node means, and gives its outputs. Raises Unsupported."""


def axis_of(axis: int, rank: int) -> int:
    """The axis counted from the front."""
    if not -rank <= axis < max(rank, 1):
        raise Unsupported(f"its axis {axis} is outside of a tensor of rank {rank}")
    return axis + rank if axis < 0 else axis


def broadcast(build: Builder, *shapes: Shape) -> Shape:
    """The shape that all broadcast to, as in NumPy. Symbolic dimensions that meet are taken to be equal, and checked."""
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Size] = []
    for axis in range(rank):
        size: Size = 1
        for shape in shapes:
            index = axis - rank + len(shape)
            if index >= 0 and shape[index] != 1:
                size = shape[index] if size == 1 else build.equal(size, shape[index])
        result.append(size)
    return tuple(result)


def joined(*shapes: Shape) -> Shape:
    """Like ``broadcast`` where the dimensions are known to agree: the first that is not 1."""
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*padded, strict=True)) if rank else ()


def value_of(operand: Operand) -> Value:
    """A required operand in a shape rule."""
    if operand is None:
        raise Unsupported("a required input is missing")
    return operand


def scalar(operand: Operand) -> float | None:
    """The number in a constant of one element, or None."""
    data = None if operand is None else operand.data
    return float(data.reshape(-1)[0]) if data is not None and data.size == 1 else None


def is_sizes(array: Array) -> bool:
    """True for arrays of sizes, over which symbolic operations are evaluated."""
    return array.dtype == np.dtype(object)
