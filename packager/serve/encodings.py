"""Compressed copies of files: made once, off the event loop, kept in memory up to a bound."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import brotli

from packager.serve.media import is_compressible

if TYPE_CHECKING:
    from packager.serve.entities import Entity

CODINGS: Final = ("br", "gzip")  # in order of preference

_Key = tuple[str, str, str]  # name, tag, coding
_MIB = 1 << 20

# Below the least size the headers outweigh the gain; above the greatest the copy would push out all others.
_LEAST_BYTES = 512
_GREATEST_BYTES = 32 * _MIB

# Highest level that took at most a second on one core of a small machine: (up to bytes, level).
_BROTLI_LEVELS = ((_MIB // 2, 11), (8 * _MIB, 9), (_GREATEST_BYTES, 5))
_GZIP_LEVELS = ((8 * _MIB, 9), (_GREATEST_BYTES, 6))


def offered_codings(entity: Entity) -> tuple[str, ...]:
    """Return the codings in which this server offers an entity."""
    worth = is_compressible(entity.name) and _LEAST_BYTES <= entity.size <= _GREATEST_BYTES
    return CODINGS if worth else ()


def compress(content: bytes, coding: str) -> bytes:
    """Return the content in the coding, at the level that fits its size. Deterministic."""
    if coding == "br":
        return bytes(brotli.compress(content, quality=_level(len(content), _BROTLI_LEVELS)))
    # wbits 31: a gzip header, without time or name.
    return zlib.compress(content, level=_level(len(content), _GZIP_LEVELS), wbits=31)


def _level(size: int, levels: tuple[tuple[int, int], ...]) -> int:
    return next((level for up_to, level in levels if size <= up_to), levels[-1][1])


class Encodings:
    """Keeps compressed copies, the least used going first when they grow past ``capacity`` bytes."""

    def __init__(self, capacity: int = 64 * _MIB) -> None:
        self._capacity = capacity
        self._held = 0
        self._copies: OrderedDict[_Key, bytes] = OrderedDict()
        self._in_work: dict[_Key, asyncio.Future[bytes]] = {}
        # Apart from the threads that read files, so that these never wait behind a compressor.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="compress")

    async def get(self, entity: Entity, coding: str) -> bytes:
        """Return the entity in the coding. All who ask while it is made wait for the one who makes it.

        Raises FileReplacedError and OSError as ``entity.content`` does.
        """
        key = (entity.name, entity.tag, coding)
        if key in self._copies:
            self._copies.move_to_end(key)
            return self._copies[key]
        work = self._in_work.get(key)
        if work is None:
            make = partial(_make, entity, coding)
            work = self._in_work[key] = asyncio.get_running_loop().run_in_executor(self._threads, make)
            work.add_done_callback(partial(self._keep, key))
        return await asyncio.shield(work)  # whoever leaves early leaves alone

    def _keep(self, key: _Key, work: asyncio.Future[bytes]) -> None:
        del self._in_work[key]
        if work.cancelled() or work.exception() is not None:
            return
        self._copies[key] = work.result()
        self._held += len(work.result())
        while self._held > self._capacity:
            _, dropped = self._copies.popitem(last=False)
            self._held -= len(dropped)


def _make(entity: Entity, coding: str) -> bytes:
    return compress(entity.content(), coding)
