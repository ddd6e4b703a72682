"""Speed of single kernels in Chromium beside the limit of 128-bit arithmetic: python -m benchmarks.kernels [MODULE...]

Every layer of EfficientNet-Lite0 and MiniLM that multiplies, one thread, medians. The limit is a loop of multiply-adds on registers,
measured before and after in the same page. With two modules, both run in turn.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packager.browser import chromium
from packager.lower._kernels import ACTIVATIONS, DTYPE_BYTES, KERNELS, evaluate
from scripts.kernels.build import PREBUILT
from scripts.models.fetch import ROOT

MODEL = ROOT / ".cache" / "models" / "efficientnet-lite0" / "model.onnx"

# Ten sums at once hide the latency of a multiply-add.
_PEAK = """
#include <wasm_simd128.h>
__attribute__((export_name("peak"))) float peak(int rounds, float x) {
  v128_t s[10], a = wasm_f32x4_splat(x), b = wasm_f32x4_splat(x * 0.5f);
  for (int i = 0; i < 10; i++) s[i] = wasm_f32x4_splat(x + i);
  for (int r = 0; r < rounds; r++)
    for (int j = 0; j < 10; j++)
      for (int i = 0; i < 10; i++) s[i] = wasm_f32x4_relaxed_madd(s[i], a, b);
  for (int i = 1; i < 10; i++) s[0] = wasm_f32x4_add(s[0], s[i]);
  return wasm_f32x4_extract_lane(s[0], 0);
}
"""

_PAGE = """
async ({ modules, peak, cases }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const now = () => performance.now();
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const limit = (await WebAssembly.instantiate(bytes(peak), {})).instance.exports.peak;
  const peakRate = () => {
    const rates = [];
    for (let i = 0; i < 9; i++) { const t = now(); limit(50_000, 0.5); rates.push((50_000 * 100 * 8) / (now() - t) / 1e6); }
    return median(rates);
  };
  peakRate();
  const before = peakRate();
  const engines = [];
  for (const module of modules) {
    const memory = new WebAssembly.Memory({ initial: 4096 });
    new Float32Array(memory.buffer).fill(0.25);
    const { instance } = await WebAssembly.instantiate(bytes(module), { env: { memory } });
    engines.push({ run: instance.exports.run, base: (instance.exports.__heap_base.value + 63) & ~63, memory });
  }
  const results = cases.map(({ words, buffers }) => {
    const steps = engines.map(({ run, base, memory }) => {
      let at = base + 1024;
      const placed = words.slice();
      for (const [place, size] of buffers) { placed[place] = at; at += (size + 127) & ~63; }
      return () => {
        new Int32Array(memory.buffer, base, placed.length).set(placed);
        return run(base, base + 4 * placed.length, 0, 1);
      };
    });
    for (const step of steps) for (let i = 0; i < 3; i++) step();
    const t = now();
    for (let i = 0; i < 3; i++) steps[0]();
    const loops = Math.max(1, Math.ceil(2 / ((now() - t) / 3 + 1e-3)));
    const times = steps.map(() => []);
    for (let round = 0; round < 9; round++)
      steps.forEach((step, e) => {
        const t = now();
        for (let i = 0; i < loops; i++) step();
        times[e].push((now() - t) / loops);
      });
    return times.map(median);
  });
  return { before, results, after: peakRate() };
}
"""


@dataclass(frozen=True)
class Case:
    """A call that a model makes `times` times in one inference."""

    label: str
    kernel: str
    values: dict[str, Any]
    times: int

    def request(self) -> dict[str, Any]:
        """The call's words, and its buffers as (word, bytes)."""
        kernel = KERNELS[self.kernel]
        words, buffers = [kernel.id, len(kernel.args) + 2], []
        sizes = {arg.name: self.values.get(arg.name, 0) for arg in kernel.args}
        for arg in kernel.args:
            if arg.dtype is None:
                value = sizes[arg.name]
                words.append(value if arg.kind != "float" else struct.unpack("<i", struct.pack("<f", value))[0])
                continue
            used = arg.kind != "in?" or arg.name in self.values.get("with", ())
            if used:
                buffers.append((len(words), evaluate(arg.elements, sizes) * DTYPE_BYTES[arg.dtype]))
            words.append(0)
        return {"words": words, "buffers": buffers}

    @property
    def work(self) -> int:
        """Scalar operations of one call."""
        return evaluate(KERNELS[self.kernel].work, {k: v for k, v in self.values.items() if k != "with"})


def _gemm(rows: int, columns: int, depth: int, **more: Any) -> dict[str, Any]:
    strides = {"a_row": depth, "c_row": columns, "residual_row": columns}
    outer = dict.fromkeys(("a_outer", "a_inner", "b_outer", "b_inner", "residual_outer", "residual_inner", "c_outer", "c_inner"), 0)
    return {"rows": rows, "columns": columns, "depth": depth, "outer": 1, "inner": 1, "with": ("bias",), **strides, **outer, **more}


