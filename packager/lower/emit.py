"""The plan of a graph: what operations write their steps to. docs/plan.md specifies the format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower import pack
from packager.lower.boxes import box, numbered, row_major
from packager.lower.ir import Array, Constant, Graph, Node, Operand, Value
from packager.lower.sizes import Shape, Size, product
from packager.lower.unsupported import Unsupported
from packager.lower.views import Part, parts
from packager.lower.writer import Ref, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.pack import Packed
    from packager.options import Precision

# Tensors of so many equal numbers travel as one.
_UNIFORM = 4096
# int8 matrices of so many elements stay codes in memory, where they are not deeper than the kernel takes.
_CODED, _CODED_DEPTH = 1 << 16, 1536

FORMAT, VERSION = "packager-plan", 1

Buffer = Value | Ref | None


@dataclass
class Emitter(Writer):
    """What an operation's ``emit`` writes to."""

    graph: Graph = field(kw_only=True)
    precision: Precision = field(default="fp32", kw_only=True)
    _index: dict[Value, int] = field(default_factory=dict)
    _strides: dict[Value, tuple[Size, ...]] = field(init=False)
    _parts: dict[Value, Part] = field(init=False)
    _packed: dict[Any, Ref] = field(default_factory=dict)
    _coded: dict[Constant, tuple[Ref, Ref] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parts = parts(self.graph)
        self._strides = {value: part.strides for value, part in self._parts.items() if part.strides is not None}
        for entry in self.graph.inputs:
            self._index[entry] = self.add(entry.dtype, entry.shape, "input")

    def begin(self, node: Node) -> None:
        """Steps that follow belong to this node."""
        self.source = node.source

    # Values

    def declare(self, value: Value, place: str = "arena") -> Ref:
        """The buffer that a node's output gets; made when first asked for."""
        if value in self._parts and value not in self._index:
            part = self._parts[value]
            item = np.dtype(value.dtype).itemsize
            self._index[value] = self.view(value.dtype, value.shape, self.declare(part.whole), part.offset * item).index
        if value not in self._index:
            results = [result for _, result in self.graph.outputs]
            self._index[value] = self.add(value.dtype, value.shape, "output" if value in results else place)
        return Ref(self._index[value])

    def alias(self, value: Value, of: Buffer, offset: Size = 0) -> Ref:
        """``value`` is memory of another value, ``offset`` bytes from its start."""
        ref = self.view(value.dtype, value.shape, of, offset)
        self._index[value] = ref.index
        return ref

    def view(self, dtype: str, shape: Shape, of: Buffer, offset: Size = 0) -> Ref:
        """A part of another value, ``offset`` bytes from its start."""
        return self.part(dtype, shape, self.buffer(of, written=False), offset)

    def scratch(self, dtype: str, shape: Shape) -> Ref:
        """A buffer that lives for the steps which name it."""
        return Ref(self.add(dtype, shape, "arena"))

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

    def coded_panels(self, weights: Value) -> tuple[Ref, Ref] | None:
        """A large constant [K, N] as int8 panels and a scale for each column; None where it does not travel so.

        They stay codes in memory: what a product of few rows takes is the time to read its weights.
        """
        held = weights.constant
        if held is None or held.array.shape[0] > _CODED_DEPTH or held.array.size < _CODED:
            return None
        if held not in self._coded:
            packed = pack.panels(held, 1, self.precision)
            scale = packed.scale if packed.codes.dtype == np.int8 else None
            self._coded[held] = None if scale is None else (self.weight(packed.codes), self.weight(scale))
        return self._coded[held]

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
        scale = None if packed.scale is None else self.weight(packed.scale)
        return self.weight(packed.codes), scale

    def constant(self, array: Array) -> Ref:
        """A small tensor that a kernel needs."""
        return self.weight(array)

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
        codes = self.weight(packed.codes)
        if packed.codes.dtype not in (np.int8, np.float16) or (packed.codes.dtype == np.int8 and packed.scale is None):
            return codes
        result = Ref(self.add("float32", packed.codes.shape, "loaded"))
        if packed.scale is None:
            self.loading("expand_f16", x=codes, y=result, count=packed.codes.size)
        elif layout[0] == "panels":
            count = packed.codes.size // (packed.codes.shape[-2] * pack.PANEL)
            self.loading("expand_int8_panels", x=codes, scale=self.weight(packed.scale), y=result,
                      panels=count, rows=packed.codes.shape[-2])  # fmt: skip
        else:
            width = packed.codes.shape[-1]
            self.loading("expand_int8_columns", x=codes, scale=self.weight(packed.scale), y=result,
                      rows=packed.codes.size // width, columns=width)  # fmt: skip
        return result

    def _filled(self, array: Array) -> Ref:
        """One number, repeated while loading."""
        result = Ref(self.add("float32" if array.dtype == np.float16 else str(array.dtype), array.shape, "loaded"))
        raw = array.reshape(-1)[:1].astype(self.values[result.index]["dtype"]).tobytes()
        words = np.frombuffer(raw.ljust(8, b"\0"), np.int32)
        self.loading("fill", y=result, item=len(raw), count=array.size, low=int(words[0]), high=int(words[1]))
        return result

    # Steps

    def gemm(
        self, a: Buffer, b: Buffer, c: Buffer, rows: Size, columns: Size, depth: Size, *,
        bias: Buffer = None, residual: Buffer = None, activation: str = "none", p0: float = 0.0, p1: float = 0.0,
        batch: tuple[Size, Size] = (1, 1), strides: Mapping[str, Size] | None = None,
    ) -> None:  # fmt: skip
        """C = activation(A B + bias + residual), B in panels. ``strides`` overrides those of tensors without gaps."""
        given = {
            **self._rows(a, residual, c, depth, columns),
            **{f"{name}_{dim}": 0 for name in ("a", "b", "c", "residual") for dim in ("outer", "inner")},
            **(strides or {}),
        }
        self.step("gemm", a=a, b=b, c=c, bias=bias, residual=residual, rows=rows, columns=columns, depth=depth,
                  outer=batch[0], inner=batch[1], activation=activation, p0=p0, p1=p1, **given)  # fmt: skip

    def gemm_int8(
        self, a: Buffer, b: Buffer, scale: Buffer, c: Buffer, rows: Size, columns: Size, depth: Size, *,
        bias: Buffer, residual: Buffer, activation: str, p0: float, p1: float,
    ) -> None:  # fmt: skip
        """The same with B as int8 panels and a scale for each column, expanded while multiplying."""
        self.step("gemm_int8", a=a, b=b, scale=scale, c=c, bias=bias, residual=residual,
                  rows=rows, columns=columns, depth=depth, activation=activation, p0=p0, p1=p1,
                  **self._rows(a, residual, c, depth, columns))  # fmt: skip

    def _rows(self, a: Buffer, residual: Buffer, c: Buffer, depth: Size, columns: Size) -> dict[str, Size]:
        """Elements from one row of a matrix to the next."""

        def step(of: Buffer, dense: Size) -> Size:
            return self.row(of) if isinstance(of, Value) and of in self._strides else dense

        return {
            "a_row": step(a, depth),
            "c_row": step(c, columns),
            "residual_row": 0 if residual is None else step(residual, columns),
        }

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

    def buffer(self, given: Buffer, written: bool) -> int:
        """The index of the value that an argument stands for; what is written to is declared by that."""
        if isinstance(given, Ref):
            return given.index
        if written and given is not None:
            return self.declare(given).index
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
        index = self.add(value.dtype, value.shape, "arena")
        item = 8 if value.dtype == "int64" else 4
        for place, size in enumerate(value.elements or ()):
            target = self.view(value.dtype, (1,), Ref(index), place * item)
            self.step("fill", y=target, item=item, count=1, low=size, high=0)
        return index

    # The plan

    def plan(self) -> dict[str, Any]:
        """The plan as one JSON document."""
        checks = [[self.size(left), self.size(right)] for left, right in self.graph.checks]
        outputs = [{"name": name, "value": self.buffer(result, written=False)} for name, result in self.graph.outputs]
        return {
            "format": FORMAT,
            "version": VERSION,
            "symbols": list(self.graph.symbols),
            "sizes": self.sizes,
            **({"check": checks} if checks else {}),
            "values": self.values,
            "inputs": [{"name": entry.name, "value": self._index[entry]} for entry in self.graph.inputs],
            "outputs": outputs,
            "weights": self.length,
            "load": self.load,
            "steps": self.steps,
        }
