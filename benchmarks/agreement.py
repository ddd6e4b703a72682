"""Whether an answer is right: held against native onnxruntime on the same input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from packager.errors import ParityError
from packager.parity import compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from benchmarks.contenders import Contender


class Agreement(TypedDict):
    """The worst over all outputs; ``why`` is a sentence where the answer is wrong."""

    relative: float | None
    cosine: float | None
    right: bool
    why: str


def judge(contender: Contender, reference: Mapping[str, NDArray[Any]], answer: Mapping[str, NDArray[Any]]) -> Agreement:
    """Figures of an answer and whether they are within the contender's tolerance."""
    missing = [name for name in reference if name not in answer]
    if missing:
        return {"relative": None, "cosine": None, "right": False, "why": f"There is no output '{missing[0]}'."}
    signature: Any = {"inputs": [], "outputs": [{"name": name} for name in reference]}
    try:
        found = compare(signature, [dict(reference)], [{name: answer[name] for name in reference}], contender.id)
    except ParityError as error:
        return {"relative": None, "cosine": None, "right": False, "why": error.what}
    relative = max(output["relative"] for output in found.outputs)
    cosine = min(output["cosine"] for output in found.outputs)
    if contender.cosine is not None:
        right, limit = cosine >= contender.cosine, f"the cosine is {cosine:.4f} and must be {contender.cosine:g} at least"
    else:
        right, limit = relative <= contender.tolerance, f"it is off by {relative:.2g}, and {contender.tolerance:g} is allowed"
    return {"relative": relative, "cosine": cosine, "right": right, "why": "" if right else f"A wrong answer: {limit}."}
