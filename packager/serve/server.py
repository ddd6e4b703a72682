"""Listens, says where, and serves until Ctrl-C."""

from __future__ import annotations

import logging
import threading
import webbrowser
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from packager.errors import InputError
from packager.manifest import is_bundle
from packager.serve.gallery import bundles
from packager.serve.listening import is_loopback, links, listen
from packager.serve.site import create_app

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

# Each visitor takes a connection and, while a file is sent, a file.
_OPEN_FILES = 16384


def serve(
    root: Path, *, host: str = "127.0.0.1", port: int | None = None, open_browser: bool = False, isolate: bool = True
) -> None:
    """Serve a bundle, or a folder of bundles, until the process is interrupted.

    ``port`` None means 8000 or the next free one, 0 any free one. ``isolate`` False leaves out COOP, COEP and CORP.
    Raises InputError when ``root`` is neither, or when host and port cannot be listened on.
    """
    what = _what(root)
    listener = listen(host, port)
    reached_at = links(*listener.getsockname()[:2])

    def announce() -> None:
        lines = [f"Serving {what} at", *(f"  {link}" for link in reached_at), *_remarks(reached_at, isolate=isolate)]
        print("\n".join(lines), flush=True)
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(reached_at[0],), daemon=True).start()

    _raise_file_limit()
    config = uvicorn.Config(
        create_app(root, isolate=isolate),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    with listener, suppress(KeyboardInterrupt):
        _Server(config, announce).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Calls ``announce`` once it listens, and goes quietly."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Downloads that Ctrl-C cuts short are no errors.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def _what(root: Path) -> str:
    """Say what is served. Raises InputError when it is neither a bundle nor a folder of bundles."""
    if not root.exists():
        raise InputError(
            "There is no such folder.", where=str(root), remedy="Make a bundle with: packager build MODEL.onnx -o SITE"
        )
    if is_bundle(root):
        return str(root)
    try:
        count = len(bundles(root)) if root.is_dir() else 0
    except OSError as error:
        raise InputError(f"The folder cannot be read: {error.strerror}.", where=str(root)) from error
    if count == 0:
        raise InputError(
            "This is neither a bundle nor a folder of bundles.",
            where=str(root),
            remedy="Make a bundle with: packager build MODEL.onnx -o SITE",
        )
    return f"{count} {'bundle' if count == 1 else 'bundles'} in {root}"


def _remarks(reached_at: list[str], *, isolate: bool) -> list[str]:
    remarks = []
    if not is_loopback(reached_at[-1]):
        remarks.append(
            "On other devices this is plain http, where browsers allow no service worker, no cache and one thread only: "
            "all three need https or localhost."
        )
    if not isolate:
        remarks.append("Without COOP and COEP: the first visit has one thread, until the service worker adds these headers.")
    return [*remarks, "Press Ctrl-C to stop."]


def _raise_file_limit() -> None:
    """Let the process open as many files as many visitors take, as far as the system allows."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
