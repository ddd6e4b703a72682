"""A bundle of each task, tiny, built without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from packager import BuildOptions, build
from tests import models


def tensor_bundle(folder: Path, **options: Any) -> Path:
    return _built(folder, models.dense(), **options)


def picture_bundle(folder: Path) -> Path:
    (folder / "labels.txt").write_text("cat\ndog\nbird\nfish\n", encoding="utf-8")
    Image.new("RGB", (32, 24), "teal").save(folder / "teal.png")
    return _built(folder, models.convolution(batch=1), labels=folder / "labels.txt", samples=(folder / "teal.png",))


def text_bundle(folder: Path) -> Path:
    golden = json.loads((Path(__file__).parent / "golden" / "texts.json").read_text(encoding="utf-8"))
    tokenizer = golden["tokenizers"][0]["content"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return _built(folder, embedder())


def embedder() -> Any:
    """Each token's id as a vector of two numbers: its sine and the mask."""
    ids, mask = ("input_ids", "attention_mask")
    return models.make(
        [
            helper.make_node("Cast", [ids], ["i"], to=TensorProto.FLOAT),
            helper.make_node("Cast", [mask], ["m"], to=TensorProto.FLOAT),
            helper.make_node("Sin", ["i"], ["s"]),
            helper.make_node("Unsqueeze", ["s", "axes"], ["a"]),
            helper.make_node("Unsqueeze", ["m", "axes"], ["b"]),
            helper.make_node("Concat", ["a", "b"], ["last_hidden_state"], axis=2),
        ],
        {name: (TensorProto.INT64, ["batch", "sequence"]) for name in (ids, mask)},
        {"last_hidden_state": (TensorProto.FLOAT, ["batch", "sequence", 2])},
        {"axes": np.array([2])},
    )


def _built(folder: Path, model: Any, **options: Any) -> Path:
    path = models.save(model, folder / "model.onnx")
    return build(BuildOptions(path, folder / "site", browser="off", **options)).site
