"""Network → .tflite, the file that LiteRT reads: a FlatBuffer of tensors, operators and buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import tflite  # type: ignore[import-untyped]
from tflite import ActivationFunctionType, BuiltinOperator, BuiltinOptions, Padding, TensorType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.convert.network import Network, Op

_VERSION = 3
_IDENTIFIER = b"TFL3"
# As the readers of the format expect of weights that they use in place.
_ALIGNMENT = 16
_DTYPES = {
    np.dtype(np.float32): TensorType.FLOAT32,
    np.dtype(np.int32): TensorType.INT32,
    np.dtype(np.bool_): TensorType.BOOL,
}
_ACTIVATIONS = {
    None: ActivationFunctionType.NONE,
    "relu": ActivationFunctionType.RELU,
    "relu6": ActivationFunctionType.RELU6,
}
# Operators with the same operands in both, by kind: the operator, its table of options, and whether that has an activation.
_PLAIN: dict[str, tuple[int, str, bool]] = {
    "add": (BuiltinOperator.ADD, "AddOptions", True),
    "and": (BuiltinOperator.LOGICAL_AND, "LogicalAndOptions", False),
    "batch_matmul": (BuiltinOperator.BATCH_MATMUL, "BatchMatMulOptions", False),
    "cast": (BuiltinOperator.CAST, "CastOptions", False),
    "div": (BuiltinOperator.DIV, "DivOptions", True),
    "gelu": (BuiltinOperator.GELU, "GeluOptions", False),
    "hard_swish": (BuiltinOperator.HARD_SWISH, "HardSwishOptions", False),
    "mul": (BuiltinOperator.MUL, "MulOptions", True),
    "not_equal": (BuiltinOperator.NOT_EQUAL, "NotEqualOptions", False),
    "relu": (BuiltinOperator.RELU, "", False),
    "relu6": (BuiltinOperator.RELU6, "", False),
    "rsqrt": (BuiltinOperator.RSQRT, "", False),
    "select": (BuiltinOperator.SELECT_V2, "SelectV2Options", False),
    "sigmoid": (BuiltinOperator.LOGISTIC, "", False),
    "squared_difference": (BuiltinOperator.SQUARED_DIFFERENCE, "SquaredDifferenceOptions", False),
    "sub": (BuiltinOperator.SUB, "SubOptions", True),
}


def write_litert(network: Network, path: Path) -> None:
    """Writes the file; its inputs and outputs are in the network's order."""
    path.write_bytes(_Writer(network).model())


