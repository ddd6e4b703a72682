"""Models and files made to harm who builds them: each is a folder with m.onnx, and further arguments for `build`."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests import models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLOAT = TensorProto.FLOAT


def _one(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray] | None = None) -> onnx.ModelProto:
    """x [1, 4] → y [1, 4] with a scalar s of a bomb added: y = x + s."""
    add = helper.make_node("Add", ["x", "s"], ["y"])
    return models.make([*nodes, add], {"x": (FLOAT, [1, 4])}, {"y": (FLOAT, [1, 4])}, weights)


def _sum(of: str) -> onnx.NodeProto:
    return helper.make_node("ReduceSum", [of], ["s"], keepdims=0)


def filled(folder: Path) -> list[str]:
    """2^36 elements out of eight bytes."""
    shape = {"shape": np.array([2**36], np.int64)}
    models.save(_one([helper.make_node("ConstantOfShape", ["shape"], ["big"]), _sum("big")], shape), folder / "m.onnx")
    return []


def filled_by_parts(folder: Path) -> list[str]:
    """The same, of a size that only a computation tells."""
    weights = {"a": np.array([2**18], np.int64)}
    nodes = [
        helper.make_node("Mul", ["a", "a"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        _sum("big"),
    ]
    models.save(_one(nodes, weights), folder / "m.onnx")
    return []


def tiled(folder: Path) -> list[str]:
    weights = {"one": np.ones(1024, np.float32), "times": np.array([2**26], np.int64)}
    models.save(_one([helper.make_node("Tile", ["one", "times"], ["big"]), _sum("big")], weights), folder / "m.onnx")
    return []


def expanded(folder: Path) -> list[str]:
    weights = {"one": np.ones(1, np.float32), "shape": np.array([2**18, 2**18], np.int64)}
    models.save(_one([helper.make_node("Expand", ["one", "shape"], ["big"]), _sum("big")], weights), folder / "m.onnx")
    return []


def ranged(folder: Path) -> list[str]:
    weights = {"from": np.array(0, np.float32), "to": np.array(2.0**36, np.float32), "step": np.array(1, np.float32)}
    models.save(_one([helper.make_node("Range", ["from", "to", "step"], ["big"]), _sum("big")], weights), folder / "m.onnx")
    return []


def looping(folder: Path) -> list[str]:
    """A loop that never ends."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", FLOAT, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("w", FLOAT, [])],
    )
    weights = {"most": np.array(2**62, np.int64), "yes": np.array(True), "v0": np.array(1, np.float32)}
    models.save(_one([helper.make_node("Loop", ["most", "yes", "v0"], ["s"], body=body)], weights), folder / "m.onnx")
    return []


def laughing(folder: Path) -> list[str]:
    """Functions that call one another twice, forty deep."""
    functions = []
    for index in range(40):
        inner = f"f{index + 1}" if index < 39 else None
        nodes = (
            [helper.make_node(inner, ["a"], ["b"], domain="f"), helper.make_node(inner, ["b"], ["c"], domain="f")]
            if inner
            else [helper.make_node("Neg", ["a"], ["c"])]
        )
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
        functions.append(helper.make_function("f", f"f{index}", ["a"], ["c"], nodes, imports))
    return _with_functions(folder, functions)


def calling_itself(folder: Path) -> list[str]:
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    node = helper.make_node("f0", ["a"], ["c"], domain="f")
    return _with_functions(folder, [helper.make_function("f", "f0", ["a"], ["c"], [node], imports)])


def _with_functions(folder: Path, functions: list[onnx.FunctionProto]) -> list[str]:
    proto = models.make([helper.make_node("f0", ["x"], ["y"], domain="f")], {"x": (FLOAT, [1, 4])}, {"y": (FLOAT, [1, 4])})
    proto.opset_import.append(helper.make_opsetid("f", 1))
    proto.functions.extend(functions)
    models.save(proto, folder / "m.onnx")
    return []


def nested(folder: Path) -> list[str]:
    """Branches within branches, deeper than any reader goes."""

    (folder / "m.onnx").write_bytes(_nested_bytes())
    return []


def _nested_bytes(depth: int = 400) -> bytes:
    """The bytes themselves, since no writer makes them: a graph in an attribute in a node in a graph, and so on."""

    def field(number: int, payload: bytes) -> bytes:
        size, out = len(payload), bytearray([number << 3 | 2])
        while size >= 128:
            out.append(size & 127 | 128)
            size >>= 7
        return bytes([*out, size]) + payload

    graph = field(1, field(4, b"Neg"))
    for _ in range(depth):
        attribute = field(1, b"g") + field(6, graph) + bytes([20 << 3 & 127 | 128, 1, 5])
        graph = field(1, field(4, b"If") + field(5, attribute))
    return bytes([1 << 3, 8]) + field(7, graph)


def absurd_weight(folder: Path) -> list[str]:
    """A tensor that says that it has 2^60 elements, and holds four bytes."""
    proto = models.dense()
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend([2**30, 2**30])
    proto.graph.initializer[0].raw_data = b"\0\0\0\0"
    models.save(proto, folder / "m.onnx")
    return []


