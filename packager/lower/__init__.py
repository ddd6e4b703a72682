"""The compiler of the target ``wasm``: ONNX graph → plan of kernel calls, which docs/plan.md specifies."""

from packager.lower.compiler import Compiled, compile, cover  # noqa: A004 (what it does)
from packager.lower.importer import Uncovered

__all__ = ["Compiled", "Uncovered", "compile", "cover"]
