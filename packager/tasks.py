"""What surrounds the model: which task it serves, and the pre- and post-processing that the manifest carries as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from packager.errors import InputError
from packager.model import input_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager._manifest_types import (
        ClassificationPostprocess,
        Content,
        EmbeddingPostprocess,
        ImagePreprocess,
        Signature,
        Task,
        TensorType,
        TextPreprocess,
    )
    from packager.model import Model
    from packager.options import BuildOptions, TaskKind

Warn = "Callable[[str], None]"

# torchvision's and timm's usual evaluation for ImageNet, taken where nothing better is known.
_IMAGENET_MEAN = [0.485, 0.456, 0.406]
_IMAGENET_STD = [0.229, 0.224, 0.225]
_CROP_SHARE = 0.875
_FILTERS = {0: "nearest", 2: "bilinear", 3: "bicubic"}  # numbers of Pillow's Resampling
_IDS = ("input_ids", "ids", "tokens")
_MASKS = ("attention_mask", "mask", "input_mask")
_TYPES = ("token_type_ids", "segment_ids")
_DEFAULT_MAX_LENGTH = 512


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
        return {"kind": "image-classification", "preprocess": self.preprocess, "postprocess": {**self.postprocess, "labels": labels}}


@dataclass(frozen=True)
class TextTask:
    """text-embedding: texts in, one vector a text out."""

    preprocess: TextPreprocess
    postprocess: EmbeddingPostprocess
    tokenizer: bytes
    kind: TaskKind = "text-embedding"

    def manifest(self, write: Callable[[bytes], Content]) -> Task:
        """This task as the manifest holds it; ``write`` turns bytes into shards."""
        preprocess: TextPreprocess = {**self.preprocess, "tokenizer": write(self.tokenizer)}
        return {"kind": "text-embedding", "preprocess": preprocess, "postprocess": self.postprocess}


@dataclass(frozen=True)
class TensorTask:
    """tensor: no pre- or post-processing."""

    kind: TaskKind = "tensor"

    def manifest(self, write: Callable[[bytes], Content]) -> Task:  # noqa: ARG002
        """This task as the manifest holds it."""
        return {"kind": "tensor"}


AnyTask = ImageTask | TextTask | TensorTask


def configure(model: Model, options: BuildOptions, warn: Callable[[str], None]) -> AnyTask:
    """The task that the options, the files beside the model, or else the signature ask for. Raises InputError."""
    files = _Sidecars(options)
    kind = options.task or _detect(model.signature, files)
    if kind == "image-classification":
        return _image_task(model, files, warn)
    if kind == "text-embedding":
        return _text_task(model, files)
    for given, flag in ((options.labels, "--labels"), (options.tokenizer, "--tokenizer"), (options.preprocessing, "--preprocessing")):
        if given is not None:
            warn(f"{flag} is not used: the task is 'tensor'. Choose another with --task.")
    return TensorTask()


class _Sidecars:
    """Files that tell of the task: as given, else as they lie beside the model under their usual names."""

    def __init__(self, options: BuildOptions) -> None:
        folder = options.model.parent
        self.labels = options.labels
        self.tokenizer = options.tokenizer or _if_there(folder / "tokenizer.json")
        self.preprocessing = options.preprocessing or _if_there(folder / "preprocessor_config.json")
        self.pooling = _if_there(folder / "1_Pooling" / "config.json")
        self.tokenizer_config = _if_there(folder / "tokenizer_config.json")


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _detect(signature: Signature, files: _Sidecars) -> TaskKind:
    if files.tokenizer is not None and _find(signature["inputs"], _IDS) is not None:
        return "text-embedding"
    if _picture_input(signature) is not None and _class_output(signature) is not None:
        classes = cast("TensorType", _class_output(signature))["shape"][1]
        if files.labels is not None or files.preprocessing is not None or classes in (1000, 1001):
            return "image-classification"
    return "tensor"


def _find(entries: list[TensorType], names: tuple[str, ...]) -> TensorType | None:
    return next((entry for name in names for entry in entries if entry["name"] == name), None)


# --- image-classification


def _picture_input(signature: Signature) -> TensorType | None:
    """The only input, where it looks like a batch of pictures: float32, four axes, one or three channels."""
    if len(signature["inputs"]) != 1:
        return None
    entry = signature["inputs"][0]
    shape = entry["shape"]
    fits = entry["dtype"] == "float32" and len(shape) == 4 and (shape[1] in (1, 3) or shape[3] in (1, 3))
    return entry if fits and shape[0] in (1, *(dim for dim in shape if isinstance(dim, str))) else None


def _class_output(signature: Signature) -> TensorType | None:
    for entry in signature["outputs"]:
        shape = entry["shape"]
        if entry["dtype"] in ("float32", "float16", "float64") and len(shape) >= 2 and all(dim == 1 for dim in shape[2:]):
            return entry
    return None


def _image_task(model: Model, files: _Sidecars, warn: Callable[[str], None]) -> ImageTask:
    entry, output = _picture_input(model.signature), _class_output(model.signature)
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
        "activation": "none" if _ends_in(model, output["name"], ("Softmax", "Sigmoid")) else "softmax",
        "top_k": min(5, classes) if isinstance(classes, int) else 5,
        "labels": None,
    }
    return ImageTask(_image_preprocess(entry, files.preprocessing, warn), postprocess, labels)


def _ends_in(model: Model, output: str, ops: tuple[str, ...]) -> bool:
    """True where the output comes out of one of ``ops``, looking through nodes that only move values."""
    makers = {name: node for node in model.proto.graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in ("Identity", "Cast", "Reshape", "Flatten", "Squeeze"):
        node = makers.get(node.input[0])
    return node is not None and node.op_type in ops


def check_labels(labels: list[str], classes: int, where: Path | None) -> None:
    """Raises InputError where there is not one label for each class."""
    if len(labels) != classes:
        raise InputError(
            f"There are {len(labels)} labels for {classes} classes.", where=str(where), remedy="Give one label a class, in order."
        )


def read_labels(path: Path) -> list[str]:
    """Labels of a text file (one a line) or a JSON file (an array, or an object with ``id2label``). Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() != ".json":
            return [line.strip() for line in text.rstrip("\n").split("\n")]
        value = json.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"The labels cannot be read: {error}.", where=str(path)) from error
    if isinstance(value, dict):
        table = value.get("id2label", value)
        if isinstance(table, dict) and all(str(index) in table for index in range(len(table))):
            value = [table[str(index)] for index in range(len(table))]
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise InputError("The labels are not a list of strings.", where=str(path), remedy='Write ["first class", "second class", …].')
    return value


