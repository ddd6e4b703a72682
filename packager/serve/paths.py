"""From the path of a request to a real path inside the root, or to nothing."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

# No name of a file in a bundle holds these: separators of either kind, drive letters and streams, control characters,
# and surrogates, which stand for bytes that are no text.
_FOREIGN = re.compile(r"[/\\:\x00-\x1f\x7f\ud800-\udfff]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

# What the system says of a path at which there is nothing to serve. All else (too many open files) is its own trouble.
_ABSENT = {
    errno.EACCES,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENXIO,
    errno.EPERM,
}


class MalformedPathError(ValueError):
    """The path of the request cannot be decoded."""


def split_path(raw: bytes) -> list[str]:
    """Return the segments of an encoded URL path, decoded once; the last is empty for a path that ends in a slash.

    Raises MalformedPathError for a path without a leading slash, bad escapes, bytes that are not UTF-8, and NUL.
    """
    if not raw.startswith(b"/") or _BAD_ESCAPE.search(raw):
        raise MalformedPathError
    try:
        segments = [unquote_to_bytes(part).decode("utf-8") for part in raw[1:].split(b"/")]
    except UnicodeDecodeError as error:
        raise MalformedPathError from error
    if any("\0" in segment for segment in segments):
        raise MalformedPathError
    return segments


def is_public(segments: Sequence[str]) -> bool:
    """Tell whether every segment is a plain, visible name. `.well-known` at the front is the one dot that is let in."""
    return all(
        segment
        and not _FOREIGN.search(segment)
        and not segment.endswith((".", " "))
        and (not segment.startswith(".") or (place == 0 and segment == ".well-known"))
        for place, segment in enumerate(segments)
    )


def find(root: Path, segments: Sequence[str]) -> Path | None:
    """Return the real path of what the segments name in ``root``, or None when there is nothing that may be served.

    Links are followed first and judged after: what they lead to must lie inside the root and be visible there.
    Raises OSError when the system cannot tell.
    """
    if not is_public(segments):
        return None
    try:
        base = Path(os.path.realpath(root, strict=True))
        path = Path(os.path.realpath(base.joinpath(*segments), strict=True))
    except (OSError, ValueError) as error:
        if is_absence(error):
            return None
        raise
    if not path.is_relative_to(base) or not is_public(path.relative_to(base).parts):
        return None
    return path


def is_absence(error: OSError | ValueError) -> bool:
    """Tell an error that means "nothing here" (a name the system refuses is one) from one that means "not now"."""
    return not isinstance(error, OSError) or error.errno in _ABSENT
