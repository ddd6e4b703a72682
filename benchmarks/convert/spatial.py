"""What convolutions, pools and all else that works on pictures becomes in a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.convert.network import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

    from benchmarks.convert.importer import Importer

    Attributes = dict[str, Any]
    Handler = Callable[[Importer, onnx.NodeProto, Attributes], None]

_AXIS_IN_PICTURE = {0: 0, 1: 3, 2: 1, 3: 2}


def picture_shape(importer: Importer, node: onnx.NodeProto) -> list[int]:
    """Shape of the node's output where it lies as a picture."""
    batch, channels, height, width = importer.shape(node.output[0])
    return [batch, height, width, channels]


def biased(importer: Importer, node: onnx.NodeProto, channels: int) -> str:
    """The bias of a node with so many outputs, zeros where it has none."""
    bias = importer.weights(node.input[2]) if len(node.input) > 2 else np.zeros(channels, np.float32)
    return importer.network.constant(bias)


def _pads(importer: Importer, node: onnx.NodeProto, given: Attributes, kernel: list[int]) -> list[int]:
    """Rows and columns added above, left, below and right."""
    if given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID"):
        return list(given.get("pads", [0, 0, 0, 0]))
    if given["auto_pad"] != b"SAME_UPPER":
        raise UnsupportedError(f"The padding {given['auto_pad'].decode()} is not converted.")
    sizes = zip(importer.shape(node.input[0])[2:], importer.shape(node.output[0])[2:], strict=True)
    strides = given.get("strides", [1, 1])
    totals = [max((out - 1) * s + k - size, 0) for (size, out), s, k in zip(sizes, strides, kernel, strict=True)]
    return [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]


def conv(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    """Plain and depthwise convolution."""
    filters, group = importer.weights(node.input[1]), given.get("group", 1)
    if filters.ndim != 4 or any(size != 1 for size in given.get("dilations", [])):
        raise UnsupportedError("A convolution that is not plain and two-dimensional is not converted.")
    x, channels = importer.picture(node.input[0]), filters.shape[0]
    pads = _pads(importer, node, given, list(filters.shape[2:]))
    if group == 1:
        kind, turned = "conv", filters.transpose(2, 3, 1, 0)
    elif group == channels and filters.shape[1] == 1:
        kind, turned = "depthwise", filters.transpose(2, 3, 0, 1)
    else:
        raise UnsupportedError("A grouped convolution that is not depthwise is not converted.")
    inputs = [x, importer.network.constant(turned), biased(importer, node, channels)]
    y = importer.network.add(kind, inputs, picture_shape(importer, node), strides=given.get("strides", [1, 1]), pads=pads)
    importer.keep(node.output[0], y, picture=True)


def conv_transpose(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    """Transposed convolution whose steps do not overlap: every output comes from one input."""
    filters, strides = importer.weights(node.input[1]), given.get("strides", [1, 1])
    if any(given.get("pads", [])) or given.get("group", 1) != 1 or list(filters.shape[2:]) != list(strides):
        raise UnsupportedError("A transposed convolution whose steps overlap or are cropped is not converted.")
    inputs = [importer.picture(node.input[0]), importer.network.constant(filters.transpose(2, 3, 1, 0))]
    shape = picture_shape(importer, node)
    y = importer.network.add("conv_transpose", inputs, shape, strides=strides)
    if len(node.input) > 2:
        y = importer.network.add("add", [y, importer.network.constant(importer.weights(node.input[2]))], shape)
    importer.keep(node.output[0], y, picture=True)


def pool(kind: str) -> Handler:
    """The handler of a pool."""

    def handle(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
        kernel, strides = given["kernel_shape"], given.get("strides", [1, 1])
        pads = _pads(importer, node, given, kernel)
        if kind == "average_pool" and any(pads):
            raise UnsupportedError("Average pooling over a padded border is not converted.")
        shape = picture_shape(importer, node)
        y = importer.network.add(kind, [importer.picture(node.input[0])], shape, kernel=kernel, strides=strides, same=any(pads))
        importer.keep(node.output[0], y, picture=True)

    return handle


def global_average(importer: Importer, node: onnx.NodeProto, _: Attributes) -> None:
    """The mean of each plane."""
    y = importer.network.add("mean", [importer.picture(node.input[0])], picture_shape(importer, node), axes=[1, 2])
    importer.keep(node.output[0], y, picture=True)


def reduce_mean(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    """The mean of each plane, said with axes."""
    axes = given.get("axes") or importer.weights(node.input[1]).tolist()
    if len(importer.shape(node.input[0])) != 4 or sorted(axes) != [2, 3] or not given.get("keepdims", 1):
        raise UnsupportedError("A mean over anything but height and width is not converted.")
    global_average(importer, node, given)


def concat(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    """Along any axis of pictures."""
    if not all(importer.is_picture(name) for name in node.input):
        raise UnsupportedError("Concat of anything but pictures is not converted.")
    inputs = [importer.picture(name) for name in node.input]
    y = importer.network.add("concat", inputs, picture_shape(importer, node), axis=_AXIS_IN_PICTURE[given["axis"] % 4])
    importer.keep(node.output[0], y, picture=True)


def resize(importer: Importer, node: onnx.NodeProto, given: Attributes) -> None:
    """Enlargement by repetition."""
    how = (given.get("mode", b"nearest"), given.get("coordinate_transformation_mode"), given.get("nearest_mode"))
    if how != (b"nearest", b"asymmetric", b"floor"):
        raise UnsupportedError(f"The resizing {how} is not converted.")
    shape = picture_shape(importer, node)
    y = importer.network.add("resize_nearest", [importer.picture(node.input[0])], shape)
    importer.keep(node.output[0], y, picture=True)
