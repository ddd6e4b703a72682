"""Tiny bundles, made by the real build from models made here, with the answers that native onnxruntime gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path  # noqa: TC003, dataclasses read it
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from packager import BuildOptions, build

WIDTH = 64


@dataclass(frozen=True)
class Bundle:
    site: Path
    model: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.site / "manifest.json").read_bytes())

    @cached_property
    def input(self) -> list[float]:
        """An input of shape [1, WIDTH]."""
        return np.linspace(-1, 1, WIDTH, dtype=np.float32).tolist()

    @cached_property
    def output(self) -> list[float]:
        """The reference's answer to `input`, of shape [1, 10]."""
        session = onnxruntime.InferenceSession(self.model, providers=["CPUExecutionProvider"])
        (output,) = session.run(None, {"x": np.array([self.input], dtype=np.float32)})
        return output[0].tolist()

    @property
    def shards(self) -> set[str]:
        """SHA-256 of every shard."""
        return {shard["sha256"] for shard in _shards(self.manifest)}

    @property
    def load_shards(self) -> set[str]:
        """SHA-256 of the shards that a load needs: all but those of samples."""
        return {shard["sha256"] for shard in _shards([self.manifest["engines"], self.manifest["variants"]])}

    def weight_shards(self) -> list[dict[str, Any]]:
        """The shards that hold only weights, in their order."""
        return [shard for weights in self.manifest["variants"][0]["weights"] for shard in weights["content"]]

    def weight_files(self) -> list[str]:
        """Paths of the files of `weight_shards`."""
        names = [(shard["sha256"], shard["filter"], shard["encoding"], "bin") for shard in self.weight_shards()]
        return ["shards/" + ".".join(part for part in name if part != "none") for name in names]


def build_bundle(folder: Path, name: str, head: float = 1.0, seed: int = 7) -> Bundle:
    """A bundle of a small network, of several shards. `head` scales the last layer's weights and nothing else."""
    model = model_file(folder, head, seed)
    build(BuildOptions(model, folder / "site", name=name, shard_size=256 * 2**10, browser="off"))
    return Bundle(folder / "site", model)


def model_file(folder: Path, head: float = 1.0, seed: int = 7) -> Path:
    """A small network's file."""
    model = folder / "model.onnx"
    onnx.save(small_network(head, seed), model)
    return model


def small_network(head: float, seed: int) -> onnx.ModelProto:
    """Two layers of random weights, 64 to 512 to 512 numbers, and a head of 10: 1.2 MB."""
    random = np.random.default_rng(seed)
    nodes, weights, flow = [], [], "x"
    for index, (rows, columns) in enumerate([(WIDTH, 512), (512, 512), (512, 10)]):
        values = random.standard_normal((rows, columns)) / np.sqrt(rows)
        values *= head if columns == 10 else 1.0
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"w{index}"))
        last = columns == 10
        nodes.append(helper.make_node("MatMul", [flow, f"w{index}"], ["y" if last else f"h{index}"]))
        if not last:
            nodes.append(helper.make_node("Tanh", [f"h{index}"], [f"a{index}"]))
        flow = f"a{index}"
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _shards(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, dict) and "decoded_bytes" in part:
        return [part]
    values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    return [shard for value in values for shard in _shards(value)]
