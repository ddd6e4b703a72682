"""What surrounds the model: which task it serves, and the pre- and post-processing that the manifest carries as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.tasks.files import TaskFiles
from packager.tasks.image import ImageTask, class_output, image_task, picture_input
from packager.tasks.labels import check_labels
from packager.tasks.text import IDS, TextTask, find, text_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager._manifest_types import Content, Signature, Task
    from packager.model import AnyModel
    from packager.options import BuildOptions, TaskKind

__all__ = ["AnyTask", "ImageTask", "TensorTask", "TextTask", "check_labels", "configure"]


@dataclass(frozen=True)
class TensorTask:
    """tensor: no pre- or post-processing."""

    kind: TaskKind = "tensor"

    def manifest(self, write: Callable[[bytes], Content]) -> Task:  # noqa: ARG002
        """This task as the manifest holds it."""
        return {"kind": "tensor"}


AnyTask = ImageTask | TextTask | TensorTask


def configure(model: AnyModel, options: BuildOptions, warn: Callable[[str], None]) -> AnyTask:
    """The task that the options, the files beside the model, or else the signature ask for. Raises InputError."""
    files = TaskFiles(options)
    kind = options.task or _detect(model.signature, files)
    if kind == "image-classification":
        return image_task(model, files, warn)
    if kind == "text-embedding":
        return text_task(model, files)
    for given, flag in (
        (options.labels, "--labels"),
        (options.tokenizer, "--tokenizer"),
        (options.preprocessing, "--preprocessing"),
    ):
        if given is not None:
            warn(f"{flag} is not used: the task is 'tensor'. Choose another with --task.")
    return TensorTask()


def _detect(signature: Signature, files: TaskFiles) -> TaskKind:
    if files.tokenizer is not None and find(signature["inputs"], IDS) is not None:
        return "text-embedding"
    output = class_output(signature)
    if picture_input(signature) is not None and output is not None:
        classes = output["shape"][1]
        if files.labels is not None or files.preprocessing is not None or classes in (1000, 1001):
            return "image-classification"
    return "tensor"
