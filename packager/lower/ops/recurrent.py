"""Recurrent layers: LSTM, GRU and RNN, one direction a node; the products with the inputs are one ``gemm`` over all steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.activations import apply
from packager.lower.boxes import row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, value_of
from packager.lower.ops.convolution import NO_ACTIVATION
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}

# Operands: the inputs' products with W and the biases [steps, batch, gates * hidden], R transposed [hidden, gates * hidden],
# h [batch, hidden], and for lstm c [batch, hidden] and maybe the peepholes [3 * hidden], for gru maybe the candidate's bias
# [hidden]. Outputs: h of each step [steps, batch, hidden], the last h, and for lstm the last c.


def _infer(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    products, state = value_of(inputs[0]), value_of(inputs[2])
    every = Type("float32", (*products.shape[:2], state.shape[1]))
    return [every, state.type, state.type] if attributes["fn"] == "lstm" else [every, state.type]


def _evaluate(attributes: Mapping[str, Any], /, *arrays: Array | None) -> Sequence[Array]:
    step = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}[attributes["fn"]]
    products, r, *rest = (np.zeros(0) if array is None else array.astype(np.float64) for array in arrays)
    states, extra = (rest[:2], rest[2:]) if attributes["fn"] == "lstm" else (rest[:1], rest[1:])
    outputs = []
    order = range(products.shape[0])
    for place in reversed(order) if attributes["reverse"] else order:
        states = step(attributes, products[place], r, states, extra[0] if extra and extra[0].size else None)
        outputs.append(states[0])
    every = np.zeros((0, *states[0].shape)) if not outputs else np.stack(outputs[::-1] if attributes["reverse"] else outputs)
    return [array.astype(np.float32) for array in (every, *states)]


def _act(attributes: Mapping[str, Any], name: str, x: Array) -> Array:
    return apply(attributes[name], x, attributes["alpha"], attributes["beta"])


def _lstm(attributes: Mapping[str, Any], x: Array, r: Any, states: Any, peephole: Array | None) -> list[Array]:
    h, c = states
    i, o, f, g = np.split(x + h @ r, 4, -1)
    pi, po, pf = np.split(np.zeros(3 * h.shape[1]) if peephole is None else peephole, 3)
    i, f = _act(attributes, "gate", i + pi * c), _act(attributes, "gate", f + pf * c)
    c = f * c + i * _act(attributes, "candidate", g)
    return [_act(attributes, "gate", o + po * c) * _act(attributes, "output", c), c]


def _gru(attributes: Mapping[str, Any], x: Array, r: Any, states: Any, bias: Array | None) -> list[Array]:
    (h,) = states
    width = h.shape[1]
    z, reset = (_act(attributes, "gate", part) for part in np.split(x[:, : 2 * width] + h @ r[:, : 2 * width], 2, -1))
    if attributes["reset_after"]:
        inner = reset * (h @ r[:, 2 * width :] + (0 if bias is None else bias))
    else:
        inner = (reset * h) @ r[:, 2 * width :]
    candidate = _act(attributes, "candidate", x[:, 2 * width :] + inner)
    return [(1 - z) * candidate + z * h]


def _rnn(attributes: Mapping[str, Any], x: Array, r: Any, states: Any, _: Array | None) -> list[Array]:
    return [_act(attributes, "gate", x + states[0] @ r)]


def _emit(plan: Emitter, node: Node) -> None:
    fn = node["fn"]
    products, r, *rest = node.inputs
    products, r = value_of(products), value_of(r)
    every, *last = node.outputs
    steps, batch, hidden = every.shape
    for source, state in zip(rest, last, strict=False):
        strides = row_major(state.shape)
        plan.copy(value_of(source), state, state.shape, strides, strides, 4)
    extra = rest[len(last)] if len(rest) > len(last) else None
    wide = -(-_GATES[fn] * hidden // 8) * 8
    common = {
        "xw": products, "r": plan.panels(r), "h": last[0], "y": every,
        "scratch": plan.scratch("float32", (batch, wide + hidden)),
        "steps": steps, "batch": batch, "hidden": hidden, "y_step": batch * hidden, "reverse": node["reverse"],
        "alpha": node["alpha"], "beta": node["beta"],
    }  # fmt: skip
    if fn == "lstm":
        plan.step(
            "lstm", c=last[1], peephole=extra, gate=node["gate"], candidate=node["candidate"], output=node["output"], **common
        )
    elif fn == "gru":
        plan.step("gru", candidate_bias=extra, gate=node["gate"], candidate=node["candidate"],
                  reset_after=node["reset_after"], **common)  # fmt: skip
    else:
        plan.step("rnn", activation=node["gate"], **common)


OPS = [Op("recurrent", _infer, _evaluate, _emit)]


# From ONNX

_WORDS = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "LeakyRelu": "leaky_relu", "HardSigmoid": "hard_sigmoid",
    "Elu": "elu", "Softplus": "softplus", "Affine": "none",
}  # fmt: skip
_DEFAULTS = {"lstm": ("Sigmoid", "Tanh", "Tanh"), "gru": ("Sigmoid", "Tanh"), "rnn": ("Tanh",)}
_PARAMETERS = {"LeakyRelu": (0.01, 0.0), "HardSigmoid": (0.2, 0.5), "Elu": (1.0, 0.0)}


def _imported(fn: str) -> Import:
    def imported(call: Call) -> Sequence[Value]:
        if call.get("clip") is not None or call.get("input_forget", 0):
            raise Unsupported("its clip or input_forget is not covered")
        if call.get("layout", 0):
            return _by_batch(call, imported)
        build, x, w, r = call.build, call[0], call[1], call[2]
        lengths = call.input(4)
        if lengths is not None and not (lengths.data is not None and np.all(lengths.data == x.shape[0])):
            raise Unsupported("its sequences have lengths of their own")
        hidden = call.get("hidden_size") or r.shape[2]
        backwards = {"forward": (0,), "reverse": (1,), "bidirectional": (0, 1)}[call.get("direction", "forward")]
        made = [_direction(call, fn, index, reverse, hidden) for index, reverse in enumerate(backwards)]
        if w.shape[0] != len(backwards):
            raise Unsupported("its weights are for another number of directions")
        every = [build.op("reshape", run[0], shape=(x.shape[0], 1, x.shape[1], hidden)) for run in made]
        states = [
            [build.op("reshape", run[index], shape=(1, x.shape[1], hidden)) for run in made] for index in range(1, len(made[0]))
        ]
        joined = [every[0] if len(every) == 1 else build.op("concat", *every, axis=1)]
        joined += [parts[0] if len(parts) == 1 else build.op("concat", *parts, axis=0) for parts in states]
        return joined[: call.outputs]

    return imported


def _by_batch(call: Call, imported: Import) -> Sequence[Value]:
    """layout 1: the batch comes first, in the input, the states and the outputs."""
    build = call.build
    swapped = [
        build.op("transpose", entry, perm=(1, 0, 2)) if entry is not None and index in (0, 5, 6) else entry
        for index, entry in enumerate(call.inputs)
    ]
    made = imported(replace(call, inputs=tuple(swapped), attributes={**call.attributes, "layout": 0}))
    every, *states = [made] if isinstance(made, Value) else made
    return [
        build.op("transpose", every, perm=(2, 0, 1, 3)),
        *(build.op("transpose", entry, perm=(1, 0, 2)) for entry in states),
    ]


def _part(call: Call, index: int, direction: int) -> Operand:
    """One direction of an operand [directions, …]."""
    operand = call.input(index)
    if operand is None:
        return None
    build, rest = call.build, operand.shape[1:]
    cut = build.op("slice", operand, starts=(direction, *(0,) * len(rest)), counts=(1, *rest), steps=(1,) * operand.rank)
    return build.op("reshape", cut, shape=tuple(rest))


def _direction(call: Call, fn: str, direction: int, reverse: int, hidden: Any) -> tuple[Value, ...]:
    build, x, gates = call.build, call[0], _GATES[fn]
    w, r = (build.op("transpose", value_of(_part(call, index, direction)), perm=(1, 0)) for index in (1, 2))
    bias = _part(call, 3, direction)
    after = int(call.get("linear_before_reset", 0)) if fn == "gru" else 0
    added, candidate = (None, None) if bias is None else _biases(call, bias, hidden, gates, after)
    products = build.op("gemm", x, w, added, **NO_ACTIVATION)
    states = [_state(call, index, direction, hidden) for index in ((5, 6) if fn == "lstm" else (5,))]
    extra = [_part(call, 7, direction)] if fn == "lstm" else [candidate] if fn == "gru" else []
    names, alpha, beta = _activations(call, fn, direction)
    functions = dict(zip(("gate", "candidate", "output"), names, strict=False))
    return build.ops("recurrent", products, r, *states, *extra, fn=fn, reverse=reverse, alpha=alpha, beta=beta,
                     reset_after=after, **functions)  # fmt: skip


def _biases(call: Call, bias: Value, hidden: Any, gates: int, after: int) -> tuple[Value, Operand]:
    """Both biases in one; with the reset after the product, the candidate's recurrent bias stays apart."""
    build = call.build
    own, other = (
        build.op("slice", bias, starts=(start,), counts=(gates * hidden,), steps=(1,)) for start in (0, gates * hidden)
    )
    if not after:
        return build.op("binary", own, other, fn="add"), None
    held = build.op("slice", other, starts=(2 * hidden,), counts=(hidden,), steps=(1,))
    kept = build.op("slice", other, starts=(0,), counts=(2 * hidden,), steps=(1,))
    padded = build.op("concat", kept, build.constant(np.zeros(hidden, np.float32)), axis=0)
    return build.op("binary", own, padded, fn="add"), held


