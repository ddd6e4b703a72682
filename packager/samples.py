"""Inputs for parity and for the demo: read from the user's files, or made up where none are given."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from packager.bounds import LARGEST_ARRAYS, bounded, read_limited
from packager.errors import InputError
from packager.model import Sample, Tensors, input_named
from packager.processing import create_text_preprocessor, preprocess_image, read_picture
from packager.tasks import ImageTask, TextTask

if TYPE_CHECKING:
    from packager._manifest_types import TensorType
    from packager.model import AnyModel
    from packager.tasks import AnyTask

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
_SEED = 20481
# More inputs for the calibration than this tell nothing new.
_CALIBRATION = 256
# Of fewer pictures than this, parts are looked at too: weights rounded by five pictures as they are fit those five too well.
_PICTURES = 128
# What the page of a text model starts with, and what it is proven on, where the user gives no lines.
_TEXTS = (
    "A man is playing the guitar on stage.",
    "Someone strums an acoustic guitar.",
    "How do I reset my password?",
    "I forgot my login and cannot get in.",
    "The stock market fell sharply on Monday.",
    "Fresh snow covered the mountain village overnight.",
)


@bounded()
def collect(model: AnyModel, task: AnyTask, files: tuple[Path, ...]) -> list[Sample]:
    """The samples of ``files``, or made-up ones where there are none. Raises InputError."""
    samples = [sample for file in files for sample in _read(model, task, file)]
    if samples:
        return samples
    if isinstance(task, TextTask):
        return [_text(task, text, generated=True) for text in _TEXTS]
    if isinstance(task, ImageTask):
        return [_picture(task, _made_up_picture(task, index), f"made up {index}", None, generated=True) for index in range(3)]
    return [_made_up_tensors(model, index) for index in range(2)]


def calibration(model: AnyModel, task: AnyTask, folder: Path | None, samples: list[Sample]) -> list[Tensors]:
    """What weights are rounded by: the inputs in the files of a folder, else the samples; of few pictures their parts too.

    Raises InputError where the folder holds none, or a file that is no sample.
    """
    if folder is not None:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        samples = [sample for file in files for sample in _read(model, task, file)]
    if not samples:
        raise InputError("--calibration names a folder without inputs.", where=str(folder))
    # Those that are far apart, where there are too many.
    samples = samples[:: -(-len(samples) // _CALIBRATION)]
    return [*(sample.tensors for sample in samples), *(_parts(task, samples) if isinstance(task, ImageTask) else [])]


def _parts(task: ImageTask, samples: list[Sample]) -> list[Tensors]:
    """Cut from the pictures at random: a tenth to all of each, sides 3:4 to 4:3, half of them mirrored."""
    files = [sample.source for sample in samples if isinstance(sample.source, Path)]
    of_each = max(0, math.ceil((_PICTURES - len(samples)) / max(1, len(files))))
    random = np.random.default_rng(_SEED)
    return [
        {task.preprocess["input"]: preprocess_image(_part(picture, random), task.preprocess)}
        for picture in map(read_picture, files)
        for _ in range(of_each)
    ]


def _part(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    area, ratio = height * width * random.uniform(0.1, 1), np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    h, w = min(height, math.ceil((area / ratio) ** 0.5)), min(width, math.ceil((area * ratio) ** 0.5))
    top, left = random.integers(height - h + 1), random.integers(width - w + 1)
    return picture[top : top + h, left : left + w][:, :: random.choice((-1, 1))]


def batches(task: AnyTask, samples: list[Sample]) -> list[Tensors]:
    """What parity runs: each sample alone and, for texts, a few together, which pads the shorter ones."""
    alone = [sample.tensors for sample in samples]
    texts = [str(sample.source) for sample in samples if sample.kind == "text"]
    if isinstance(task, TextTask) and len(texts) > 1:
        together = create_text_preprocessor(task.tokenizer, task.preprocess)(texts[:8])
        return [*alone, together]
    return alone


def _read(model: AnyModel, task: AnyTask, file: Path) -> list[Sample]:
    suffix = file.suffix.lower()
    if suffix in (".npy", ".npz"):
        return [Sample("tensors", file.stem, None, _read_arrays(model, file))]
    if suffix in PICTURES and isinstance(task, ImageTask):
        return [_picture(task, file, file.stem, file)]
    if suffix == ".txt" and isinstance(task, TextTask):
        try:
            lines = read_limited(file).decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The lines cannot be read: {error}.", where=str(file)) from error
        return [_text(task, line.strip()) for line in lines if line.strip()]
    takes = {
        "image-classification": "pictures, .npy or .npz",
        "text-embedding": ".txt lines, .npy or .npz",
        "tensor": ".npy or .npz",
    }
    raise InputError(
        f"A '{suffix or 'nameless'}' file is no sample for the task {task.kind}.",
        where=str(file),
        remedy=f"Give {takes[task.kind]}.",
    )


def _picture(task: ImageTask, picture: Path | np.ndarray, name: str, file: Path | None, *, generated: bool = False) -> Sample:
    tensor = preprocess_image(picture, task.preprocess)
    return Sample("picture", name, file, {task.preprocess["input"]: tensor}, generated)


def _text(task: TextTask, text: str, *, generated: bool = False) -> Sample:
    return Sample("text", text[:40], text, create_text_preprocessor(task.tokenizer, task.preprocess)([text]), generated)


def _read_arrays(model: AnyModel, file: Path) -> Tensors:
    inputs = model.signature["inputs"]
    _check_size(file)
    try:
        loaded: Any = np.load(file, allow_pickle=False)
        arrays: Tensors = (
            {name: loaded[name] for name in loaded.files} if file.suffix.lower() == ".npz" else {inputs[0]["name"]: loaded}
        )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, IndexError) as error:
        raise InputError(f"The arrays cannot be read: {error}.", where=str(file)) from error
    if file.suffix.lower() == ".npy" and len(inputs) != 1:
        raise InputError(
            f"A .npy file holds one array, and the model has {len(inputs)} inputs.",
            where=str(file),
            remedy="Give an .npz.",
        )
    for entry in inputs:
        if entry["name"] not in arrays:
            raise InputError(
                f"There is no array for the input '{entry['name']}'.",
                where=str(file),
                remedy=f"It holds: {', '.join(arrays)}.",
            )
    for name in arrays:
        if input_named(model.signature, name) is None:
            raise InputError(f"The model has no input '{name}'.", where=str(file))
    return {entry["name"]: _fitting(arrays[entry["name"]], entry, file) for entry in inputs}


def _check_size(file: Path) -> None:
    """Raises InputError where the arrays of a file, unpacked, would take more than a sample may."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
        else:
            size = file.stat().st_size
    except (OSError, zipfile.BadZipFile):
        return  # whoever reads it says why it cannot be read
    if size > LARGEST_ARRAYS:
        raise InputError(f"The arrays have {size:,} bytes; {LARGEST_ARRAYS:,} are the most of a sample.", where=str(file))


