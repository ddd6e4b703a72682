"""Runs single kernels in the built modules, under Node, for comparison with NumPy."""

from __future__ import annotations

import atexit
import functools
import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from packager.lower._kernels import ACTIVATIONS, KERNELS
from packager.lower.kernels import DTYPE_BYTES, Argument, evaluate

ROOT = Path(__file__).parents[2]
PREBUILT = ROOT / "web_runtime" / "engines" / "wasm" / "prebuilt"
BUILDS = {"simd128": 0, "relaxed": 0, "simd128-threads": 2, "relaxed-threads": 3}  # each with the threads that run it
_DTYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8", "i32": "<i4", "i8": "<i1", "u8": "<u1", "bool": "<u1", "any": "<u1"}


class _Runner:
    """One Node process that runs kernels of one module."""

    def __init__(self, build: str) -> None:
        command = ["node", "--experimental-wasm-relaxed-simd", str(Path(__file__).with_name("runner.mjs"))]
        command += [str(PREBUILT / f"{build}.wasm"), str(BUILDS[build])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.close)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def call(self, request: dict[str, Any], blocks: list[bytes]) -> list[bytes]:
        """Send one request, return the bytes of its outputs; AssertionError says what the runner refused."""
        assert self._process.stdin
        assert self._process.stdout
        text = json.dumps(request).encode()
        self._process.stdin.write(struct.pack("<i", len(text)) + text + b"".join(blocks))
        self._process.stdin.flush()
        size = self._process.stdout.read(4)
        assert len(size) == 4, "the runner died"
        answer = json.loads(self._process.stdout.read(struct.unpack("<i", size)[0]))
        if "error" in answer:
            runner.cache_clear()
            raise AssertionError(answer["error"])
        return [self._process.stdout.read(size) for size in answer["sizes"]]


@functools.cache
def runner(build: str) -> _Runner:
    """Return the process for a build, started at first use."""
    return _Runner(build)


def _word(arg: Argument, value: Any) -> int:
    if arg.kind == "float":
        return int(struct.unpack("<i", struct.pack("<f", value))[0])
    return int(value)


def run(name: str, *, build: str = "relaxed", last: str | None = None, **values: Any) -> list[np.ndarray]:
    """Call a kernel and return its outputs, flat, with all the elements of their footprints.

    `values`: arrays for `in` and `inout` buffers (None for a null), numbers for the rest; `activation` may be a name; outputs
    are made here; what is left out of sizes, ints and floats is 0. Each buffer is given just the bytes of its footprint; the
    buffer named `last` ends where memory does, so that reading past it traps.
    """
    kernel = KERNELS[name]
    if isinstance(values.get("activation"), str):
        values["activation"] = ACTIVATIONS.index(values["activation"])
    unknown = set(values) - {arg.name for arg in kernel.args}
    assert not unknown, f"{name} has no {unknown}"
    scalars = {a.name: int(values.get(a.name, 0)) for a in kernel.args if a.kind in ("size", "int")}
    for check in kernel.checks:
        assert evaluate(check, scalars) >= 0, f"{name}: check {check} of {scalars}"
    words: list[Any] = []
    blocks, outputs = [], []
    for arg in kernel.args:
        value = values.get(arg.name)
        if arg.dtype is None:
            words.append(_word(arg, value or 0))
            continue
        if arg.kind == "in?" and value is None:
            words.append(None)
            continue
        size = evaluate(arg.elements, scalars) * DTYPE_BYTES[arg.dtype]
        takes, gives = arg.kind != "out", arg.kind in ("out", "inout")
        words.append({"bytes": size, "in": takes, "out": gives})
        if takes:
            data = np.ascontiguousarray(value).reshape(-1)
            if arg.dtype != "any":
                assert data.dtype.itemsize == DTYPE_BYTES[arg.dtype], f"{arg.name} is {data.dtype}"
            data = data.view(np.uint8)
            assert len(data) >= size, f"{name}: {arg.name} has {len(data)} bytes, the footprint {size}"
            blocks.append(data[:size].tobytes())
        if gives:
            outputs.append(_DTYPES[arg.dtype])
    place = -1 if last is None else [a.name for a in kernel.args].index(last)
    answers = runner(build).call({"id": kernel.id, "last": place, "args": words}, blocks)
    return [np.frombuffer(answer, dtype) for answer, dtype in zip(answers, outputs, strict=True)]


def buffers(name: str) -> list[str]:
    """Return the names of a kernel's buffers, to end the memory with each in turn."""
    return [arg.name for arg in KERNELS[name].args if arg.dtype is not None]


def run_everywhere(name: str, **values: Any) -> list[np.ndarray]:
    """Call a kernel in every build, and with every buffer at memory's end; return the outputs of the relaxed build."""
    for last in buffers(name):
        if values.get(last) is not None or name_is_output(name, last):
            run(name, last=last, **values)
    outputs = run(name, **values)
    for build in BUILDS:
        for one, other in zip(outputs, run(name, build=build, **values), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    return outputs


def name_is_output(name: str, argument: str) -> bool:
    """Whether the kernel writes the buffer without reading it."""
    return any(arg.name == argument and arg.kind == "out" for arg in KERNELS[name].args)
