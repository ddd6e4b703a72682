"""A TCP relay in front of the server: counts what the server sent, byte for byte and request by request."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_PIECE = 256 * 2**10
_HEAD_END = b"\r\n\r\n"
# What a request line and its headers may take together; servers refuse more.
_LONGEST_HEAD = 64 * 2**10


@dataclass
class Exchange:
    """One request and the server's bytes up to the next request on its connection.

    ``sent`` counts head and body of the response as they left the server, ``body`` the part after the head. ``started`` and
    ``ended`` (the last byte) are seconds on ``time.monotonic``'s clock.
    """

    method: str
    path: str
    started: float
    ended: float
    status: int = 0
    sent: int = 0
    body: int = 0


class Relay:
    """Listens on a port of loopback that stays the same over pauses, and passes everything on to ``upstream``."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.exchanges: list[Exchange] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Relay:
        await self.resume()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pause()

    @property
    def origin(self) -> str:
        """The address under which a browser reaches the site."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sent(self) -> int:
        """Bytes that the server has sent since ``exchanges`` was last emptied."""
        return sum(exchange.sent for exchange in self.exchanges)

    async def resume(self) -> None:
        """Takes connections (again)."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def pause(self) -> None:
        """Ends all connections and refuses new ones, as a machine without a network does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._pass_on(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        counter = _Counter(self.exchanges)
        try:
            directions = [
                asyncio.create_task(_pump(reader, up_writer, counter.request)),
                asyncio.create_task(_pump(up_reader, writer, counter.response)),
            ]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        finally:
            up_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: _See) -> None:
    while piece := await reader.read(_PIECE):
        see(piece)
        writer.write(piece)
        await writer.drain()


class _Counter:
    """Tells the exchanges of one connection apart. Browsers send the next request when the last is answered, never before."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self._exchanges = exchanges
        self._request = b""
        self._head: bytes | None = b""
        self._current: Exchange | None = None

    def request(self, piece: bytes) -> None:
        self._request = (self._request + piece)[-_LONGEST_HEAD:]
        if _HEAD_END not in self._request:
            return
        method, _, rest = self._request.partition(b" ")
        path = rest.partition(b" ")[0]
        now = time.monotonic()
        self._current = Exchange(method.decode("latin-1"), path.decode("latin-1"), now, now)
        self._exchanges.append(self._current)
        self._request, self._head = b"", b""

    def response(self, piece: bytes) -> None:
        if self._current is None:  # a server that speaks first; it still sent the bytes
            self.request(b"- - " + _HEAD_END)
        current = self._current
        assert current is not None
        current.sent += len(piece)
        current.ended = time.monotonic()
        if self._head is None:
            current.body += len(piece)
            return
        self._head += piece
        head, end, body = self._head.partition(_HEAD_END)
        if end:
            with suppress(ValueError, IndexError):
                current.status = int(head.split(b" ", 2)[1])
            current.body = len(body)
            self._head = None


if TYPE_CHECKING:
    from collections.abc import Callable

    _See = Callable[[bytes], None]
