"""Which variants a build makes: targets and precisions, as far as the user leaves the choice open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from packager.bounds import bounded
from packager.errors import InputError
from packager.targets import ort_wasm, wasm, webgl, webgpu

if TYPE_CHECKING:
    from packager.lowered import Kept, Lowered
    from packager.model import Model
    from packager.options import BuildOptions, Precision, Target
    from packager.targets.verdict import Verdict


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


def candidates(options: BuildOptions, *, browser: bool) -> list[Candidate]:
    """Every variant to try: of the targets that were asked for, or else of those that can be proven and run everywhere.

    Raises InputError where a target has no variants of the precision that was asked for.
    """
    targets: tuple[Target, ...] = options.targets or (("wasm", "ort-wasm") if browser else ("ort-wasm",))
    _check_precisions(options, targets)
    return [
        Candidate(target, precision, target in options.targets and _choice(options, target) != "auto")
        for target in targets
        for precision in _precisions(options, target)
    ]


def _choice(options: BuildOptions, target: Target) -> str:
    return options.precisions.get(target, options.precision)


def _precisions(options: BuildOptions, target: Target) -> tuple[Precision, ...]:
    """A target that has no variants of the precision for all keeps to the finest that it has."""
    has = _MODULES[target].PRECISIONS
    choice = _choice(options, target)
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
def check(target: Target, model: Model) -> Verdict:
    """Whether a target takes the model."""
    return _MODULES[target].check(model)


@bounded()
def lower(candidate: Candidate, model: Model, shard_size: int, kept: Kept) -> Lowered:
    """The model for a variant. Raises BuildError."""
    return _MODULES[candidate.target].lower(model, shard_size, candidate.precision, kept)
