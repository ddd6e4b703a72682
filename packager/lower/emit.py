"""Writes the plan: values, sizes, steps, and the weights' blob. docs/plan.md specifies the format."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower import pack
from packager.lower._kernels import ACTIVATIONS, KERNELS, OPERATIONS
from packager.lower.boxes import box, numbered, row_major
from packager.lower.ir import Array, Constant, Graph, Node, Operand, Value
from packager.lower.sizes import Shape, Size, fold, minimum, product
from packager.lower.unsupported import Unsupported
from packager.lower.views import Part, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.pack import Packed, Precision

# Tensors of so many equal numbers travel as one.
_UNIFORM = 4096

FORMAT, VERSION = "packager-plan", 1
ALIGNMENT = 64

_DTYPES = {
    "f32": ("float32",), "f16": ("float16",), "i64": ("int64",), "i32": ("int32",), "i8": ("int8",), "u8": ("uint8",),
    "bool": ("bool",),
}  # fmt: skip


@dataclass(frozen=True)
class Ref:
    """A value of the plan that stands for no value of the graph, or for a view of one."""

    index: int


Buffer = Value | Ref | None


@dataclass
class Emitter:
    """What an operation's ``emit`` writes to."""

    graph: Graph
    precision: Precision = "fp32"
    values: list[dict[str, Any]] = field(default_factory=list)
    load: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    _size_pool: dict[Any, int] = field(default_factory=dict)
    _size_index: dict[Size, int] = field(default_factory=dict)
    _index: dict[Value, int] = field(default_factory=dict)
    _strides: dict[Value, tuple[Size, ...]] = field(init=False)
    _parts: dict[Value, Part] = field(init=False)
    _packed: dict[Any, Ref] = field(default_factory=dict)
    _blobs: dict[bytes, int] = field(default_factory=dict)
    # Of each value: the bytes of the value at the bottom, and where it starts in them.
    _extents: list[tuple[Size, Size]] = field(default_factory=list)
    _length: int = 0
    _source: str = ""

    def __post_init__(self) -> None:
        self._parts = parts(self.graph)
        self._strides = {value: part.strides for value, part in self._parts.items() if part.strides is not None}
        for entry in self.graph.inputs:
            self._index[entry] = self._declare(entry.dtype, entry.shape, "input")

    def has(self, kernel: str) -> bool:
        """True where the engine has a kernel of this name."""
        return kernel in KERNELS

    def begin(self, node: Node) -> None:
        """Steps that follow belong to this node."""
        self._source = node.source

    # Values

    def declare(self, value: Value, place: str = "arena") -> Ref:
        """The buffer that a node's output gets; made when first asked for."""
        if value in self._parts and value not in self._index:
            part = self._parts[value]
            item = np.dtype(value.dtype).itemsize
            self._index[value] = self.view(value.dtype, value.shape, self.declare(part.whole), part.offset * item).index
        if value not in self._index:
            results = [result for _, result in self.graph.outputs]
            self._index[value] = self._declare(value.dtype, value.shape, "output" if value in results else place)
        return Ref(self._index[value])

    def alias(self, value: Value, of: Buffer, offset: Size = 0) -> Ref:
        """``value`` is memory of another value, ``offset`` bytes from its start."""
        ref = self.view(value.dtype, value.shape, of, offset)
        self._index[value] = ref.index
        return ref

    def view(self, dtype: str, shape: Shape, of: Buffer, offset: Size = 0) -> Ref:
        """A part of another value, ``offset`` bytes from its start; at its end where it has no bytes at all."""
        whole = self._read(of)
        if offset != 0:
            length, start = self._extents[whole]
            offset = minimum(start + offset, length) - start
        extra = {} if offset == 0 else {"offset": self.size(offset)}
        return Ref(self._declare(dtype, shape, "alias", of=whole, start=offset, **extra))

    def scratch(self, dtype: str, shape: Shape) -> Ref:
        """A buffer that lives for the steps which name it."""
        return Ref(self._declare(dtype, shape, "arena"))

    def strides(self, value: Value) -> tuple[Size, ...]:
        """Elements from one place to the next in each dimension."""
        return self._strides.get(value) or row_major(value.shape)

    def row(self, value: Operand) -> Size:
        """Elements from one pixel, or row, of a value to the next; 0 for None."""
        if value is None:
            return 0
        return self._strides[value][-2] if value in self._strides else value.shape[-1]

    def set_strides(self, value: Value, strides: Sequence[Size]) -> None:
        """The value is a view with gaps. Only kernels that take strides may read or write it."""
        self._strides[value] = tuple(strides)

    def is_view(self, value: Operand) -> bool:
        """True where the value has gaps."""
        return value in self._strides

    def placed(self, value: Value, whole: Value) -> bool:
        """True where the value was computed in its place within ``whole``."""
        return value in self._parts and self._parts[value].whole is whole

    # Weights

    def panels(self, weights: Value, groups: int = 1) -> Ref:
        """[…, N] in panels of 8 columns, N / groups columns at a time; packed by a step where it is computed."""
        if weights.constant is None:
            return self._pack_computed(weights, groups)
        return self._wire(weights.constant, ("panels", groups), lambda held: pack.panels(held, groups, self.precision))

    def columns(self, weights: Value) -> Buffer:
        """[…, N] in its own order, as int8 with a scale for each column where that is wanted."""
        if weights.constant is None:
            return weights
        return self._wire(weights.constant, ("columns",), lambda held: pack.columns(held, self.precision))

    def table(self, weights: Value) -> tuple[Ref, Ref | None] | None:
        """A constant [N, …] to be read row by row as it travels: codes, and scales for int8. None where it is not constant."""
        if weights.constant is None:
            return None
        packed = pack.rows(weights.constant, self.precision)
        scale = None if packed.scale is None else self._weight(packed.scale)
        return self._weight(packed.codes), scale

    def constant(self, array: Array) -> Ref:
        """A small tensor that a kernel needs."""
        return self._weight(array)

    def dtype(self, ref: Ref) -> str:
        """The dtype of a buffer."""
        return str(self.values[ref.index]["dtype"])

    def _pack_computed(self, weights: Value, groups: int) -> Ref:
        total = weights.shape[-1]
        depth, width = product(weights.shape[:-1]), total // groups
        packed = self.scratch("float32", (groups * -(-width // 8), depth, 8))
        self.step("pack_b", b=weights, packed=packed, batch=groups, rows=depth, columns=width,
                  b_batch=width, b_row=total, b_column=1)  # fmt: skip
        return packed

    def _wire(self, held: Constant, layout: tuple[Any, ...], pack_: Any) -> Ref:
        key = (held, layout)
        if key not in self._packed:
            self._packed[key] = self._expand(pack_(held), layout)
        return self._packed[key]

    def _expand(self, packed: Packed, layout: tuple[Any, ...]) -> Ref:
        """What travels, expanded while loading where it is not fp32."""
        first = packed.codes.reshape(-1)[:1]
        if packed.codes.size >= _UNIFORM and packed.scale is None and np.all(packed.codes == first):
            return self._filled(packed.codes)
        codes = self._weight(packed.codes)
        if packed.codes.dtype not in (np.int8, np.float16) or (packed.codes.dtype == np.int8 and packed.scale is None):
            return codes
        result = Ref(self._declare("float32", packed.codes.shape, "loaded"))
        steps, self.steps = self.steps, self.load
        if packed.scale is None:
            self.step("expand_f16", x=codes, y=result, count=packed.codes.size)
        elif layout[0] == "panels":
            count = packed.codes.size // (packed.codes.shape[-2] * pack.PANEL)
            self.step("expand_int8_panels", x=codes, scale=self._weight(packed.scale), y=result,
                      panels=count, rows=packed.codes.shape[-2])  # fmt: skip
        else:
            width = packed.codes.shape[-1]
            self.step("expand_int8_columns", x=codes, scale=self._weight(packed.scale), y=result,
                      rows=packed.codes.size // width, columns=width)  # fmt: skip
        self.steps = steps
        return result

    def _filled(self, array: Array) -> Ref:
        """One number, repeated while loading."""
        result = Ref(self._declare("float32" if array.dtype == np.float16 else str(array.dtype), array.shape, "loaded"))
        raw = array.reshape(-1)[:1].astype(self.values[result.index]["dtype"]).tobytes()
        words = np.frombuffer(raw.ljust(8, b"\0"), np.int32)
        steps, self.steps = self.steps, self.load
        self.step("fill", y=result, item=len(raw), count=array.size, low=int(words[0]), high=int(words[1]))
        self.steps = steps
        return result

    def _weight(self, array: Array) -> Ref:
        data = np.ascontiguousarray(array).tobytes()
        key = hashlib.sha256(f"{array.dtype}{array.shape}".encode() + data).digest()
        if key not in self._blobs:
            offset = self._length
            self.chunks.append(data + bytes(-len(data) % ALIGNMENT))
            self._length += len(self.chunks[-1])
            self._blobs[key] = self._declare(str(array.dtype), array.shape, "weights", offset=offset)
        return Ref(self._blobs[key])

    # Steps

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
            self.sources.append(self._source)

    def gemm(
        self, a: Buffer, b: Buffer, c: Buffer, rows: Size, columns: Size, depth: Size, *,
        bias: Buffer = None, residual: Buffer = None, activation: str = "none", p0: float = 0.0, p1: float = 0.0,
        batch: tuple[Size, Size] = (1, 1), strides: Mapping[str, Size] | None = None,
    ) -> None:  # fmt: skip
        """C = activation(A B + bias + residual), B in panels. ``strides`` overrides those of tensors without gaps."""
        given = {
            "a_row": self.row(a) if isinstance(a, Value) and a in self._strides else depth,
            "c_row": self.row(c) if isinstance(c, Value) and c in self._strides else columns,
            "residual_row": 0 if residual is None
            else self.row(residual) if isinstance(residual, Value) and residual in self._strides else columns,
            **{f"{name}_{dim}": 0 for name in ("a", "b", "c", "residual") for dim in ("outer", "inner")},
            **(strides or {}),
        }  # fmt: skip
        self.step("gemm", a=a, b=b, c=c, bias=bias, residual=residual, rows=rows, columns=columns, depth=depth,
                  outer=batch[0], inner=batch[1], activation=activation, p0=p0, p1=p1, **given)  # fmt: skip

    def copy(self, x: Buffer, y: Buffer, counts: Sequence[Size], x_strides: Sequence[Size], y_strides: Sequence[Size],
             item: int, backwards: Sequence[int] = ()) -> None:  # fmt: skip
        """A strided copy. Dimensions in ``backwards`` are read from their end."""
        if backwards:
            # Merging would lose which dimensions are reversed.
            kept = [index for index, count in enumerate(counts) if count != 1 or index in backwards]
            if len(kept) > 6:
                raise Unsupported("it runs over more than 6 separate dimensions")
            missing = [0] * (6 - len(kept))
            sizes = [1] * len(missing) + [counts[index] for index in kept]
            from_, to = ([*missing, *(strides[index] for index in kept)] for strides in (x_strides, y_strides))
            bits = sum(1 << (len(missing) + kept.index(index)) for index in backwards)
        else:
            sizes, (from_, to) = box(counts, [tuple(x_strides), tuple(y_strides)], 6)
            bits = 0
        self.step("copy", x=x, y=y, item=item, reversed=bits,
                  **numbered("count", sizes), **numbered("x_stride", from_), **numbered("y_stride", to))  # fmt: skip

    def _argument(self, kernel: str, argument: Any, given: Any) -> Any:
        if argument.dtype is not None:
            if given is None:
                if argument.kind != "in?":
                    raise AssertionError(f"{kernel}: {argument.name} is missing")
                return None
            index = self.declare(given).index if argument.kind == "out" and isinstance(given, Value) else self._read(given)
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

    def _read(self, given: Buffer) -> int:
        if isinstance(given, Ref):
            return given.index
        if given is None:
            raise AssertionError("a buffer is missing")
        if given not in self._index:
            if given.constant is not None:
                self._index[given] = self._constant(given.constant)
            elif given.elements is not None:
                self._index[given] = self._store(given)
            else:
                raise AssertionError(f"{given.name} is read before it is made")
        return self._index[given]

    def _constant(self, held: Constant) -> int:
        return self._wire(held, ("plain",), lambda data: pack.plain(data, self.precision)).index

    def _store(self, value: Value) -> int:
        """Sizes written into memory, for kernels that read them as data."""
        if value.dtype not in ("int64", "int32"):
            raise Unsupported(f"sizes are wanted as {value.dtype}")
        index = self._declare(value.dtype, value.shape, "arena")
        item = 8 if value.dtype == "int64" else 4
        for place, size in enumerate(value.elements or ()):
            target = self.view(value.dtype, (1,), Ref(index), place * item)
            self.step("fill", y=target, item=item, count=1, low=size, high=0)
        return index

    def _declare(self, dtype: str, shape: Sequence[Size], place: str, start: Size = 0, **extra: Any) -> int:
        entry = {"dtype": dtype, "shape": [self.size(size) for size in shape], "place": place, **extra}
        self.values.append(entry)
        if "of" in extra:
            length, before = self._extents[extra["of"]]
            self._extents.append((length, before + start))
        else:
            self._extents.append((product(shape) * np.dtype(dtype).itemsize, 0))
        return len(self.values) - 1

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

    # The plan

    def plan(self) -> dict[str, Any]:
        """The plan as one JSON document."""
        checks = [[self.size(left), self.size(right)] for left, right in self.graph.checks]
        outputs = [{"name": name, "value": self._read(result)} for name, result in self.graph.outputs]
        return {
            "format": FORMAT,
            "version": VERSION,
            "symbols": list(self.graph.symbols),
            "sizes": [list(entry) if isinstance(entry, tuple) else entry for entry in self._size_pool],
            **({"check": checks} if checks else {}),
            "values": self.values,
            "inputs": [{"name": entry.name, "value": self._index[entry]} for entry in self.graph.inputs],
            "outputs": outputs,
            "weights": self._length,
            "load": self.load,
            "steps": self.steps,
        }


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
