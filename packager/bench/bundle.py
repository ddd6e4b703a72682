"""The bundle under test: its manifest, and a folder with as much of it as the comparison with native needs."""

from __future__ import annotations

import json
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from packager import manifest as manifests
from packager.content import shard_path
from packager.errors import BuildError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packager._manifest_types import Content, Manifest, Variant

_SECONDS = 60


@dataclass(frozen=True)
class Bundle:
    """``address`` is the folder or the URL as it was given; ``folder`` holds the files, fetched as they are asked for."""

    address: str
    folder: Path
    manifest: Manifest
    url: str | None

    def need(self, contents: Iterable[Content], paths: Iterable[str] = ()) -> Path:
        """The folder, with these contents and files in it. Raises BuildError where the host does not give them."""
        if self.url is not None:
            shards = (shard_path(shard) for content in contents for shard in content)
            for path in (*shards, *paths):
                file = self.folder / path
                if not file.exists():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(_get(urljoin(self.url, path)))
        return self.folder

    def variants(self, wanted: tuple[str, ...]) -> list[Variant]:
        """The variants of these ids, or all. Raises InputError for an id that is not there."""
        known = {variant["id"]: variant for variant in self.manifest["variants"]}
        for name in wanted:
            if name not in known:
                raise InputError(f"There is no variant '{name}'.", where=self.address, remedy=f"It has: {', '.join(known)}.")
        return [known[name] for name in wanted or known]


@contextmanager
def opened(site: str, *, remote: bool) -> Iterator[Bundle]:
    """The bundle at a folder or a URL. Raises InputError where there is none."""
    if not remote:
        folder = Path(site)
        if not folder.is_dir():
            raise InputError("There is no such folder.", where=site, remedy="Give the folder of a bundle, or a URL.")
        yield Bundle(site, folder, manifests.read_manifest(folder), None)
        return
    # A page is named by its folder, with or without index.html.
    url = urljoin(site.partition("?")[0].partition("#")[0], ".") if site.endswith(".html") else site.rstrip("/") + "/"
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as name:
        folder = Path(name)
        (folder / "manifest.json").write_bytes(_get_manifest(url))
        try:
            manifest = manifests.read_manifest(folder)
        except InputError as error:
            raise InputError(error.what, where=urljoin(url, "manifest.json"), remedy=error.remedy) from error
        yield Bundle(site, folder, manifest, url)


def first_bytes(manifest: Manifest, variant: Variant) -> int:
    """Bytes that a first visit with this variant moves, before the host compresses any."""
    return sum(manifests.first_visit_bytes(manifest, variant).values())


@cache
def answer_bytes(url: str) -> tuple[int, int]:
    """Bytes of a file's answer as a browser gets it, its head and its body; 0 where there is none."""
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})  # noqa: S310 (checked)
    try:
        with urllib.request.urlopen(asked, timeout=_SECONDS) as response:  # noqa: S310
            head = sum(len(name) + len(value) + 4 for name, value in response.headers.items())
            return len(f"HTTP/1.1 {response.status} {response.reason}\r\n\r\n") + head, len(response.read())
    except (OSError, ValueError):
        return 0, 0


def _get_manifest(url: str) -> bytes:
    where = urljoin(url, "manifest.json")
    try:
        content = _get(where)
        value: Any = json.loads(content)
    except BuildError as error:
        raise InputError(f"There is no bundle at this URL: {error.what}", where=where) from error
    except ValueError as error:
        raise InputError("There is no bundle at this URL: its manifest.json is not JSON.", where=where) from error
    if not isinstance(value, dict) or value.get("format") != manifests.FORMAT:
        raise InputError("There is no bundle at this URL: its manifest.json is another program's.", where=where)
    return content


def _get(url: str) -> bytes:
    try:
        # The scheme was checked when the options were read.
        with urllib.request.urlopen(url, timeout=_SECONDS) as response:  # noqa: S310
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        error.close()
        raise BuildError(f"The server answered {error.code}.", where=url) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise BuildError(f"The server does not answer: {reason}.", where=url) from error
