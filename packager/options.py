"""What the user may choose, checked once, before any work starts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 (dataclass fields are read at run time)
from typing import Literal, cast, get_args

from packager.errors import InputError

Target = Literal["wasm", "ort-wasm", "webgpu", "webgl"]
Precision = Literal["fp32", "fp16", "int8", "int4"]
PrecisionChoice = Precision | Literal["auto"]
TaskKind = Literal["image-classification", "text-embedding", "tensor"]
BrowserUse = Literal["auto", "required", "off"]

TARGETS: tuple[Target, ...] = get_args(Target)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
TASKS: tuple[TaskKind, ...] = get_args(TaskKind)
# They compute on the graphics card; the others on the processor.
GPU_TARGETS: tuple[Target, ...] = ("webgpu", "webgl")
# They run in a browser alone, so that nothing else can prove them.
BROWSER_TARGETS: tuple[Target, ...] = ("wasm", *GPU_TARGETS)

DEFAULT_SHARD_SIZE = 4 * 2**20
SMALLEST_SHARD = 64 * 2**10
LARGEST_SHARD = 512 * 2**20
# The largest difference to the reference, relative to the output's largest value, that a variant may show where the user
# names none. Fewer bits were asked for with open eyes, and still have to give the same answers.
TOLERANCES: dict[Precision, float] = {"fp32": 1e-3, "fp16": 1e-2, "int8": 5e-2, "int4": 2e-1}

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
    precision: PrecisionChoice = "fp32"
    precisions: dict[Target, PrecisionChoice] = field(default_factory=dict)
    race: bool = False
    task: TaskKind | None = None
    labels: Path | None = None
    tokenizer: Path | None = None
    preprocessing: Path | None = None
    name: str | None = None
    shard_size: int = DEFAULT_SHARD_SIZE
    samples: tuple[Path, ...] = ()
    calibration: Path | None = None
    tolerance: float | None = None
    browser: BrowserUse = "auto"
    dims: dict[str, int] = field(default_factory=dict)
    host: str = "generic"
    sign: Path | None = None
    update: Path | None = None

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
        if self.calibration is not None and not self.calibration.is_dir():
            raise InputError("--calibration names a folder that does not exist.", where=str(self.calibration))
        if self.name is not None and not 1 <= len(self.name.strip()) <= 200:
            raise InputError("The name must have 1 to 200 characters.", where="--name")
        if not SMALLEST_SHARD <= self.shard_size <= LARGEST_SHARD:
            raise InputError(
                f"A shard size of {self.shard_size} bytes is out of range.",
                where="--shard-size",
                remedy="Use 64KiB to 512MiB.",
            )
        if self.tolerance is not None and not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise InputError("The tolerance must be a number of 0 or more.", where="--tolerance")
        for dim, value in self.dims.items():
            if value < 1:
                raise InputError(f"The dimension '{dim}' cannot be {value}.", where="--dim", remedy="Give a size of 1 or more.")
        for choice, known, flag in (
            *((target, TARGETS, "--target") for target in self.targets),
            *((target, self.targets or TARGETS, "--precision") for target in self.precisions),
            *((choice, (*PRECISIONS, "auto"), "--precision") for choice in (self.precision, *self.precisions.values())),
            (self.task, TASKS, "--task"),
        ):
            if choice is not None and choice not in known:
                raise InputError(f"'{choice}' is not known.", where=flag, remedy=f"Choose from: {', '.join(known)}.")
        if self.browser not in get_args(BrowserUse):
            raise InputError(f"'{self.browser}' is not known.", where="--browser", remedy="Choose auto, required or off.")
        for target in BROWSER_TARGETS:
            if target in self.targets and self.browser == "off":
                raise InputError(
                    f"A variant for the target {target} is proven in a browser or not at all.",
                    where="--browser off",
                    remedy="Leave one of the two out.",
                )

    def precision_of(self, target: Target) -> PrecisionChoice:
        """What was asked for, for this target or for all."""
        return self.precisions.get(target, self.precision)

    def tolerance_of(self, precision: Precision, *, asked: bool) -> float:
        """The largest difference that a variant of this precision may show.

        One that nobody ``asked`` for by its precision has to be as good as int8: fewer bits alone are no reason to ship it.
        """
        if self.tolerance is not None:
            return self.tolerance
        return TOLERANCES[precision] if asked else min(TOLERANCES[precision], TOLERANCES["int8"])


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


def parse_precision(text: str) -> tuple[Target | None, PrecisionChoice]:
    """Target and precision of ``PRECISION`` (for every target) or ``TARGET=PRECISION``. Raises InputError."""
    target, separator, choice = text.rpartition("=")
    if choice not in (*PRECISIONS, "auto") or (separator and target not in TARGETS):
        raise InputError(
            f"'{text}' is not a precision.",
            where="--precision",
            remedy=f"Write one of {', '.join(PRECISIONS)} or auto, or TARGET=PRECISION with a target of {', '.join(TARGETS)}.",
        )
    return cast("Target", target) if separator else None, cast("PrecisionChoice", choice)
