"""A variant's ONNX graph, put together from the shards of a bundle as the page does it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packager.content import read_content
from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager._manifest_types import Variant


@contextmanager
def assembled(bundle: Path, variant: Variant, inside: Path | None = None) -> Iterator[Path]:
    """The graph's file, with its weights beside it, until the end of the block. Raises BuildError.

    It lies in a folder made in ``inside``, or where the system keeps what is temporary.
    """
    with tempfile.TemporaryDirectory(prefix="packager-graph-", dir=inside) as name:
        folder = Path(name)
        try:
            (folder / "graph.onnx").write_bytes(read_content(bundle, variant["graph"]))
            for weights in variant["weights"]:
                (folder / weights["location"]).write_bytes(read_content(bundle, weights["content"]))
        except OSError as error:
            raise BuildError(f"The graph cannot be written: {error.strerror}.", where=name) from error
        yield folder / "graph.onnx"
