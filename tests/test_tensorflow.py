"""Keras models and SavedModels: read by TensorFlow in an environment of its own, proven in a browser like all others."""

from __future__ import annotations

import functools
import json
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager import BuildOptions, build, tensorflow
from packager import manifest as manifests
from packager.cli import main
from packager.errors import InputError, MissingToolError
from packager.inspection import inspect
from packager.lower.tensorflow import adopt
from packager.model import TensorFlowModel
from packager.parity import run_in_browser
from packager.quantise import quantise
from packager.readers import read
from packager.targets import candidates, check
from packager.tensorflow.program.conversion import unfit

ROOT = Path(__file__).parents[1]
# A network in miniature with what fuses and what the converter has trouble with; the same as .h5; and a SavedModel of two
# inputs whose numbers are known.
MAKER = """
import os, pathlib, sys
os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
import keras, numpy as np, tensorflow as tf
layers, folder = keras.layers, sys.argv[1]
keras.utils.set_random_seed(20481)
picture = keras.Input((24, 24, 3), name="picture")
x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(picture)
x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
x = layers.GlobalAveragePooling2D()(layers.Activation("hard_swish")(x))
model = keras.Model(picture, layers.Dense(5, activation="softmax", name="classes")(x))
for layer in model.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.set_weights([np.random.default_rng(1).uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
model.save(f"{folder}/small.keras")
model.save(f"{folder}/small.h5")
code = layers.Lambda(lambda x: x * 2, name="harmless")
keras.Model(picture, code(picture)).save(f"{folder}/lambda.h5")

def spec(dtype, name, *shape):
    return tf.TensorSpec((None, *shape), dtype, name)

class Two(tf.Module):
    def __init__(self):
        self.table = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3))

    @tf.function(input_signature=[spec(tf.float32, "rows", 4), spec(tf.int64, "shift"), spec(tf.float32, "columns", 4)])
    def serve(self, rows, shift, columns):
        product = tf.matmul(rows, self.table)
        steps = lambda i, x: (i + 1, tf.matmul(x, self.table) @ tf.transpose(self.table) / 100)
        _, walked = tf.while_loop(lambda i, x: i < tf.shape(x)[0], steps, (0, columns))
        return {
            "walked": walked, "erfc": tf.math.erfc(rows - columns), "best": tf.argmax(product, 1),
            "sum": product + tf.cast(shift, tf.float32)[:, None], "lowest": tf.reduce_max(columns - 3e38, 1),
            "known": tf.constant([1.0, 2.0]),
        }

module = Two()
tf.saved_model.save(module, f"{folder}/two", signatures=module.serve)

class Hostile(tf.Module):
    @tf.function(input_signature=[spec(tf.float32, "x")])
    def serve(self, x):
        tf.print(x, output_stream=f"file://{folder}/printed")
        tf.raw_ops.SaveV2(prefix=f"{folder}/saved", tensor_names=["x"], shape_and_slices=[""], tensors=[x])
        return {"y": tf.math.erfc(x)}

module = Hostile()
tf.saved_model.save(module, f"{folder}/hostile", signatures=module.serve)
graph = pathlib.Path(folder, "hostile", "saved_model.pb")
graph.write_bytes(graph.read_bytes().replace(b"Erfc", b"Odds"))
"""


@pytest.fixture(scope="session")
def python() -> Path:
    """An interpreter that has TensorFlow: without it these tests fail, for nothing else would tell that they did not run."""
    found = Path(os.environ.get(tensorflow.PYTHON) or ROOT / ".venv-tensorflow/bin/python")
    if not found.is_file():
        pytest.fail(f"There is no TensorFlow: scripts/test installs it, or name an interpreter in ${tensorflow.PYTHON}.")
    return found


