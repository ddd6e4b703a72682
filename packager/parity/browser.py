"""The bundle as a visitor gets it, run in a headless Chromium on the sample inputs."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from packager.browser import chromium, outside_loop
from packager.errors import BuildError, MissingToolError, PackagerError
from packager.model import Tensors, numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packager._manifest_types import Signature

_SECONDS = 600
# Runs every feed through each variant and posts its outputs back as raw bytes; then, where they are several, times those of a
# group in turns: rounds in which each runs twice and the second counts, until there are enough or they took long enough.
_SCRIPT = """
async ({ groups, feeds, rounds, seconds }) => {
  const { load } = await import("/packager.js");
  const arrays = {
    float32: Float32Array, float64: Float64Array, float16: Uint16Array, int64: BigInt64Array, int32: Int32Array,
    int16: Int16Array, int8: Int8Array, uint64: BigUint64Array, uint32: Uint32Array, uint16: Uint16Array,
    uint8: Uint8Array, bool: Uint8Array,
  };
  async function read(index) {
    const inputs = {};
    for (const [position, { name, dtype, dims }] of feeds[index].entries()) {
      const bytes = await (await fetch(`/.proof/inputs/${index}/${position}`)).arrayBuffer();
      inputs[name] = { data: new arrays[dtype](bytes), dims };
    }
    return inputs;
  }
  async function prove(id) {
    const model = await load("/manifest.json", { variant: id, race: false });
    for (const index of feeds.keys()) {
      const outputs = await model.infer(await read(index));
      for (const [position, { name }] of model.manifest.signature.outputs.entries()) {
        const { data, dims } = outputs[name];
        await fetch(`/.proof/${id}/${index}/${position}?dims=${dims.join(",")}`, { method: "POST", body: data });
      }
    }
    return model;
  }
  const results = {};
  async function compare(variants) {
    const models = new Map();
    for (const id of variants) {
      try {
        models.set(id, await prove(id));
        const { threads, device } = models.get(id).info;
        results[id] = { threads, device: device.kind, times: [] };
      } catch (error) {
        results[id] = { error: [error.message, error.cause?.message].filter(Boolean).join(" "), code: error.code };
      }
    }
    const first = await read(0);
    const until = performance.now() + 1000 * seconds;
    for (let round = 0; groups.flat().length > 1 && round < rounds && (round < 3 || performance.now() < until); round++) {
      for (const [id, model] of models) {
        // Threads of the one before spin on for a while, and a first run finds its own asleep.
        await new Promise((resolve) => setTimeout(resolve, 30));
        await model.infer(first);
        await model.infer(first);
        results[id].times.push(model.lastRun.infer);
      }
    }
    for (const model of models.values()) await model.dispose();
  }
  for (const group of groups) await compare(group);
  return results;
}
"""
_ROUNDS, _ROUND_SECONDS = 15, 5.0


@dataclass(frozen=True)
class BrowserRun:
    """A variant in a browser: outputs by name, one entry a feed; threads; and, beside others, milliseconds of each round.

    ``device`` is what computed: cpu, gpu, or the processor in the place of a graphics card.
    """

    outputs: list[Tensors]
    device: Literal["cpu", "gpu", "software-gpu"]
    threads: int
    times: list[float]


def browser_reason() -> str | None:
    """Why no browser can be started at all, or None where Playwright is installed."""
    return None if find_spec("playwright") else "Playwright is not installed"


@outside_loop
def run_in_browser(
    bundle: Path,
    manifest: bytes,
    groups: list[list[str]],
    signature: Signature,
    feeds: list[Tensors],
    progress: Callable[[], None],
) -> tuple[dict[str, BrowserRun | PackagerError], str]:
    """Each variant's run, or why it has none, and the browser's name and version. All of them share one page.

    ``groups`` are ids of variants for the processor, and of those for the graphics card: each group is timed on its own.
    ``manifest`` is served in place of the bundle's own file, which is not yet written. Raises MissingToolError where there is
    no browser, BuildError where the page itself does not answer rightly.
    """
    from playwright.sync_api import Error

    with chromium(gpu=bool(groups[1])) as browser, _server(bundle, manifest, signature, feeds, progress) as (origin, outputs):
        runner = f"Chromium {browser.version}"
        page = browser.new_page()
        page.set_default_timeout(_SECONDS * 1000)
        try:
            page.goto(f"{origin}/.proof/page")
            described = [
                [
                    {"name": entry["name"], "dtype": entry["dtype"], "dims": list(feed[entry["name"]].shape)}
                    for entry in signature["inputs"]
                ]
                for feed in feeds
            ]
            given = {"groups": groups, "feeds": described, "rounds": _ROUNDS, "seconds": _ROUND_SECONDS}
            results = page.evaluate(_SCRIPT, given)
        except Error as error:
            message = str(error).removeprefix("Page.evaluate: ").splitlines()[0]
            raise BuildError(f"The bundle does not run in {runner}: {message}") from error
    runs: dict[str, BrowserRun | PackagerError] = {}
    for variant, result in results.items():
        if "error" in result:
            kind = MissingToolError if result.get("code") == "unsupported" else BuildError
            runs[variant] = kind(f"The variant does not run in {runner}: {result['error']}", where=variant)
        else:
            runs[variant] = BrowserRun(outputs[variant], result["device"], result["threads"], result["times"])
    return runs, runner


class _Handler(SimpleHTTPRequestHandler):
    """The bundle, isolated as `serve` does it, and under /.proof/ the inputs (GET) and the outputs (POST)."""

    def __init__(
        self,
        *args: Any,
        manifest: bytes,
        inputs: list[list[bytes]],
        take: Callable[[str, int, int, list[int], bytes], None],
        **rest: Any,
    ) -> None:
        self._manifest, self._inputs, self._take = manifest, inputs, take
        super().__init__(*args, **rest)

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_GET(self) -> None:
        if self.path == "/manifest.json":
            self._send(self._manifest, "application/json")
        elif self.path == "/.proof/page":
            self._send(b"<!doctype html><title>proof</title>", "text/html")
        elif self.path.startswith("/.proof/"):
            index, position = self.path.removeprefix("/.proof/inputs/").split("/")
            self._send(self._inputs[int(index)][int(position)], "application/octet-stream")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        path, _, query = self.path.removeprefix("/.proof/").partition("?dims=")
        variant, index, position = path.split("/")
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self._take(variant, int(index), int(position), [int(dim) for dim in query.split(",") if dim], data)
        self._send(b"", "text/plain")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


_Handler.extensions_map = {
    **SimpleHTTPRequestHandler.extensions_map,
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
}


@contextmanager
def _server(
    bundle: Path, manifest: bytes, signature: Signature, feeds: list[Tensors], progress: Callable[[], None]
) -> Iterator[tuple[str, dict[str, list[Tensors]]]]:
    outputs: defaultdict[str, list[Tensors]] = defaultdict(lambda: [{} for _ in feeds])
    raw = [
        [
            np.ascontiguousarray(feed[entry["name"]]).astype(numpy_dtype(entry["dtype"])).tobytes()
            for entry in signature["inputs"]
        ]
        for feed in feeds
    ]

    def take(variant: str, index: int, position: int, dims: list[int], data: bytes) -> None:
        entry = signature["outputs"][position]
        outputs[variant][index][entry["name"]] = np.frombuffer(data, numpy_dtype(entry["dtype"])).reshape(dims)
        if position == len(signature["outputs"]) - 1:
            progress()

    handler = partial(_Handler, directory=str(bundle), manifest=manifest, inputs=raw, take=take)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", outputs
        finally:
            server.shutdown()
            thread.join()