class _Writer:
    """Tables are written before what refers to them, as the format wants it; offsets are kept until then."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.builder = flatbuffers.Builder(1 << 20)
        self._buffers = [self._table("Buffer")]
        self._tensors: list[int] = []
        self._indices: dict[str, int] = {}
        self._operators: list[int] = []
        self._codes: dict[int, int] = {}

    def model(self) -> bytes:
        for name in self.network.inputs:
            self._index(name)
        for op in self.network.ops:
            getattr(self, f"_{op.kind}", self._plain)(op)
        ends = [self._ints([self._indices[name] for name in names]) for names in (self.network.inputs, self.network.outputs)]
        subgraph = self._table(
            "SubGraph", Tensors=self._offsets(self._tensors), Inputs=ends[0], Outputs=ends[1],
            Operators=self._offsets(self._operators), Name=self.builder.CreateString("main"),
        )  # fmt: skip
        # Codes up to 127 also stand where older readers look for them.
        codes = [
            self._table("OperatorCode", DeprecatedBuiltinCode=min(code, 127), BuiltinCode=code, Version=1)
            for code in self._codes
        ]
        root = self._table(
            "Model", Version=_VERSION, OperatorCodes=self._offsets(codes), Subgraphs=self._offsets([subgraph]),
            Buffers=self._offsets(self._buffers), Description=self.builder.CreateString("converted for a comparison"),
        )  # fmt: skip
        self.builder.Finish(root, _IDENTIFIER)
        return bytes(self.builder.Output())

    def _table(self, kind: str, **fields: Any) -> int:
        getattr(tflite, f"{kind}Start")(self.builder)
        for field, value in fields.items():
            getattr(tflite, f"{kind}Add{field}")(self.builder, value)
        return int(getattr(tflite, f"{kind}End")(self.builder))

    def _ints(self, values: Sequence[int]) -> int:
        return int(self.builder.CreateNumpyVector(np.array(values, np.int32)))

    def _offsets(self, values: Sequence[int]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependUOffsetTRelative(value)
        return int(self.builder.EndVector())

    def _index(self, name: str) -> int:
        """Place of a tensor of the network in the file, written when it is first asked for."""
        if name not in self._indices:
            tensor = self.network.tensors[name]
            self._indices[name] = self._tensor(name, tensor.shape, tensor.dtype, tensor.data)
        return self._indices[name]

    def _tensor(self, name: str, shape: Sequence[int], dtype: np.dtype[Any], data: NDArray[Any] | None) -> int:
        buffer = 0
        if data is not None:
            content = data.tobytes()
            self.builder.StartVector(1, len(content), _ALIGNMENT)
            self.builder.head = self.builder.head - len(content)
            self.builder.Bytes[self.builder.head : self.builder.head + len(content)] = content
            buffer = len(self._buffers)
            self._buffers.append(self._table("Buffer", Data=self.builder.EndVector()))
        fields = {"Shape": self._ints(shape), "Name": self.builder.CreateString(name)}
        self._tensors.append(self._table("Tensor", **fields, Type=_DTYPES[dtype], Buffer=buffer))
        return len(self._tensors) - 1

    def _constant(self, data: NDArray[Any]) -> int:
        return self._tensor(f"c{len(self._tensors)}", data.shape, data.dtype, np.ascontiguousarray(data))

    def _weights(self, name: str, order: tuple[int, ...]) -> int:
        """A constant of the network with its axes in another order."""
        return self._constant(self.network.data(name).transpose(order))

    def _operator(self, code: int, inputs: Sequence[int], output: int, options: str = "", **fields: Any) -> None:
        place = self._codes.setdefault(code, len(self._codes))
        ends = {"Inputs": self._ints(inputs), "Outputs": self._ints([output])}
        if options:
            ends["BuiltinOptions"] = self._table(options, **fields)
            ends["BuiltinOptionsType"] = getattr(BuiltinOptions, options)
        self._operators.append(self._table("Operator", OpcodeIndex=place, **ends))

    def _plain(self, op: Op) -> None:
        code, options, fuses = _PLAIN[op.kind]
        fields = {"FusedActivationFunction": _activation(op)} if fuses else {}
        self._operator(code, [self._index(name) for name in op.inputs], self._index(op.output), options, **fields)

    def _padded(self, op: Op, filters: NDArray[Any]) -> tuple[int, int]:
        """The operand of a convolution and its padding; what the file cannot say of padding is an operator of its own."""
        x, pads = op.inputs[0], op.attributes["pads"]
        if not any(pads):
            return self._index(x), Padding.VALID
        sizes = zip(self.network.shape(x)[1:3], self.network.shape(op.output)[1:3], strict=True)
        steps = zip(sizes, op.attributes["strides"], filters.shape[:2], strict=True)
        totals = [max((out - 1) * stride + kernel - size, 0) for (size, out), stride, kernel in steps]
        if pads == [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]:
            return self._index(x), Padding.SAME
        above, left, below, right = pads
        batch, height, width, channels = self.network.shape(x)
        shape = [batch, height + above + below, width + left + right, channels]
        y = self._tensor(f"{op.output}_padded", shape, np.dtype(np.float32), None)
        borders = self._constant(np.array([[0, 0], [above, below], [left, right], [0, 0]], np.int32))
        self._operator(BuiltinOperator.PAD, [self._index(x), borders], y, "PadOptions")
        return y, Padding.VALID

    def _convolve(self, op: Op, code: int, options: str, order: tuple[int, ...], **fields: Any) -> None:
        _, filters, bias = op.inputs
        x, padding = self._padded(op, self.network.data(filters))
        operands = [x, self._weights(filters, order), self._index(bias)]
        height, width = op.attributes["strides"]
        self._operator(
            code, operands, self._index(op.output), options, **fields, Padding=padding, StrideH=height, StrideW=width,
            FusedActivationFunction=_activation(op),
        )  # fmt: skip

    def _conv(self, op: Op) -> None:
        self._convolve(op, BuiltinOperator.CONV_2D, "Conv2DOptions", (3, 0, 1, 2))

    def _depthwise(self, op: Op) -> None:
        self._convolve(op, BuiltinOperator.DEPTHWISE_CONV_2D, "DepthwiseConv2DOptions", (3, 0, 1, 2), DepthMultiplier=1)

    def _conv_transpose(self, op: Op) -> None:
        x, filters = op.inputs
        size = self._constant(np.array(self.network.shape(op.output), np.int32))
        height, width = op.attributes["strides"]
        operands = [size, self._weights(filters, (2, 0, 1, 3)), self._index(x)]
        strides = {"StrideH": height, "StrideW": width}
        output = self._index(op.output)
        self._operator(
            BuiltinOperator.TRANSPOSE_CONV, operands, output, "TransposeConvOptions", Padding=Padding.VALID, **strides
        )

    def _dense(self, op: Op) -> None:
        x, weights, bias = op.inputs
        operands = [self._index(x), self._weights(weights, (1, 0)), self._index(bias)]
        fused = {"FusedActivationFunction": _activation(op)}
        self._operator(BuiltinOperator.FULLY_CONNECTED, operands, self._index(op.output), "FullyConnectedOptions", **fused)

    def _pool(self, op: Op, code: int) -> None:
        (height, width), (down, right) = op.attributes["kernel"], op.attributes["strides"]
        window = {"FilterHeight": height, "FilterWidth": width, "StrideH": down, "StrideW": right}
        padding = Padding.SAME if op.attributes["same"] else Padding.VALID
        x, y = self._index(op.inputs[0]), self._index(op.output)
        self._operator(code, [x], y, "Pool2DOptions", Padding=padding, **window)

    def _max_pool(self, op: Op) -> None:
        self._pool(op, BuiltinOperator.MAX_POOL_2D)

    def _average_pool(self, op: Op) -> None:
        self._pool(op, BuiltinOperator.AVERAGE_POOL_2D)

    def _with(self, op: Op, code: int, values: Any, options: str = "", **fields: Any) -> None:
        """An operator whose second operand is a list of numbers."""
        operands = [self._index(op.inputs[0]), self._constant(np.array(values, np.int32))]
        self._operator(code, operands, self._index(op.output), options, **fields)

    def _mean(self, op: Op) -> None:
        self._with(op, BuiltinOperator.MEAN, op.attributes["axes"], "ReducerOptions", KeepDims=True)

    def _resize_nearest(self, op: Op) -> None:
        size = self.network.shape(op.output)[1:3]
        self._with(op, BuiltinOperator.RESIZE_NEAREST_NEIGHBOR, size, "ResizeNearestNeighborOptions")

    def _reshape(self, op: Op) -> None:
        self._with(op, BuiltinOperator.RESHAPE, self.network.shape(op.output))

    def _transpose(self, op: Op) -> None:
        self._with(op, BuiltinOperator.TRANSPOSE, op.attributes["order"], "TransposeOptions")

    def _softmax(self, op: Op) -> None:
        x, y = self._index(op.inputs[0]), self._index(op.output)
        self._operator(BuiltinOperator.SOFTMAX, [x], y, "SoftmaxOptions", Beta=1.0)

    def _concat(self, op: Op) -> None:
        operands, y = [self._index(name) for name in op.inputs], self._index(op.output)
        self._operator(BuiltinOperator.CONCATENATION, operands, y, "ConcatenationOptions", Axis=op.attributes["axis"])

    def _gather(self, op: Op) -> None:
        operands, y = [self._index(name) for name in op.inputs], self._index(op.output)
        self._operator(BuiltinOperator.GATHER, operands, y, "GatherOptions", Axis=0)


def _activation(op: Op) -> int:
    return int(_ACTIVATIONS[op.attributes.get("activation")])