@pytest.fixture(scope="session")
def made(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorflow")
    done = subprocess.run([python, "-c", MAKER, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def convert_once() -> Any:
    return functools.cache(tensorflow.convert)


@pytest.fixture
def with_tensorflow(python: Path, convert_once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is converted once in all of these tests."""
    monkeypatch.setenv(tensorflow.PYTHON, os.path.relpath(python))
    monkeypatch.setattr(tensorflow, "convert", convert_once)


@pytest.mark.usefixtures("with_tensorflow")
def test_a_keras_model_is_proven_in_a_browser_against_tensorflow(made: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("one\ntwo\nthree\nfour\nfive\n")
    options = {"task": "image-classification", "labels": tmp_path / "labels.txt"}
    manifest = build(BuildOptions(made / "small.keras", tmp_path / "site", **options)).manifest
    assert manifest["signature"] == {
        "inputs": [{"name": "picture", "dtype": "float32", "shape": ["batch", 24, 24, 3]}],
        "outputs": [{"name": "classes", "dtype": "float32", "shape": ["batch", 5]}],
    }
    task: Any = manifest["task"]
    assert (task["preprocess"]["layout"], task["postprocess"]["activation"]) == ("nhwc", "none")
    assert list(manifest["engines"]) == ["webgl"]
    (variant,) = manifest["variants"]
    parity = variant["parity"]
    assert (variant["id"], parity["proof"], parity["samples"]) == ("webgl-fp32", "browser", 3)
    assert parity["reference"].startswith("TensorFlow 2.")
    assert 0 < parity["outputs"][0]["relative"] < 1e-4


@pytest.mark.usefixtures("with_tensorflow")
def test_a_saved_model_gives_the_right_numbers_in_a_browser(made: Path, tmp_path: Path) -> None:
    """Inputs of one type, outputs of one type, one that is a constant, a loop, and what TensorFlow.js has no operator for."""
    site = tmp_path / "site"
    manifest = build(BuildOptions(made / "two", site, precision="int8", dims={"rows_0": 3})).manifest
    assert [entry["name"] for entry in manifest["signature"]["inputs"]] == ["columns", "rows", "shift"]
    assert [entry["name"] for entry in manifest["signature"]["outputs"]] == ["best", "erfc", "known", "lowest", "sum", "walked"]
    assert manifest["signature"]["inputs"][1]["shape"] == [3, 4]
    random = np.random.default_rng(7)
    rows, columns = (random.standard_normal((3, 4)).astype(np.float32) for _ in range(2))
    shift = np.array([5, -3, 1000], np.int64)
    (variant,) = [variant["id"] for variant in manifest["variants"]]
    feeds = [{"rows": rows, "shift": shift, "columns": columns}]
    runs, _ = run_in_browser(
        site, manifests.encode(manifest), [[], [variant]], manifest["signature"], feeds, lambda: None
    )  # fmt: skip
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    (outputs,) = runs[variant].outputs
    np.testing.assert_allclose(outputs["sum"], rows @ table + shift[:, None], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(outputs["erfc"], np.vectorize(math.erfc)(rows - columns), atol=1e-5)
    np.testing.assert_allclose(
        outputs["walked"], columns @ np.linalg.matrix_power(table @ table.T / 100, 3), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(outputs["lowest"], [-3e38] * 3, rtol=1e-6)
    assert outputs["known"].tolist() == [1, 2]
    assert outputs["best"].dtype == np.int64
    assert outputs["best"].tolist() == (rows @ table).argmax(1).tolist()


@pytest.mark.usefixtures("with_tensorflow")
def test_the_older_format_of_keras_is_the_same_model(made: Path) -> None:
    old, new = read(made / "small.h5"), read(made / "small.keras")
    assert old.signature == new.signature
    assert [array.tolist() for array in old.weights.values()] == [array.tolist() for array in new.weights.values()]


@pytest.mark.usefixtures("with_tensorflow")
def test_inspect_tells_what_webgl_says(made: Path) -> None:
    facts = inspect(made / "small.keras")
    assert (facts["format"], facts["signature"]["inputs"][0]["name"]) == ("Keras", "picture")
    assert facts["ops"]["_FusedConv2D"] == 1
    verdicts = {verdict["target"]: verdict for verdict in facts["targets"]}
    assert verdicts["webgl"]["fits"]
    assert "The target wasm takes ONNX" in verdicts["wasm"]["problems"][0]
    assert inspect(made / "two")["format"] == "SavedModel"


def keras_file(path: Path, config: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    return path


@pytest.mark.usefixtures("with_tensorflow")
def test_code_in_a_file_is_not_run(made: Path, tmp_path: Path) -> None:
    layer = {"class_name": "Lambda", "config": {"name": "harmless", "function": {"class_name": "__lambda__"}}}
    keras_file(tmp_path / "code.keras", {"class_name": "Functional", "config": {"layers": [layer]}})
    # An HDF5 file that looks like a zip file to who reads it from its end.
    both = (made / "lambda.h5").read_bytes() + keras_file(tmp_path / "innocent.zip", {}).read_bytes()
    (tmp_path / "both.h5").write_bytes(both)
    for model in (tmp_path / "code.keras", made / "lambda.h5", tmp_path / "both.h5"):
        with pytest.raises(InputError, match=r"code of its own, which is not run: Lambda 'harmless'\..*safe mode"):
            read(model)


def test_a_model_without_end_is_stopped_and_what_a_killed_build_left_is_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv(tensorflow.PYTHON, str(tmp_path / "python"))
    monkeypatch.setattr(tensorflow, "_SECONDS", 0.1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        (tmp_path / f"tmp/packager-tensorflow-{pid}-x").mkdir(parents=True)
    with pytest.raises(InputError, match=r"did not end within 0\.1 seconds"):
        read(keras_file(tmp_path / "model.keras", {}))
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == [f"packager-tensorflow-{os.getpid()}-x"]


@pytest.mark.usefixtures("with_tensorflow")
def test_a_saved_model_that_does_more_than_compute_is_not_loaded(made: Path) -> None:
    with pytest.raises(InputError, match=r"not TensorFlow's own: Odds; with effects beyond the model: PrintV2, SaveV2\."):
        read(made / "hostile")
    assert not [path.name for path in made.iterdir() if path.name.startswith(("printed", "saved"))]


def test_a_file_that_is_read_for_ever_is_refused(tmp_path: Path) -> None:
    """As some damaged HDF5 files are, within the library and so out of Python's reach."""
    endless = "import program.__main__ as it; it._SECONDS = 1\nwith it.hurried(r'{}'):\n while True: pass"
    done = subprocess.run(
        [sys.executable, "-c", endless.format(tmp_path)], cwd=Path(tensorflow.__file__).parent, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert "it is damaged" in json.loads((tmp_path / "error.json").read_text())["what"]


def test_what_is_no_keras_model_is_refused(python: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(tensorflow.PYTHON, str(python))
    for name, content in (("text.h5", b"words"), ("cut.keras", b"PK\3\4 cut")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="not a Keras model, or it was cut short"):
            read(tmp_path / name)


def test_without_tensorflow_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(tensorflow.PYTHON, raising=False)
    monkeypatch.setattr(tensorflow, "find_spec", lambda name: None)
    model = keras_file(tmp_path / "model.keras", {})
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    for source in (model, tmp_path / "saved"):
        assert main(["build", str(source), "-o", str(tmp_path / "site")]) == 2
        said = capsys.readouterr().err
        assert "pip install 'packager[tensorflow]'" in said
        assert "Python 3.11 to 3.13" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "saved"]
    monkeypatch.setenv(tensorflow.PYTHON, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="names no file"):
        read(model)


def test_part_of_a_saved_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(InputError, match="Name the folder"):
        read(tmp_path / "saved_model.pb")


def test_only_webgl_takes_what_tensorflow_reads() -> None:
    options = functools.partial(BuildOptions, Path("model.keras"), Path("site"))
    assert [each.id for each in candidates(options(), browser=True, onnx=False)] == ["webgl-fp32"]
    with pytest.raises(InputError, match=r"The target wasm takes ONNX.*format=\"onnx\""):
        candidates(options(targets=("webgl", "wasm")), browser=True, onnx=False)
    with pytest.raises(MissingToolError, match="proven in a browser or not at all"):
        candidates(options(), browser=False, onnx=False)


def model_of(nodes: list[dict[str, Any]], weights: dict[str, np.ndarray], problem: str | None = None) -> TensorFlowModel:
    """x → y, of nodes as the converter writes them."""
    entry = {"name": "x", "key": "x", "tensor": "x:0", "dtype": "float32", "shape": [None, 64]}
    about = {"signature": {"inputs": [entry], "outputs": [entry | {"name": "y", "tensor": "y:0"}]}, "problem": problem}
    document = {"modelTopology": {"node": nodes, "library": {}, "versions": {}}}
    signature: Any = {
        kind: [{"name": name, "dtype": "float32", "shape": ["batch", 64]}] for kind, name in (("inputs", "x"), ("outputs", "y"))
    }
    return TensorFlowModel(Path("model.keras"), signature, {}, about, document, weights)


def test_weights_are_coded_by_what_reads_them() -> None:
    random = np.random.default_rng(3)
    shapes = {
        "kernel": (128, 96), "turned": (32, 96), "table": (128, 96), "filter": (5, 5, 96, 2), "last": (4096, 1), "shift": (96,),
        "twice": (96, 96),
    }  # fmt: skip
    weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = [
        {"name": "m", "op": "MatMul", "input": ["x", "kernel"], "attr": {}},
        {"name": "t", "op": "_FusedMatMul", "input": ["m", "turned", "shift"], "attr": {"transpose_b": {"b": True}}},
        {"name": "g", "op": "GatherV2", "input": ["table", "m", "axis"], "attr": {}},
        {"name": "d", "op": "FusedDepthwiseConv2dNative", "input": ["g", "filter"], "attr": {}},
        {"name": "l", "op": "MatMul", "input": ["d", "last"], "attr": {}},
        {"name": "n", "op": "MatMul", "input": ["d", "twice"], "attr": {}},
        {"name": "y", "op": "AddV2", "input": ["n", "twice"], "attr": {}},
    ]
    weights["axis"] = np.array(0, np.int32)
    graph = adopt(quantise(model_of(nodes, weights), "int8"), "int8")
    entries = {weight.entry["name"]: weight for weight in graph.weights}
    axes = {name: weight.entry.get("axis") for name, weight in entries.items()}
    assert axes == {"kernel": 1, "turned": 0, "table": 0, "filter": 2, "last": 1, "shift": None, "twice": None, "axis": None}
    for name, axis in axes.items():
        held = entries[name].packed
        if axis is None:
            assert held.scale is None
            continue
        scale = held.scale.reshape([-1 if at == axis else 1 for at in range(held.codes.ndim)])
        steps = np.broadcast_to(scale, held.codes.shape)
        assert scale.size == shapes[name][axis]
        assert (np.abs(held.codes * steps - weights[name]) <= steps * 0.501).all()
    # The converter drops an input that nothing reads; the page still gives it.
    inputs = [node["op"] for node in graph.document["topology"]["node"] if node["name"] == "x"]
    assert inputs == ["Placeholder"]


def test_a_fused_activation_is_seen() -> None:
    fused = {"fused_ops": {"list": {"s": ["Qmlhc0FkZA==", "U2lnbW9pZA=="]}}}
    nodes = [
        {"name": "f", "op": "_FusedMatMul", "input": ["x", "w"], "attr": fused},
        {"name": "y", "op": "Identity", "input": ["f:0"]},
    ]
    assert model_of(nodes, {}).origin("y") == "Sigmoid"


def test_what_the_converter_refuses_is_a_verdict() -> None:
    verdict = check("webgl", model_of([], {}, problem="It looks values up in tables, which a GPU has not."))
    assert verdict.problems[0].startswith("It looks values up in tables, which a GPU has not. For other targets write ONNX")
    assert unfit({"weightsManifest": [{"weights": [{"dtype": "string"}]}]}) == "It has weights of string, which a GPU has not."
