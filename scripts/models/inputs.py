"""Sample inputs for the models that take bare tensors: a moment of speech, a drawn invoice, lines cut out of it."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scripts.models.fetch import member

INVOICE = ("Invoice No. 20481", "Blue paint, 3 litres", "Two brushes", "Total due: $1,234.56")
LINE_HEIGHT = 48
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)

Tensors = dict[str, NDArray[np.float32] | NDArray[np.int64]]


def speech() -> NDArray[np.float32]:
    """Half a minute of a conversation at 16 kHz, f32 [480000] in -1 to 1."""
    with wave.open(io.BytesIO(member("pyannote-audio", "pyannote/audio/sample/sample.wav"))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return samples.astype(np.float32) / np.float32(32768)


def voice_frame(sound: NDArray[np.float32], number: int, state: NDArray[np.float32] | None = None) -> Tensors:
    """What silero-vad takes for a frame: its 512 samples (32 ms) after the 64 before them, the state and the rate."""
    start = number * 512
    padded = np.concatenate([np.zeros(64, np.float32), sound])
    if state is None:
        state = np.zeros((2, 1, 128), np.float32)
    return {"input": padded[None, start : start + 576], "state": state, "sr": np.array(16000, np.int64)}


def _draw(text: str, image: Image.Image, left: float, middle: float, size: int) -> None:
    font = ImageFont.load_default(size)
    x0, y0, _, y1 = font.getbbox(text)
    ImageDraw.Draw(image).text((left - x0, middle - (y0 + y1) / 2), text, font=font, fill="black")


def invoice() -> Tensors:
    """A drawn invoice as the text detector takes it: f32 [1, 3, 320, 480], ImageNet's mean and deviation taken out."""
    image = Image.new("RGB", (480, 320), "white")
    for row, text in enumerate(INVOICE):
        _draw(text, image, 32, 48 + 72 * row, 28)
    pixels = (np.asarray(image, np.float32) / np.float32(255) - _IMAGENET_MEAN) / _IMAGENET_STD
    return {"x": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}


def invoice_line(text: str) -> Tensors:
    """One line of text as the recogniser takes it: f32 [1, 3, 48, width] in -1 to 1."""
    width = round(ImageFont.load_default(28).getlength(text)) + 24
    image = Image.new("RGB", (width, LINE_HEIGHT), "white")
    _draw(text, image, 12, LINE_HEIGHT / 2, 28)
    pixels = np.asarray(image, np.float32) / np.float32(127.5) - np.float32(1)
    return {"x": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}


def read_line(probabilities: NDArray[np.float32], characters: str) -> str:
    """The text in a recogniser's output, f32 [T, classes]: repeats merged, blanks (class 0) dropped.

    `characters` is the model's own list, one a line; the class after the last is the space.
    """
    alphabet = ["", *characters.split("\n"), " "]
    best = probabilities.argmax(axis=-1)
    changed = np.concatenate([[True], best[1:] != best[:-1]])
    return "".join(alphabet[i] for i in best[changed])
