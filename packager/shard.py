"""Cuts bytes into content-addressed shards, encodes them where that pays, and puts them together again.

A shard's file is ``shards/<sha256 of the decoded content>[.<filter>][.<encoding>].bin``. docs/manifest.md is the specification.
"""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

import numpy as np

from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from packager._manifest_types import Content, Shard
    from packager.lowered import Item

Filter = Literal["none", "shuffle2", "shuffle4", "shuffle8"]

STRIDES: dict[Filter, int] = {"none": 1, "shuffle2": 2, "shuffle4": 4, "shuffle8": 8}
_FILTER_OF_SIZE: dict[int, Filter] = {2: "shuffle2", 4: "shuffle4", 8: "shuffle8"}

# Decoding costs the visitor time, so a shard is stored encoded only where it shrinks below this share.
_WORTHWHILE = 0.95
# The filter is chosen on this much of a shard: weights are alike all over.
_PROBE = 256 * 2**10
_LEVEL = 9


class Shards:
    """Writes shards into the folder ``shards/`` of a bundle; the same content is written once."""

    def __init__(self, bundle: Path, shard_size: int, progress: Callable[[int], None] | None = None) -> None:
        self._folder = bundle / "shards"
        self._shard_size = shard_size
        self._progress = progress or (lambda decoded_bytes: None)
        self._written: dict[str, Shard] = {}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuildError(f"The folder cannot be made: {error.strerror}.", where=str(self._folder)) from error

    def write(self, items: Iterable[Item]) -> Content:
        """The bytes of ``items``, one after another, as a Content: cut every ``shard_size`` bytes from the start.

        Raises BuildError when the disk refuses.
        """
        parts = list(items)
        element = parts[0].element if len({part.element for part in parts}) == 1 else 1
        whole = parts[0].data if len(parts) == 1 else b"".join(part.data for part in parts)
        view = memoryview(whole).cast("B")
        pieces = [view[start : start + self._shard_size] for start in range(0, len(view), self._shard_size)] or [view]
        # zlib and hashlib release the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda piece: self._write_one(piece, element), pieces))

    def _write_one(self, piece: memoryview, element: int) -> Shard:
        digest = hashlib.sha256(piece).hexdigest()
        if digest not in self._written:
            shard, encoded = encode(piece, element, digest)
            path = self._folder.parent / shard_path(shard)
            try:
                path.write_bytes(encoded)
            except OSError as error:
                raise BuildError(f"The shard cannot be written: {error.strerror}.", where=str(path)) from error
            self._written[digest] = shard
        self._progress(len(piece))
        return self._written[digest]


def encode(data: memoryview, element: int, digest: str) -> tuple[Shard, bytes]:
    """A shard and its file's bytes, in the shortest of the encodings, or as it is where none pays."""
    choice: Filter = "none"
    if element in _FILTER_OF_SIZE and len(data) % element == 0:
        probe = data[: _PROBE - _PROBE % element]
        shuffled = zlib.compress(shuffle(probe, element), 6)
        if len(shuffled) < len(zlib.compress(probe, 6)):
            choice = _FILTER_OF_SIZE[element]
    encoded = _gzip(data if choice == "none" else shuffle(data, element))
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


def _gzip(data: bytes | memoryview) -> bytes:
    # 16 + 15: a gzip header, without time or name, so that the same content gives the same file.
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + 15, 9)
    return compressor.compress(data) + compressor.flush()


def shuffle(data: bytes | memoryview, stride: int) -> bytes:
    """Byte planes apart: all first bytes of the elements, then all second ones, and so on."""
    return np.frombuffer(data, np.uint8).reshape(-1, stride).T.tobytes()


def unshuffle(data: bytes | memoryview, stride: int) -> bytes:
    """The inverse of shuffle."""
    return np.frombuffer(data, np.uint8).reshape(stride, -1).T.tobytes()


def shard_path(shard: Shard) -> str:
    """Where a shard lies, relative to the manifest."""
    parts = [shard["sha256"], *(part for part in (shard["filter"], shard["encoding"]) if part != "none"), "bin"]
    return f"shards/{'.'.join(parts)}"


def read_shard(bundle: Path, shard: Shard) -> bytes:
    """The decoded and verified content of a shard. Raises BuildError where the file is missing or wrong."""
    path = bundle / shard_path(shard)
    try:
        data = path.read_bytes()
        if shard["encoding"] == "gzip":
            decoder = zlib.decompressobj(16 + 15)
            data = decoder.decompress(data, shard["decoded_bytes"] + 1)
    except (OSError, zlib.error) as error:
        raise BuildError(f"The shard cannot be read: {error}.", where=str(path), remedy="Build the bundle again.") from error
    stride = STRIDES[shard["filter"]]
    if stride > 1 and len(data) % stride == 0:
        data = unshuffle(data, stride)
    if len(data) != shard["decoded_bytes"] or hashlib.sha256(data).hexdigest() != shard["sha256"]:
        raise BuildError("The shard holds wrong bytes.", where=str(path), remedy="Build the bundle again.")
    return data


def read_content(bundle: Path, content: Content) -> bytes:
    """The bytes of a Content. Raises BuildError."""
    return b"".join(read_shard(bundle, shard) for shard in content)


def content_bytes(content: Content) -> tuple[int, int]:
    """Encoded and decoded size of a Content."""
    return sum(shard["encoded_bytes"] for shard in content), sum(shard["decoded_bytes"] for shard in content)
