"""Contents and their shards: where they lie, how they are filtered, and how their bytes are read back and verified.

A shard's file is ``shards/<sha256 of the decoded content>[.<filter>][.<encoding>].bin``; docs/manifest.md is the specification.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Literal

import numpy as np

from packager.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Content, Shard

Filter = Literal["none", "shuffle2", "shuffle4", "shuffle8"]

STRIDES: dict[Filter, int] = {"none": 1, "shuffle2": 2, "shuffle4": 4, "shuffle8": 8}


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
    except OSError as error:
        raise BuildError(f"The shard cannot be read: {error}.", where=str(path), remedy="Build the bundle again.") from error
    decoded = decode_shard(data, shard)
    if decoded is None:
        raise BuildError("The shard holds wrong bytes.", where=str(path), remedy="Build the bundle again.")
    return decoded


def decode_shard(data: bytes, shard: Shard) -> bytes | None:
    """The decoded and verified content of a shard's file, or None where that holds anything else."""
    if shard["encoding"] == "gzip":
        decoder = zlib.decompressobj(16 + 15)
        try:
            data = decoder.decompress(data, shard["decoded_bytes"] + 1)
        except zlib.error:
            return None
        if not decoder.eof or decoder.unused_data:
            return None  # cut short, or longer than it may be
    if len(data) != shard["decoded_bytes"]:
        return None
    stride = STRIDES[shard["filter"]]
    data = unshuffle(data, stride) if stride > 1 else data
    return data if hashlib.sha256(data).hexdigest() == shard["sha256"] else None


def read_content(bundle: Path, content: Content) -> bytes:
    """The bytes of a Content. Raises BuildError."""
    return b"".join(read_shard(bundle, shard) for shard in content)


def content_bytes(content: Content) -> tuple[int, int]:
    """Encoded and decoded size of a Content."""
    return sum(shard["encoded_bytes"] for shard in content), sum(shard["decoded_bytes"] for shard in content)
