"""Trained models as static sites that infer in the visitor's browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.errors import BuildError, InputError, MissingToolError, PackagerError, ParityError
from packager.options import BuildOptions

if TYPE_CHECKING:
    from packager.inspection import inspect
    from packager.pipeline import BuildResult, build

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "BuildOptions",
    "BuildResult",
    "InputError",
    "MissingToolError",
    "PackagerError",
    "ParityError",
    "__version__",
    "build",
    "inspect",
]


def __getattr__(name: str) -> Any:
    """Imports the verbs when they are first used: onnx and onnxruntime are slow to import, and `serve` needs neither."""
    if name in ("build", "BuildResult"):
        from packager import pipeline

        return getattr(pipeline, name)
    if name == "inspect":
        from packager import inspection

        return inspection.inspect
    raise AttributeError(f"module 'packager' has no attribute {name!r}")
