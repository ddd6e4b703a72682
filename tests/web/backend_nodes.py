"""The node tests that ship in the onnx package, as cases of the engine.

Each test is a model of one operator (or of its definition in simpler ones), inputs, and the outputs that it must give.
All tensors of a test are inputs of its model, also those that models keep as constants: new shapes, axes, weights. So a test
that the engine refuses as it is gets a second chance with such inputs as constants, and is counted apart.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from packager.errors import InputError
from packager.lower.compiler import Compiled, _compile
from packager.readers.onnx import model_of

from .engine import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine import Result, Runs

RECORD = Path(__file__).parents[1] / "golden" / "engine_nodes.json"
PASSED, CONSTANTS, FOLDED = "as it is", "with constants", "when compiling"
KINDS = (PASSED, CONSTANTS, FOLDED)
# A batch crosses into the page at once.
_BATCH = 200


@dataclass(frozen=True)
class Verdict:
    """What became of a test: ``kind`` is one of KINDS, "refused" or "failed"; ``reason`` says why for these two."""

    name: str
    op: str
    kind: str
    reason: str = ""


@dataclass(frozen=True)
class _Ready:
    name: str
    op: str
    kind: str
    case: Case
    test: Any
    outputs: dict[str, np.ndarray]


def run_all(engine: Runs) -> list[Verdict]:
    """Every test's verdict, by name."""
    verdicts: list[Verdict] = []
    ready: list[_Ready] = []
    for entry in prepared():
        (ready if isinstance(entry, _Ready) else verdicts).append(entry)  # type: ignore[arg-type]
    for at in range(0, len(ready), _BATCH):
        part = ready[at : at + _BATCH]
        results = engine.run([entry.case for entry in part])
        verdicts += [_judge(entry, result) for entry, result in zip(part, results, strict=True)]
    return sorted(verdicts, key=lambda verdict: verdict.name)


def prepared() -> Iterator[_Ready | Verdict]:
    """Each test compiled, or what stands in the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference divides by zero where the tests want it to
        from onnx.backend.test.case.node import collect_testcases

        tests = collect_testcases(None)
    models = {test.name: test.model or onnx.ModelProto() for test in tests}
    for test in tests:
        plain = models.get(test.name.split("_expanded")[0], models[test.name])
        yield _prepare(test, plain.graph.node[0].op_type)


def _prepare(test: Any, op: str) -> _Ready | Verdict:
    inputs, outputs = test.data_sets[0]
    names = [[entry.name for entry in entries] for entries in (test.model.graph.input, test.model.graph.output)]
    try:
        given = {name: _array(value) for name, value in zip(names[0], inputs, strict=False)}
        wanted = {name: _array(value) for name, value in zip(names[1], outputs, strict=True)}
    except TypeError as error:
        return Verdict(test.name, op, "refused", f"{error}")
    why = ""
    for kind, fixed in _choices(given):
        compiled, reason = _compiled(test.model, {name: given[name] for name in fixed})
        why = why if kind == FOLDED and why else reason
        if compiled is not None:
            left = {name: array for name, array in given.items() if name not in fixed}
            case = Case(compiled.document, b"".join(compiled.weights), left)
            return _Ready(test.name, op, kind, case, test, wanted)
    return Verdict(test.name, op, "refused", why)


def _array(value: Any) -> np.ndarray:
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if value is None or isinstance(value, list):
        raise TypeError("it takes or gives sequences or optional values")
    return np.asarray(value)


def _choices(given: dict[str, np.ndarray]) -> Iterator[tuple[str, set[str]]]:
    """Which inputs become constants: none, what says how, all but the first, all."""
    yield PASSED, set()
    later = list(given)[1:]
    how = {name for name in later if given[name].dtype.kind in "iub" and given[name].ndim <= 1}
    for fixed in (how, set(later)):
        if fixed:
            yield CONSTANTS, fixed
    if given:
        yield FOLDED, set(given)


def _compiled(proto: onnx.ModelProto, fixed: dict[str, np.ndarray]) -> tuple[Compiled | None, str]:
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    left = [entry for entry in model.graph.input if entry.name not in fixed]
    del model.graph.input[:]
    model.graph.input.extend(left)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in fixed.items())
    try:
        compiled, refused = _compile(model_of(Path("test.onnx"), model, {}), "fp32")
    except InputError as error:
        return None, error.what
    reasons = (f"{entry.op or entry.node}: {entry.reason}" for entry in refused)
    return compiled, "; ".join(dict.fromkeys(reasons))


def _judge(entry: _Ready, result: Result) -> Verdict:
    reason = result.message if result.error else _difference(entry, result.outputs, entry.outputs)
    if reason and not result.error and not _difference(entry, result.outputs, _native(entry)):
        reason = "the engine answers as onnxruntime does, and the test wants something else"
    return Verdict(entry.name, entry.op, "failed" if reason else entry.kind, reason)


def _difference(entry: _Ready, outputs: dict[str, np.ndarray], answer: dict[str, np.ndarray]) -> str:
    for name, wanted in answer.items():
        got = outputs[name]
        if (got.dtype, got.shape) != (wanted.dtype, wanted.shape):
            return f"{name} is {got.dtype}{list(got.shape)}, not {wanted.dtype}{list(wanted.shape)}"
        if not np.allclose(got, wanted, entry.test.rtol, entry.test.atol, equal_nan=True):
            return f"{name} differs"
    return ""


def _native(entry: _Ready) -> dict[str, np.ndarray]:
    """onnxruntime's answer to a test."""
    session = onnxruntime.InferenceSession(entry.test.model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = dict(zip([port.name for port in session.get_inputs()], entry.test.data_sets[0][0], strict=True))
    return dict(zip([port.name for port in session.get_outputs()], session.run(None, feeds), strict=True))


def record(verdicts: list[Verdict]) -> dict[str, Any]:
    """What is kept: op → kind → names, and for what does not pass the reason → names."""
    kept: dict[str, Any] = defaultdict(dict)
    for verdict in sorted(verdicts, key=lambda verdict: (verdict.op, verdict.name)):
        if verdict.kind in KINDS:
            kept[verdict.op].setdefault(verdict.kind, []).append(verdict.name)
        else:
            kept[verdict.op].setdefault(verdict.kind, {}).setdefault(verdict.reason, []).append(verdict.name)
    return dict(kept)


def recorded() -> dict[str, Any]:
    """The record in the tree."""
    kept: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return kept
