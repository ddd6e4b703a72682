"""The page's own picture code, bundled as the build bundles it, on a page that does nothing else."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]

_WORKER = """
import {{ preprocessImage }} from "{src}/worker/processing/index.ts";
onmessage = async ({{ data: {{ picture, preprocess }} }}) => {{
  try {{
    const started = performance.now();
    const {{ data, dims }} = await preprocessImage(picture, preprocess);
    postMessage({{ data, dims, ms: performance.now() - started }}, [data.buffer]);
  }} catch ({{ name, code, message }}) {{
    postMessage({{ error: `${{name}} ${{code}}: ${{message}}` }});
  }}
}};
"""

_PAGE = """
import {{ toPicture }} from "{src}/page/picture.ts";
const worker = new Worker("./worker.js", {{ type: "module" }});
const toBase64 = (bytes) => new Promise((done) => {{
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.readAsDataURL(new Blob([bytes]));
}});
globalThis.fromBase64 = async (text) => (await fetch(`data:application/octet-stream;base64,${{text}}`)).blob();
globalThis.preprocess = async (source, preprocess) => {{
  try {{
    const {{ picture, transfer }} = await toPicture(source);
    worker.postMessage({{ picture, preprocess }}, transfer);
  }} catch ({{ name, code, message }}) {{
    return {{ error: `${{name}} ${{code}}: ${{message}}` }};
  }}
  const {{ data: answer }} = await new Promise((done) => worker.addEventListener("message", done, {{ once: true }}));
  return answer.error ? answer : {{ ...answer, data: await toBase64(answer.data) }};
}};
"""


def bundle_page(folder: Path) -> None:
    """Writes index.html, page.js and worker.js."""
    (folder / "index.html").write_text(
        '<!doctype html><link rel="icon" href="data:,"><title>Pictures</title><script type="module" src="page.js"></script>'
    )
    for name, source in {"worker": _WORKER, "page": _PAGE}.items():
        entry = folder / f"{name}.ts"
        entry.write_text(source.format(src=ROOT / "web_runtime/src"))
        options = ["--bundle", "--format=esm", "--target=es2022", "--log-level=warning", f"--outfile={folder / name}.js"]
        subprocess.run([ROOT / "node_modules/.bin/esbuild", entry, *options], check=True, cwd=ROOT)


@dataclass
class Made:
    """What the worker made of a picture."""

    tensor: NDArray[np.float32]
    ms: float


def make(page: Page, source: str, spec: Any, *arguments: Any) -> Made:
    """Preprocesses what the JavaScript function ``source`` gives of ``arguments``. A RuntimeError tells the page's error."""
    answer = page.evaluate(
        f"async ([spec, ...rest]) => preprocess(await ({source})(...rest), spec)",
        [spec, *arguments],
    )
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return Made(np.frombuffer(base64.b64decode(answer["data"]), "<f4").reshape(answer["dims"]), answer["ms"])


def make_of_file(page: Page, content: bytes, spec: Any) -> Made:
    """Preprocesses a file's content, as a Blob."""
    return make(page, "fromBase64", spec, base64.b64encode(content).decode())


def as_is(width: int, height: int) -> dict[str, Any]:
    """The preprocess whose tensor is the picture's bytes."""
    sides = {"resize_height": height, "resize_width": width, "height": height, "width": width}
    values = {"layout": "nhwc", "channels": "rgb", "scale": 1.0, "mean": [0.0], "std": [1.0]}
    return {"input": "x", "fit": "stretch", "filter": "nearest", **sides, **values}
