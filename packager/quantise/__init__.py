"""Fewer bits for a model's weights: codes on the wire, fp32 arithmetic all the same.

Each output of a product and each row of a table gets a step of its own and codes that are multiples of it, tails and all.
How many bytes that takes is up to the entropy of the codes, as shards are compressed, so a precision says how many bits a
number takes on average. Which weights get more of them, and which way each is rounded, is told by samples where there are any.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from packager.model import AnyModel, Model
from packager.quantise import graph_model
from packager.quantise.budget import Budget, widths
from packager.quantise.calibration import Calibration
from packager.quantise.rounding import nearest, steps_of
from packager.quantise.weights import Codes, by_output, find, like, replaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model import Tensors
    from packager.options import Precision
    from packager.quantise.weights import Array, Weight

__all__ = ["BUDGETS", "Quantiser", "quantise"]

M = TypeVar("M", bound=AnyModel)

# What a number takes, on average over all weights that have codes. Without samples nothing is known of the outputs.
BUDGETS: dict[Precision, Budget] = {"int8": Budget(5.6, 7.0, 0.0015), "int4": Budget(4.5, 4.5, 0.0)}
# Smaller tensors are left alone: what they would save is less than what their scales cost.
_LEAST = 2048
# Errors at this width tell how a weight's errors grow with it.
_PROBE = 0.125


def quantise(model: M, precision: Precision, feeds: Sequence[Tensors] = ()) -> M:
    """The model with weights as int8 codes and scales, where ``precision`` is one that has codes; else as it is.

    ``feeds`` are inputs of the model. Without any, all weights are rounded alike.
    """
    return Quantiser(model, feeds).model(precision)


class Quantiser(Generic[M]):
    """A model at several precisions: what samples tell of its weights is found out once, and only where it is asked for.

    They tell nothing of a model that TensorFlow read: all of its weights are rounded alike.
    """

    def __init__(self, model: M, feeds: Sequence[Tensors] = ()) -> None:
        self._model = model
        self._feeds = feeds

    def model(self, precision: Precision) -> M:
        """The model with codes of this precision, or as it is where that has none."""
        if precision not in BUDGETS or not self._weights:
            return self._model
        budget = BUDGETS[precision]
        chosen = widths(self._matrices, self._losses, budget if self._calibration else budget._replace(most=budget.least))
        codes = {name: self._codes(weight, chosen[name]) for name, weight in self._weights.items() if chosen[name]}
        if isinstance(self._model, Model):
            return replace(self._model, proto=replaced(self._model.proto, codes))
        return graph_model.replaced(self._model, codes)

    @cached_property
    def _weights(self) -> dict[str, Weight]:
        model = self._model
        found = find(model.proto, _LEAST) if isinstance(model, Model) else graph_model.find(model, _LEAST)
        return {weight.name: weight for weight in found}

    @cached_property
    def _matrices(self) -> dict[str, Array]:
        return {name: by_output(weight) for name, weight in self._weights.items()}

    @cached_property
    def _calibration(self) -> Calibration | None:
        if not isinstance(self._model, Model) or not self._feeds:
            return None
        return Calibration(self._model.proto, list(self._weights.values()), self._feeds)

    @cached_property
    def _losses(self) -> dict[str, float]:
        """By how much the outputs are off per squared width of the steps; without samples every number counts the same."""
        calibration = self._calibration
        if calibration is None:
            return {name: float(matrix.size) for name, matrix in self._matrices.items()}
        losses = {}
        for name, matrix in self._matrices.items():
            steps = steps_of(matrix, _PROBE)
            losses[name] = calibration.loss({name: like(self._weights[name], nearest(matrix, steps) * steps)}) / _PROBE**2
        return losses

    def _codes(self, weight: Weight, width: float) -> Codes:
        matrix = self._matrices[weight.name]
        steps = steps_of(matrix, width)
        feedback = self._calibration.feedback(weight) if self._calibration else None
        return Codes(like(weight, (feedback or nearest)(matrix, steps)), like(weight, steps))
