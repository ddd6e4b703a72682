"""ONNX → Network: shapes fixed, constants folded, pictures turned to [batch, height, width, channel]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import onnxslim
from onnx import helper, numpy_helper, shape_inference

from benchmarks.convert import operators
from benchmarks.convert.network import Network, UnsupportedError
from benchmarks.convert.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_TO_PICTURE, _TO_PLANES = (0, 2, 3, 1), (0, 3, 1, 2)


def load_network(path: Path, shapes: Mapping[str, Sequence[int]]) -> Network:
    """The model in ``path`` with inputs of these shapes. Raises UnsupportedError where an operator is not covered."""
    model = onnx.load(path)
    for entry in model.graph.input:
        for dim, size in zip(entry.type.tensor_type.shape.dim, shapes[entry.name], strict=True):
            dim.ClearField("dim_param")
            dim.dim_value = size
    graph = shape_inference.infer_shapes(onnxslim.slim(model)).graph
    importer = Importer(graph)
    for node in Patterns(graph).rewrite():
        importer.add(node)
    return importer.finish()


class Importer:
    """Holds where each ONNX tensor is in the network: in its own layout, as a picture, or both."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.network = Network()
        self._graph = graph
        self._constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
        typed = [*graph.input, *graph.value_info, *graph.output]
        self._shapes = {e.name: [dim.dim_value for dim in e.type.tensor_type.shape.dim] for e in typed}
        self._dtypes = {e.name: helper.tensor_dtype_to_np_dtype(e.type.tensor_type.elem_type) for e in typed}
        self._own: dict[str, str] = {}
        self._picture: dict[str, str] = {}
        for entry in graph.input:
            self._feed(entry.name)

    def _feed(self, name: str) -> None:
        shape = self._shapes[name]
        if len(shape) == 4:
            self._picture[name] = self.network.feed([shape[axis] for axis in _TO_PICTURE], self._dtypes[name])
        else:
            self._own[name] = self.network.feed(shape, self._dtypes[name])

    def add(self, node: onnx.NodeProto) -> None:
        """Appends what a node computes."""
        handler = operators.HANDLERS.get(node.op_type)
        if handler is None:
            raise UnsupportedError(f"The operator {node.op_type} is not converted.")
        attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        handler(self, node, attributes)

    def finish(self) -> Network:
        """The network, with the graph's outputs in their own layout."""
        self.network.outputs = [self.own(entry.name) for entry in self._graph.output]
        self.network.merge_reshapes()
        self.network.fuse_activations()
        return self.network

    def shape(self, name: str) -> list[int]:
        """Shape of an ONNX tensor in its own layout."""
        return list(self._constants[name].shape) if name in self._constants else self._shapes[name]

    def constant(self, name: str) -> NDArray[Any] | None:
        """Values of an ONNX tensor that is constant."""
        return self._constants.get(name)

    def weights(self, name: str) -> NDArray[Any]:
        """Values of an ONNX tensor that has to be constant."""
        if name not in self._constants:
            raise UnsupportedError(f"The tensor {name} would have to be constant.")
        return self._constants[name]

    def is_picture(self, name: str) -> bool:
        """True where the tensor lies as a picture already, or costs nothing to turn."""
        return name in self._picture

    def own(self, name: str) -> str:
        """The tensor in ONNX's layout; turned where it lies as a picture only."""
        if name not in self._own:
            if name in self._constants:
                self._own[name] = self.network.constant(self._constants[name])
            else:
                self._own[name] = self._turn(self._picture[name], _TO_PLANES)
        return self._own[name]

    def picture(self, name: str) -> str:
        """The tensor as [batch, height, width, channel]; constants of fewer dims are broadcast as ONNX does it."""
        if name not in self._picture:
            if name in self._constants:
                data = self._constants[name]
                whole = data.reshape([1] * (4 - data.ndim) + list(data.shape)).transpose(_TO_PICTURE)
                self._picture[name] = self.network.constant(data if data.size == 1 and data.ndim == 0 else whole)
            else:
                self._picture[name] = self._turn(self._own[name], _TO_PICTURE)
        return self._picture[name]

    def keep(self, name: str, tensor: str, *, picture: bool) -> None:
        """Says which tensor of the network an ONNX tensor is."""
        (self._picture if picture else self._own)[name] = tensor

    def _turn(self, tensor: str, order: tuple[int, ...]) -> str:
        shape = self.network.shape(tensor)
        turned = [shape[axis] for axis in order]
        # Where the dims that are not 1 keep their order, the elements stay where they are.
        moved = [axis for axis in order if shape[axis] > 1]
        if moved == sorted(moved):
            return self.network.add("reshape", [tensor], turned, self.network.tensors[tensor].dtype)
        return self.network.add("transpose", [tensor], turned, self.network.tensors[tensor].dtype, order=list(order))
