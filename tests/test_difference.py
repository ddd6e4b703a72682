"""What an update costs a returning visitor: `diff` says it, and `build --update` keeps it small."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from packager import BuildOptions, build
from packager.cli import main
from packager.difference import diff
from packager.lowered import Kept, group
from tests import models

if TYPE_CHECKING:
    from pathlib import Path

SHARD = 256 * 2**10


def make(folder: Path, name: str, proto: onnx.ModelProto, **options: Any) -> Path:
    model = models.save(proto, folder / f"{name}.onnx")
    build(BuildOptions(model, folder / name, name="m", browser="off", shard_size=SHARD, **options))
    return folder / name


def deeper(proto: onnx.ModelProto) -> onnx.ModelProto:
    """With one more layer in front."""
    whole = onnx.ModelProto()
    whole.CopyFrom(proto)
    matrix = np.eye(96, dtype=np.float32) + np.float32(0.01)
    whole.graph.initializer.append(numpy_helper.from_array(matrix, "first"))
    whole.graph.node[0].input[0] = "more"
    whole.graph.node.insert(0, helper.make_node("MatMul", ["x", "first"], ["more"]))
    return whole


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("old"), "old", models.layers(count=16))


def weights(found: Any) -> tuple[int, int]:
    """Shards of weights that are fetched, and that are kept."""
    (variant,) = found.variants
    return sum(part.new for part in variant.weights), sum(part.kept for part in variant.weights)


def test_nothing_changed_costs_nothing(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = make(tmp_path, "again", models.layers(count=16))
    found = diff(old, again)
    assert (found.old, found.page.new_bytes, found.manifest.new_bytes, found.variants[0].new_bytes) == (found.new, 0, 0, 0)
    assert main(["diff", str(old), str(again)]) == 0
    assert "Nothing changed" in capsys.readouterr().out


def test_a_changed_tensor_is_named_and_costs_its_group(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proto = models.layers(count=16)
    changed = numpy_helper.to_array(proto.graph.initializer[15]) * np.float32(2)
    proto.graph.initializer[15].CopyFrom(numpy_helper.from_array(changed, "w15"))
    new = make(tmp_path, "new", proto)
    found = diff(old, new)
    assert weights(found) == (1, 2)
    assert [part.tensors for part in found.variants[0].weights if part.new] == [["w15"]]
    assert found.variants[0].engine.new_bytes == 0
    assert found.variants[0].graph.new_bytes == 0
    assert found.page.new_bytes == 0, "the page does not depend on the weights"
    assert found.manifest.new_bytes == sum((new / name).stat().st_size for name in ("manifest.json", "sw.js"))
    assert main(["diff", str(old), str(new), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["variants"][0]["weights"][2]["tensors"] == ["w15"]
    assert main(["diff", str(old), str(new)]) == 0
    assert "1 of 1 shards" in capsys.readouterr().out


def test_an_inserted_layer_costs_that_layer(old: Path, tmp_path: Path) -> None:
    proto = deeper(models.layers(count=16))
    assert weights(diff(old, make(tmp_path, "plain", proto)))[1] == 0, "all groups are shifted"
    guided = make(tmp_path, "guided", proto, update=old)
    found = diff(old, guided)
    assert weights(found) == (1, 3)
    assert [part.tensors for part in found.variants[0].weights if part.new] == [["first"]]
    # And the layer taken out again.
    assert weights(diff(guided, make(tmp_path, "back", models.layers(count=16), update=guided))) == (0, 3)


def test_an_update_of_what_is_no_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = models.save(models.dense(), tmp_path / "m.onnx")
    assert main(["build", str(model), "-o", str(tmp_path / "site"), "--update", str(tmp_path / "none")]) == 2
    assert "This is not a bundle" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def contents(items: list[bytes], limit: int, kept: Kept) -> list[Any]:
    """What a bundle's manifest says of the groups."""
    wholes = [b"".join(items[index] for index in indices) for indices in group(items, limit, kept)]
    return [[{"sha256": hashlib.sha256(whole).hexdigest(), "decoded_bytes": len(whole)}] for whole in wholes]


@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=40), place=st.integers(0, 40), change=st.sampled_from("id"))
def test_what_did_not_change_is_cut_as_it_was(sizes: list[int], place: int, change: str) -> None:
    kib = 2**13
    items = [index.to_bytes(2, "big") * (size * kib // 2) for index, size in enumerate(sizes)]
    before = contents(items, 20 * kib, Kept())
    at = place % len(items)
    touched = next(index for index, indices in enumerate(group(items, 20 * kib, Kept())) if at in indices)
    after = [*items[:at], b"new" * kib, *items[at:]] if change == "i" else [*items[:at], *items[at + 1 :]]
    left = contents(after, 20 * kib, Kept(before))
    for index, content in enumerate(before):
        if index != touched and content[0]["decoded_bytes"] >= 64 * 2**10:
            assert content in left
