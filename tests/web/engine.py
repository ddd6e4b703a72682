"""The executor on cases from Python: many plans through one page of a real Chromium, or through Node where that is enough.

    with browser_engine(browser, "relaxed") as engine:
        results = engine.run([Case(plan, weights, {"x": array}), …])

A result has the outputs by name, or the error's code and message; and what the run took. Builds are the files of
web_runtime/engines/wasm/prebuilt.
"""

from __future__ import annotations

import json
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from .server import ISOLATION
from .worker_host import joined, parted, worker_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
PREBUILT = ROOT / "web_runtime" / "engines" / "wasm" / "prebuilt"
BUILDS = ("relaxed", "relaxed-threads", "simd128", "simd128-threads")


@dataclass(frozen=True)
class Case:
    """A plan as JSON (or as text), the blob of its weights, and inputs by name."""

    plan: dict[str, Any] | bytes
    weights: bytes
    inputs: dict[str, np.ndarray]
    runs: int = 0
    """How often to time a run after the first."""
    limits: dict[str, float] | None = None
    """Memory in bytes and work in operations that the plan may ask for, where not the usual."""
    guard: Literal["", "arena", "buffers"] = ""
    """Memory that is watched: around the arena, or between the buffers too. A run that touches it ends in an uncoded error."""


@dataclass(frozen=True)
class Result:
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    """The error's code; "uncoded" where it is none of ours."""
    message: str = ""
    times: list[float] = field(default_factory=list)
    """Milliseconds of each run, the first included."""
    ready: float = 0
    """Milliseconds from the plan to the engine being ready."""
    threads: int = 0
    arena: int = 0
    activations: int = 0
    work: float = 0


class Runs(Protocol):
    def run(self, cases: list[Case]) -> list[Result]: ...


def encode(case: Case) -> bytes:
    plan = case.plan if isinstance(case.plan, bytes) else json.dumps(case.plan).encode()
    body = bytearray()

    def part(data: bytes) -> dict[str, int]:
        entry = {"offset": len(body), "bytes": len(data)}
        body.extend(data)
        return entry

    header = {
        "plan": part(plan),
        "weights": part(case.weights),
        "inputs": [
            {"name": name, "dtype": str(array.dtype), "dims": list(array.shape), **part(np.ascontiguousarray(array).tobytes())}
            for name, array in case.inputs.items()
        ],
        "runs": case.runs,
        "limits": case.limits,
        "guard": case.guard,
    }
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + bytes(body)


def decode(answer: bytes, case: Case) -> Result:
    (length,) = struct.unpack_from("<I", answer)
    header = json.loads(answer[4 : 4 + length])
    if "error" in header:
        return Result(error=header["error"]["code"], message=header["error"]["message"])
    dtypes = output_dtypes(case)
    outputs, at = {}, 4 + length
    for entry in header["outputs"]:
        data = answer[at : at + entry["bytes"]]
        outputs[entry["name"]] = np.frombuffer(data, dtypes[entry["name"]]).reshape(entry["dims"])
        at += entry["bytes"]
    known = ("times", "ready", "threads", "arena", "activations", "work")
    return Result(outputs, **{name: header[name] for name in known})


def output_dtypes(case: Case) -> dict[str, str]:
    plan = json.loads(case.plan) if isinstance(case.plan, bytes) else case.plan
    return {port["name"]: plan["values"][port["value"]]["dtype"] for port in plan["outputs"]}


