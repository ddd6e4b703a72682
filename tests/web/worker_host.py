"""A page with a worker that tests of an engine ask directly: a host of bytes in memory, and many cases in one request."""

from __future__ import annotations

import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Page

PAGE = b"<!doctype html><title>engine</title><link rel=icon href=data:,>"
_TYPES = {"": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


@contextmanager
def worker_page(
    browser: Browser, files: dict[str, bytes], headers: Mapping[str, str], worker_headers: Mapping[str, str] | None = None
) -> Iterator[Page]:
    """A blank page on a host of ``files`` by path, to which what is posted is added.

    ``worker_headers`` come with ``/worker.js`` alone.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE if self.path == "/" else files.get(self.path)
            self._send(404 if body is None else 200, body or b"")

        def do_POST(self) -> None:
            files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(200, b"")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", _TYPES.get(PurePosixPath(self.path).suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body)))
            for name, value in {**headers, **((worker_headers or {}) if self.path == "/worker.js" else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, browser.new_context() as context:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            page = context.new_page()
            page.set_default_timeout(600_000)
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            yield page
        finally:
            server.shutdown()
            thread.join()


def joined(requests: list[bytes]) -> bytes:
    """Each behind its size, as the workers read and write them."""
    return b"".join(struct.pack("<I", len(request)) + request for request in requests)


def parted(answers: bytes) -> Iterator[bytes]:
    """The inverse of ``joined``."""
    at = 0
    while at < len(answers):
        (size,) = struct.unpack_from("<I", answers, at)
        yield answers[at + 4 : at + 4 + size]
        at += 4 + size
