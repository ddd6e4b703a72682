"""Bytes and requests of a visit, by what they were for: as the server sent them, or as DevTools saw them arrive."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packager.content import shard_path
from packager.manifest import module_contents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packager._manifest_types import Manifest
    from packager.bench.devtools import Target

KINDS = ("shell", "engine", "weights", "samples", "other")
EVENTS = ("Network.requestWillBeSent", "Network.loadingFinished", "Network.dataReceived", "Network.loadingFailed")


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


@dataclass
class Wire:
    """What DevTools says of every target's network. Answers from a cache or a service worker moved nothing and do not count."""

    _urls: dict[str, str] = field(default_factory=dict)
    _moved: Counter[str] = field(default_factory=Counter)
    _ended: dict[str, float] = field(default_factory=dict)

    def take(self, target: Target, name: str, params: dict[str, Any]) -> None:  # noqa: ARG002 (ids are the browser's, not the target's)
        """Takes an event."""
        request = params.get("requestId", "")
        if name == "Network.requestWillBeSent":
            self._urls[request] = params["request"]["url"]
        elif name == "Network.dataReceived":
            self._moved[request] += params["encodedDataLength"]
        elif name == "Network.loadingFinished":
            self._ended[request] = params["encodedDataLength"]

    def transfers(self, resources: list[dict[str, Any]]) -> list[Transfer]:
        """All that moved. ``resources`` is the page's own resource timing.

        It has the bodies of its workers' scripts, of which DevTools reports the heads alone.
        """
        found = [
            Transfer(self._urls.get(request, ""), moved)
            for request in {**self._moved, **self._ended}
            if (moved := int(max(self._ended.get(request, 0), self._moved[request])))
        ]
        by_url = Counter[str]()
        for transfer in found:
            by_url[transfer.url] += transfer.bytes
        bodies = {entry["name"]: int(entry["encodedBodySize"]) for entry in resources if entry["transferSize"]}
        return found + [Transfer(url, body) for url, body in bodies.items() if by_url[url] < body]
