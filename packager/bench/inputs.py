"""What is run: the bundle's own samples, as tensors for the model and as what a visitor gives to the task."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager import manifest as manifests
from packager.content import read_content
from packager.errors import InputError
from packager.model import Tensors, numpy_dtype
from packager.processing import create_text_preprocessor, preprocess_image

if TYPE_CHECKING:
    from packager._manifest_types import Sample, Signature
    from packager.bench.bundle import Bundle

MOST = 8
"""Samples past this number are left out: they would make rounds long and say little more."""


@dataclass(frozen=True)
class Input:
    """One sample. ``given`` is what the task's ``run`` takes, as the page can make it: a text, a picture's path, or nothing."""

    name: str
    tensors: Tensors
    given: dict[str, str] | None


def inputs(bundle: Bundle) -> list[Input]:
    """The first samples of a bundle. Raises InputError where it has none, BuildError where they cannot be read."""
    samples = bundle.manifest["samples"][:MOST]
    if not samples:
        remedy = "Build it with --sample FILE: the first sample is what a page runs by itself."
        raise InputError("The bundle has no samples to run.", where=bundle.address, remedy=remedy)
    contents = manifests.task_contents(bundle.manifest)
    contents += [tensor["content"] for sample in samples if sample["kind"] == "tensors" for tensor in sample["tensors"]]
    bundle.need(contents, [sample["path"] for sample in samples if sample["kind"] == "picture"])
    return [_input(bundle, sample) for sample in samples]


def _input(bundle: Bundle, sample: Sample) -> Input:
    task = bundle.manifest["task"]
    if sample["kind"] == "tensors":
        dtypes = {entry["name"]: numpy_dtype(entry["dtype"]) for entry in bundle.manifest["signature"]["inputs"]}
        tensors = {
            tensor["name"]: np.frombuffer(read_content(bundle.folder, tensor["content"]), dtypes[tensor["name"]])
            .reshape(tensor["dims"])
            .copy()
            for tensor in sample["tensors"]
        }
        return Input(sample["name"], tensors, None)
    if sample["kind"] == "text" and task["kind"] == "text-embedding":
        tokenizer = read_content(bundle.folder, task["preprocess"]["tokenizer"])
        preprocess = create_text_preprocessor(tokenizer, task["preprocess"])
        return Input(sample["text"][:40], dict(preprocess([sample["text"]])), {"text": sample["text"]})
    if sample["kind"] == "picture" and task["kind"] == "image-classification":
        tensor = preprocess_image(bundle.folder / sample["path"], task["preprocess"])
        return Input(sample["name"], {task["preprocess"]["input"]: tensor}, {"picture": sample["path"]})
    raise InputError(f"A sample of the kind {sample['kind']} does not fit the task {task['kind']}.", where=bundle.address)


def to_page(given: Input, signature: Signature) -> dict[str, Any]:
    """An input as the page's script takes it: bytes in base64."""
    tensors = [
        {
            "name": entry["name"],
            "dtype": entry["dtype"],
            "dims": list(given.tensors[entry["name"]].shape),
            "bytes": b64encode(given.tensors[entry["name"]].astype(numpy_dtype(entry["dtype"])).tobytes()).decode(),
        }
        for entry in signature["inputs"]
    ]
    return {"tensors": tensors, "given": given.given}


def from_page(outputs: dict[str, Any], signature: Signature) -> Tensors:
    """Outputs by name, from the page's bytes."""
    return {
        entry["name"]: np.frombuffer(b64decode(outputs[entry["name"]]["bytes"]), numpy_dtype(entry["dtype"])).reshape(
            outputs[entry["name"]]["dims"]
        )
        for entry in signature["outputs"]
    }
