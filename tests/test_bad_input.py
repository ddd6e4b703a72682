"""What a user can get wrong: one clear sentence, an exit code of 2, nothing half-written, an old bundle intact."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from packager.cli import main
from tests import models


def not_onnx(folder: Path) -> list[str]:
    (folder / "m.onnx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return []


def truncated(folder: Path) -> list[str]:
    (folder / "m.onnx").write_bytes(models.layers().SerializeToString()[:5000])
    return []


def external(folder: Path, location: str) -> list[str]:
    path = models.save(models.layers(), folder / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    proto = onnx.load(str(path), load_external_data=False)
    for tensor in proto.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = location
    path.write_bytes(proto.SerializeToString())
    return []


def opset(folder: Path) -> list[str]:
    proto = models.dense()
    proto.opset_import[0].version = 99
    models.save(proto, folder / "m.onnx")
    return []


def free_dimension(folder: Path) -> list[str]:
    models.save(models.convolution(size="side"), folder / "m.onnx")
    return ["--task", "tensor"]


def strings(folder: Path) -> list[str]:
    node = helper.make_node("Identity", ["x"], ["y"])
    models.save(models.make([node], {"x": (TensorProto.STRING, ["n"])}, {"y": (TensorProto.STRING, ["n"])}), folder / "m.onnx")
    return []


def empty_graph(folder: Path) -> list[str]:
    models.save(models.make([], {"x": (TensorProto.FLOAT, [1])}, {"x": (TensorProto.FLOAT, [1])}), folder / "m.onnx")
    return []


def labels_of_wrong_length(folder: Path) -> list[str]:
    models.save(models.convolution(), folder / "m.onnx")
    (folder / "labels.txt").write_text("one\ntwo\n")
    return ["--labels", str(folder / "labels.txt")]


def sample_of_wrong_shape(folder: Path) -> list[str]:
    models.save(models.dense(), folder / "m.onnx")
    np.save(folder / "x.npy", np.ones((2, 5), np.float32))
    return ["--sample", str(folder / "x.npy")]


def broken_tokenizer(folder: Path) -> list[str]:
    proto = models.make(
        [
            helper.make_node("Cast", ["input_ids"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["f", "a"], ["h"]),
        ],
        {name: (TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")},
        {"h": (TensorProto.FLOAT, ["batch", "sequence", 1])},
        {"a": np.array([2])},
    )
    models.save(proto, folder / "m.onnx")
    (folder / "tokenizer.json").write_text('{"model": 5}')
    return []


def unknown_op(folder: Path) -> list[str]:
    node = helper.make_node("Frobnicate", ["x"], ["y"], name="odd")
    models.save(models.make([node], {"x": (TensorProto.FLOAT, [1])}, {"y": (TensorProto.FLOAT, [1])}), folder / "m.onnx")
    return []


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (not_onnx, "not an ONNX file"),
        (truncated, "not an ONNX file, or it was cut short"),
        (lambda folder: external(folder, "gone.data"), "'gone.data' of the tensor 'w0' is missing"),
        (lambda folder: external(folder, "../../etc/passwd"), "outside the model's folder"),
        (opset, "Opset 99 is not supported"),
        (free_dimension, "'side' of the input 'image' [batch, 3, side, side] has no value"),
        (strings, "'x' is a tensor of strings"),
        (empty_graph, "graph is empty"),
        (labels_of_wrong_length, "There are 2 labels for 4 classes"),
        (sample_of_wrong_shape, "has the shape [2, 5]; the model takes float32 [batch, 8]"),
        (broken_tokenizer, "tokenizer.json"),
        (unknown_op, "Frobnicate"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:40],
)
@pytest.mark.parametrize("old", [False, True], ids=["new output", "over an old bundle"])
def test_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], prepare: Callable[[Path], list[str]], message: str, old: bool
) -> None:
    site = tmp_path / "out" / "site"
    if old:
        (tmp_path / "good").mkdir()
        good = models.save(models.dense(), tmp_path / "good" / "m.onnx")
        assert main(["build", str(good), "-o", str(site), "--browser", "off"]) == 0
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    options = prepare(tmp_path)
    capsys.readouterr()

    assert main(["build", str(tmp_path / "m.onnx"), "-o", str(site), "--browser", "off", *options]) == 2

    captured = capsys.readouterr()
    (line,) = [line for line in captured.err.splitlines() if line.startswith("packager: ")]
    assert message in line
    assert "Traceback" not in captured.err
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before
    there = [path.name for path in site.parent.iterdir()] if site.parent.exists() else []
    assert there == (["site"] if old else [])
