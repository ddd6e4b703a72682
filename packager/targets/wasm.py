"""Target ``wasm``: this project's own engine. ``packager.lower`` makes a plan of the model; here its weights are cut.

A location is named by the byte of the plan's weights at which it starts, so that the engine takes each as it comes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager import lower as compiler
from packager.lower.text import describe
from packager.lowered import NOTHING, Item, Kept, Lowered, Weights
from packager.targets.verdict import Verdict

if TYPE_CHECKING:
    from packager.lower import Compiled
    from packager.model import Model
    from packager.options import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8", "int4")

# A tensor this small goes with its neighbours whatever its elements are: bias beside weights, scales beside codes.
_SMALL = 16 * 2**10


def check(model: Model) -> Verdict:
    """What the engine does not cover, node by node."""
    uncovered = compiler.cover(model)
    return Verdict("wasm", [str(node) for node in uncovered])


def lower(model: Model, shard_size: int, precision: Precision, kept: Kept = NOTHING) -> Lowered:
    """The plan and its weights. Raises BuildError where the engine does not cover the model."""
    compiled = compiler.compile(model, precision)
    return Lowered(compiled.document, _grouped(compiled, shard_size, kept))


def plan_text(model: Model, precision: Precision = "fp32") -> str:
    """The plan as people read it."""
    compiled = compiler.compile(model, precision)
    return describe(compiled.plan, sources=compiled.sources)


def _grouped(compiled: Compiled, shard_size: int, kept: Kept) -> list[Weights]:
    """The chunks in order, as many together as fit into ``shard_size``; large ones of elements of one size, for the filter."""
    elements = {
        value["offset"]: np.dtype(value["dtype"]).itemsize for value in compiled.plan["values"] if value["place"] == "weights"
    }
    groups: list[Weights] = []
    held: list[tuple[bytes, int]] = []
    start, end = 0, 0
    borders = kept.borders(compiled.weights)
    for index, chunk in enumerate(compiled.weights):
        element = elements.get(end, 1)
        others = {size for data, size in held if len(data) > _SMALL} if len(chunk) > _SMALL else set()
        if held and (end - start + len(chunk) > shard_size or others - {element} or index in borders):
            groups.append(_weights(start, held))
            held, start = [], end
        held.append((chunk, element))
        end += len(chunk)
    return [*groups, _weights(start, held)] if held else groups


def _weights(start: int, chunks: list[tuple[bytes, int]]) -> Weights:
    """All as elements of the size that the largest has: chunks are whole multiples of every size."""
    _, element = max(chunks, key=lambda chunk: len(chunk[0]))
    return Weights(str(start), [Item(data, element) for data, _ in chunks])
