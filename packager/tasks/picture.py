"""How a picture becomes the model's input: from a Hugging Face preprocessor_config.json, or by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from packager.errors import InputError
from packager.tasks.files import read_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packager._manifest_types import ImagePreprocess, TensorType

# torchvision's and timm's usual evaluation for ImageNet, taken where nothing better is known.
_IMAGENET_MEAN = [0.485, 0.456, 0.406]
_IMAGENET_STD = [0.229, 0.224, 0.225]
_CROP_SHARE = 0.875
_FILTERS = {0: "nearest", 2: "bilinear", 3: "bicubic"}  # numbers of Pillow's Resampling


def image_preprocess(entry: TensorType, config: Path | None, warn: Callable[[str], None]) -> ImagePreprocess:
    """The steps for the input ``entry``; ``warn`` hears of what had to be assumed. Raises InputError."""
    shape = entry["shape"]
    nchw = shape[1] in (1, 3)
    channels = shape[1] if nchw else shape[3]
    fixed = (shape[2], shape[3]) if nchw else (shape[1], shape[2])
    given = {} if config is None else read_json(config)
    height, width = (
        size if isinstance(size, int) else _config_size(given, axis, config) or 224
        for size, axis in zip(fixed, ("height", "width"), strict=True)
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
            f"The resampling filter {resample} is not supported.",
            where=str(config),
            remedy="Use 0 (nearest), 2 (bilinear) or 3 (bicubic).",
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