def _conv_case(node: Any, x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...]) -> Case:
    from onnx.helper import get_attribute_value

    given = {a.name: get_attribute_value(a) for a in node.attribute}
    (_, cin, height, width), (out, _, kh, kw), (_, _, oh, ow) = x, w, y
    stride, pads = given.get("strides", [1, 1])[0], given.get("pads", [0] * 4)
    clip = {"activation": ACTIVATIONS.index("clip"), "p0": 0.0, "p1": 6.0}
    label = f"{kh}x{kw}/{stride} {height}x{width}x{cin} to {out}"
    if kh == kw == stride == 1:
        return Case(label, "gemm", _gemm(height * width, out, cin, **clip), 1)
    values = {
        "batch": 1, "height": height, "width": width, "channels": cin, "x_pixel": cin, "y_pixel": out, "residual_pixel": out,
        "kernel_height": kh, "kernel_width": kw, "stride_y": stride, "stride_x": stride, "dilation_y": 1, "dilation_x": 1,
        "pad_top": pads[0], "pad_left": pads[1], "out_height": oh, "out_width": ow, "with": ("bias",), **clip,
    }  # fmt: skip
    if given.get("group", 1) == cin:
        return Case(label, "depthwise", {**values, "multiplier": 1}, 1)
    return Case(label, "conv", {**values, "out_channels": out, "groups": 1}, 1)


def efficientnet() -> list[Case]:
    """The convolutions of EfficientNet-Lite0, alike ones as one case."""
    import onnx
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(onnx.load(MODEL)).graph
    shapes = {t.name: tuple(t.dims) for t in graph.initializer}
    for info in (*graph.input, *graph.value_info, *graph.output):
        shapes[info.name] = tuple(d.dim_value or 1 for d in info.type.tensor_type.shape.dim)
    cases: dict[str, Case] = {}
    for node in graph.node:
        if node.op_type == "Conv":
            case = _conv_case(node, *(shapes[name] for name in (*node.input[:2], node.output[0])))
            times = cases[case.label].times + 1 if case.label in cases else 1
            cases[case.label] = Case(case.label, case.kernel, case.values, times)
    return list(cases.values())


def minilm(length: int) -> list[Case]:
    """The products and the attention of MiniLM's six layers."""
    gelu = ACTIVATIONS.index("gelu")
    row, head = 3 * 384, 32
    attention = {
        "batch": 1, "heads": 12, "queries": length, "keys": length, "depth": 32, "columns": 32, "scale": 0.2, "with": ("mask",),
        "mask_batch": 0, "mask_head": 0, "mask_row": 0, "mask_column": 1, "out_batch": 0, "out_head": head, "out_row": 384,
        **{f"{n}_{axis}": size for n in "qkv" for axis, size in (("batch", 0), ("head", head), ("row", row))},
    }  # fmt: skip
    return [
        Case(f"{length} q, k, v", "gemm", _gemm(length, 384, 384, activation=0, p0=0.0, p1=0.0), 18),
        Case(f"{length} attention", "attention", attention, 6),
        Case(f"{length} out", "gemm", _gemm(length, 384, 384, activation=0, p0=0.0, p1=0.0) | {"with": ("bias", "residual")}, 6),
        Case(f"{length} up", "gemm", _gemm(length, 1536, 384, activation=gelu, p0=0.0, p1=0.0), 6),
        Case(f"{length} down", "gemm", _gemm(length, 384, 1536, activation=0, p0=0.0, p1=0.0) | {"with": ("bias", "residual")}, 6),
    ]


def _peak_module(folder: Path) -> bytes:
    source, module = folder / "peak.c", folder / "peak.wasm"
    source.write_text(_PEAK)
    flags = ["-target", "wasm32-freestanding", "-O3", "-msimd128", "-mrelaxed-simd", "-nostdlib", "-Wl,--no-entry"]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, str(source), "-o", str(module)], check=True)
    return module.read_bytes()


def measure(modules: list[Path], cases: list[Case]) -> dict[str, Any]:
    """Return the limit before and after in GFLOP/s and, for each case, ms by module."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = browser.new_page()
        given = [base64.b64encode(data).decode() for data in (*(m.read_bytes() for m in modules), _peak_module(Path(folder)))]
        return dict(
            page.evaluate(_PAGE, {"modules": given[:-1], "peak": given[-1], "cases": [case.request() for case in cases]})
        )


def report(model: str, cases: list[Case], measured: dict[str, Any]) -> None:
    """Print a line a case and the sum."""
    limit = max(measured["before"], measured["after"])
    print(f"\n{model}: limit {measured['before']:.1f} before, {measured['after']:.1f} after, GFLOP/s")
    totals = [0.0] * len(measured["results"][0])
    for case, times in zip(cases, measured["results"], strict=True):
        cells = "  ".join(f"{t * case.times:7.3f} ms {case.work / t / 1e6:5.1f}" for t in times)
        print(f"{case.kernel:10} {case.label:28} x{case.times:2}  {cells}  {100 * case.work / times[0] / 1e6 / limit:4.0f} %")
        totals = [total + t * case.times for total, t in zip(totals, times, strict=True)]
    floor = sum(case.work * case.times for case in cases) / limit / 1e6
    print(f"{'all':43}  {'  '.join(f'{t:7.3f} ms' for t in totals)}, at the limit {floor:.3f} ms")


def main() -> int:
    """Measure the modules that are named, or the prebuilt relaxed one."""
    modules = [Path(name) for name in sys.argv[1:]] or [PREBUILT / "relaxed.wasm"]
    models = {"EfficientNet-Lite0": efficientnet(), "MiniLM 16": minilm(16), "MiniLM 128": minilm(128)}
    for model, cases in models.items():
        report(model, cases, json.loads(json.dumps(measure(modules, cases))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
