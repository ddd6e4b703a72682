"""What an update costs a returning visitor, by the server's own count: python -m scripts.reliability.updates

EfficientNet-Lite0, then the same with another head. Writes the section "Updates" of docs/reliability.md; exits with 1 where
more is fetched than 1.15 times the changed tensors, the manifest and the shell.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import numpy_helper

from packager import BuildOptions, build
from packager.browser import chromium
from packager.lowered import Item
from packager.shard import Shards
from scripts.models.catalogue import by_name
from scripts.models.prepare import prepare
from scripts.reliability.document import write_section
from tests.web.counting import CountingHost, counting
from tests.web.faults import UPDATE
from tests.web.visitor import until, works_offline

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Page

_TEXT = """Written by `python -m scripts.reliability.updates`: EfficientNet-Lite0 for the target `wasm` in fp32, before and
after the largest tensor of its head changed. Counted is every byte that the server wrote to its sockets, heads included,
nothing compressed on the way; it answers 304 to what did not change.

| visit | bytes | requests |
|---|---:|---|
{rows}

The changed tensor takes {tensor:,} bytes encoded, the manifest {manifest:,}, the page's document and `sw.js` {shell:,}. **The
update cost {ratio:.3f} times their sum.**
"""


def main() -> int:
    """Builds, visits, counts, writes."""
    source = prepare(by_name("efficientnet-lite0"))
    with tempfile.TemporaryDirectory(prefix="packager-updates-") as name:
        folder = Path(name)
        model = onnx.load(source / "model.onnx")
        _build(source, model, folder / "old")
        head = _change_head(model)
        _build(source, model, folder / "new")
        content = Shards(folder / "tensor", 4 * 2**20).write([Item(head.tobytes(), head.dtype.itemsize)])
        tensor = sum(shard["encoded_bytes"] for shard in content)
        visits = _visit(folder)
        parts = [(folder / "new" / file).stat().st_size for file in ("manifest.json", "index.html", "sw.js")]
    ratio = sum(visits[name][0] for name in ("update", "switch")) / (tensor + sum(parts))
    rows = "\n".join(f"| {name} | {sent:,} | {requests} |" for name, (sent, requests) in visits.items())
    write_section("Updates", _TEXT.format(rows=rows, tensor=tensor, manifest=parts[0], shell=sum(parts[1:]), ratio=ratio))
    return int(ratio > 1.15)


def _build(source: Path, model: onnx.ModelProto, site: Path) -> None:
    path = site.with_suffix(".onnx")
    onnx.save(model, path)
    options: dict[str, Any] = {"labels": source / "labels.json", "preprocessing": source / "preprocessor_config.json"}
    samples = (source / "samples" / "coffee.png",)
    build(BuildOptions(path, site, name="EfficientNet", targets=("wasm",), precision="fp32", samples=samples, **options))


def _change_head(model: onnx.ModelProto) -> NDArray[Any]:
    """Scales the weights of the last product, and returns them."""
    last = next(node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul", "Conv"))
    head = next(tensor for tensor in model.graph.initializer if tensor.name == last.input[1])
    changed = np.asarray(numpy_helper.to_array(head) * np.float32(1.01))
    head.CopyFrom(numpy_helper.from_array(changed, head.name))
    return changed


def _visit(folder: Path) -> dict[str, tuple[int, str]]:
    """Bytes and requests of each visit."""
    visits: dict[str, tuple[int, str]] = {}
    shutil.copytree(folder / "old", folder / "live")
    with chromium() as browser, counting(folder / "live") as host, browser.new_context() as context:
        page = context.new_page()
        page.goto(host.url)
        _settle(page)
        visits["first"] = _take(host)
        page.reload()
        _settle(page)
        visits["return, nothing changed"] = _take(host)
        (folder / "live").rename(folder / "gone")
        shutil.copytree(folder / "new", folder / "live")
        page.evaluate(UPDATE, 120_000)
        visits["update"] = _take(host)
        page.reload()
        wanted = json.loads((folder / "new" / "manifest.json").read_bytes())["id"]
        until(page, f"globalThis.packager?.model.info.id === '{wanted}'", 60)
        _settle(page)
        visits["switch"] = _take(host)
    return visits


def _settle(page: Page) -> None:
    """Waits until the model has answered, all is stored, and the browser has looked for a new version."""
    until(page, "performance.getEntriesByName('packager:first-result').length > 0", 120)
    works_offline(page)
    page.evaluate(UPDATE, 60_000)


def _take(host: CountingHost) -> tuple[int, str]:
    """What was sent since the last time, and for what: the names, or how many where they are many."""
    sent, paths = host.sent, sorted({answer.path for answer in host.answers})
    host.answers.clear()
    return sent, ", ".join(f"`{path}`" for path in paths) if len(paths) < 8 else f"{len(paths)} files"


if __name__ == "__main__":
    sys.exit(main())
