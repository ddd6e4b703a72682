"""The compiler of the target ``wasm``: ONNX graph → plan of kernel calls. docs/engine.md draws it, docs/plan.md specifies the plan."""

from packager.lower.compiler import Compiled, compile, cover
from packager.lower.importer import Uncovered

__all__ = ["Compiled", "Uncovered", "compile", "cover"]
