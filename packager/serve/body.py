"""Part of a file as a response, read piece by piece off the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

# What a connection holds in memory while its visitor is slow.
_PIECE_BYTES = 128 * 1024


class FileSlice(Response):
    """The bytes ``part`` of an open file. The caller opens and closes it."""

    def __init__(self, handle: BinaryIO, part: range, status_code: int, headers: Mapping[str, str]) -> None:
        self._handle = handle
        self._part = part
        super().__init__(status_code=status_code, headers={**headers, "Content-Length": str(len(part))})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send head and bytes; stop early when the visitor leaves or the file turns out shorter than it said."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await run_in_threadpool(self._handle.seek, self._part.start)
            left = len(self._part)
            while left > 0 and not gone.done():
                piece = await run_in_threadpool(self._handle.read, min(left, _PIECE_BYTES))
                if not piece:
                    return  # the server cuts the connection, so that the visitor does not take it for the whole
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if not self._part:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
