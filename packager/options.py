"""What the user may choose, checked once, before any work starts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 (dataclass fields are read at run time)
from typing import Literal, get_args

from packager.errors import InputError

Target = Literal["wasm", "ort-wasm"]
Precision = Literal["fp32", "fp16", "int8"]
TaskKind = Literal["image-classification", "text-embedding", "tensor"]
BrowserUse = Literal["auto", "required", "off"]

TARGETS: tuple[Target, ...] = get_args(Target)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
TASKS: tuple[TaskKind, ...] = get_args(TaskKind)

DEFAULT_SHARD_SIZE = 4 * 2**20
SMALLEST_SHARD = 64 * 2**10
LARGEST_SHARD = 512 * 2**20
DEFAULT_TOLERANCE = 1e-3

_UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "kib": 2**10, "m": 10**6, "mb": 10**6, "mib": 2**20}


@dataclass(frozen=True)
class BuildOptions:
    """Options of ``packager build``; docs of each are the command line's help.

    Without ``targets`` the build takes what the model and the proof allow.

    Raises InputError where a value is out of its range or a named file does not exist.
    """

    model: Path
    output: Path
    targets: tuple[Target, ...] = ()
    precision: Precision = "fp32"
    task: TaskKind | None = None
    labels: Path | None = None
    tokenizer: Path | None = None
    preprocessing: Path | None = None
    name: str | None = None
    shard_size: int = DEFAULT_SHARD_SIZE
    samples: tuple[Path, ...] = ()
    tolerance: float = DEFAULT_TOLERANCE
    browser: BrowserUse = "auto"
    dims: dict[str, int] = field(default_factory=dict)
    host: str = "generic"
    sign: Path | None = None

    def __post_init__(self) -> None:
        for given, flag in (
            (self.labels, "--labels"),
            (self.tokenizer, "--tokenizer"),
            (self.preprocessing, "--preprocessing"),
            (self.sign, "--sign"),
        ):
            if given is not None and not given.is_file():
                raise InputError(f"{flag} names a file that does not exist.", where=str(given))
        for sample in self.samples:
            if not sample.is_file():
                raise InputError("--sample names a file that does not exist.", where=str(sample))
        if self.name is not None and not 1 <= len(self.name.strip()) <= 200:
            raise InputError("The name must have 1 to 200 characters.", where="--name")
        if not SMALLEST_SHARD <= self.shard_size <= LARGEST_SHARD:
            raise InputError(
                f"A shard size of {self.shard_size} bytes is out of range.",
                where="--shard-size",
                remedy="Use 64KiB to 512MiB.",
            )
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise InputError("The tolerance must be a number of 0 or more.", where="--tolerance")
        for dim, value in self.dims.items():
            if value < 1:
                raise InputError(f"The dimension '{dim}' cannot be {value}.", where="--dim", remedy="Give a size of 1 or more.")
        for choice, known, flag in (
            *((target, TARGETS, "--target") for target in self.targets),
            (self.precision, PRECISIONS, "--precision"),
            (self.task, TASKS, "--task"),
        ):
            if choice is not None and choice not in known:
                raise InputError(f"'{choice}' is not known.", where=flag, remedy=f"Choose from: {', '.join(known)}.")
        if self.browser not in get_args(BrowserUse):
            raise InputError(f"'{self.browser}' is not known.", where="--browser", remedy="Choose auto, required or off.")
        if "wasm" in self.targets and self.browser == "off":
            raise InputError(
                "A variant for the target wasm is proven in a browser or not at all.",
                where="--browser off",
                remedy="Leave one of the two out.",
            )
        if self.precision != "fp32" and self.targets and "wasm" not in self.targets:
            raise InputError(f"The target ort-wasm has no weights in {self.precision}.", where="--precision")


def parse_size(text: str) -> int:
    """Bytes of a size such as ``4MiB``, ``500kB`` or ``65536``. Raises InputError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].lower() not in _UNITS:
        raise InputError(f"'{text}' is not a size.", where="--shard-size", remedy="Write it like 4MiB or 500kB.")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def parse_dim(text: str) -> tuple[str, int]:
    """Name and value of ``NAME=VALUE``. Raises InputError."""
    name, separator, value = text.rpartition("=")
    if not separator or not name or not value.strip().isdigit():
        raise InputError(f"'{text}' is not a dimension.", where="--dim", remedy="Write it like batch=1.")
    return name, int(value)
