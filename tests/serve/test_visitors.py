"""Many visitors, slow ones and those who hang up; files that change while they are sent."""

from __future__ import annotations

import concurrent.futures
import os
import resource
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.serving import PAGE, SHARD, SHARD_PATH, serving, write_bundle

if TYPE_CHECKING:
    import pytest


def test_many_visitors_at_once(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    content = os.urandom(1 << 20)
    (tmp_path / "large.bin").write_bytes(content)
    request = b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(tmp_path) as running:
        connections = [socket.create_connection((running.host, running.port), timeout=60) for _ in range(200)]
        for connection in connections:
            connection.sendall(request)

        def body(connection: socket.socket) -> bytes:
            with connection:
                return b"".join(iter(lambda: connection.recv(1 << 20), b"")).partition(b"\r\n\r\n")[2]

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            assert all(received == content for received in pool.map(body, connections))
        assert running.errors == []


def test_slow_visitors_do_not_hold_up_others(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / "large.bin").write_bytes(bytes(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving(tmp_path) as running:
        slow = [socket.create_connection((running.host, running.port), timeout=60) for _ in range(60)]
        for connection in slow:
            connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        assert running.get(f"/{SHARD_PATH}").body == SHARD
        assert time.monotonic() - started < 5
        for connection in slow:
            connection.close()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB; 60 whole files would be 3.8 GB
        assert running.errors == []


def test_visitors_who_hang_up_leave_nothing_open(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / "large.bin").write_bytes(bytes(64 << 20))
    with serving(tmp_path) as running:
        for _ in range(20):
            connection = socket.create_connection((running.host, running.port), timeout=60)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(1000)
            connection.close()
        deadline = time.monotonic() + 10
        while open_handles(tmp_path / "large.bin") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert open_handles(tmp_path / "large.bin") == 0
        assert running.get("/").body == PAGE
        assert running.errors == []


def open_handles(path: Path) -> int:
    """How often this process has the file open."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += entry.readlink() == path
        except FileNotFoundError:  # closed meanwhile
            continue
    return count


def test_a_file_replaced_while_it_is_sent_stays_whole(tmp_path: Path) -> None:
    path = write_bundle(tmp_path) / "large.bin"
    old, new = bytes(32 << 20), b"\1" * (32 << 20)
    path.write_bytes(old)
    with serving(tmp_path) as running, socket.create_connection((running.host, running.port), timeout=60) as connection:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = bytearray(connection.recv(1000))
        (tmp_path / "new").write_bytes(new)
        (tmp_path / "new").replace(path)
        while piece := connection.recv(1 << 20):
            received += piece
        assert bytes(received).partition(b"\r\n\r\n")[2] == old
        assert running.get("/large.bin").body == new


def test_a_file_cut_short_while_it_is_sent_cuts_the_connection(tmp_path: Path) -> None:
    path = write_bundle(tmp_path) / "large.bin"
    path.write_bytes(bytes(64 << 20))
    with serving(tmp_path) as running, socket.create_connection((running.host, running.port), timeout=60) as connection:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(connection.recv(1000))
        os.truncate(path, 1 << 20)
        while piece := connection.recv(1 << 20):
            received += len(piece)
        assert received < 64 << 20
        assert running.get("/").body == PAGE
        assert running.errors == ["ASGI callable returned without completing response."]


def test_when_no_file_can_be_opened_visitors_are_asked_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with serving(tmp_path) as running:
        monkeypatch.setattr("packager.serve.site.open_file", refuse)
        answer = running.get("/")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert running.errors == []
