"""Native onnxruntime on the same inputs: what the browser is compared with, in speed and in its answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from packager.errors import BuildError, InputError
from packager.native import RUNNER, complaint, open_session

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Signature
    from packager.model import Tensors


class Native:
    """A model in native onnxruntime on the CPU with so many threads, otherwise as onnxruntime comes."""

    def __init__(self, graph: Path, signature: Signature, threads: int, *, given: bool) -> None:
        """``given`` says that the user named the file. Raises InputError, or else BuildError, where it cannot be used."""
        self._given = given
        try:
            self._session = open_session(graph, threads=threads)
        except Exception as error:  # onnxruntime's exceptions have no public base class
            raise self._error("cannot be loaded", str(graph), error) from error
        self._graph = str(graph)
        self._outputs = [entry["name"] for entry in signature["outputs"]]
        known = {entry.name for entry in self._session.get_outputs()}
        if not known.issuperset(self._outputs):
            raise InputError(
                f"The model has the outputs {', '.join(sorted(known))}; the bundle's are {', '.join(self._outputs)}.",
                where=self._graph,
                remedy="Give the model that the bundle was built from.",
            )

    def infer(self, feed: Tensors) -> Tensors:
        """Outputs by name. Raises InputError or BuildError."""
        try:
            return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
        except Exception as error:
            raise self._error("does not run on the samples", self._graph, error) from error

    def round(self, feeds: list[Tensors], times: int) -> list[float]:
        """Milliseconds of each run: all feeds in turn, so many times over."""
        run, names = self._session.run, self._outputs
        took = []
        for _ in range(times):
            for feed in feeds:
                began = time.perf_counter()
                run(names, feed)
                took.append((time.perf_counter() - began) * 1000)
        return took

    def _error(self, what: str, where: str, error: Exception) -> InputError | BuildError:
        said = complaint(error)
        if self._given:
            return InputError(
                f"The model {what} in {RUNNER}: {said}", where=where, remedy="Give the bundle's own with --model."
            )
        return BuildError(f"The variant {what} in {RUNNER}: {said}", remedy="Give the original model with --model.")
