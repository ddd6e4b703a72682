"""image-classification: a picture in, the best classes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import InputError
from packager.tasks.labels import check_labels, read_labels
from packager.tasks.picture import image_preprocess

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager._manifest_types import (
        ClassificationPostprocess,
        Content,
        ImagePreprocess,
        Signature,
        Task,
        TensorType,
    )
    from packager.model import AnyModel
    from packager.options import TaskKind
    from packager.tasks.files import TaskFiles


@dataclass(frozen=True)
class ImageTask:
    """image-classification: a picture in, the best classes out."""

    preprocess: ImagePreprocess
    postprocess: ClassificationPostprocess
    labels: list[str] | None
    kind: TaskKind = "image-classification"

    def manifest(self, write: Callable[[bytes], Content]) -> Task:
        """This task as the manifest holds it; ``write`` turns bytes into shards."""
        labels = None if self.labels is None else write(json.dumps(self.labels, ensure_ascii=False).encode())
        return {
            "kind": "image-classification",
            "preprocess": self.preprocess,
            "postprocess": {**self.postprocess, "labels": labels},
        }


def picture_input(signature: Signature) -> TensorType | None:
    """The only input, where it looks like a batch of pictures: float32, four axes, one or three channels."""
    if len(signature["inputs"]) != 1:
        return None
    entry = signature["inputs"][0]
    shape = entry["shape"]
    fits = entry["dtype"] == "float32" and len(shape) == 4 and (shape[1] in (1, 3) or shape[3] in (1, 3))
    return entry if fits and shape[0] in (1, *(dim for dim in shape if isinstance(dim, str))) else None


def class_output(signature: Signature) -> TensorType | None:
    """The first output that looks like one score a class."""
    for entry in signature["outputs"]:
        shape = entry["shape"]
        if entry["dtype"] in ("float32", "float16", "float64") and len(shape) >= 2 and all(dim == 1 for dim in shape[2:]):
            return entry
    return None


def image_task(model: AnyModel, files: TaskFiles, warn: Callable[[str], None]) -> ImageTask:
    """The task for ``model``. Raises InputError where its signature or the files do not fit."""
    entry, output = picture_input(model.signature), class_output(model.signature)
    if entry is None:
        raise InputError(
            "The task image-classification needs one float32 input of shape [N, 3, H, W] or [N, H, W, 3].",
            where=str(model.path),
            remedy="Use --task tensor, or export the model with such an input.",
        )
    if output is None:
        raise InputError(
            "The task image-classification needs a float output of shape [N, classes].",
            where=str(model.path),
            remedy="Use --task tensor, or export the model with such an output.",
        )
    labels = None if files.labels is None else read_labels(files.labels)
    classes = output["shape"][1]
    if labels is not None and isinstance(classes, int):
        check_labels(labels, classes, files.labels)
    postprocess: ClassificationPostprocess = {
        "output": output["name"],
        "activation": "none" if model.origin(output["name"]) in ("Softmax", "Sigmoid") else "softmax",
        "top_k": min(5, classes) if isinstance(classes, int) else 5,
        "labels": None,
    }
    return ImageTask(image_preprocess(entry, files.preprocessing, warn), postprocess, labels)
