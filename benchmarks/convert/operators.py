"""What each ONNX operator becomes in a network. A handler takes the importer, the node and its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.convert import spatial
from benchmarks.convert.network import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

    from benchmarks.convert.importer import Importer

    Attributes = dict[str, Any]
    Handler = Callable[[Importer, onnx.NodeProto, Attributes], None]


def _elementwise(kind: str, dtype: Any = np.float32) -> Handler:
    """Of any number of operands, broadcast; pictures stay pictures."""

    def handle(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
        picture = any(importer.is_picture(name) and importer.constant(name) is None for name in node.input)
        if picture and any(importer.constant(name) is None and len(importer.shape(name)) != 4 for name in node.input):
            raise UnsupportedError(f"{node.op_type} of a picture and a tensor of another rank is not converted.")
        inputs = [importer.picture(name) if picture else importer.own(name) for name in node.input]
        shape = spatial.picture_shape(importer, node) if picture else importer.shape(node.output[0])
        importer.keep(node.output[0], importer.network.add(kind, inputs, shape, dtype), picture=picture)

    return handle


def _clip(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
    limits = [float(importer.weights(name)) for name in node.input[1:]]
    if limits != [0, 6]:
        raise UnsupportedError(f"Clip to {limits} is not converted.")
    del node.input[1:]
    _elementwise("relu6")(importer, node, {})


def _hard_sigmoid(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    """clip(alpha x + beta, 0, 1), as the sixth of a ReLU6, which the peers fuse into the addition before it."""
    network, picture = importer.network, importer.is_picture(node.input[0])
    x = importer.picture(node.input[0]) if picture else importer.own(node.input[0])
    shape = network.shape(x)
    steps = [("mul", 6 * given.get("alpha", 0.2)), ("add", 6 * given.get("beta", 0.5)), ("relu6", None), ("mul", 1 / 6)]
    for kind, value in steps:
        operands = [x] if value is None else [x, network.constant(np.array(value, np.float32))]
        x = network.add(kind, operands, shape)
    importer.keep(node.output[0], x, picture=picture)


def _is_nan(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
    x = importer.own(node.input[0])
    importer.keep(node.output[0], importer.network.add("not_equal", [x, x], importer.shape(node.input[0]), bool), picture=False)


def _batch_normalization(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    gamma, beta, mean, variance = (importer.weights(name) for name in node.input[1:])
    scale = gamma / np.sqrt(variance + given.get("epsilon", 1e-5))
    x, shape = importer.own(node.input[0]), importer.shape(node.input[0])
    for kind, values in (("mul", scale), ("add", beta - mean * scale)):
        column = values.reshape([1, -1] + [1] * (len(shape) - 2)).astype(np.float32)
        x = importer.network.add(kind, [x, importer.network.constant(column)], shape)
    importer.keep(node.output[0], x, picture=False)


def _layer_normalization(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    network, x = importer.network, importer.own(node.input[0])
    shape = network.shape(x)
    if given.get("axis", -1) not in (-1, len(shape) - 1):
        raise UnsupportedError("Layer normalisation over more than the last axis is not converted.")
    one, axes = [*shape[:-1], 1], [len(shape) - 1]
    mean = network.add("mean", [x], one, axes=axes)
    variance = network.add("mean", [network.add("squared_difference", [x, mean], shape)], one, axes=axes)
    epsilon = network.constant(np.array(given.get("epsilon", 1e-5), np.float32))
    factor = network.add("rsqrt", [network.add("add", [variance, epsilon], one)], one)
    scale = network.add("mul", [factor, importer.own(node.input[1])], shape)
    offset = network.add("sub", [importer.own(node.input[2]), network.add("mul", [mean, scale], shape)], shape)
    y = network.add("add", [network.add("mul", [x, scale], shape), offset], shape)
    importer.keep(node.output[0], y, picture=False)


def _gemm(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    if given.get("transA", 0) or given.get("alpha", 1) != 1 or given.get("beta", 1) != 1:
        raise UnsupportedError("A scaled or transposed Gemm is not converted.")
    weights = importer.weights(node.input[1])
    weights = weights.T if given.get("transB", 0) else weights
    bias = spatial.biased(importer, node, weights.shape[1])
    inputs = [importer.own(node.input[0]), importer.network.constant(weights), bias]
    importer.keep(node.output[0], importer.network.add("dense", inputs, importer.shape(node.output[0])), picture=False)


def _matmul(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
    inputs = [importer.own(name) for name in node.input]
    shape = importer.shape(node.output[0])
    if importer.constant(node.input[1]) is not None and len(shape) == 2:
        inputs.append(importer.network.constant(np.zeros(shape[-1], np.float32)))
        importer.keep(node.output[0], importer.network.add("dense", inputs, shape), picture=False)
    else:
        importer.keep(node.output[0], importer.network.add("batch_matmul", inputs, shape), picture=False)


def _softmax(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    shape = importer.shape(node.input[0])
    if given.get("axis", -1) not in (-1, len(shape) - 1):
        raise UnsupportedError("Softmax over any but the last axis is not converted.")
    importer.keep(node.output[0], importer.network.add("softmax", [importer.own(node.input[0])], shape), picture=False)


def _reshape(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
    x = importer.own(node.input[0])
    shape, dtype = importer.shape(node.output[0]), importer.network.tensors[x].dtype
    importer.keep(node.output[0], importer.network.add("reshape", [x], shape, dtype), picture=False)


def _transpose(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    x = importer.own(node.input[0])
    y = importer.network.add("transpose", [x], importer.shape(node.output[0]), order=list(given["perm"]))
    importer.keep(node.output[0], y, picture=False)


def _gather(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    if given.get("axis", 0) != 0:
        raise UnsupportedError("Gather along any but the first axis is not converted.")
    inputs = [importer.own(name) for name in node.input]
    importer.keep(node.output[0], importer.network.add("gather", inputs, importer.shape(node.output[0])), picture=False)


def _gather_nd(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
    """Only where it takes every element once, in order: exporters write a change of shape so."""
    indices, shape = importer.weights(node.input[1]), importer.shape(node.input[0])
    everything = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=-1)
    if indices.shape[-1] != len(shape) or not np.array_equal(indices.reshape(-1, len(shape)), everything):
        raise UnsupportedError("A GatherND that is more than a change of shape is not converted.")
    _reshape(importer, node, {})


def _cast(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    kinds = {1: np.float32, 6: np.int32, 7: np.int32, 9: np.bool_}
    if given["to"] not in kinds:
        raise UnsupportedError(f"Cast to the type {given['to']} is not converted.")
    x, shape = importer.own(node.input[0]), importer.shape(node.input[0])
    importer.keep(node.output[0], importer.network.add("cast", [x], shape, kinds[given["to"]]), picture=False)


HANDLERS: dict[str, Handler] = {
    "Add": _elementwise("add"),
    "And": _elementwise("and", np.bool_),
    "AveragePool": spatial.pool("average_pool"),
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": spatial.concat,
    "Conv": spatial.conv,
    "ConvTranspose": spatial.conv_transpose,
    "Div": _elementwise("div"),
    "Flatten": _reshape,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Gelu": _elementwise("gelu"),
    "Gemm": _gemm,
    "GlobalAveragePool": spatial.global_average,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _elementwise("hard_swish"),
    "IsNaN": _is_nan,
    "LayerNormalization": _layer_normalization,
    "MatMul": _matmul,
    "MaxPool": spatial.pool("max_pool"),
    "Mul": _elementwise("mul"),
    "ReduceMean": spatial.reduce_mean,
    "Relu": _elementwise("relu"),
    "Reshape": _reshape,
    "Resize": spatial.resize,
    "Sigmoid": _elementwise("sigmoid"),
    "Softmax": _softmax,
    "Squeeze": _reshape,
    "Sub": _elementwise("sub"),
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
    "Where": _elementwise("select"),
}
