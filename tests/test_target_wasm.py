"""The target wasm in a build: what its weights look like, and when it is taken, left out, or refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from packager import BuildOptions, ParityError, build
from packager import manifest as manifests
from packager.cli import main
from packager.content import read_content, shard_path
from packager.errors import InputError
from packager.inspection import inspect_model
from packager.lower import compile as compile_model
from packager.quantise import quantise
from packager.readers import read
from packager.targets import wasm
from tests import models


def run(model: Path, site: Path, **options: Any):
    return build(BuildOptions(model=model, output=site, **options))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return models.save(models.layers(count=3, width=128), tmp_path / "model.onnx")


@pytest.fixture
def uncovered(tmp_path: Path) -> Path:
    """A model whose output's size depends on its values."""
    graph = models.make(
        [helper.make_node("NonZero", ["x"], ["y"], name="where")],
        {"x": (TensorProto.FLOAT, [2, 3])},
        {"y": (TensorProto.INT64, [2, "count"])},
    )
    return models.save(graph, tmp_path / "uncovered.onnx")


def worsened(model, *rest):
    """The compiler with a bug: other weights than the model's."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    tensor = proto.graph.initializer[0]
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * np.float32(1.5), tensor.name))
    return _LOWER(replace(model, proto=proto), *rest)


_LOWER = wasm.lower


@pytest.mark.parametrize("shard_size", [65536, 2**20])
def test_locations_are_the_places_of_their_bytes(model: Path, shard_size: int) -> None:
    read_model = read(model, {})
    lowered, compiled = wasm.lower(read_model, shard_size, "fp32"), compile_model(read_model)
    end = 0
    for weights in lowered.weights:
        assert weights.location == str(end)
        end += sum(len(item.data) for item in weights.items)
    assert end == compiled.plan["weights"]
    whole = b"".join(item.data for weights in lowered.weights for item in weights.items)
    assert whole == b"".join(compiled.weights)
    assert lowered.graph == compiled.document
    assert len(lowered.weights) == (3 if shard_size == 65536 else 1)


def test_codes_and_scales_travel_together(model: Path) -> None:
    lowered = wasm.lower(quantise(read(model, {}), "int8"), 2**20, "int8")
    assert len(lowered.weights) == 1
    assert {item.element for item in lowered.weights[0].items} == {1}


def test_it_is_built_by_itself_and_measured_beside_ort_wasm(model: Path, tmp_path: Path) -> None:
    result = run(model, tmp_path / "site", targets=("wasm", "ort-wasm"))
    variants = result.manifest["variants"]
    assert sorted(variant["target"] for variant in variants) == ["ort-wasm", "wasm"]
    speeds = [variant["measured"]["median_ms"] for variant in variants]
    assert speeds == sorted(speeds)
    assert all(variant["measured"]["rounds"] >= 3 and variant["parity"]["proof"] == "browser" for variant in variants)


def test_by_default_who_loses_leaves_nothing_behind(model: Path, tmp_path: Path) -> None:
    result = run(model, tmp_path / "site")
    manifest = manifests.read_manifest(tmp_path / "site")
    targets = [variant["target"] for variant in manifest["variants"]]
    assert "wasm" in targets
    left = sum("was left out" in warning for warning in result.warnings)
    assert len(targets) + left == 2
    assert set(manifest["engines"]) == set(targets)
    shards = {shard_path(shard) for content in manifests.contents(manifest) for shard in content}
    assert {f"shards/{path.name}" for path in (tmp_path / "site" / "shards").iterdir()} == shards
    listed = {file["path"] for file in manifest["files"]}
    assert {f"assets/{path.name}" for path in (tmp_path / "site" / "assets").iterdir()} <= listed


def test_without_a_browser_there_is_ort_wasm_only(model: Path, tmp_path: Path) -> None:
    manifest = run(model, tmp_path / "site", browser="off").manifest
    assert [variant["id"] for variant in manifest["variants"]] == ["ort-wasm-fp32"]
    with pytest.raises(InputError, match="proven in a browser or not at all"):
        run(model, tmp_path / "site", browser="off", targets=("wasm",))


def test_what_it_does_not_cover_runs_on_ort_wasm_with_a_note(uncovered: Path, tmp_path: Path) -> None:
    result = run(uncovered, tmp_path / "site")
    assert [variant["id"] for variant in result.manifest["variants"]] == ["ort-wasm-fp32"]
    assert any("runs on ort-wasm only" in warning and "NonZero 'where'" in warning for warning in result.warnings)


def test_asked_for_and_not_covered_is_one_sentence_and_exit_code_2(
    uncovered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(uncovered), "-o", str(tmp_path / "site"), "--target", "wasm"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "The target wasm does not cover this model: NonZero 'where'" in error
    assert not (tmp_path / "site").exists()


def test_a_wrong_answer_leaves_it_out_or_ends_the_build(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm, "lower", worsened)
    result = run(model, tmp_path / "site")
    assert [variant["id"] for variant in result.manifest["variants"]] == ["ort-wasm-fp32"]
    assert any(warning.startswith("wasm-fp32 was left out: The output 'y' differs") for warning in result.warnings)
    with pytest.raises(ParityError, match="output 'y' differs"):
        run(model, tmp_path / "other", targets=("wasm",))
    assert not (tmp_path / "other").exists()


def test_weights_in_8_bits_are_a_quarter(model: Path, tmp_path: Path) -> None:
    manifest = run(model, tmp_path / "site", targets=("wasm",), precision="int8", tolerance=0.05).manifest
    (variant,) = manifest["variants"]
    assert (variant["id"], variant["precision"]) == ("wasm-int8", "int8")
    sizes = [len(read_content(tmp_path / "site", weights["content"])) for weights in variant["weights"]]
    assert sum(sizes) < 0.3 * 3 * 128 * 128 * 4


def test_inspect_says_whether_and_why_not(model: Path, uncovered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fits, verdict = (inspect_model(path)["targets"][0] for path in (model, uncovered))
    assert (fits["target"], fits["fits"]) == ("wasm", True)
    assert not verdict["fits"]
    assert verdict["problems"][0].startswith("NonZero 'where':")
    assert main(["inspect", str(model), "--plan"]) == 0
    assert "gemm" in capsys.readouterr().out
    assert main(["inspect", str(uncovered), "--plan"]) == 2
