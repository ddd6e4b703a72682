"""A static host for the tests, with faults as data: what a path pattern's answers suffer, and how often."""

from __future__ import annotations

import contextlib
import fnmatch
import http.server
import mimetypes
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003, dataclasses read it
from typing import Literal
from urllib.parse import unquote, urlsplit

Kind = Literal[
    "corrupt", "truncate", "missing", "html", "cut", "unavailable", "slow", "other",
    "refuse", "stall", "drip", "unsatisfiable", "busy", "broken", "redirect",
]  # fmt: skip

ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}

# As hosts that take no configuration send it: nothing for isolation, and all is kept for ten minutes, stale or not.
PLAIN = {"Cache-Control": "max-age=600"}

HTML = b"<!doctype html><title>Welcome</title><p>Please sign in to this network."

for extension, mime in {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}.items():
    mimetypes.add_type(mime, extension)


@dataclass
class Fault:
    """What answers to paths that match `path` (as fnmatch has it) suffer."""

    path: str
    kind: Kind
    times: int | None = None
    """How many answers, counted from now; None for all."""
    seconds: float = 0.0
    """How long a slow answer waits before its second half."""
    body: bytes = b""
    """What comes in place of the right bytes where the fault is `other`."""
    target: str = ""
    """The origin that a redirect leads to."""

    def takes(self, path: str) -> bool:
        """True when this answer suffers; counts it."""
        if self.times == 0 or not fnmatch.fnmatchcase(path, self.path):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Answer:
    status: int
    type: str
    body: bytes
    end: Literal["whole", "cut", "refuse", "stall", "drip"] = "whole"
    """How it ends: as it should; reset after its first half or before its head; silent from its middle on, or nearly so."""
    pause: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


def damaged(answer: Answer, fault: Fault, path: str) -> Answer:
    """The answer as the fault leaves it."""
    body, half = answer.body, len(answer.body) // 2
    match fault.kind:
        case "refuse" | "cut" | "stall" | "drip":
            return Answer(200, answer.type, body, end=fault.kind)
        case "unsatisfiable":
            return Answer(416, "text/plain", b"No such part")
        case "busy":
            return Answer(429, "text/plain", b"Too many", headers={"Retry-After": "1"})
        case "broken":
            return Answer(500, "text/plain", b"Something broke")
        case "redirect":
            return Answer(302, "text/plain", b"Over there", headers={"Location": fault.target + path})
        case "corrupt":
            return Answer(200, answer.type, body[:half] + bytes([body[half] ^ 0x55]) + body[half + 1 :])
        case "truncate":
            return Answer(200, answer.type, body[:half])
        case "missing":
            return Answer(404, "text/plain", b"Not found")
        case "html":
            return Answer(200, "text/html", HTML)
        case "unavailable":
            return Answer(503, "text/plain", b"Try again later")
        case "other":
            return Answer(200, answer.type, fault.body)
        case "slow":
            return Answer(200, answer.type, body, pause=fault.seconds)


@dataclass
class Host:
    """Serves folders under their mounts on one origin, which stays the same over stops and starts."""

    mounts: dict[str, Path] = field(default_factory=dict)
    """Path prefix, from slash to slash, to folder."""
    pages: dict[str, str] = field(default_factory=dict)
    """Path to HTML, for pages that no folder holds."""
    headers: dict[str, str] = field(default_factory=lambda: dict(PLAIN))
    faults: list[Fault] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """Paths of all requests since the last `log.clear()`."""
    errors: list[Exception] = field(default_factory=list)
    port: int = 0
    stopped: bool = False

    def __enter__(self) -> Host:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()
        if self.errors and raised == (None, None, None):
            raise self.errors[0]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.stopped = False
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """From here on connections are refused, as with the cable pulled."""
        self.stopped = True
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def kill(self) -> None:
        """Stops in the middle of its answers."""
        self.stop()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def requests(self, pattern: str) -> list[str]:
        return fnmatch.filter(self.log, pattern)

    def answer(self, path: str) -> Answer:
        self.log.append(path)
        answer = self._sound(path)
        fault = next((fault for fault in self.faults if fault.takes(path)), None)
        return damaged(answer, fault, path) if fault else answer

    def _sound(self, path: str) -> Answer:
        if path in self.pages:
            return Answer(200, "text/html", self.pages[path].encode())
        for mount in sorted(self.mounts, key=len, reverse=True):
            if path.startswith(mount):
                file = self.mounts[mount] / (path.removeprefix(mount) or "index.html")
                if file.is_file():
                    mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                    return Answer(200, mime, file.read_bytes())
        return Answer(404, "text/plain", b"Not found")


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], host: Host) -> None:
        self.host = host
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self.connections.add(request)
        super().process_request_thread(request, client_address)
        self.connections.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that leaves early is no error of ours; all else fails the test."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.host.errors.append(error)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        answer = self.server.host.answer(unquote(urlsplit(self.path).path))
        if answer.end == "refuse":
            return self._reset()
        self.send_response(answer.status)
        # One request a connection: when the host stops, nothing stays open behind its back.
        headers = {"Connection": "close", "Content-Length": str(len(answer.body)), "Content-Type": answer.type}
        for name, value in (self.server.host.headers | headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        half = len(answer.body) // 2
        self.wfile.write(answer.body[:half])
        if answer.end == "cut":
            return self._reset()
        time.sleep(answer.pause)
        if answer.end in ("stall", "drip"):
            return self._linger(answer.body[half:] if answer.end == "drip" else b"")
        self.wfile.write(answer.body[half:])
        return None

    def _reset(self) -> None:
        """Unsent bytes are dropped and the peer is told so: what a dying line looks like."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _linger(self, rest: bytes) -> None:
        """Keeps the connection until the peer leaves or the host stops, with ten bytes a second of the rest."""
        self.connection.settimeout(0.1)
        for place in range(1_000_000):
            if self.server.host.stopped:
                return
            self.wfile.write(rest[place : place + 1])
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""
