"""A plain host that counts every byte it writes to its sockets: what a measurement of traffic is held to."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from .server import ISOLATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class CountingHost:
    """`sent` is in bytes, heads and bodies; `paths` are those of all requests."""

    def __init__(self, folder: Path) -> None:
        self.sent = 0
        self.paths: list[str] = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder), host=self))
        self.server.daemon_threads = True

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
        write, host = self.wfile.write, self._host

        def counted(data: Any) -> int:
            count = write(data)
            host.sent += len(data)
            return count

        self.wfile.write = counted  # type: ignore[method-assign]

    def do_GET(self) -> None:
        self._host.paths.append(self.path)
        super().do_GET()

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