def _image_preprocess(entry: TensorType, config: Path | None, warn: Callable[[str], None]) -> ImagePreprocess:
    shape = entry["shape"]
    nchw = shape[1] in (1, 3)
    channels = shape[1] if nchw else shape[3]
    fixed = (shape[2], shape[3]) if nchw else (shape[1], shape[2])
    given = {} if config is None else _read_json(config)
    height, width = (
        size if isinstance(size, int) else _config_size(given, axis, config) or 224 for size, axis in zip(fixed, ("height", "width"), strict=True)
    )
    if config is None:
        warn(
            "No preprocessing was given, so ImageNet's usual one is assumed (resize, centre crop, mean and deviation). "
            "Give the model's own with --preprocessing preprocessor_config.json."
        )
    fit, resize_height, resize_width = _resize(given, height, width)
    mean = _numbers(given, "image_mean", _IMAGENET_MEAN, config)
    std = _numbers(given, "image_std", _IMAGENET_STD, config)
    if not given.get("do_normalize", True):
        mean, std = [0.0], [1.0]
    if channels == 1 and len(mean) == 3:
        mean, std = [sum(mean) / 3], [sum(std) / 3]
    resample = given.get("resample", 2)
    if resample not in _FILTERS:
        raise InputError(
            f"The resampling filter {resample} is not supported.", where=str(config), remedy="Use 0 (nearest), 2 (bilinear) or 3 (bicubic)."
        )
    return {
        "input": entry["name"],
        "fit": fit,
        "resize_height": resize_height,
        "resize_width": resize_width,
        "filter": cast("Any", _FILTERS[resample]),
        "height": height,
        "width": width,
        "layout": "nchw" if nchw else "nhwc",
        "channels": "gray" if channels == 1 else "rgb",
        "scale": float(given.get("rescale_factor", 1 / 255)) if given.get("do_rescale", True) else 1.0,
        "mean": mean,
        "std": std,
    }


def _config_size(given: dict[str, Any], axis: str, config: Path | None) -> int | None:
    """Height or width in pixels that a Hugging Face configuration gives: of the crop where there is one, else of the resize."""
    for key in ("crop_size", "size") if given.get("do_center_crop", "crop_size" in given) else ("size",):
        value = given.get(key)
        if isinstance(value, dict):
            value = value.get(axis, value.get("shortest_edge"))
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= 16384:
                raise InputError(f"'{key}' is {value}, which is no picture size.", where=str(config))
            return value
    return None


