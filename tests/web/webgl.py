"""The engine of webgl on cases from Python: many graphs through one page of a real Chromium, on its software GPU.

with webgl_engine(browser) as engine:
    results = engine.run([Case(model, {"x": array}), …])
"""

from __future__ import annotations

import json
import struct
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.quantise import quantise
from packager.site import Assets
from packager.targets.webgl import lower
from tests.lower.graphs import expected

from .worker_host import joined, parted, worker_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from packager.lowered import Lowered
    from packager.model import Model
    from packager.options import Precision

    from .generated import Made

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """A model, or a graph that was made of it, with inputs by name."""

    model: Model
    inputs: dict[str, np.ndarray]
    lowered: Lowered | None = None
    precision: Precision = "fp32"
    lose: bool = False
    """Whether the context is lost before the run."""


@dataclass(frozen=True)
class Result:
    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    draws: int = 0
    """How often the GPU drew, from the graph to the outputs."""
    error: str = ""
    message: str = ""


def _encode(case: Case) -> bytes:
    made = case.lowered or lower(quantise(case.model, case.precision), 1 << 22, case.precision)
    body = bytearray()

    def part(data: bytes) -> dict[str, int]:
        entry = {"offset": len(body), "bytes": len(data)}
        body.extend(data)
        return entry

    header = {
        "graph": part(made.graph),
        "weights": [
            {"location": weights.location, **part(b"".join(item.data for item in weights.items))} for weights in made.weights
        ],
        "inputs": [
            {"name": name, "dtype": str(array.dtype), "dims": list(array.shape), **part(np.ascontiguousarray(array).tobytes())}
            for name, array in case.inputs.items()
        ],
        "signature": case.model.signature,
        "lose": case.lose,
    }
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + bytes(body)


def _decode(answer: bytes, case: Case) -> Result:
    (length,) = struct.unpack_from("<I", answer)
    header = json.loads(answer[4 : 4 + length])
    if "error" in header:
        return Result(error=header["error"]["code"], message=header["error"]["message"])
    dtypes = {entry["name"]: entry["dtype"] for entry in case.model.signature["outputs"]}
    outputs, at = {}, 4 + length
    for entry in header["outputs"]:
        data = answer[at : at + entry["bytes"]]
        outputs[entry["name"]] = np.frombuffer(data, dtypes[entry["name"]]).reshape(entry["dims"])
        at += entry["bytes"]
    return Result(outputs, header["draws"])


_POLICY = {"Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"}
_START = """(hash) => { globalThis.worker = new Worker(`/worker.js${hash}`, { type: "module" }); }"""
_RUN = """() => new Promise((resolve, reject) => {
  worker.onmessage = resolve;
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage("run");
})"""


class WebglEngine:
    """In a worker of a page with a strict content security policy."""

    def __init__(self, page: Any, files: dict[str, bytes]) -> None:
        self._page, self._files = page, files

    def run(self, cases: list[Case]) -> list[Result]:
        self._files["/cases"] = joined([_encode(case) for case in cases])
        self._page.evaluate(_RUN)
        return [_decode(answer, case) for answer, case in zip(parted(self._files["/answers"]), cases, strict=True)]


def is_plain(made: Made) -> bool:
    """Without what GPUs are free to make of it: NaN, infinities, tensors of nothing."""
    if not all(array.size and np.isfinite(array).all() for array in made.feeds.values()):
        return False
    return all(np.isfinite(array).all() for array in expected(made.model, made.feeds).values())


@contextmanager
def webgl_engine(browser: Browser, *, without: bool = False) -> Iterator[WebglEngine]:
    """A page of a browser with a GPU, or ``without`` WebGL 2 in it."""
    assets = Assets.load()
    files = {
        "/worker.js": (ROOT / "web_runtime/test/webgl-worker.mjs").read_bytes(),
        "/engine.js": (assets.root / assets.engines["webgl"]["script"]).read_bytes(),
    }

    with worker_page(browser, files, _POLICY) as page:
        page.evaluate(_START, "#without" if without else "")
        yield WebglEngine(page, files)
