"""Writes a plan's parts: buffers, sizes in one pool, steps with their arguments in order, and the weights' blob."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower._kernels import ACTIVATIONS, KERNELS, OPERATIONS
from packager.lower.sizes import Shape, Size, fold, minimum, product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Array

ALIGNMENT = 64

_DTYPES = {
    "f32": ("float32",), "f16": ("float16",), "i64": ("int64",), "i32": ("int32",), "i8": ("int8",), "u8": ("uint8",),
    "bool": ("bool",),
}  # fmt: skip


@dataclass(frozen=True)
class Ref:
    """A value of the plan that stands for no value of the graph, or for a view of one."""

    index: int


@dataclass
class Writer:
    """A plan as it grows. ``sources`` has the model's node behind each step, ``chunks`` the weights in order."""

    values: list[dict[str, Any]] = field(default_factory=list)
    load: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    source: str = ""
    length: int = 0
    _size_pool: dict[Any, int] = field(default_factory=dict)
    _size_index: dict[Size, int] = field(default_factory=dict)
    _blobs: dict[bytes, int] = field(default_factory=dict)
    # Of each value: the bytes of the value at the bottom, and where it starts in them.
    _extents: list[tuple[Size, Size]] = field(default_factory=list)

    # Buffers

    def add(self, dtype: str, shape: Sequence[Size], place: str, start: Size = 0, **extra: Any) -> int:
        """A new value of the plan; its index."""
        entry = {"dtype": dtype, "shape": [self.size(size) for size in shape], "place": place, **extra}
        self.values.append(entry)
        if "of" in extra:
            length, before = self._extents[extra["of"]]
            self._extents.append((length, before + start))
        else:
            self._extents.append((product(shape) * np.dtype(dtype).itemsize, 0))
        return len(self.values) - 1

    def part(self, dtype: str, shape: Shape, whole: int, offset: Size = 0) -> Ref:
        """A part of another value, ``offset`` bytes from its start; at its end where it has no bytes at all."""
        if offset != 0:
            length, start = self._extents[whole]
            offset = minimum(start + offset, length) - start
        extra = {} if offset == 0 else {"offset": self.size(offset)}
        return Ref(self.add(dtype, shape, "alias", of=whole, start=offset, **extra))

    def dtype(self, ref: Ref) -> str:
        """The dtype of a buffer."""
        return str(self.values[ref.index]["dtype"])

    def weight(self, array: Array) -> Ref:
        """A tensor in the blob, once."""
        data = np.ascontiguousarray(array).tobytes()
        key = hashlib.sha256(f"{array.dtype}{array.shape}".encode() + data).digest()
        if key not in self._blobs:
            offset = self.length
            self.chunks.append(data + bytes(-len(data) % ALIGNMENT))
            self.length += len(self.chunks[-1])
            self._blobs[key] = self.add(str(array.dtype), array.shape, "weights", offset=offset)
        return Ref(self._blobs[key])

    # Steps

    def has(self, kernel: str) -> bool:
        """True where the engine has a kernel of this name."""
        return kernel in KERNELS

    def step(self, kernel: str, **arguments: Any) -> None:
        """A call of a kernel, its arguments by the names of its table; words for operations stand for their numbers."""
        table = KERNELS.get(kernel)
        if table is None:
            raise Unsupported(f"the engine has no kernel {kernel}")
        wanted = {argument.name for argument in table.args}
        if wanted != set(arguments):
            raise AssertionError(f"{kernel}: {sorted(wanted ^ set(arguments))}")
        args = [self._argument(kernel, argument, arguments[argument.name]) for argument in table.args]
        self.steps.append({"kernel": kernel, "args": args})
        if self.steps is not self.load:
            self.sources.append(self.source)

    def loading(self, kernel: str, **arguments: Any) -> None:
        """A step that runs once, after the weights are there."""
        steps, self.steps = self.steps, self.load
        self.step(kernel, **arguments)
        self.steps = steps

    def buffer(self, given: Any, written: bool) -> int:
        """The index of the value that an argument stands for."""
        raise NotImplementedError

    def _argument(self, kernel: str, argument: Any, given: Any) -> Any:
        if argument.dtype is not None:
            if given is None:
                if argument.kind != "in?":
                    raise AssertionError(f"{kernel}: {argument.name} is missing")
                return None
            index = self.buffer(given, argument.kind == "out")
            dtype = self.values[index]["dtype"]
            if argument.dtype != "any" and dtype not in _DTYPES[argument.dtype]:
                raise Unsupported(
                    f"its {argument.name} is {dtype}, where the engine's kernel takes {_DTYPES[argument.dtype][0]}"
                )
            return {"v": index}
        if argument.kind == "float":
            return {"f": _float(given)}
        if isinstance(given, str):
            given = _operation(kernel, argument.name, given)
        if isinstance(given, bool | int | np.integer) and argument.kind == "int":
            return {"i": int(given)}
        return {"s": self.size(given)}

    # Sizes

    def size(self, size: Size) -> int:
        """The index of a size in the pool."""
        found = self._size_index.get(size)
        if found is None:
            found = self._place(fold(size, lambda name: Ref(self._entry(name)), self._combine))
            self._size_index[size] = found
        return found

    def _combine(self, op: str, left: Ref | int, right: Ref | int) -> Ref:
        return Ref(self._entry([op, self._place(left), self._place(right)]))

    def _place(self, part: Ref | int) -> int:
        return part.index if isinstance(part, Ref) else self._entry(int(part))

    def _entry(self, entry: int | str | list[Any]) -> int:
        key = tuple(entry) if isinstance(entry, list) else entry
        return self._size_pool.setdefault(key, len(self._size_pool))

    @property
    def sizes(self) -> list[Any]:
        """The pool as the plan has it."""
        return [list(entry) if isinstance(entry, tuple) else entry for entry in self._size_pool]


def _float(number: float) -> float | str:
    number = float(np.float32(number))
    if math.isnan(number):
        return "nan"
    return ("inf" if number > 0 else "-inf") if math.isinf(number) else number


_GROUPS = {
    "unary_i32": "unary_int", "unary_i64": "unary_int", "binary_f32": "binary", "binary_i32": "binary", "binary_i64": "binary",
    "compare_f32": "comparison", "compare_i32": "comparison", "compare_i64": "comparison", "logic_bool": "logic",
    "reduce_f32": "reduction", "reduce_i32": "reduction_int", "reduce_i64": "reduction_int",
}  # fmt: skip


def _operation(kernel: str, argument: str, word: str) -> int:
    """The number of an operation in the order of the kernels' tables."""
    named = {"operation": _GROUPS.get(kernel, kernel), "mode": "pad", "reduction": "scatter", "element": "scatter_element"}
    group = OPERATIONS.get(named.get(argument, argument), ACTIVATIONS)
    if word not in group:
        raise Unsupported(f"the engine's {kernel} does not compute {word}")
    return group.index(word)
