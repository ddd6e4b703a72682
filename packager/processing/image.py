"""Picture to tensor: decode, resize, crop, choose channels, scale, lay out."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from packager.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from packager._manifest_types import ImagePreprocess

    Picture: TypeAlias = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What every browser decodes too."""

_ORIENTED = ("JPEG", "MPO", "PNG")
"""Browsers apply the orientation that is noted in these, and not in others."""

LARGEST_SIDE = 65_535
"""Of a resized picture, in pixels: a sliver of a picture that must cover a square would otherwise take gigabytes."""

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def preprocess_image(picture: Path | bytes | Picture, spec: ImagePreprocess) -> NDArray[np.float32]:
    """Turn a picture into the tensor that the model takes.

    ``picture`` is a file, its bytes, or decoded RGB as ``uint8 [height, width, 3]``.

    Returns ``float32 [1, channels, height, width]``, or ``[1, height, width, channels]`` for the layout nhwc.

    Raises InputError when the picture cannot be decoded or does not fit ``spec``.
    """
    rgb = read_picture(picture) if isinstance(picture, (Path, bytes)) else picture
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise InputError(f"A decoded picture is uint8 [height, width, 3], not {rgb.dtype} {list(rgb.shape)}.")
    resized = _resize(rgb, spec)
    cropped = _crop(resized, spec["height"], spec["width"])
    channels = _channels(cropped, spec["channels"])
    values = _values(channels, spec)
    return np.ascontiguousarray(values[np.newaxis] if spec["layout"] == "nhwc" else values.transpose(2, 0, 1)[np.newaxis])


def read_picture(source: Path | bytes) -> Picture:
    """Decode a picture to RGB, ``uint8 [height, width, 3]``.

    The EXIF orientation of JPEG and PNG files is applied, colour profiles are not, and what is transparent is blended over
    white.

    Raises InputError when the file is not a picture that every browser can decode.
    """
    where = str(source) if isinstance(source, Path) else "picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source if isinstance(source, Path) else BytesIO(source), formats=FORMATS) as image:
                return _rgb(ImageOps.exif_transpose(image) if image.format in _ORIENTED else image)
    except Image.DecompressionBombError as error:
        raise InputError("The picture is too large to decode.", where=where, remedy="Make it smaller.") from error
    # Pillow's decoders raise these, and SyntaxError for some broken PNG files.
    except (OSError, ValueError, SyntaxError) as error:
        remedy = "Give a PNG, JPEG, WebP, GIF or BMP file."
        raise InputError("The picture cannot be decoded.", where=where, remedy=remedy) from error


def _rgb(image: Image.Image) -> Picture:
    if image.mode.startswith("I"):  # 16 bits of gray, where Pillow would clip instead of scale
        gray = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, np.newaxis], 3, axis=2)
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA")).astype(np.uint16)
    color, alpha = rgba[:, :, :3], rgba[:, :, 3:]
    return ((color * alpha + 127) // 255 + (255 - alpha)).astype(np.uint8)


def resized_size(height: int, width: int, spec: ImagePreprocess) -> tuple[int, int]:
    """Return the size ``(height, width)`` to which a picture of ``height`` by ``width`` is resized before it is cropped."""
    rows, columns = spec["resize_height"], spec["resize_width"]
    if spec["fit"] == "stretch":
        return rows, columns
    # The side that has further to go is met exactly; the other is rounded down, which still covers.
    if columns * height >= rows * width:
        return height * columns // width, columns
    return rows, width * rows // height


def _resize(rgb: Picture, spec: ImagePreprocess) -> Picture:
    height, width = rgb.shape[:2]
    rows, columns = resized_size(height, width, spec)
    if max(rows, columns) > LARGEST_SIDE:
        raise InputError(
            f"A picture of {width} by {height} would be resized to {columns} by {rows}, past {LARGEST_SIDE} a side.",
            remedy="Cut it nearer to a square.",
        )
    image, kernel = Image.fromarray(rgb), _FILTERS[spec["filter"]]
    # One axis at a time, as the order of the passes shows in the result and Pillow's own depends on its version.
    return np.asarray(image.resize((columns, height), kernel).resize((columns, rows), kernel))


def _crop(rgb: Picture, height: int, width: int) -> Picture:
    """Cut the centre out; where the picture is smaller than that, black surrounds it."""
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    inside = rgb[max(top, 0) : top + height, max(left, 0) : left + width]
    if inside.shape[:2] == (height, width):
        return inside
    canvas = np.zeros((height, width, 3), np.uint8)
    y, x = max(-top, 0), max(-left, 0)
    canvas[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return canvas


def _channels(rgb: Picture, channels: str) -> Picture:
    if channels == "rgb":
        return rgb
    if channels == "bgr":
        return rgb[:, :, ::-1]
    weights = np.array([19595, 38470, 7471], np.uint32)  # of red, green and blue in 1/65536, as ITU-R BT.601
    return ((rgb.astype(np.uint32) @ weights + 0x8000) >> 16).astype(np.uint8)[:, :, np.newaxis]


def _values(picture: Picture, spec: ImagePreprocess) -> NDArray[np.float32]:
    channels = picture.shape[2]
    for field, figures in (("mean", spec["mean"]), ("std", spec["std"])):
        if len(figures) not in (1, channels):
            raise InputError(
                f"{field} has {len(figures)} entries for {channels} channels.",
                where="preprocess",
                remedy="Give one for all, or one for each channel.",
            )
    levels = np.arange(256, dtype=np.float64)[:, np.newaxis] * spec["scale"]
    table = ((levels - np.array(spec["mean"])) / np.array(spec["std"])).astype(np.float32)
    table = np.broadcast_to(table, (256, channels))
    return table[picture, np.arange(channels)]
