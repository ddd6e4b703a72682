"""Builds the engine's modules from web_runtime/kernels/src: python -m scripts.kernels.build [--check]

Four modules, {simd128, relaxed} x {one thread, threads}, with the compiler of the pinned `ziglang` wheel. The bytes depend on
the sources and the compiler alone, so --check can tell whether the committed modules are what the sources give.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.kernels.tables import ROOT

SOURCES = ROOT / "web_runtime" / "kernels" / "src"
PREBUILT = ROOT / "web_runtime" / "engines" / "wasm" / "prebuilt"
_SIMD = ["-msimd128", "-mbulk-memory", "-mnontrapping-fptoint", "-msign-ext"]
_RELAXED = [*_SIMD, "-mrelaxed-simd", "-DRELAXED"]
_THREADS = ["-matomics", "-DTHREADS"]
BUILDS = {
    "simd128": _SIMD,
    "simd128-threads": [*_SIMD, *_THREADS],
    "relaxed": _RELAXED,
    "relaxed-threads": [*_RELAXED, *_THREADS],
}
# Families in which the time goes; the others are built for few bytes.
_FAST = {"activation", "attention", "binary", "block", "conv", "conv_transpose", "depthwise", "gemm", "norm", "pool", "unary"}
_FLAGS = [
    *("-target", "wasm32-freestanding", "-std=c11", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-ffreestanding"),
    *("-fno-exceptions", "-fvisibility=hidden", "-ffp-contract=off", "-g0", "-Wno-unused-function"),
    # What is worth vectors and unrolling is written so; the compiler's own costs 3 KB, gzipped, and measures the same.
    *("-fno-vectorize", "-fno-slp-vectorize", "-fno-unroll-loops"),
]
_LINK = [
    *("-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export=__heap_base", "-Wl,--strip-all", "-Wl,-z,stack-size=98304"),
]
_SHARED = ["-Wl,--shared-memory", "-Wl,--max-memory=4294901760", "-Wl,--export=__stack_pointer"]


def build(name: str, folder: Path) -> Path:
    """Compile one module into the folder and return its path; CalledProcessError when the compiler refuses."""
    module = folder / f"{name}.wasm"
    compiler = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, *BUILDS[name]]

    def compiled(source: Path) -> str:
        # Relative names, so that the checkout's place cannot matter.
        level, target = "-O3" if source.stem in _FAST else "-Os", folder / f"{source.stem}.o"
        subprocess.run([*compiler, level, "-c", source.name, "-o", str(target)], cwd=SOURCES, check=True)
        return str(target)

    with ThreadPoolExecutor() as pool:
        objects = list(pool.map(compiled, sorted(SOURCES.glob("*.c"))))
    shared = _SHARED if name.endswith("threads") else []
    subprocess.run([*compiler, *_LINK, *shared, *objects, "-o", str(module)], check=True)
    return module


def main() -> int:
    """Write the modules, or with --check only say which are not what the sources give (exit code 1)."""
    check = "--check" in sys.argv[1:]
    stale = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in BUILDS:
            built, committed = build(name, Path(temporary)), PREBUILT / f"{name}.wasm"
            if committed.is_file() and committed.read_bytes() == built.read_bytes():
                continue
            stale.append(committed.name)
            if not check:
                committed.parent.mkdir(parents=True, exist_ok=True)
                committed.write_bytes(built.read_bytes())
    if stale and check:
        print(f"not what the sources give, run python -m scripts.kernels.build: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
