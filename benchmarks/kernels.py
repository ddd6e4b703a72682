"""Speed of a model's kernels, one by one, beside the limit of 128-bit arithmetic, in Chromium on one thread:

    python -m benchmarks.kernels MODEL.onnx [MODULE...] [--dim sequence=128] [--kernel gemm]

The limit is a loop of multiply-adds on registers, measured before and after in the same page. Times are medians, with warm
caches; several modules run in turn.
"""

from __future__ import annotations

import argparse
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
from packager.lower._kernels import KERNELS
from packager.lower.compiler import compile as compile_plan
from packager.lower.kernels import DTYPE_BYTES, evaluate
from packager.optimise import optimise
from packager.readers.onnx import read_onnx
from scripts.kernels.build import PREBUILT

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
    const loops = Math.max(1, Math.ceil(6 / ((now() - t) / 3 + 1e-3)));
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


def _sizes(plan: dict[str, Any], symbols: dict[str, int]) -> list[int]:
    """The pool of sizes for these symbols."""
    values: list[int] = []
    for entry in plan["sizes"]:
        if isinstance(entry, list):
            op, a, b = entry
            values.append(evaluate((op, values[a], values[b]), {}))
        else:
            values.append(symbols[entry] if isinstance(entry, str) else entry)
    return values


def _label(kernel: str, values: dict[str, Any]) -> str:
    """What tells one call of a kernel from another."""
    if kernel == "gemm":
        names = ("outer", "inner", "rows", "depth", "columns")
        return " x ".join(str(values[n]) for n in names if values[n] != 1 or n in names[2:])
    if "kernel_height" in values:
        out = values.get("out_channels", values["channels"])
        taps = f"{values['kernel_height']}x{values['kernel_width']}/{values['stride_y']}"
        return f"{taps} {values['height']}x{values['width']}x{values['channels']} to {out}"
    large = [f"{v}" for n, v in values.items() if isinstance(v, int) and v > 1 and not n.endswith(("_row", "_batch", "_head"))]
    return " ".join(large)[:34]


def steps(plan: dict[str, Any], symbols: dict[str, int]) -> list[Case]:
    """The calls of a plan for these sizes, alike ones as one case."""
    sizes, cases = _sizes(plan, symbols), dict[str, Case]()
    for step in plan["steps"]:
        values: dict[str, Any] = {"with": []}
        for arg, given in zip(KERNELS[step["kernel"]].args, step["args"], strict=True):
            if arg.dtype is not None:
                values["with"] += [arg.name] if given is not None else []
            else:
                value = sizes[given["s"]] if "s" in given else next(iter(given.values()))
                values[arg.name] = float(value) if arg.kind == "float" else value
        key = json.dumps([step["kernel"], values])
        times = cases[key].times + 1 if key in cases else 1
        cases[key] = Case(_label(step["kernel"], values), step["kernel"], values, times)
    return list(cases.values())


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


def report(title: str, cases: list[Case], measured: dict[str, Any]) -> None:
    """Print a line a case, the slowest first, and the sums."""
    limit = max(measured["before"], measured["after"])
    print(f"\n{title}: limit {measured['before']:.1f} before, {measured['after']:.1f} after, GFLOP/s")
    totals = [0.0] * len(measured["results"][0])
    rows = sorted(zip(cases, measured["results"], strict=True), key=lambda row: -row[1][0] * row[0].times)
    for case, times in rows:
        cells = "  ".join(f"{t * case.times:7.3f} ms {case.work / t / 1e6:5.1f}" for t in times)
        share = 100 * case.work / times[0] / 1e6 / limit
        print(f"{case.kernel:16} {case.label:34} x{case.times:2}  {cells}  {share:4.0f} %")
        totals = [total + t * case.times for total, t in zip(totals, times, strict=True)]
    floor = sum(case.work * case.times for case in cases) / limit / 1e6
    print(f"{'all':55}  {'  '.join(f'{t:7.3f} ms' for t in totals)}, at the limit {floor:.3f} ms")


def main() -> int:
    """Measure a model's steps with the modules that are named, or the prebuilt relaxed one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description="Speed of a model's kernels, one by one.")
    parser.add_argument("model", type=Path, help="an ONNX file")
    parser.add_argument("modules", type=Path, nargs="*", default=[PREBUILT / "relaxed.wasm"], help="builds to compare")
    parser.add_argument(
        "--dim", action="append", default=[], metavar="NAME=SIZE", help="a symbolic dimension; 1 where not given"
    )
    parser.add_argument("--kernel", default="", help="only kernels whose name has this")
    arguments = parser.parse_args()
    plan = compile_plan(optimise(read_onnx(arguments.model, {}), print)).plan
    given = dict(dim.split("=", 1) for dim in arguments.dim)
    symbols = {name: int(given.get(name, 1)) for name in plan["symbols"]}
    cases = [case for case in steps(plan, symbols) if arguments.kernel in case.kernel]
    report(f"{arguments.model} {symbols or ''}", cases, measure(arguments.modules, cases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
