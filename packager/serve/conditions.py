"""What request headers ask for: an encoding, nothing if unchanged, or a part. Pure functions after RFC 9110."""

from __future__ import annotations

import re
import time
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import Headers

_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_BYTE_RANGE = re.compile(r"bytes=\s*([0-9]{0,100})\s*-\s*([0-9]{0,100})\s*", re.IGNORECASE)


class RangeNotSatisfiable(Exception):  # noqa: N818 - the name of the status
    """The range lies past the end."""


def preferred_coding(accept: str | None, offered: Sequence[str]) -> str | None:
    """Return the content coding that Accept-Encoding weighs highest, or None for the file as it is.

    Among equals the order of ``offered`` decides. The file as it is wins only when it is named with a higher weight,
    or when none of ``offered`` is wanted.
    """
    weights: dict[str, float] = {}
    for item in (accept or "").lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        if coding:
            weights[coding] = _weight(parameters)
    wildcard = weights.get("*", 0.0)
    best = max(offered, key=lambda coding: weights.get(coding, wildcard), default=None)
    if best is None:
        return None
    weight = weights.get(best, wildcard)
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def _weight(parameters: Sequence[str]) -> float:
    """Return the q of a coding; one that cannot be read means that the coding is not wanted."""
    for parameter in parameters:
        if parameter.startswith("q"):
            match = _WEIGHT.fullmatch(parameter.replace(" ", ""))
            return float(match[1]) if match else 0.0
    return 1.0


def is_unchanged(headers: Headers, etag: str, modified: float | None) -> bool:
    """Tell whether the client already holds this representation (status 304)."""
    tags = ",".join(headers.getlist("if-none-match"))
    if tags:
        return tags.strip() == "*" or etag in _ENTITY_TAG.findall(tags)
    since = _seconds(headers.get("if-modified-since"))
    return since is not None and modified is not None and int(modified) <= since


def wanted_range(headers: Headers, size: int, etag: str, modified: float | None) -> range | None:
    """Return the bytes that a GET asks for, or None for all of them.

    A range that cannot be read, several ranges, and a range of another version (If-Range) all mean the whole.
    Raises RangeNotSatisfiable when no byte of a well-formed range exists.
    """
    match = _BYTE_RANGE.fullmatch(headers.get("range", ""))
    if match is None or not _is_same_version(headers.get("if-range"), etag, modified):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= stop:
        raise RangeNotSatisfiable
    return range(start, stop)


def _is_same_version(validator: str | None, etag: str, modified: float | None) -> bool:
    if validator is None or validator == etag:
        return True
    if modified is None or validator != http_date(modified):
        return False
    # A date tells two versions apart only when the second it names is over.
    return time.time() - modified > 1


def http_date(seconds: float) -> str:
    """Return seconds since the epoch as an HTTP date."""
    return formatdate(int(seconds), usegmt=True)


def _seconds(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
