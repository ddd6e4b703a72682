"""The web server of the comparison: `packager serve` over one folder, the same for all, with what it sends counted."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import uvicorn

from packager.headers import IMMUTABLE, REVALIDATE
from packager.serve import create_app
from packager.serve.listening import listen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

INPUTS = "/inputs/"
"""Under this path lie the tensors that all are fed with; they are no part of anybody's download."""

# These change under their names; all else that is compared is published under a version, as each peer's documentation advises.
_REVALIDATED = (".html", "/", "/manifest.json", "/sw.js")


@dataclass
class Traffic:
    """What has been sent: bodies as they went over the wire, after compression, and requests that had one."""

    bytes: int = 0
    requests: int = 0


@dataclass(frozen=True)
class Host:
    """A running server."""

    origin: str
    traffic: Traffic

    def warm(self, path: str) -> None:
        """Asks for a file as a browser does, so that its compressed copy is at hand before anything is measured."""
        request = Request(f"{self.origin}/{path}", headers={"Accept-Encoding": "br, gzip"})  # noqa: S310 (loopback)
        with urlopen(request) as response:  # noqa: S310
            response.read()


class _Counted:
    """Around the application: counts, lets all content be kept, and leaves out the policy under which peers cannot run."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        kept = IMMUTABLE if not path.endswith(_REVALIDATED) else REVALIDATE

        async def forward(message: Message) -> None:
            if message["type"] == "http.response.start":
                left = [(k, v) for k, v in message["headers"] if k not in (b"content-security-policy", b"cache-control")]
                message["headers"] = [*left, (b"cache-control", kept.encode())]
            elif message["type"] == "http.response.body" and not path.startswith(INPUTS):
                self._traffic.bytes += len(message.get("body", b""))
                self._traffic.requests += not message.get("more_body", False)
            await send(message)

        await self._app(scope, receive, forward)


@contextmanager
def serving(root: Path) -> Iterator[Host]:
    """Serves ``root`` on loopback, isolated, from a thread of this process."""
    traffic = Traffic()
    listener = listen("127.0.0.1", 0)
    app = _Counted(create_app(root), traffic)
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Host(f"http://127.0.0.1:{listener.getsockname()[1]}", traffic)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
