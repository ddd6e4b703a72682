"""The relay: what it counts is what the server sent, however it sends, and nothing is changed on the way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from packager.bench.relay import Relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY = bytes(range(256)) * 900


class Server:
    """Answers each request with the next of its replies, in pieces of an odd size, and counts what it sends."""

    def __init__(self, replies: list[bytes], piece: int) -> None:
        self.replies, self.piece, self.sent = list(replies), piece, 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while self.replies:
                await reader.readuntil(b"\r\n\r\n")
                reply = self.replies.pop(0)
                for start in range(0, len(reply), self.piece):
                    writer.write(reply[start : start + self.piece])
                    self.sent += len(reply[start : start + self.piece])
                    await writer.drain()
        writer.close()


@asynccontextmanager
async def relayed(replies: list[bytes], piece: int = 1000) -> AsyncIterator[tuple[Relay, Server]]:
    server = Server(replies, piece)
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    try:
        async with Relay(("127.0.0.1", listening.sockets[0].getsockname()[1])) as relay:
            yield relay, server
    finally:
        listening.close()


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, wanted: int, *, split: bool = False
) -> bytes:
    request = f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()
    for part in (request[:7], request[7:]) if split else (request,):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.01)
    return await reader.readexactly(wanted)


def reply(status: str, body: bytes = b"", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("piece", [1, 7, 1000, 10**6])
def test_every_byte_is_counted_once_and_arrives(piece: int) -> None:
    replies = [
        reply("200 OK", BODY if piece > 1 else BODY[:500]),
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        reply("404 Not Found", b"none"),
    ]

    async def run() -> None:
        async with relayed(replies, piece) as (relay, server):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            for index, expected in enumerate(replies):
                assert await ask(reader, writer, f"/{index}?x=1", len(expected), split=index == 1) == expected
            writer.close()
            assert relay.sent == server.sent == sum(map(len, replies))
            assert [exchange.sent for exchange in relay.exchanges] == [len(each) for each in replies]
            assert [exchange.body for exchange in relay.exchanges] == [
                len(each) - each.index(b"\r\n\r\n") - 4 for each in replies
            ]
            assert [exchange.status for exchange in relay.exchanges] == [200, 304, 200, 404]
            assert [exchange.path for exchange in relay.exchanges] == ["/0?x=1", "/1?x=1", "/2?x=1", "/3?x=1"]

    asyncio.run(run())


def test_connections_side_by_side_are_told_apart() -> None:
    replies = [reply("200 OK", BODY)] * 6

    async def run() -> None:
        async with relayed(replies) as (relay, server):
            pairs = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in replies]
            found = await asyncio.gather(*(ask(*pair, f"/{index}", len(replies[0])) for index, pair in enumerate(pairs)))
            assert all(each == replies[0] for each in found)
            for _, writer in pairs:
                writer.close()
            assert relay.sent == server.sent
            assert sorted(exchange.path for exchange in relay.exchanges) == [f"/{index}" for index in range(6)]

    asyncio.run(run())


def test_a_pause_refuses_and_the_port_stays() -> None:
    async def run() -> None:
        async with relayed([reply("200 OK", b"one"), reply("200 OK", b"two")]) as (relay, _):
            port = relay.port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await ask(reader, writer, "/", len(reply("200 OK", b"one")))
            await relay.pause()
            assert await reader.read() == b""  # connections that were open are gone too
            writer.close()
            with pytest.raises(OSError, match="refused|failed|111"):
                await asyncio.open_connection("127.0.0.1", port)
            await relay.resume()
            assert relay.port == port
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert (await ask(reader, writer, "/", len(reply("200 OK", b"two")))).endswith(b"two")
            writer.close()

    asyncio.run(run())


def test_a_server_that_is_gone_ends_the_connection() -> None:
    async def run() -> None:
        async with relayed([]) as (relay, _):
            relay.upstream = ("127.0.0.1", 1)
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            assert await reader.read() == b""
            writer.close()

    asyncio.run(run())
