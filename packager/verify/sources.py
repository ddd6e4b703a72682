"""Where a bundle lies: in a folder, or on a host as anybody gets it."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from packager import __version__
from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = 30
_PIECE = 2**20


class AbsentError(Exception):
    """A file is not to be had; the text says why and goes after the file's name."""


@dataclass(frozen=True)
class Fetched:
    """The bytes of a file, and the headers that they came with by lower-case name; none from a folder."""

    data: bytes
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Folder:
    """A bundle on this machine."""

    root: Path

    def fetch(self, path: str, limit: int) -> Fetched:
        """At most one byte more than ``limit``. Raises AbsentError."""
        try:
            with (self.root / path).open("rb") as stream:
                return Fetched(stream.read(limit + 1))
        except FileNotFoundError as error:
            raise AbsentError("is missing") from error
        except OSError as error:
            raise AbsentError(f"cannot be read: {error.strerror}") from error

    def paths(self) -> list[str]:
        """All files, relative and with slashes."""
        return [path.relative_to(self.root).as_posix() for path in sorted(self.root.rglob("*")) if not path.is_dir()]


@dataclass(frozen=True)
class Web:
    """A bundle on a host. ``base`` is the URL of its folder, with the slash at the end."""

    base: str
    _opener: urllib.request.OpenerDirector = field(default_factory=lambda: urllib.request.build_opener(_SameOrigin()))

    def fetch(self, path: str, limit: int) -> Fetched:
        """At most one byte more than ``limit``, whatever the host's coding. Raises AbsentError."""
        # Hosts redirect index.html, and visitors ask for its folder.
        url = urljoin(self.base, "" if path == "index.html" else path)
        asked = {"Accept-Encoding": "identity", "User-Agent": f"packager/{__version__}"}
        try:
            with self._opener.open(urllib.request.Request(url, headers=asked), timeout=_SECONDS) as response:  # noqa: S310
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Fetched(_read(response, headers.get("content-encoding", "identity").lower(), limit), headers)
        except urllib.error.HTTPError as error:
            error.close()
            raise AbsentError(f"is not there: the server answers {error.code}") from error
        except (OSError, http.client.HTTPException, zlib.error) as error:
            reason = getattr(error, "reason", None) or error
            raise AbsentError(f"cannot be fetched: {str(reason) or type(error).__name__}") from error


def open_source(target: str) -> Folder | Web:
    """The place that a user names by a folder, a URL of a bundle, of its page or of its manifest. Raises InputError."""
    if not re.match(r"https?://", target):
        if not Path(target).is_dir():
            raise InputError("This is neither a folder nor an address that starts with https://.", where=target)
        return Folder(Path(target))
    parts = urlsplit(target)
    if not parts.hostname or parts.username is not None:
        raise InputError("This is no address of a bundle.", where=target, remedy="Write it like https://example.org/site/.")
    name = parts.path.rpartition("/")[2]
    folder = parts.path.removesuffix(name) if "." in name else f"{parts.path.rstrip('/')}/"
    return Web(f"{parts.scheme}://{parts.netloc}{folder}")


def _read(response: Any, coding: str, limit: int) -> bytes:
    if coding == "identity":
        return bytes(response.read(limit + 1))
    if coding not in ("gzip", "x-gzip"):
        raise AbsentError(f"comes in the coding {coding}, though none was asked for")
    decoder, data = zlib.decompressobj(16 + 15), b""
    while len(data) <= limit and not decoder.eof and (piece := response.read(_PIECE)):
        data += decoder.decompress(piece, limit + 1 - len(data))
    return data


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows a host to another path, and to no other host: the page's security policy would not let a visitor go there."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            raise urllib.error.URLError(f"the server redirects to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
