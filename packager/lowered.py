"""A model as an engine takes it: what ``lower`` gives and ``shard`` cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packager._manifest_types import Content

    Write = Callable[[list["Item"]], Content]
    """Turns items into shards of the bundle."""


@dataclass(frozen=True)
class Item:
    """Bytes that belong together, as one tensor; ``element`` is the size of one of its elements in bytes."""

    data: bytes
    element: int = 1


@dataclass(frozen=True)
class Weights:
    """Bytes that the graph names by ``location``: the items, one after another."""

    location: str
    items: list[Item]


@dataclass(frozen=True)
class Lowered:
    """A graph without its weights, and the weights."""

    graph: bytes
    weights: list[Weights]

    @property
    def bytes(self) -> int:
        """Decoded size of all of it."""
        return len(self.graph) + sum(len(item.data) for weights in self.weights for item in weights.items)


def group(sizes: Sequence[int], limit: int) -> Iterator[range]:
    """Indices of neighbours that go together, in order: as many as fit into ``limit``, or a single one that is larger."""
    start, total = 0, 0
    for index, size in enumerate(sizes):
        if index > start and total + size > limit:
            yield range(start, index)
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))
