"""ONNX models as TensorFlow.js graph models and LiteRT files, for peers that read nothing else.

Only what the compared models hold is covered. Shapes are fixed, pictures lie as [batch, height, width, channel] inside and at
the inputs, and what the peers have as one operator (convolution with bias and activation, GELU, hard swish) is one operator.
"""

from benchmarks.convert.graph_model import write_graph_model
from benchmarks.convert.importer import load_network
from benchmarks.convert.litert import write_litert
from benchmarks.convert.network import Network, UnsupportedError

__all__ = ["Network", "UnsupportedError", "load_network", "write_graph_model", "write_litert"]
