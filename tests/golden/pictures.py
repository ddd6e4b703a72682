"""Pictures and the tensors that Pillow makes of them."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BYTES = {"layout": "nhwc", "channels": "rgb", "scale": 1.0, "mean": [0.0], "std": [1.0]}
"""Values that are the bytes themselves."""

_IMAGENET = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def golden() -> dict[str, Any]:
    """Return the pictures as RGB, and cases of picture, preprocess and the tensor."""
    made = {name: _picture(*size) for name, size in _SIZES.items()}
    return {
        "pictures": [
            {"name": name, "width": picture.shape[1], "height": picture.shape[0], "rgb": _base64(picture)}
            for name, picture in made.items()
        ],
        "cases": [
            {"picture": name, "preprocess": preprocess, **_expected(made[name], preprocess)} for name, preprocess in _cases()
        ],
    }


_SIZES = {"wide": (61, 43), "tall": (19, 37), "square": (16, 16), "sliver": (40, 2), "dot": (1, 1)}


def _picture(width: int, height: int) -> NDArray[np.uint8]:
    """Gradients, noise and hard edges: the last make cubic filters overshoot."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x * 7919 + y * 104729) % 256], axis=2)
    picture[(x // 3 + y // 4) % 5 == 0] = (255, 0, 255)
    picture[(x + y) % 11 == 0] = (0, 255, 0)
    return picture.astype(np.uint8)


def _cases() -> list[tuple[str, dict[str, Any]]]:
    cases: list[tuple[str, dict[str, Any]]] = []

    def add(picture: str, fit: str, resize: tuple[int, int], crop: tuple[int, int], kernel: str, **rest: Any) -> None:
        height_width = {"resize_height": resize[0], "resize_width": resize[1], "height": crop[0], "width": crop[1]}
        cases.append((picture, {"input": "x", "fit": fit, "filter": kernel, **height_width, **_BYTES, **rest}))

    for kernel, picture in itertools.product(("nearest", "bilinear", "bicubic"), ("wide", "tall")):
        add(picture, "cover", (12, 12), (11, 9), kernel)  # down
        add(picture, "stretch", (9, 14), (9, 14), kernel)  # down, out of shape
        add(picture, "stretch", (48, 70), (13, 10), kernel)  # up
        add(picture, "stretch", (43, 7), (20, 7), kernel)  # one side as it is
        add(picture, "cover", (50, 44), (14, 9), kernel)
    for kernel in ("nearest", "bilinear", "bicubic"):
        add("square", "cover", (16, 16), (10, 10), kernel)  # nothing to resize
        add("square", "stretch", (3, 2), (3, 2), kernel)
        add("sliver", "cover", (5, 5), (5, 5), kernel)
        add("dot", "cover", (4, 3), (4, 3), kernel)
    for size in ((13, 12), (12, 15), (7, 20), (20, 6)):  # crops larger than the picture, by odd and even margins
        add("tall", "stretch", (10, 9), size, "bilinear")
    for layout, channels in itertools.product(("nchw", "nhwc"), ("rgb", "bgr", "gray")):
        add("wide", "cover", (9, 9), (7, 6), "bilinear", layout=layout, channels=channels)
    add("wide", "cover", (9, 9), (8, 8), "bicubic", layout="nchw", **_IMAGENET)
    add("tall", "cover", (9, 9), (8, 8), "bilinear", layout="nchw", channels="bgr", **_IMAGENET)
    add("tall", "stretch", (8, 8), (8, 8), "bilinear", layout="nchw", scale=1.0, mean=[127.0], std=[128.0])
    add("square", "cover", (8, 8), (8, 8), "nearest", channels="gray", scale=0.1, mean=[3.3], std=[0.7])
    return cases


def _expected(picture: NDArray[np.uint8], preprocess: dict[str, Any]) -> dict[str, Any]:
    image = _resized(Image.fromarray(picture), preprocess)
    left, top = (image.width - preprocess["width"]) // 2, (image.height - preprocess["height"]) // 2
    image = image.crop((left, top, left + preprocess["width"], top + preprocess["height"]))
    pixels = np.asarray(image.convert("L"))[:, :, None] if preprocess["channels"] == "gray" else np.asarray(image)
    if preprocess["channels"] == "bgr":
        pixels = pixels[:, :, [2, 1, 0]]
    if preprocess["layout"] == "nchw":
        pixels = np.moveaxis(pixels, 2, 0)
    dims = [1, *pixels.shape]
    if (preprocess["scale"], preprocess["mean"], preprocess["std"]) == (1.0, [0.0], [1.0]):
        return {"dims": dims, "bytes": _base64(pixels)}
    channel = 0 if preprocess["layout"] == "nchw" else 2
    values = [
        (value * preprocess["scale"] - _of(preprocess["mean"], index[channel])) / _of(preprocess["std"], index[channel])
        for index, value in np.ndenumerate(pixels.astype(float))
    ]
    return {"dims": dims, "values": _base64(np.array(values, "<f4"))}


def _resized(image: Image.Image, preprocess: dict[str, Any]) -> Image.Image:
    height, width = preprocess["resize_height"], preprocess["resize_width"]
    if preprocess["fit"] == "cover":
        # As torchvision scales the shorter side, generalised to two sides: the longer one is rounded down.
        if width * image.height >= height * image.width:
            height = int(width * image.height / image.width)
        else:
            width = int(height * image.width / image.height)
    kernel = Image.Resampling[preprocess["filter"].upper()]
    whole = image.resize((width, height), kernel)
    apart = image.resize((width, image.height), kernel).resize((width, height), kernel)
    # Where the height shrinks by far more than the width, some versions of Pillow begin with it.
    if image.height - height <= 2 * max(image.width - width, 0):
        assert whole == apart
    return apart


def _of(figures: list[float], channel: int) -> float:
    return figures[channel if len(figures) > 1 else 0]


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
