"""Who is compared: this project's variants, its peers and native onnxruntime, and what each of them cannot run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packager._manifest_types import Variant

Format = Literal["bundle", "onnx", "transformers", "graph-model", "litert", "native"]

NATIVE, NATIVE_ONE_THREAD = "native", "native-one-thread"
THREADS = (1, 2)


@dataclass(frozen=True)
class Contender:
    """One way to run a model. ``page`` is its folder among the peers' pages, ``settings`` go into docs/benchmarks.md.

    ``tolerance`` is the largest difference to native onnxruntime, relative to the output's largest value; where the arithmetic
    is in 8 bits, ``cosine`` is the least agreement of direction instead.
    """

    id: str
    title: str
    format: Format
    page: str = ""
    settings: str = ""
    options: dict[str, str] = field(default_factory=dict)
    threads: tuple[int, ...] = THREADS
    tolerance: float = 1e-3
    cosine: float | None = None
    graphics: bool = False

    def title_on(self, renderer: str) -> str:
        """The title on a machine on which this draws WebGL; a processor that pretends to be a GPU is named."""
        return f"{self.title}, software GPU" if self.graphics and _SOFTWARE.search(renderer) else self.title


PEERS = (
    Contender(
        "ort-default",
        "ONNX Runtime Web, default build",
        "onnx",
        "ort-default",
        '`import "onnxruntime-web"`: the JSEP module. `executionProviders: ["wasm"]`, `graphOptimizationLevel: "all"`, '
        "`numThreads` as stated, `wasmPaths` local, SIMD.",
    ),
    Contender(
        "ort-wasm",
        "ONNX Runtime Web, wasm build",
        "onnx",
        "ort-wasm",
        '`import "onnxruntime-web/wasm"`, else as above.',
    ),
    Contender(
        "transformers-fp32",
        "Transformers.js, fp32",
        "transformers",
        "transformers",
        '`pipeline("feature-extraction", …, { dtype: "fp32", device: "wasm" })`, `allowRemoteModels: false`, `localModelPath`, '
        "its own default ONNX Runtime module (asyncify) at local `wasmPaths`, its browser cache on; the model is fed with "
        "tokens, so that tokenising is in no figure.",
        {"dtype": "fp32"},
    ),
    Contender(
        "transformers-int8",
        "Transformers.js, int8 weights",
        "transformers",
        "transformers",
        'As above with `dtype: "int8"`: the 23 MB file with int8 weights and fp32 arithmetic that the others load too.',
        {"dtype": "int8"},
    ),
    Contender(
        "transformers-q8",
        "Transformers.js, q8",
        "transformers",
        "transformers",
        'As above with `dtype: "q8"`: `model_quantized.onnx` from onnxruntime\'s dynamic quantisation, as such files are '
        "published for it; int8 arithmetic.",
        {"dtype": "q8"},
        cosine=0.9,
    ),
    Contender(
        "tfjs-wasm",
        "TensorFlow.js, wasm",
        "graph-model",
        "tfjs-wasm",
        "Graph model with fused convolutions, [batch, height, width, channel]; XNNPACK, SIMD. One thread, since after "
        "`setThreadsCount(2)` on an isolated page `getThreadsCount()` is 1: inferences take as long, only the start is longer.",
        threads=(1,),
    ),
    Contender(
        "tfjs-webgl",
        "TensorFlow.js, WebGL",
        "graph-model",
        "tfjs-webgl",
        "The same graph model on the WebGL backend. Where it says software GPU, the processor draws, and the figures tell "
        "nothing about a GPU.",
        threads=(2,),
        graphics=True,
    ),
    Contender(
        "litert",
        "LiteRT.js, wasm",
        "litert",
        "litert",
        '.tflite with fused activations, [batch, height, width, channel]; `accelerator: "wasm"` (XNNPACK, relaxed SIMD); '
        "`loadLiteRt(…, { threads: true })` and `cpuOptions.numThreads` for two threads.",
    ),
)

# Names under which a processor draws in place of a graphics card.
_SOFTWARE = re.compile(r"swiftshader|llvmpipe|softpipe|lavapipe|software|basic render", re.IGNORECASE)
_BRANCHES = (
    "The graph holds If and LSTM nodes that depend on an input, the sampling rate; the converter of the comparison "
    "(benchmarks/convert) covers neither."
)
_LAYOUT = (
    "Its pipelines take models of the Hugging Face hub's architectures with their configuration; this network is none of them. "
    "Under it lies ONNX Runtime Web, which is measured directly."
)


def reason_against(contender: Contender, model: str) -> str | None:
    """Why a contender does not run a model of the catalogue, or None where it is measured."""
    if contender.format in ("graph-model", "litert") and model.startswith("silero-vad"):
        return _BRANCHES
    if contender.format == "transformers" and model != "minilm":
        return _LAYOUT
    return None


def variants(found: Iterable[Variant]) -> list[Contender]:
    """A contender for each variant of a bundle, the bundle's first choice first."""
    return [
        Contender(
            f"packager-{variant['id']}",
            f"packager, {variant['id']}",
            "bundle",
            "packager",
            "The bundle as `packager build` writes it, through its own packager.js, `load(…, { variant, threads })`.",
            {"variant": variant["id"]},
            tolerance=variant["parity"]["tolerance"],
            graphics=variant["target"] not in ("wasm", "ort-wasm"),
        )
        for variant in found
    ]