def absurd_input(folder: Path) -> list[str]:
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    models.save(models.make([node], {"x": (FLOAT, [2**20, 2**20])}, {"y": (FLOAT, [])}), folder / "m.onnx")
    return []


def sparse(folder: Path) -> list[str]:
    proto = _one([_sum("big")])
    values = numpy_helper.from_array(np.ones(1, np.float32), "big")
    indices = numpy_helper.from_array(np.zeros((1, 2), np.int64), "at")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [2**18, 2**18]))
    models.save(proto, folder / "m.onnx")
    return []


def linked_data(folder: Path) -> list[str]:
    """Data beside the model that is a link to somewhere else."""
    models.save(models.layers(), folder / "m.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    (folder / "w.data").rename(folder.parent / "elsewhere.data")
    (folder / "w.data").symlink_to(folder.parent / "elsewhere.data")
    return []


def data_before_the_start(folder: Path) -> list[str]:
    proto = models.layers()
    models.save(proto, folder / "m.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    proto = onnx.load(str(folder / "m.onnx"), load_external_data=False)
    for entry in proto.graph.initializer[0].external_data:
        entry.value = {"offset": "-8", "length": "8"}.get(entry.key, entry.value)
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    return []


def data_many_times(folder: Path) -> list[str]:
    """A thousand tensors that are all the same gigabyte of holes."""
    proto = models.dense()
    for index in range(1000):
        tensor = proto.graph.initializer.add(name=f"t{index}", data_type=FLOAT, dims=[2**28], data_location=1)
        for key, value in (("location", "w.data"), ("offset", "0"), ("length", str(2**30))):
            tensor.external_data.add(key=key, value=value)
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    with (folder / "w.data").open("wb") as stream:
        stream.truncate(2**30)
    return []


def zip_bomb(folder: Path) -> list[str]:
    """An array of 8 GB of zeros in a few kilobytes."""
    models.save(models.dense(), folder / "m.onnx")
    with (
        zipfile.ZipFile(folder / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as entry,
    ):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**28, 8)})
        entry.write(header.getvalue())
        for _ in range(64):
            entry.write(bytes(2**20))
    return ["--sample", str(folder / "x.npz")]


def pickled(folder: Path) -> list[str]:
    """An array of objects, which are made by running code."""
    models.save(models.dense(), folder / "m.onnx")

    class Trap:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
            return open, (str(folder / "sprung"), "w")

    np.save(folder / "x.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    return ["--sample", str(folder / "x.npy")]


def picture_bomb(folder: Path) -> list[str]:
    """A PNG of 60,000 by 60,000 that says no more than that."""
    models.save(models.convolution(), folder / "m.onnx")

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    (folder / "x.png").write_bytes(png)
    return ["--task", "image-classification", "--sample", str(folder / "x.png")]


def deep_json(folder: Path) -> list[str]:
    models.save(models.convolution(), folder / "m.onnx")
    (folder / "preprocessor_config.json").write_text("[" * 100_000)
    return ["--task", "image-classification"]


def deep_labels(folder: Path) -> list[str]:
    models.save(models.convolution(), folder / "m.onnx")
    (folder / "labels.json").write_text("[" * 100_000)
    return ["--task", "image-classification", "--labels", str(folder / "labels.json")]


def _text_model(folder: Path, tokenizer: str) -> list[str]:
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["f"], to=FLOAT),
        helper.make_node("Unsqueeze", ["f", "a"], ["h"]),
    ]
    inputs = {name: (TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")}
    models.save(models.make(nodes, inputs, {"h": (FLOAT, ["batch", "sequence", 1])}, {"a": np.array([2])}), folder / "m.onnx")
    (folder / "tokenizer.json").write_text(tokenizer)
    return []


def deep_tokenizer(folder: Path) -> list[str]:
    return _text_model(folder, '{"normalizer": ' * 50_000)


def odd_tokenizer(folder: Path) -> list[str]:
    return _text_model(
        folder, json.dumps({"model": {"type": "WordPiece", "vocab": {"a": 0}}, "added_tokens": [5], "padding": 3})
    )


def huge_labels(folder: Path) -> list[str]:
    """A gigabyte of holes."""
    models.save(models.convolution(), folder / "m.onnx")
    with (folder / "labels.txt").open("wb") as stream:
        stream.truncate(2**30)
    return ["--task", "image-classification", "--labels", str(folder / "labels.txt")]


def a_device(folder: Path) -> list[str]:
    """Zeros without end."""
    (folder / "m.onnx").symlink_to("/dev/zero")
    return []


def zip_of_gigabytes(folder: Path) -> list[str]:
    """An archive that says, truly or not, that it unpacks to four gigabytes."""
    models.save(models.dense(), folder / "m.onnx")
    with zipfile.ZipFile(folder / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"")
    data = bytearray((folder / "x.npz").read_bytes())
    start = data.rindex(b"PK\x01\x02")
    data[start + 24 : start + 28] = struct.pack("<I", 2**32 - 2)
    (folder / "x.npz").write_bytes(data)
    return ["--sample", str(folder / "x.npz")]
