"""What a URL can name: a file held open, or a document made here. Both answer with size, tag and content."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Protocol

from packager.serve.paths import is_absence

if TYPE_CHECKING:
    from pathlib import Path

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a named pipe must not hold the thread
)


class FileReplacedError(Exception):
    """The file at this path is no longer the one that was opened."""


class Entity(Protocol):
    """One version of what a URL names."""

    @property
    def name(self) -> str:
        """Path in the site, with slashes."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def tag(self) -> str:
        """Name of the version, without quotes."""

    @property
    def modified(self) -> float | None:
        """Seconds since the epoch, if known."""

    def content(self) -> bytes:
        """Return all bytes of this version. Blocks. Raises FileReplacedError, OSError."""

    def close(self) -> None:
        """Let go of what is held."""


@dataclass(frozen=True)
class Document:
    """A page or style sheet that this server makes itself."""

    name: str
    body: bytes
    modified: float | None = None

    @property
    def size(self) -> int:
        """Size in bytes."""
        return len(self.body)

    @cached_property
    def tag(self) -> str:
        """Digest of the content."""
        return hashlib.blake2b(self.body, digest_size=9).hexdigest()

    def content(self) -> bytes:
        """Return the bytes."""
        return self.body

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


@dataclass(frozen=True)
class StoredFile:
    """A regular file held open, so that its size and its bytes stay those of one version."""

    name: str
    path: Path
    handle: BinaryIO
    size: int
    tag: str
    modified: float

    def content(self) -> bytes:
        """Return all bytes, read through a handle of its own, as this one may be closed meanwhile."""
        again = open_file(self.path, self.name)
        if again is None:
            raise FileReplacedError
        with again.handle:
            content = again.handle.read()
        if again.tag != self.tag:
            raise FileReplacedError
        return content

    def close(self) -> None:
        """Close the file."""
        self.handle.close()


def open_file(path: Path, name: str) -> StoredFile | None:
    """Open a regular file; None for anything else and for a path at which there is nothing.

    ``path`` is a real path, ``name`` its path in the site. Raises OSError when the system cannot open it now.
    """
    try:
        handle = os.fdopen(os.open(path, _OPEN_FLAGS), "rb")
    except (OSError, ValueError) as error:
        if is_absence(error):
            return None
        raise
    status = os.fstat(handle.fileno())
    if not stat.S_ISREG(status.st_mode):
        handle.close()
        return None
    return StoredFile(name, path, handle, status.st_size, _tag(status), status.st_mtime)


def _tag(status: os.stat_result) -> str:
    """Return the tag of a version; the change time and the inode catch files whose times were set by hand."""
    version = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
    return hashlib.blake2b(version.encode(), digest_size=9).hexdigest()