@cache
def script(entry: str, platform: str) -> bytes:
    """A bundle of a TypeScript file of web_runtime/test, always of the sources as they are."""
    command = [str(ROOT / "node_modules/.bin/esbuild"), f"web_runtime/test/{entry}", "--bundle", "--format=esm"]
    command += ["--target=es2022", f"--platform={platform}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout


class NodeEngine:
    """In Node, one thread: quick to start, and enough where the browser itself is not in question."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, cases: list[Case]) -> list[Result]:
        return [self._run(case) for case in cases]

    def _run(self, case: Case) -> Result:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        request = encode(case)
        stdin.write(struct.pack("<I", len(request)) + request)
        stdin.flush()
        (size,) = struct.unpack("<I", stdout.read(4))
        return decode(stdout.read(size), case)


@contextmanager
def node_engine(build: str = "relaxed", module: Path | None = None) -> Iterator[NodeEngine]:
    """``module`` is a module's file in place of the build's."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "engine.mjs"
        file.write_bytes(script("engine-node.ts", "node"))
        command = ["node", "--experimental-wasm-relaxed-simd", str(file), str(module or PREBUILT / f"{build}.wasm")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            try:
                yield NodeEngine(process)
            finally:
                process.kill()


_START = """async ({ module, threads }) => {
  const worker = new Worker("/worker.js", { type: "module" });
  const next = () => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  globalThis.ask = async (message) => {
    worker.postMessage(message);
    return next();
  };
  await ask({ module: await (await fetch("/module")).arrayBuffer(), threads });
}"""
# All cases of a call cross in one request and one answer.
_ASK = """async () => {
  const all = new Uint8Array(await (await fetch("/cases")).arrayBuffer());
  const view = new DataView(all.buffer);
  const answers = [];
  for (let at = 0; at < all.length; ) {
    const size = view.getUint32(at, true);
    const answer = await ask(all.slice(at + 4, at + 4 + size));
    answers.push(new Uint32Array([answer.length]), answer);
    at += 4 + size;
  }
  await fetch("/answers", { method: "POST", body: new Blob(answers) });
}"""


class BrowserEngine:
    """In a worker of a page that is cross-origin isolated."""

    def __init__(self, page: Any, files: dict[str, bytes]) -> None:
        self._page, self._files = page, files

    def run(self, cases: list[Case]) -> list[Result]:
        self._files["/cases"] = joined([encode(case) for case in cases])
        self._page.evaluate(_ASK)
        return [decode(answer, case) for answer, case in zip(parted(self._files["/answers"]), cases, strict=True)]


@contextmanager
def browser_engine(
    browser: Browser, build: str = "relaxed", threads: int = 1, module: Path | None = None
) -> Iterator[BrowserEngine]:
    """One page session with a build of the module; ``threads`` counts in builds for threads only."""
    files = {
        "/worker.js": script("engine-worker.ts", "browser"),
        "/module": (module or PREBUILT / f"{build}.wasm").read_bytes(),
    }
    with worker_page(browser, files, ISOLATION) as page:
        page.evaluate(_START, {"threads": threads if build.endswith("-threads") else 0})
        yield BrowserEngine(page, files)


@dataclass(frozen=True)
class Out:
    """A buffer that a kernel writes."""

    shape: tuple[int, ...]
    dtype: str = "float32"


def call(kernel: str, **arguments: np.ndarray | Out | float | None) -> Case:
    """A plan of one step: a kernel by its table's argument names. Arrays become inputs, an Out an output, None a null.

    A buffer that is read and written comes in and goes out under its name; a step before copies it.
    """
    entries = table()[kernel]["args"]
    values: list[dict[str, Any]] = []
    inputs, outputs, copies, feeds = [], [], [], {}
    given: list[dict[str, Any] | None] = []

    def value(place: str, shape: tuple[int, ...], dtype: str, **more: int) -> int:
        values.append({"dtype": dtype, "shape": [size(dim) for dim in shape], "place": place, **more})
        return len(values) - 1

    sizes: list[int] = []

    def size(number: int) -> int:
        if number not in sizes:
            sizes.append(number)
        return sizes.index(number)

    for entry in entries:
        name, kind = entry["name"], entry["kind"]
        argument = arguments.pop(name)
        if kind in ("size", "int"):
            given.append({"i": int(argument)})  # type: ignore[arg-type]
        elif kind == "float":
            number = float(argument)  # type: ignore[arg-type]
            given.append({"f": number if np.isfinite(number) else {np.inf: "inf", -np.inf: "-inf"}.get(number, "nan")})
        elif argument is None:
            given.append(None)
        elif isinstance(argument, Out):
            index = value("output", argument.shape, argument.dtype)
            outputs.append({"name": name, "value": index})
            given.append({"v": index})
        else:
            array = np.asarray(argument)
            index = value("input", array.shape, str(array.dtype))
            inputs.append({"name": name, "value": index})
            feeds[name] = array
            if kind == "inout":
                source, index = index, value("output", array.shape, str(array.dtype))
                outputs.append({"name": name, "value": index})
                copies.append(_copy(source, index, array.size, array.itemsize))
            given.append({"v": index})
    assert not arguments, f"{kernel} takes no {', '.join(arguments)}"
    plan = {
        "format": "packager-plan", "version": 1, "symbols": [], "sizes": sizes, "values": values,
        "inputs": inputs, "outputs": outputs, "weights": 0, "load": [],
        "steps": [*copies, {"kernel": kernel, "args": given}],
    }  # fmt: skip
    return Case(plan, b"", feeds)


def _copy(x: int, y: int, count: int, item: int) -> dict[str, Any]:
    numbers = {"item": item, "reversed": 0, **{f"count{axis}": 1 for axis in range(6)}, "count5": count}
    buffers = {"x": {"v": x}, "y": {"v": y}}
    names = [entry["name"] for entry in table()["copy"]["args"]]
    return {"kernel": "copy", "args": [buffers.get(name) or {"i": numbers.get(name, 1)} for name in names]}


@cache
def table() -> dict[str, Any]:
    table: dict[str, Any] = {}
    for file in sorted((ROOT / "web_runtime" / "kernels" / "table").glob("*.json")):
        if file.name not in ("activations.json", "operations.json"):
            table |= json.loads(file.read_text(encoding="utf-8"))
    return table
