"""Where the time of a visit went: the critical path, cut into phases that add up to the total.

Spans overlap: shards come side by side while the engine starts. What a visitor waited for is told backwards. The result waited
for the last span that ended before it began, that one for the last that ended before its own start, and so on to the
navigation. Each instant thus belongs to one span, or to none: then it is the page's own work between spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PHASES = (
    "reload",
    "shell",
    "worker start",
    "manifest",
    "choose",
    "engine download",
    "engine start",
    "shards download",
    "decode",
    "verify",
    "cache read",
    "task",
    "load",
    "input",
    "first run",
    "show",
    "page",
)
"""In the order of a visit. reload: a document before the last, as where the service worker adds headers; choose: from the
manifest to the first request, with the store opened; input: from the loaded model to the first run, while the page takes the
model and gets its first sample; show: from the first inference until the result was on the screen, more runs included where it
takes more; page: none of these."""

_NAMES = {
    "worker-start": "worker start",
    "manifest": "manifest",
    "engine-download": "engine download",
    "engine-start": "engine start",
    "warm-up": "engine start",
    "download": "shards download",
    "decode": "decode",
    "verify": "verify",
    "cache-read": "cache read",
    "cache-write": "cache write",
    "task": "task",
    "session": "load",
    "first-run": "first run",
}
# Clocks of page and worker agree to about so many milliseconds.
_CLOCKS = 0.3


@dataclass(frozen=True)
class Span:
    """A stretch of time in milliseconds since the navigation. ``row`` is its line in a waterfall."""

    phase: str
    row: str
    start: float
    end: float


def spans(trace: Sequence[dict[str, Any]], *, offset: float, end: float, engine: Iterable[str]) -> list[Span]:
    """All spans of a visit on one clock: the runtime's, and before, between and after them what frames them.

    ``trace`` is on the clock of the last document, which began ``offset`` ms after the navigation; ``end`` is when the result
    was shown; ``engine`` holds the SHA-256 of the engine's shards and scripts, whose spans are parts of its download.
    """
    own = set(engine)
    number: dict[str, int] = {}
    found = []
    for entry in trace:
        shard = entry.get("shard")
        phase = _NAMES.get(entry["name"], entry["name"])
        row = _ROWS.get(phase, "page")
        if shard in own and phase != "cache write":
            phase = row = "engine download"
        elif shard is not None and phase != "cache write":
            row = f"shard {number.setdefault(shard, len(number) + 1)}"
        found.append(Span(phase, row, offset + entry["start"], offset + entry["end"]))
    return sorted([*found, *_framing(found, offset, end)], key=lambda span: (span.start, span.end))


def _framing(found: Sequence[Span], offset: float, end: float) -> list[Span]:
    """What is before, between and after the runtime's own spans."""

    def first(phase: str) -> float:
        return min((span.start for span in found if span.phase == phase), default=end)

    def last(phase: str) -> float:
        return max((span.end for span in found if span.phase == phase), default=end)

    frame = [
        Span("reload", "page", 0.0, offset),
        Span("shell", "page", offset, first("worker start")),
        Span("choose", "worker", last("manifest"), min(first("engine download"), first("task"))),
        Span("input", "page", last("load"), first("first run")),
        Span("show", "page", last("first run"), end),
    ]
    return [span for span in frame if span.end > span.start]


_ROWS = {
    "worker start": "worker",
    "manifest": "worker",
    "task": "task",
    "cache write": "storing",
    "engine download": "engine download",
    "engine start": "engine start",
    "load": "session",
    "first run": "session",
}


def critical(found: Sequence[Span], end: float) -> list[Span]:
    """The critical path from the navigation to ``end``, without gaps and overlaps, in order."""
    path: list[Span] = []
    at = end
    left = [span for span in found if span.phase != "cache write"]
    while at > 0:
        left = [span for span in left if span.start < at - 1e-9]
        before = [span for span in left if span.end <= at + _CLOCKS]
        last = max(before, key=lambda span: (span.end, span.end - span.start), default=None)
        if last is None:
            path.append(Span("page", "page", 0.0, at))
            break
        if last.end < at:
            path.append(Span("page", "page", last.end, at))
        start = max(last.start, 0.0)
        path.append(Span(last.phase, last.row, start, min(last.end, at)))
        at = start
    return path[::-1]


def partition(found: Sequence[Span], end: float) -> dict[str, float]:
    """Milliseconds of each phase on the critical path; their sum is ``end``."""
    parts = dict.fromkeys(PHASES, 0.0)
    for span in critical(found, end):
        parts[span.phase] += span.end - span.start
    return parts
