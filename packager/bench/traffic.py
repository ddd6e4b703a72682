"""Bytes and requests of a visit, by what they were for: as the server sent them, or as DevTools saw them arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packager.bench.bundle import answer_bytes
from packager.content import shard_path
from packager.manifest import module_contents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import BrowserContext, Request, Response

    from packager._manifest_types import Manifest

KINDS = ("shell", "engine", "weights", "samples", "other")


@dataclass(frozen=True)
class Transfer:
    """One answer over the network: heads and body in bytes."""

    url: str
    bytes: int


class Kinds:
    """What each path of a bundle is for."""

    def __init__(self, manifest: Manifest, base: str) -> None:
        self._base = urlsplit(base).path
        roles = {"shell": "shell", "engine": "engine", "sample": "samples"}
        self._known = {"": "shell", "manifest.json": "shell", "sw.js": "shell"}
        self._known |= {file["path"]: roles.get(file["role"], "other") for file in manifest["files"]}
        modules = [content for target in manifest["engines"] for content in module_contents(manifest, target)]
        self._known |= {shard_path(shard): "engine" for content in modules for shard in content}

    def of(self, url: str) -> str:
        """One of ``KINDS``. Every shard that is no engine's counts as weights: graph, labels and tokenizer too."""
        path = unquote(urlsplit(url).path).removeprefix(self._base)
        return self._known.get(path) or ("weights" if path.startswith("shards/") else "other")


def tally(transfers: Iterable[Transfer], kinds: Kinds) -> dict[str, Any]:
    """Bytes and requests in all, and bytes by kind."""
    held = list(transfers)
    split = Counter(dict.fromkeys(KINDS, 0))
    for transfer in held:
        split[kinds.of(transfer.url)] += transfer.bytes
    return {"bytes": sum(transfer.bytes for transfer in held), "requests": len(held), "kinds": dict(split)}


class Wire:
    """What DevTools says of the network of all pages of a context, their workers and the service worker.

    Playwright's own sessions are listened to: a worker starts as soon as these are ready, so that any others come too late for
    what it asks for first. Answers from a cache or a service worker moved nothing and do not count.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._asked: set[str] = set()
        self._ended: list[Request] = []

    def __enter__(self) -> Wire:
        self._context.on("request", self._ask)
        self._context.on("requestfinished", self._end)
        return self

    def __exit__(self, *raised: object) -> None:
        self._context.remove_listener("request", self._ask)
        self._context.remove_listener("requestfinished", self._end)

    def _ask(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("http", "https"):
            self._asked.add(request.url)

    def _end(self, request: Request) -> None:
        self._ended.append(request)

    @property
    def ended(self) -> int:
        """How many requests have ended."""
        return len(self._ended)

    async def transfers(self, resources: list[dict[str, Any]], *, fresh: bool) -> list[Transfer]:
        """All that moved. ``resources`` is the page's own resource timing, ``fresh`` says that the profile held nothing before.

        DevTools gives the heads alone of workers' scripts, and nothing of what a document still fetched when the next took its
        place. Into a fresh profile each file came whole, once at least, and its server names its size; else the page's timing
        knows of some.
        """
        files = {url: _File() for url in self._asked}
        for request in list(self._ended):
            response = await request.response()
            if response is not None and request.url in files:
                files[request.url].add(response, await request.sizes())
        if fresh:
            await asyncio.gather(*(asyncio.to_thread(file.complete, url) for url, file in files.items()))
        else:
            for entry in resources:
                # Not where the server confirmed what the browser had: that has a size, and what moved is that of a head.
                if entry["transferSize"] >= entry["encodedBodySize"] and entry["name"] in files:
                    files[entry["name"]].fill(int(entry["encodedBodySize"]))
        return [Transfer(url, moved) for url, file in files.items() for moved in file.moved if moved]


@dataclass
class _File:
    """What DevTools says of the answers of one URL, in bytes: ``moved`` by each, and in ``bodies`` all together."""

    moved: list[int] = field(default_factory=list)
    bodies: int = 0
    head: int = 0
    length: int | None = None
    served: bool = False
    """Whether a service worker answered too."""

    def add(self, response: Response, sizes: Any) -> None:
        if response.from_service_worker:
            self.served = True
            return
        self.head, body = sizes["responseHeadersSize"], max(0, sizes["responseBodySize"])
        self.moved.append(self.head + sizes["responseBodySize"])
        self.bodies += body
        named = response.headers.get("content-length", "")
        if response.status == 200 and named.isdecimal():
            self.length = int(named)

    def complete(self, url: str) -> None:
        """Fills in what came whole, by the size that the server named, or names when asked once more."""
        if not self.bodies and self.length is None and not self.served:
            self.head, self.length = answer_bytes(url)
        self.fill(self.length or 0)

    def fill(self, length: int) -> None:
        """A body of so many bytes came, of which DevTools saw less."""
        lacking = length - self.bodies
        if lacking > 0:
            seen = [moved for moved in self.moved if moved] or [self.head]
            self.moved = [seen[0] + lacking, *seen[1:]]
