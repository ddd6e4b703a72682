"""What is compared: models of the catalogue, each with one real input of a fixed shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from packager.manifest import read_manifest
from packager.processing import preprocess_image
from scripts.models import inputs
from scripts.models.catalogue import SENTENCES, Model, by_name
from scripts.models.fetch import member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Workload:
    """A model and an input. ``feeds`` makes the tensors by name from the model's folder and its bundle.

    ``visits`` is False where another workload of the same model already tells what a first visit costs.
    """

    name: str
    title: str
    model: Model
    feeds: Callable[[Path, Path], Feeds]
    visits: bool = True


def _silero_ifless() -> Mapping[str, bytes]:
    plain = by_name("silero-vad").files()
    return {**plain, "model.onnx": member("silero-vad", "silero_vad/data/silero_vad_op18_ifless.onnx")}


_IFLESS = Model("silero-vad-ifless", "Silero VAD, the graph with fewer branches", "tensor", _silero_ifless)


def _photograph(folder: Path, bundle: Path) -> Feeds:
    """A cup of coffee, as the bundle's own pre-processing makes a tensor of it."""
    task = read_manifest(bundle)["task"]
    if task["kind"] != "image-classification":
        raise ValueError(f"{bundle} is no bundle of an image classifier")
    return {task["preprocess"]["input"]: preprocess_image(folder / "samples" / "coffee.png", task["preprocess"])}


def _tokens(length: int, folder: Path, _: Path) -> Feeds:
    """The sentences of the catalogue, one after another, cut at ``length`` tokens."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids = tokenizer.encode(" ".join(SENTENCES * 3)).ids
    row = np.array([[*ids[: length - 1], ids[-1]]])
    return {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}


def _invoices(_folder: Path, _bundle: Path) -> Feeds:
    """Drawn invoices side by side and below each other, cut to 640 by 640."""
    picture = inputs.invoice()["x"]
    return {"x": np.ascontiguousarray(np.tile(picture, (1, 1, 2, 2))[:, :, :640, :640])}


def _line(_folder: Path, _bundle: Path) -> Feeds:
    """A line of text, the paper going on to its right, 48 by 320."""
    line = inputs.invoice_line(inputs.INVOICE[3])["x"]
    return {"x": np.pad(line, ((0, 0), (0, 0), (0, 0), (0, max(320 - line.shape[3], 0))), constant_values=1)[..., :320]}


def _speech(_folder: Path, _bundle: Path) -> Feeds:
    """A frame of somebody speaking."""
    return dict(inputs.voice_frame(inputs.speech(), 707))


WORKLOADS = (
    Workload("efficientnet-lite0", "EfficientNet-Lite0, 224 by 224", by_name("efficientnet-lite0"), _photograph),
    Workload("minilm-16", "MiniLM-L6, 16 tokens", by_name("minilm"), partial(_tokens, 16)),
    Workload("minilm-64", "MiniLM-L6, 64 tokens", by_name("minilm"), partial(_tokens, 64), visits=False),
    Workload("minilm-128", "MiniLM-L6, 128 tokens", by_name("minilm"), partial(_tokens, 128), visits=False),
    Workload("tinyocr-detection", "PP-OCRv6 tiny detection, 640 by 640", by_name("tinyocr-detection"), _invoices),
    Workload("tinyocr-recognition", "PP-OCRv6 tiny recognition, 48 by 320", by_name("tinyocr-recognition"), _line),
    Workload("silero-vad", "Silero VAD, a frame of 32 ms", by_name("silero-vad"), _speech),
    Workload("silero-vad-ifless", "Silero VAD with fewer branches, a frame of 32 ms", _IFLESS, _speech, visits=False),
)