def _state(call: Call, index: int, direction: int, hidden: Any) -> Value:
    given = _part(call, index, direction)
    if given is not None:
        return given
    return call.build.op("filled", dtype="float32", shape=(call[0].shape[1], hidden), value=0.0)


def _activations(call: Call, fn: str, direction: int) -> tuple[list[str], float, float]:
    count = len(_DEFAULTS[fn])
    names = (call.get("activations") or _DEFAULTS[fn] * 2)[direction * count : (direction + 1) * count]
    if any(name not in _WORDS or name == "Affine" for name in names):
        raise Unsupported(f"its activations {', '.join(names)} are not covered")
    wanting = [name for name in names if name in _PARAMETERS]
    alphas, betas = call.get("activation_alpha") or (), call.get("activation_beta") or ()
    if len(set(wanting)) > 1 or len(set(alphas)) > 1 or len(set(betas)) > 1:
        raise Unsupported("its activations have parameters of their own")
    alpha, beta = _PARAMETERS[wanting[0]] if wanting else (0.0, 0.0)
    return [_WORDS[name] for name in names], float(alphas[0] if alphas else alpha), float(betas[0] if betas else beta)


IMPORTS: dict[str, Import] = {"LSTM": _imported("lstm"), "GRU": _imported("gru"), "RNN": _imported("rnn")}
