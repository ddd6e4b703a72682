"""What the headers of a host do to a bundle: what breaks it, and what it would be better for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.headers import IMMUTABLE, SECURITY_HEADERS, cache_control

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Headers = Mapping[str, str]

# Browsers run or apply a file of these only where it comes under one of these types.
_SCRIPT = ("text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript", "application/ecmascript")
_NEEDED = {".js": _SCRIPT, ".mjs": _SCRIPT, ".css": ("text/css",), ".html": ("text/html",)}

# Updates of a page that browsers keep for longer than this do not arrive on the day.
_DAY = 86_400


def complaints(path: str, headers: Headers) -> Iterator[str]:
    """What of a file's headers keeps the bundle from working."""
    suffix = re.search(r"\.[a-z]+$", path)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    needed = _NEEDED.get(suffix[0] if suffix else "")
    if needed and kind not in needed:
        yield f"comes as {kind or 'no type at all'}, and browsers take it as {needed[0]} only"
    if cache_control(path) != IMMUTABLE and _kept(headers) > _DAY:
        yield f"may be kept for {_kept(headers)} seconds without asking, so that visitors do not get updates"
    policy = headers.get("content-security-policy")
    if path == "index.html" and policy is not None:
        yield from _forbidden(policy)


def remarks(path: str, headers: Headers) -> Iterator[str]:
    """What works, and would be better with other headers."""
    if cache_control(path) == IMMUTABLE:
        if _kept(headers) < _DAY:
            yield "could be kept for ever, as its name has the hash of its content: send Cache-Control: " + IMMUTABLE
    elif 0 < _kept(headers) <= _DAY:
        yield f"may be up to {_kept(headers)} seconds old: send Cache-Control: no-cache"
    if path == "index.html":
        if not isolated(headers):
            yield "comes without Cross-Origin-Opener-Policy and -Embedder-Policy: the first visit has one thread"
        missing = [name for name in SECURITY_HEADERS if name.lower() not in headers]
        if missing:
            yield f"comes without {', '.join(missing)}"


def isolated(headers: Headers) -> bool:
    """True where a page with these headers may use threads on shared memory."""
    return headers.get("cross-origin-opener-policy") == "same-origin" and embeds(headers)


def embeds(headers: Headers) -> bool:
    """True where a worker with these headers may run in an isolated page."""
    return headers.get("cross-origin-embedder-policy") in ("require-corp", "credentialless")


def _kept(headers: Headers) -> int:
    """For how many seconds a browser may answer from its own cache without asking."""
    control = headers.get("cache-control", "").lower()
    age = re.search(r"\bmax-age=(\d+)", control)
    return 0 if age is None or re.search(r"\bno-(cache|store)\b", control) else int(age[1])


def _forbidden(policy: str) -> Iterator[str]:
    """What the page needs and a policy of the host does not let it do."""
    rules = {name: sources for name, *sources in (rule.split() for rule in policy.split(";") if rule.strip())}
    fallback = rules.get("default-src", ["*"])
    for name in ("script-src", "connect-src", "style-src"):
        if not {"'self'", "*", "https:"} & set(rules.get(name, fallback)):
            yield f"has a Content-Security-Policy whose {name} leaves out 'self'"
    if not {"'wasm-unsafe-eval'", "'unsafe-eval'"} & set(rules.get("script-src", fallback)) and "*" not in rules.get(
        "script-src", fallback
    ):
        yield "has a Content-Security-Policy whose script-src leaves out 'wasm-unsafe-eval'"
