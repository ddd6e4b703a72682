"""What needs no copy: slices whose readers all take strides, and operands of a concat that are computed in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.lower.boxes import row_major
from packager.lower.sizes import Shape, Size, product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Graph, Node, Value

# The operands that a kernel reads with the strides of a view: by pixel (gaps between the rows of the last axis), or freely.
_BY_PIXEL = {"conv": (0, 3), "conv_transpose": (0, 3), "gemm": (0, 3), "pool": (0,), "resize": (0,)}
_FREELY = {"attention": (0, 1, 2)}


def may_be_view(graph: Graph, value: Value, by_pixel: bool) -> bool:
    """True where nothing but such kernels reads the value. ``by_pixel``: its gaps lie between rows of the last axis."""
    readers = graph.consumers.get(value, [])
    in_outputs = any(value is result for _, result in graph.outputs)
    return bool(readers) and not in_outputs and all(_takes(graph, reader, value, by_pixel) for reader in readers)


def _takes(graph: Graph, reader: Node, value: Value, by_pixel: bool) -> bool:
    if reader.op == "reshape":
        return by_pixel and _keeps_rows(value.shape, reader.output.shape) and may_be_view(graph, reader.output, by_pixel)
    allowed = (*_FREELY.get(reader.op, ()), *(_BY_PIXEL.get(reader.op, ()) if by_pixel else ()))
    return all(index in allowed for index, operand in enumerate(reader.inputs) if operand is value)


def _keeps_rows(before: Shape, after: Shape) -> bool:
    return split_rows(before, (0,) * len(before), after) is not None


def split_rows(before: Shape, strides: Sequence[Size], after: Shape) -> tuple[Size, ...] | None:
    """Strides after a reshape that only splits the last axis; None where it does more."""
    lead = len(before) - 1
    if tuple(after[:lead]) != tuple(before[:lead]) or product(after[lead:]) != before[lead]:
        return None
    inner: list[Size] = []
    step: Size = strides[-1]
    for size in reversed(after[lead:]):
        inner.append(step)
        step = step * size
    return (*strides[:lead], *reversed(inner))


# Operations whose kernels write with gaps between pixels, and those whose output is memory of their own at all.
_WRITES_BY_PIXEL = ("conv", "conv_transpose", "gemm", "pool", "resize")
_NO_MEMORY = ("reshape", "slice", "concat")


@dataclass(frozen=True)
class Part:
    """A value that is computed within the result of a concat: ``offset`` in elements, ``strides`` where it has gaps."""

    whole: Value
    offset: Size
    strides: tuple[Size, ...] | None


def _apart(graph: Graph, concat: Node, operand: Value, producer: Node, found: dict[Value, Part]) -> bool:
    """True where all other readers take a view, and none of them, nor the producer, reads one part while it writes another."""
    readers = graph.consumers[operand]
    others = [reader for reader in readers if reader is not concat]
    if concat.inputs.count(operand) != 1 or not all(_takes(graph, reader, operand, True) for reader in others):
        return False
    siblings = {value for value, part in found.items() if part.whole is concat.output}
    reads = {entry for entry in producer.inputs if entry is not None}
    return not siblings & reads and not any(output in siblings for reader in others for output in reader.outputs)


def parts(graph: Graph) -> dict[Value, Part]:
    """Operands of concats that are computed where they end up."""
    found: dict[Value, Part] = {}
    results = {result for _, result in graph.outputs}
    for node in graph.nodes:
        if node.op != "concat" or node.output in found:
            continue
        axis, shape = node["axis"], node.output.shape
        steps = row_major(shape)
        whole = all(size == 1 for size in shape[:axis])
        start: Size = 0
        for operand in node.inputs:
            producer = graph.producer(operand)
            if operand is None or producer is None:
                start = start if operand is None else operand.shape[axis] + start
                continue
            free = operand not in results and operand not in found and producer.op not in _NO_MEMORY
            inner = axis == len(shape) - 1 and producer.op in _WRITES_BY_PIXEL and _apart(graph, node, operand, producer, found)
            if free and (graph.only_use(operand) if whole else inner):
                found[operand] = Part(node.output, start * steps[axis], None if whole else steps)
            start = operand.shape[axis] + start
    return found