def _fitting(array: np.ndarray, entry: TensorType, file: Path) -> np.ndarray:
    expected = f"{entry['dtype']} {_shape_text(entry)}"
    if array.dtype != np.dtype(entry["dtype"]):
        if array.dtype.kind != np.dtype(entry["dtype"]).kind:
            raise InputError(f"The array for '{entry['name']}' is {array.dtype}; the model takes {expected}.", where=str(file))
        array = array.astype(entry["dtype"])
    fits = len(array.shape) == len(entry["shape"]) and all(
        isinstance(dim, str) or dim == size for dim, size in zip(entry["shape"], array.shape, strict=True)
    )
    if not fits:
        raise InputError(
            f"The array for '{entry['name']}' has the shape {list(array.shape)}; the model takes {expected}.",
            where=str(file),
        )
    # Not ascontiguousarray, which makes a vector of a scalar.
    return np.asarray(array, order="C")


def _shape_text(entry: TensorType) -> str:
    return f"[{', '.join(str(dim) for dim in entry['shape'])}]"


def _made_up_picture(task: ImageTask, index: int) -> np.ndarray:
    """Coarse noise, smoothly enlarged: closer to a photograph than white noise is."""
    random = np.random.default_rng(_SEED + index)
    coarse = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    size = (task.preprocess["resize_width"], task.preprocess["resize_height"])
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))


def _made_up_tensors(model: AnyModel, index: int) -> Sample:
    random = np.random.default_rng(_SEED + index)
    tensors = {}
    for entry in model.signature["inputs"]:
        shape = [_size(model, entry, axis, dim) for axis, dim in enumerate(entry["shape"])]
        if math.prod(shape) * np.dtype(entry["dtype"]).itemsize > LARGEST_ARRAYS:
            raise InputError(
                f"The input '{entry['name']}' {_shape_text(entry)} has more than {LARGEST_ARRAYS:,} bytes.",
                where=str(model.path),
            )
        kind = np.dtype(entry["dtype"]).kind
        if kind == "f":
            tensors[entry["name"]] = random.standard_normal(shape).astype(entry["dtype"])
        else:
            # Small enough for any table that integers may index.
            high = 256 if entry["dtype"] == "uint8" and len(shape) == 4 else 2
            tensors[entry["name"]] = cast("np.ndarray", random.integers(0, high, shape)).astype(entry["dtype"])
    return Sample("tensors", f"random {index + 1}", None, tensors, generated=True)


def _size(model: AnyModel, entry: TensorType, axis: int, dim: int | str) -> int:
    """A size for a dimension: its own, or 1 for a free batch. Any other free dimension needs the user's word."""
    if isinstance(dim, int):
        return dim
    if axis == 0 or dim.lower() in ("batch", "batch_size", "n"):
        return 1
    raise InputError(
        f"The symbolic dimension '{dim}' of the input '{entry['name']}' {_shape_text(entry)} has no value, so "
        "no input can be made up.",
        where=str(model.path),
        remedy=f"Fix it with --dim {dim}=VALUE, or give real inputs with --sample FILE.npz.",
    )
