"""EfficientNet-Lite0 as an ONNX graph, from the tensors of its PyTorch checkpoint.

The network is a stem, seven stages of inverted residual blocks (expansion, depthwise convolution, projection) and a
head, with ReLU6 and without squeeze-and-excite. Paddings are those of TensorFlow's "SAME" for pictures of 224 by 224:
where the total is odd, the larger half lies below and to the right, so they are written out rather than symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

IMAGE_SIZE = 224
CLASSES = 1000
OPSET = 17
EPSILON = 1e-3


@dataclass(frozen=True)
class Stage:
    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class _Graph:
    """Nodes and initializers as they are added; `size` is the side of the feature map at this point."""

    def __init__(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.state = state
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.size = IMAGE_SIZE

    def weight(self, name: str) -> str:
        self.initializers.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(self.state[name]), name))
        return name

    def constant(self, name: str, value: float) -> str:
        self.initializers.setdefault(name, numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x: str, conv: str, norm: str, stride: int = 1, depthwise: bool = False, relu6: bool = True) -> str:
        """Convolution, batch normalisation and, unless told otherwise, ReLU6."""
        channels, _, kernel, _ = self.state[f"{conv}.weight"].shape
        out = -(-self.size // stride)
        total = max((out - 1) * stride + kernel - self.size, 0)
        before, after = total // 2, total - total // 2
        self.size = out
        y = self.add(
            "Conv",
            [x, self.weight(f"{conv}.weight")],
            conv,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=channels if depthwise else 1,
        )
        statistics = [self.weight(f"{norm}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        y = self.add("BatchNormalization", [y, *statistics], norm, epsilon=EPSILON)
        return self.relu6(y, f"{norm}.relu6") if relu6 else y

    def relu6(self, x: str, output: str) -> str:
        return self.add("Clip", [x, self.constant("zero", 0.0), self.constant("six", 6.0)], output)

    def block(self, x: str, prefix: str, stage: Stage, stride: int, *, residual: bool) -> str:
        y = self.conv(x, f"{prefix}._expand_conv", f"{prefix}._bn0") if stage.expansion != 1 else x
        y = self.conv(y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride=stride, depthwise=True)
        y = self.conv(y, f"{prefix}._project_conv", f"{prefix}._bn2", relu6=False)
        return self.add("Add", [y, x], f"{prefix}.sum") if residual else y


def efficientnet_lite0(state: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """The network with input `image` f32 [batch, 3, 224, 224] and output `logits` f32 [batch, 1000]."""
    graph = _Graph(state)
    x = graph.conv("image", "_conv_stem", "_bn0", stride=2)
    number = 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x = graph.block(x, f"_blocks.{number}", stage, stride, residual=repeat > 0)
            number += 1
    x = graph.conv(x, "_conv_head", "_bn1")
    x = graph.add("GlobalAveragePool", [x], "pool")
    x = graph.add("Flatten", [x], "features")
    graph.add("Gemm", [x, graph.weight("_fc.weight"), graph.weight("_fc.bias")], "logits", transB=1)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, IMAGE_SIZE, IMAGE_SIZE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])
    body = helper.make_graph(graph.nodes, "efficientnet-lite0", [image], [logits], list(graph.initializers.values()))
    # IR 8 is the one that came with opset 17; a newer stamp would only shut out older readers.
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(body, opset_imports=[opset], ir_version=8, producer_name="packager")
    onnx.checker.check_model(model, full_check=True)
    return model