def _resize(given: dict[str, Any], height: int, width: int) -> tuple[Any, int, int]:
    """How a picture gets to the crop's size: fit, height and width in pixels."""
    size = given.get("size")
    if isinstance(size, dict) and "height" in size and "width" in size and not given.get("do_center_crop", False):
        return "stretch", height, width
    edge = size.get("shortest_edge") if isinstance(size, dict) else size
    if "crop_pct" in given:
        share = float(given["crop_pct"])
    elif isinstance(edge, int) and given.get("do_center_crop", False):
        share = min(height, width) / edge
    else:
        share = 1.0 if given else _CROP_SHARE
    share = min(max(share, 0.01), 1.0)
    return "cover", max(height, round(height / share)), max(width, round(width / share))


def _numbers(given: dict[str, Any], key: str, default: list[float], config: Path | None) -> list[float]:
    value = given.get(key, default)
    if not isinstance(value, list) or len(value) not in (1, 3) or not all(isinstance(number, int | float) for number in value):
        raise InputError(f"'{key}' must be a list of one or three numbers.", where=str(config))
    if key == "image_std" and not all(number > 0 for number in value):
        raise InputError(f"'{key}' must be above 0.", where=str(config))
    return [float(number) for number in value]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"The file cannot be read as JSON: {error}.", where=str(path)) from error
    if not isinstance(value, dict):
        raise InputError("The file does not hold a JSON object.", where=str(path))
    return value


# --- text-embedding


def _text_task(model: Model, files: _Sidecars) -> TextTask:
    if files.tokenizer is None:
        raise InputError(
            "The task text-embedding needs a tokenizer.", where=str(model.path), remedy="Give it with --tokenizer tokenizer.json."
        )
    inputs = model.signature["inputs"]
    ids = _find(inputs, _IDS)
    mask, types = _find(inputs, _MASKS), _find(inputs, _TYPES)
    known = [entry["name"] for entry in (ids, mask, types) if entry is not None]
    others = [entry["name"] for entry in inputs if entry["name"] not in known]
    if ids is None or others or any(cast("TensorType", input_named(model.signature, name))["dtype"] != "int64" for name in known):
        raise InputError(
            f"The task text-embedding needs int64 inputs input_ids and, where used, attention_mask and token_type_ids; this model "
            f"has {', '.join(entry['name'] for entry in inputs)}.",
            where=str(model.path),
            remedy="Use --task tensor.",
        )
    tokenizer = _read_json(files.tokenizer)
    length = ids["shape"][-1] if ids["shape"] else None
    pad_to = length if isinstance(length, int) else None
    preprocess: TextPreprocess = {
        "tokenizer": [],
        "max_length": pad_to or _max_length(tokenizer, files.tokenizer_config),
        "pad_to": pad_to,
        "pad_id": _pad_id(tokenizer),
        "inputs": {"ids": ids["name"], "mask": mask and mask["name"], "types": types and types["name"]},
    }
    return TextTask(preprocess, _embedding(model, files.pooling), files.tokenizer.read_bytes())


def _max_length(tokenizer: dict[str, Any], config: Path | None) -> int:
    truncation = tokenizer.get("truncation")
    candidates = [truncation.get("max_length") if isinstance(truncation, dict) else None]
    if config is not None:
        candidates.append(_read_json(config).get("model_max_length"))
    lengths = [value for value in candidates if isinstance(value, int) and 1 <= value <= 2**20]
    return min(lengths, default=_DEFAULT_MAX_LENGTH)


def _pad_id(tokenizer: dict[str, Any]) -> int:
    padding = tokenizer.get("padding")
    if isinstance(padding, dict) and isinstance(padding.get("pad_id"), int):
        return int(padding["pad_id"])
    for token in tokenizer.get("added_tokens") or []:
        if token.get("content") in ("[PAD]", "<pad>"):
            return int(token["id"])
    return 0


def _embedding(model: Model, pooling: Path | None) -> EmbeddingPostprocess:
    floats = [entry for entry in model.signature["outputs"] if entry["dtype"] in ("float32", "float16")]
    pooled = _find([entry for entry in floats if len(entry["shape"]) == 2], ("sentence_embedding", "embeddings", "embedding"))
    tokens = [entry for entry in floats if len(entry["shape"]) == 3]
    if pooled is not None or (not tokens and floats and len(floats[0]["shape"]) == 2):
        return {"output": (pooled or floats[0])["name"], "pooling": "none", "normalize": True}
    if not tokens:
        raise InputError(
            "The task text-embedding needs a float output of shape [N, tokens, size] or [N, size].",
            where=str(model.path),
            remedy="Use --task tensor.",
        )
    output = _find(tokens, ("last_hidden_state", "token_embeddings")) or tokens[0]
    cls = pooling is not None and _read_json(pooling).get("pooling_mode_cls_token") is True
    return {"output": output["name"], "pooling": "cls" if cls else "mean", "normalize": True}
