"""A plain host that counts every byte it writes to its sockets: what a measurement of traffic is held to."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .server import ISOLATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Answer:
    """`sent` is in bytes, head and body."""

    path: str
    status: int = 0
    sent: int = 0

    @property
    def is_check(self) -> bool:
        """Whether a browser asked for a newer service worker and there was none: no page and no DevTools hear of that."""
        return self.path == "/sw.js" and self.status == 304


class CountingHost:
    def __init__(self, folder: Path) -> None:
        self.answers: list[Answer] = []
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder), host=self))
        self.server.daemon_threads = True

    @property
    def sent(self) -> int:
        """Bytes of all answers."""
        return sum(answer.sent for answer in self.answers)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@contextmanager
def counting(folder: Path) -> Iterator[CountingHost]:
    """Serves a folder, isolated, until the end of the block."""
    host = CountingHost(folder)
    thread = threading.Thread(target=host.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        host.server.shutdown()
        thread.join()
        host.server.server_close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, host: CountingHost, **rest: Any) -> None:
        self._host = host
        super().__init__(*args, **rest)

    def setup(self) -> None:
        super().setup()
        write = self.wfile.write

        def counted(data: Any) -> int:
            count = write(data)
            self._host.answers[self._number].sent += len(data)
            return count

        self.wfile.write = counted  # type: ignore[method-assign]

    def do_GET(self) -> None:
        with self._host.lock:
            self._number = len(self._host.answers)
            self._host.answers.append(Answer(self.path))
        super().do_GET()

    def send_response(self, code: int, message: str | None = None) -> None:
        self._host.answers[self._number].status = code
        super().send_response(code, message)

    def end_headers(self) -> None:
        for name, value in ISOLATION.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # a browser that leaves early
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""
