"""Which variants a build makes: targets and precisions, as far as the user leaves the choice open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from packager.bounds import bounded
from packager.browser import INSTALL
from packager.errors import InputError, MissingToolError
from packager.model import Model
from packager.targets import ort_wasm, wasm, webgl, webgpu
from packager.targets.verdict import Verdict

if TYPE_CHECKING:
    from packager.lowered import Kept, Lowered
    from packager.model import AnyModel
    from packager.options import BuildOptions, Precision, Target


class TargetModule(Protocol):
    """What a module of this package is."""

    PRECISIONS: tuple[Precision, ...]

    def check(self, model: Model) -> Verdict:
        """Whether the target takes the model."""
        ...

    def lower(self, model: Model, shard_size: int, precision: Precision, kept: Kept) -> Lowered:
        """The model as the target's engine takes it, its weights cut as ``kept`` has them where they are the same."""
        ...


_MODULES: dict[Target, TargetModule] = {"wasm": wasm, "ort-wasm": ort_wasm, "webgpu": webgpu, "webgl": webgl}
_ONLY_ONNX = "The target {} takes ONNX, and not what TensorFlow reads; webgl does."
KNOWN: tuple[Target, ...] = tuple(_MODULES)


@dataclass(frozen=True)
class Candidate:
    """A variant that a build may make. One that was ``asked`` for by target and precision stays, or the build fails."""

    target: Target
    precision: Precision
    asked: bool

    @property
    def id(self) -> str:
        """The variant's id."""
        return f"{self.target}-{self.precision}"


def candidates(options: BuildOptions, *, browser: bool, onnx: bool = True) -> list[Candidate]:
    """Every variant to try: of the targets that were asked for, or else of those that can be proven and run everywhere.

    ``onnx`` is false for a model that TensorFlow read. Raises InputError where a target has no variants of the precision that
    was asked for or takes no such model, and MissingToolError where the only one that does cannot be proven here.
    """
    targets = options.targets or _usual(browser=browser, onnx=onnx)
    for target in targets:
        if not onnx and target != "webgl":
            raise InputError(f"{_ONLY_ONNX.format(target)} {webgl.WAYS}", where=str(options.model))
    if not onnx and options.calibration is not None:
        raise InputError(
            "Weights of what TensorFlow reads are rounded without samples.", where="--calibration", remedy="Leave it out."
        )
    _check_precisions(options, targets)
    return [
        Candidate(target, precision, target in options.targets and options.precision_of(target) != "auto")
        for target in targets
        for precision in _precisions(options, target)
    ]


def _usual(*, browser: bool, onnx: bool) -> tuple[Target, ...]:
    if onnx:
        return ("wasm", "ort-wasm") if browser else ("ort-wasm",)
    if not browser:
        raise MissingToolError(
            "A model that TensorFlow reads runs on the target webgl, which is proven in a browser or not at all.",
            remedy=INSTALL,
        )
    return ("webgl",)


def _precisions(options: BuildOptions, target: Target) -> tuple[Precision, ...]:
    """A target that has no variants of the precision for all keeps to the finest that it has."""
    has = _MODULES[target].PRECISIONS
    choice = options.precision_of(target)
    if choice == "auto":
        return has
    return tuple(precision for precision in has if precision == choice) or has[:1]


def _check_precisions(options: BuildOptions, targets: tuple[Target, ...]) -> None:
    named = {target: choice for target, choice in options.precisions.items() if choice != "auto"}
    for target, choice in named.items():
        if choice not in _MODULES[target].PRECISIONS:
            raise InputError(f"The target {target} has no weights in {choice}.", where="--precision", remedy=_has(target))
    rest = [target for target in targets if target not in options.precisions]
    if options.precision == "auto" or not options.targets or not rest:
        return
    if all(options.precision not in _MODULES[target].PRECISIONS for target in rest):
        raise InputError(
            f"The target {rest[0]} has no weights in {options.precision}.", where="--precision", remedy=_has(rest[0])
        )


def _has(target: Target) -> str:
    return f"It has: {', '.join(_MODULES[target].PRECISIONS)}."


@bounded()
def check(target: Target, model: AnyModel) -> Verdict:
    """Whether a target takes the model."""
    if isinstance(model, Model):
        return _MODULES[target].check(model)
    if target == "webgl":
        return webgl.check(model)
    return Verdict(target, [f"{_ONLY_ONNX.format(target)} {webgl.WAYS}"])


@bounded()
def lower(candidate: Candidate, model: AnyModel, shard_size: int, kept: Kept) -> Lowered:
    """The model for a variant. Raises BuildError."""
    if isinstance(model, Model):
        return _MODULES[candidate.target].lower(model, shard_size, candidate.precision, kept)
    return webgl.lower(model, shard_size, candidate.precision, kept)
