"""The compiler's second end: the graph as a TensorFlow.js graph model, which docs/webgl.md specifies."""

from packager.lower.tensorflow.adopt import adopt
from packager.lower.tensorflow.compiler import PASSES, GraphModel, compile, cover  # noqa: A004 (what it does)
from packager.lower.tensorflow.writer import Weight

__all__ = ["PASSES", "GraphModel", "Weight", "adopt", "compile", "cover"]
