"""A model as an engine takes it: what ``lower`` gives and ``shard`` cuts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packager._manifest_types import Content

    Write = Callable[[list["Item"]], Content]
    """Turns items into shards of the bundle."""

# Cutting for the sake of less would make more requests than it saves bytes.
_WORTH_KEEPING = 64 * 2**10


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


class Kept:
    """Weights of an older bundle: where the same bytes come again they are cut as there, and a visitor has them already."""

    def __init__(self, contents: Iterable[Content] = ()) -> None:
        """``contents`` of several shards are of one large tensor each, which nothing shifts, and small ones cost nothing."""
        self._digests: dict[int, set[str]] = {}
        for shard in (content[0] for content in contents if len(content) == 1):
            if shard["decoded_bytes"] >= _WORTH_KEEPING:
                self._digests.setdefault(shard["decoded_bytes"], set()).add(shard["sha256"])
        self._largest = max(self._digests, default=0)

    def borders(self, items: Sequence[bytes]) -> set[int]:
        """Indices of the items before which a cut belongs: where an older content begins or has just ended."""
        borders: set[int] = set()
        start = 0
        while start < len(items):
            end = self._end(items, start)
            borders |= {start, end} if end > start else set()
            start = max(end, start + 1)
        return borders

    def _end(self, items: Sequence[bytes], start: int) -> int:
        """Where the older content ends that begins at ``start``; ``start`` where none does."""
        total, digest, hashed = 0, hashlib.sha256(), start
        for index in range(start, len(items)):
            total += len(items[index])
            if total > self._largest:
                break
            if total in self._digests:
                for item in items[hashed : index + 1]:
                    digest.update(item)
                hashed = index + 1
                if digest.hexdigest() in self._digests[total]:
                    return index + 1
        return start


NOTHING = Kept()
"""Where there is no older bundle."""


def group(items: Sequence[bytes], limit: int, kept: Kept = NOTHING) -> Iterator[range]:
    """Indices of neighbours that go together, in order: as many as fit into ``limit`` bytes, or a single one that is larger.

    What ``kept`` holds is cut as it is there.
    """
    borders = kept.borders(items)
    start, total = 0, 0
    for index, item in enumerate(items):
        if index > start and (total + len(item) > limit or index in borders):
            yield range(start, index)
            start, total = index, 0
        total += len(item)
    if start < len(items):
        yield range(start, len(items))
