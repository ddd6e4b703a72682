import asyncio
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from packager import BuildOptions, MissingToolError, ParityError, build
from packager import manifest as manifests
from packager.content import shard_path
from packager.errors import BuildError, InputError
from packager.shard import Shards
from tests import models


def run(model: Path, site: Path, **options: Any):
    return build(BuildOptions(model=model, output=site, **{"browser": "off", **options}))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return models.save(models.layers(), tmp_path / "model.onnx")


def shards(site: Path) -> set[str]:
    return {path.name for path in (site / "shards").iterdir()}


def weights(site: Path) -> set[str]:
    manifest = manifests.read_manifest(site)
    return {shard["sha256"] for variant in manifest["variants"] for entry in variant["weights"] for shard in entry["content"]}


def test_a_bundle_holds_what_its_manifest_lists_and_nothing_else(model: Path, tmp_path: Path) -> None:
    result = run(model, tmp_path / "site")
    manifest = manifests.read_manifest(tmp_path / "site")
    assert manifest == result.manifest
    assert manifest["id"] == manifests.bundle_id(manifest)
    listed = {file["path"] for file in manifest["files"]} | {"manifest.json", "sw.js"}
    listed |= {shard_path(shard) for content in manifests.contents(manifest) for shard in content}
    there = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    assert listed <= there
    assert {path for path in there - listed if not path.startswith((".", "_"))} <= {"vercel.json", "netlify.toml", "README.md"}
    for file in manifest["files"]:
        assert (tmp_path / "site" / file["path"]).stat().st_size == file["bytes"]
    stamped = (tmp_path / "site" / "sw.js").read_text()
    assert manifest["id"] in stamped
    assert "__" + "BUNDLE_ID__" not in stamped


def test_parity_is_recorded(model: Path, tmp_path: Path) -> None:
    parity = run(model, tmp_path / "site").manifest["variants"][0]["parity"]
    assert (parity["proof"], parity["generated"], parity["samples"]) == ("native", True, 2)
    assert parity["outputs"][0]["name"] == "y"
    assert parity["outputs"][0]["cosine"] > 0.999999
    assert parity["outputs"][0]["top1"] == 1.0


def test_past_the_tolerance_nothing_is_written(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from packager import pipeline

    monkeypatch.setattr(pipeline, "optimise", broken_optimiser)
    with pytest.raises(ParityError, match="output 'y' differs"):
        run(model, tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def broken_optimiser(model, warn):
    from dataclasses import replace

    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    tensor = proto.graph.initializer[0]
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * np.float32(1.1), tensor.name))
    return replace(model, proto=proto)


def test_shard_names_depend_on_model_and_options_only(model: Path, tmp_path: Path) -> None:
    run(model, tmp_path / "one", shard_size=65536)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    shutil.copy(model, elsewhere / "renamed.onnx")
    run(elsewhere / "renamed.onnx", tmp_path / "two", shard_size=65536, name="Another name")
    assert shards(tmp_path / "one") == shards(tmp_path / "two")


def test_a_changed_tensor_changes_its_shards_only(tmp_path: Path) -> None:
    proto = models.layers(count=4, width=160)  # 102,400 bytes a matrix: one and a half shards each
    run(models.save(proto, tmp_path / "old.onnx"), tmp_path / "old", shard_size=65536)
    changed = onnx.numpy_helper.to_array(proto.graph.initializer[3]).copy()
    changed[0, 0] += 1
    proto.graph.initializer[3].CopyFrom(onnx.numpy_helper.from_array(changed, "w3"))
    run(models.save(proto, tmp_path / "new.onnx"), tmp_path / "new", shard_size=65536)
    assert len(weights(tmp_path / "old")) == 8
    assert len(weights(tmp_path / "new") - weights(tmp_path / "old")) == 1, "only the shard in which the element lies"


def test_weights_inside_branches_travel_as_shards(tmp_path: Path) -> None:
    path = models.save(models.branches(), tmp_path / "m.onnx")
    np.savez(tmp_path / "yes.npz", x=np.ones((2, 32), np.float32), positive=np.array(True))
    np.savez(tmp_path / "no.npz", x=np.ones((2, 32), np.float32), positive=np.array(False))
    manifest = run(path, tmp_path / "site", samples=(tmp_path / "yes.npz", tmp_path / "no.npz")).manifest
    variant = manifest["variants"][0]
    assert sum(shard["decoded_bytes"] for entry in variant["weights"] for shard in entry["content"]) >= 2 * 32 * 32 * 4
    assert variant["parity"]["samples"] == 2
    assert variant["parity"]["generated"] is False


def test_without_a_browser_it_says_how_to_get_one(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from packager import parity

    monkeypatch.setattr(parity, "browser_reason", lambda: "Playwright is not installed")
    result = run(model, tmp_path / "site", browser="auto")
    assert result.manifest["variants"][0]["parity"]["proof"] == "native"
    assert any("packager[browser]" in warning for warning in result.warnings)


def test_a_notebook_builds(model: Path, tmp_path: Path) -> None:
    """Where a loop runs in the calling thread already."""

    async def cell() -> dict[str, Any]:
        return dict(build(BuildOptions(model, tmp_path / "site", browser="required")).manifest)

    (variant, *_) = asyncio.run(cell())["variants"]
    assert variant["parity"]["proof"] == "browser"


def test_a_required_browser_that_is_not_there_fails(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKAGER_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(MissingToolError, match="PACKAGER_CHROMIUM"):
        run(model, tmp_path / "site", browser="required")
    assert not (tmp_path / "site").exists()


def test_an_old_bundle_survives_a_full_disk(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(model, tmp_path / "site")
    before = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    write_bytes = Path.write_bytes
    written = 0

    def full(self: Path, data: bytes) -> int:
        nonlocal written
        written += len(data)
        if written > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BuildError, match="No space left on device"):
        run(model, tmp_path / "site", name="New")
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "site"]


def test_a_model_that_cannot_run_on_the_samples(tmp_path: Path) -> None:
    path = models.save(models.make(
        [onnx.helper.make_node("Reshape", ["x", "s"], ["y"])],
        {"x": (1, ["n", 4])}, {"y": (1, [3, 3])}, {"s": np.array([3, 3])},
    ), tmp_path / "m.onnx")  # fmt: skip
    with pytest.raises(InputError, match="does not run on the sample inputs.*--sample"):
        run(path, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_shared_content_is_written_once(tmp_path: Path) -> None:
    from packager.lowered import Item

    store = Shards(tmp_path, 65536)
    assert store.write([Item(b"same" * 100)]) == store.write([Item(b"same" * 100)])
    assert len(list((tmp_path / "shards").iterdir())) == 1


def test_types_are_the_models_own(model: Path, tmp_path: Path) -> None:
    run(model, tmp_path / "site")
    text = (tmp_path / "site" / "packager.d.ts").read_text()
    assert 'type ModelTask = "tensor";' in text
    assert '/** [batch, 96] */\n  "x": Tensor<"float32">;' in text


def test_the_manifest_says_nothing_of_the_machine(model: Path, tmp_path: Path) -> None:
    text = json.dumps(run(model, tmp_path / "site").manifest)
    assert str(tmp_path) not in text
