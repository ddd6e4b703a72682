"""Cuts bytes into content-addressed shards and encodes them where that pays."""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from packager.content import STRIDES, shard_path, shuffle
from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from packager._manifest_types import Content, Shard
    from packager.content import Filter
    from packager.lowered import Item

_FILTER_OF_ELEMENT: dict[int, Filter] = {2: "shuffle2", 4: "shuffle4", 8: "shuffle8"}

# Decoding costs the visitor time, so a shard is stored encoded only where it shrinks below this share.
_WORTHWHILE = 0.95
# The filter is chosen on this much of a shard: weights are alike all over.
_PROBE = 256 * 2**10
_LEVEL = 9
# Codes of weights are noise with a bell's shape: short repetitions in it are chance, and to name one costs more than to code
# its bytes one by one. Up to an eighth of a shard lies between the strategies.
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED)


class Shards:
    """Writes shards into the folder ``shards/`` of a bundle; the same content is written once."""

    def __init__(self, bundle: Path, shard_size: int) -> None:
        self._folder = bundle / "shards"
        self._shard_size = shard_size
        self._written: dict[str, Shard] = {}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuildError(f"The folder cannot be made: {error.strerror}.", where=str(self._folder)) from error

    def write(self, items: Iterable[Item], done: Callable[[int], None] | None = None) -> Content:
        """The bytes of ``items``, one after another, as a Content: cut every ``shard_size`` bytes from the start.

        ``done`` is told the decoded bytes of each shard as it is written, from several threads.

        Raises BuildError when the disk refuses.
        """
        parts = list(items)
        element = parts[0].element if len({part.element for part in parts}) == 1 else 1
        whole = parts[0].data if len(parts) == 1 else b"".join(part.data for part in parts)
        view = memoryview(whole).cast("B")
        pieces = [view[start : start + self._shard_size] for start in range(0, len(view), self._shard_size)] or [view]
        # zlib and hashlib release the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda piece: self._write_one(piece, element, done), pieces))

    def _write_one(self, piece: memoryview, element: int, done: Callable[[int], None] | None) -> Shard:
        digest = hashlib.sha256(piece).hexdigest()
        if digest not in self._written:
            shard, encoded = encode(piece, element, digest)
            path = self._folder.parent / shard_path(shard)
            try:
                path.write_bytes(encoded)
            except OSError as error:
                raise BuildError(f"The shard cannot be written: {error.strerror}.", where=str(path)) from error
            self._written[digest] = shard
        if done is not None:
            done(len(piece))
        return self._written[digest]


def encode(data: memoryview, element: int, digest: str) -> tuple[Shard, bytes]:
    """A shard and its file's bytes, in the shortest of the encodings, or as it is where none pays."""
    filters: list[Filter] = ["none"]
    if element in _FILTER_OF_ELEMENT and len(data) % element == 0:
        filters.append(_FILTER_OF_ELEMENT[element])
    probe = data[: _PROBE - _PROBE % element]
    trials = {
        (choice, strategy): len(_gzip(_filtered(probe, choice), strategy)) for choice in filters for strategy in _STRATEGIES
    }
    choice, strategy = min(trials, key=lambda trial: trials[trial])
    encoded = _gzip(_filtered(data, choice), strategy)
    if len(encoded) > len(data) * _WORTHWHILE:
        encoded = bytes(data)
        return _shard(digest, encoded, data, "none", "none"), encoded
    return _shard(digest, encoded, data, "gzip", choice), encoded


def _shard(digest: str, encoded: bytes, data: memoryview, encoding: Literal["none", "gzip"], choice: Filter) -> Shard:
    return {
        "sha256": digest,
        "encoded_bytes": len(encoded),
        "decoded_bytes": len(data),
        "encoding": encoding,
        "filter": choice,
    }


def _filtered(data: memoryview, choice: Filter) -> bytes | memoryview:
    return data if choice == "none" else shuffle(data, STRIDES[choice])


def _gzip(data: bytes | memoryview, strategy: int) -> bytes:
    # 16 + 15: a gzip header, without time or name, so that the same content gives the same file.
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + 15, 9, strategy)
    return compressor.compress(data) + compressor.flush()
