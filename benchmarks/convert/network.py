"""A network as its two writers take it: typed tensors of fixed shape, and operators with TensorFlow's meaning, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FUSING = {"conv", "depthwise", "dense", "add"}
"""Operators that take an activation along."""


class UnsupportedError(Exception):
    """The model holds something that is not converted; the message is a sentence."""


@dataclass(frozen=True)
class Tensor:
    """What flows between operators; ``data`` where it is known now."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: NDArray[Any] | None = None


@dataclass
class Op:
    """``kind`` says what is computed, ``attributes`` how.

    Filters are [height, width, in, out], depthwise ones [height, width, channel, 1], transposed ones [height, width, out, in].
    """

    kind: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Network:
    """Operators in an order in which they can run; ``inputs`` and ``outputs`` in the order of the ONNX model's."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def add(self, kind: str, inputs: Sequence[str], shape: Sequence[int], dtype: Any = np.float32, **attributes: Any) -> str:
        """Appends an operator and gives the name of its output."""
        name = self._declare(shape, dtype, None)
        self.ops.append(Op(kind, list(inputs), name, attributes))
        return name

    def constant(self, data: NDArray[Any]) -> str:
        """A tensor that is known now; 64-bit integers become 32-bit ones, which is all that the peers have."""
        narrow = data.astype(np.int32) if data.dtype == np.int64 else data
        return self._declare(narrow.shape, narrow.dtype, np.ascontiguousarray(narrow).reshape(narrow.shape))

    def feed(self, shape: Sequence[int], dtype: Any) -> str:
        """An input of the network."""
        self.inputs.append(self._declare(shape, np.int32 if np.dtype(dtype) == np.int64 else dtype, None))
        return self.inputs[-1]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.tensors[name].shape

    def data(self, name: str) -> NDArray[Any]:
        """Values of a constant."""
        data = self.tensors[name].data
        if data is None:
            raise UnsupportedError(f"The tensor {name} would have to be constant.")
        return data

    def merge_reshapes(self) -> None:
        """A change of shape after another one starts from where that one did; what nobody uses then goes."""
        origins: dict[str, str] = {}
        for op in self.ops:
            if op.kind == "reshape":
                op.inputs[0] = origins[op.output] = origins.get(op.inputs[0], op.inputs[0])
        used = {name for op in self.ops for name in op.inputs} | set(self.outputs)
        self.ops = [op for op in self.ops if op.kind != "reshape" or op.output in used]

    def fuse_activations(self) -> None:
        """Makes a ReLU or ReLU6 part of the operator that alone feeds it."""
        users: dict[str, list[Op]] = {}
        for op in self.ops:
            for name in op.inputs:
                users.setdefault(name, []).append(op)
        fused: set[int] = set()
        for op in self.ops:
            after = users.get(op.output, [])
            if op.kind in FUSING and len(after) == 1 and after[0].kind in {"relu", "relu6"} and op.output not in self.outputs:
                op.attributes["activation"] = after[0].kind
                op.output = after[0].output
                fused.add(id(after[0]))
        self.ops = [op for op in self.ops if id(op) not in fused]

    def _declare(self, shape: Sequence[int], dtype: Any, data: NDArray[Any] | None) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = Tensor(name, tuple(int(size) for size in shape), np.dtype(dtype), data)
        return name
