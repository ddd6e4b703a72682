"""Hostile request paths against `serve`: nothing from outside of the root, nothing hidden, and no failure of the server."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = b"none of the visitors' business"
_PARTS = (
    "..", ".", "", "...", "..;", "%2e%2e", "%2e", ".%2e", "%252e%252e", "..%2f", "..%5c", "..\\", "%c0%ae%c0%ae",
    "%e0%80%ae", "%uff0e", "secret", "secret.txt", ".hidden", ".git", "config", "etc", "passwd", "out", "index.html",
    "INDEX.HTML", "assets", "a.js", "a.js.", "a.js ", "a.js::$DATA", "CON", "NUL", "C:", "~", "%00", "%0a",
    "%0d%0aSet-Cookie:x", "%", "%g0", "%ff", "%ed%a0%80", "\x7f", "a" * 300, "\u00fc", "?x=../..", "#", "*", "|",
    "{}", "[", "proc", "self", "environ", "site", "..site", "manifest.json",
)  # fmt: skip
_STARTS = ("/", "//", "/./", "/../", "/..//", "http://127.0.0.1/", "", "/%2f", "/\\", "///../../")
_METHODS = ("GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "get", "G\x00T")


def requests(seed: int, count: int) -> Iterator[bytes]:
    """So many requests, as bytes on the line."""
    chance = random.Random(seed)
    for _ in range(count):
        separator = chance.choice(("/", "/", "/", "//", "\\", "%2f", "%5c", "/./"))
        path = chance.choice(_STARTS) + separator.join(chance.choice(_PARTS) for _ in range(chance.randrange(1, 7)))
        raw = bytearray(path.encode("utf-8"))
        if chance.random() < 0.7:  # as a browser would write it, so that it gets past the protocol
            raw = bytearray(quote(bytes(raw), safe="/%\\:;?#=*|{}[]~$").encode())
        if chance.random() < 0.1:
            raw[chance.randrange(len(raw)) : 0] = bytes([chance.randrange(256)])
        headers = chance.choice((b"", b"Range: bytes=-99999999999999999999\r\n", b"Accept-Encoding: gzip;q=nan, *\r\n"))
        method = chance.choice(_METHODS).encode()
        yield method + b" " + bytes(raw) + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n"


def faults(seed: int, count: int) -> tuple[dict[int, int], list[str]]:
    """How often each status came, and what was wrong: the request and why."""
    statuses: dict[int, int] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name, serving(_root(Path(name))) as server:
        for request in requests(seed, count):
            answer = server.raw(request)
            status = int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0
            statuses[status] = statuses.get(status, 0) + 1
            if SECRET in answer:
                wrong.append(f"it gave away a secret: {request!r}")
            if status == 0 or status >= 500:
                wrong.append(f"it answered {answer[:80]!r}: {request!r}")
        if server.get("/assets/a.js").body != b"export {};":
            wrong.append("at the end it does not serve any more")
        wrong += [f"it logged: {error}" for error in server.errors]
    return statuses, wrong


def _root(folder: Path) -> Path:
    """A site with what must not be seen around it, hidden in it, and behind links."""
    root = folder / "site"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>")
    (root / "manifest.json").write_text("{}")
    (root / "assets/a.js").write_text("export {};")
    for hidden in (
        folder / "secret.txt",
        root / ".hidden",
        root / "assets/.hidden",
        folder / "secret/secret.txt",
        root / ".git/config",
    ):
        hidden.parent.mkdir(exist_ok=True)
        hidden.write_bytes(SECRET)
    (root / "out").symlink_to(folder / "secret")
    (root / "assets/secret.txt").symlink_to(folder / "secret.txt")
    return root
