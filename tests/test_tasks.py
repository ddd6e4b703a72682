import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from packager import BuildOptions, tasks
from packager.errors import InputError
from packager.readers import read
from tests import models


def configure(tmp_path: Path, proto, **options: Any):
    path = models.save(proto, tmp_path / "m.onnx")
    warnings: list[str] = []
    task = tasks.configure(read(path), BuildOptions(model=path, output=tmp_path / "site", **options), warnings.append)
    return task, warnings


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def embedder(sequence: int | str = "sequence", *, mask: bool = True):
    return models.make(
        [
            helper.make_node("Cast", ["input_ids"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["f", "axes"], ["last_hidden_state"]),
        ],
        {name: (TensorProto.INT64, ["batch", sequence]) for name in ("input_ids", "attention_mask")[: 2 if mask else 1]},
        {"last_hidden_state": (TensorProto.FLOAT, ["batch", sequence, 1])},
        {"axes": __import__("numpy").array([2])},
    )


TOKENIZER = {"model": {"type": "WordLevel"}, "added_tokens": [{"id": 3, "content": "[PAD]"}], "truncation": {"max_length": 99}}


def test_unknown_models_are_tensor_models(tmp_path: Path) -> None:
    task, warnings = configure(tmp_path, models.dense())
    assert task == tasks.TensorTask()
    assert warnings == []


def test_what_is_given_but_not_used_is_said(tmp_path: Path) -> None:
    _, warnings = configure(tmp_path, models.dense(), labels=write(tmp_path / "l.txt", "a\nb\nc\n"))
    assert warnings == ["--labels is not used: the task is 'tensor'. Choose another with --task."]


def test_labels_make_a_classifier(tmp_path: Path) -> None:
    task, warnings = configure(tmp_path, models.convolution(), labels=write(tmp_path / "l.txt", "a\nb\nc\nd\n"))
    assert isinstance(task, tasks.ImageTask)
    assert task.labels == ["a", "b", "c", "d"]
    assert (task.preprocess["fit"], task.preprocess["height"], task.preprocess["resize_height"]) == ("cover", 16, 18)
    assert task.postprocess["activation"] == "softmax"
    assert "ImageNet" in warnings[0]


def test_a_softmax_in_the_graph_is_not_done_twice(tmp_path: Path) -> None:
    proto = models.convolution()
    proto.graph.node[-1].output[0] = "raw"
    proto.graph.node.append(helper.make_node("Softmax", ["raw"], ["scores"]))
    task, _ = configure(tmp_path, proto, task="image-classification")
    assert isinstance(task, tasks.ImageTask)
    assert task.postprocess["activation"] == "none"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True, "resample": 3},
            {"fit": "cover", "resize_height": 256, "resize_width": 256, "height": 224, "width": 224, "filter": "bicubic"},
        ),
        ({"size": {"height": 192, "width": 160}}, {"fit": "stretch", "height": 192, "width": 160, "resize_height": 192}),
        (
            {"size": 299, "rescale_factor": 1.0, "image_mean": [127], "image_std": [128]},
            {"height": 299, "scale": 1.0, "mean": [127.0]},
        ),
        ({"size": 100, "do_normalize": False, "do_rescale": False}, {"mean": [0.0], "std": [1.0], "scale": 1.0}),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, {"fit": "cover", "resize_height": 256, "height": 224}),
    ],
)
def test_preprocessor_config(tmp_path: Path, config: dict, expected: dict) -> None:
    write(tmp_path / "preprocessor_config.json", config)
    task, warnings = configure(tmp_path, models.convolution(size="side"))
    assert isinstance(task, tasks.ImageTask)
    assert warnings == []
    assert {key: task.preprocess[key] for key in expected} == expected  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "cannot be read as JSON"),
        ([], "does not hold a JSON object"),
        ({"resample": 1}, "resampling filter 1"),
        ({"image_std": [0, 1, 1]}, "'image_std' must be above 0"),
        ({"image_mean": "x"}, "'image_mean' must be a list"),
        ({"size": 0}, "no picture size"),
    ],
)
def test_bad_preprocessor_config(tmp_path: Path, config: object, message: str) -> None:
    path = write(tmp_path / "p.json", config)
    with pytest.raises(InputError, match=message):
        configure(tmp_path, models.convolution(size="side"), preprocessing=path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.txt", "a\nb\n", "2 labels for 4 classes"),
        ("l.json", ["a"], "1 labels for 4 classes"),
        ("l.json", {"id2label": {"0": "a"}}, "1 labels for 4 classes"),
        ("l.json", "[", "cannot be read"),
        ("l.json", [1, 2, 3, 4], "not a list of strings"),
    ],
)
def test_bad_labels(tmp_path: Path, name: str, content: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        configure(tmp_path, models.convolution(), labels=write(tmp_path / name, content))


def test_labels_of_a_model_configuration(tmp_path: Path) -> None:
    labels = write(tmp_path / "config.json", {"id2label": {"0": "a", "1": "b", "2": "c", "3": "d"}})
    task, _ = configure(tmp_path, models.convolution(), labels=labels)
    assert isinstance(task, tasks.ImageTask)
    assert task.labels == ["a", "b", "c", "d"]


def test_a_tokenizer_makes_an_embedder(tmp_path: Path) -> None:
    write(tmp_path / "tokenizer.json", TOKENIZER)
    write(tmp_path / "tokenizer_config.json", {"model_max_length": 64})
    task, _ = configure(tmp_path, embedder())
    assert isinstance(task, tasks.TextTask)
    assert (task.preprocess["max_length"], task.preprocess["pad_to"], task.preprocess["pad_id"]) == (64, None, 3)
    assert task.preprocess["inputs"] == {"ids": "input_ids", "mask": "attention_mask", "types": None}
    assert task.postprocess == {"output": "last_hidden_state", "pooling": "mean", "normalize": True}


def test_a_fixed_length_is_padded_to(tmp_path: Path) -> None:
    task, _ = configure(tmp_path, embedder(32), tokenizer=write(tmp_path / "t.json", TOKENIZER))
    assert isinstance(task, tasks.TextTask)
    assert (task.preprocess["max_length"], task.preprocess["pad_to"]) == (32, 32)


def test_tasks_that_do_not_fit_say_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs one float32 input of shape"):
        configure(tmp_path, models.dense(), task="image-classification")
    with pytest.raises(InputError, match="needs a tokenizer"):
        configure(tmp_path, embedder(), task="text-embedding")
    with pytest.raises(InputError, match="no attention_mask"):
        configure(tmp_path, embedder(mask=False), task="text-embedding", tokenizer=write(tmp_path / "t.json", TOKENIZER))
    with pytest.raises(InputError, match="needs int64 inputs input_ids.*has x"):
        configure(tmp_path, models.dense(), task="text-embedding", tokenizer=write(tmp_path / "t.json", TOKENIZER))
