"""Native onnxruntime on the workload's own file: the reference for every answer, and the yardstick of every time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import onnxruntime

from packager.native import open_session

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from benchmarks.formats import Source

VERSION = str(onnxruntime.__version__)


class Native:
    """A session with so many threads."""

    def __init__(self, source: Source, threads: int) -> None:
        self._session = open_session(source.model, threads=threads)
        self._source = source

    def time(self, runs: int) -> list[float]:
        """Milliseconds of so many runs."""
        times = []
        for _ in range(runs):
            before = time.perf_counter()
            self._session.run(self._source.outputs, self._source.feeds)
            times.append(1000 * (time.perf_counter() - before))
        return times

    def answer(self) -> dict[str, NDArray[Any]]:
        """Outputs by name."""
        return dict(zip(self._source.outputs, self._session.run(self._source.outputs, self._source.feeds), strict=True))
