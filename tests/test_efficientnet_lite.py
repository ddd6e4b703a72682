"""The checkpoint reader runs nothing, and the graph made of EfficientNet-Lite0's checkpoint is the network."""

from __future__ import annotations

import io
import json
import pickle
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from PIL import Image

from packager import BuildOptions, build
from packager.errors import InputError
from scripts.models.catalogue import by_name
from scripts.models.checkpoint import read_state_dict
from scripts.models.efficientnet_lite import efficientnet_lite0
from scripts.models.prepare import prepare

if TYPE_CHECKING:
    from pathlib import Path

MAGIC, VERSION, MACHINE = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}


class Storage:
    """Stands for a storage of torch in the files that the tests write."""

    def __init__(self, kind: str, key: str, elements: np.ndarray) -> None:
        self.pid = ("storage", getattr(sys.modules["torch"], kind), key, "cpu", elements.size, None)
        self.data = elements.size.to_bytes(8, "little") + elements.tobytes()


class Call:
    """Pickles as a call of `function`, which runs when the file is read by plain pickle."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, Storage) else None


def pickled(*values: Any) -> bytes:
    file = io.BytesIO()
    for value in values:
        Pickler(file, protocol=2).dump(value)
    return file.getvalue()


@pytest.fixture
def rebuild(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The names of torch that a checkpoint refers to, in modules that hold nothing else."""

    def _rebuild_tensor_v2() -> None:
        raise AssertionError("never called: the reader has its own")

    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage", "QInt8Storage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    torch._utils = utils  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return _rebuild_tensor_v2


def checkpoint(tensors: Any, *storages: Storage) -> bytes:
    keys = [storage.pid[2] for storage in storages]
    return pickled(MAGIC, VERSION, MACHINE, tensors, keys) + b"".join(s.data for s in storages)


def test_reads_tensors_with_their_offsets_and_strides(rebuild: Any) -> None:
    numbers, counts = np.arange(8, dtype="<f4"), np.array([7], "<i8")
    floats, longs = Storage("FloatStorage", "1", numbers), Storage("LongStorage", "2", counts)
    tensors = {
        "transposed": Call(rebuild, floats, 2, (2, 3), (1, 2), False, {}),
        "count": Call(rebuild, longs, 0, (), (), False, {}),
        "none": Call(rebuild, floats, 0, (0, 3), (3, 1), False, {}),
    }
    state = read_state_dict(checkpoint(tensors, floats, longs))
    assert state["transposed"].tolist() == [[2, 4, 6], [3, 5, 7]]
    assert state["transposed"].flags.c_contiguous
    assert (state["count"].dtype, state["count"].item()) == (np.int64, 7)
    assert state["none"].shape == (0, 3)


@pytest.mark.parametrize("function", [exec, eval, __import__, getattr, print, io.open, pickle.loads, np.save])
@pytest.mark.parametrize("place", range(5))
def test_runs_nothing_that_a_checkpoint_names(function: Any, place: int, tmp_path: Path) -> None:
    """Whichever of the five pickles asks for it."""
    witness = tmp_path / "ran"
    parts: list[Any] = [MAGIC, VERSION, MACHINE, {}, []]
    parts[place] = Call(function, f"open({str(witness)!r}, 'w')")
    with pytest.raises(InputError, match="was not run"):
        read_state_dict(pickled(*parts))
    assert not witness.exists()


def test_refuses_names_beside_those_it_admits(rebuild: Any) -> None:
    nearby = [
        b"\x80\x04\x8c\x0bcollections\x8c\x07Counter\x93)R.",
        b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93)R.",
        b"\x80\x02ctorch\nQInt8Storage\n.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor\n.",
    ]
    for payload in nearby:
        with pytest.raises(InputError, match="was not run"):
            read_state_dict(pickled(MAGIC, VERSION, MACHINE) + payload)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(5, (2, 2), (2, 1)), (0, (9,), (1,)), (-1, (2,), (1,)), (7, (2,), (-1,)), (0, (1 << 40, 1 << 40), (1, 1)), (9, (), ())],
)
def test_refuses_a_tensor_outside_its_storage(rebuild: Any, offset: int, shape: Any, strides: Any) -> None:
    storage = Storage("FloatStorage", "1", np.arange(8, dtype="<f4"))
    with pytest.raises(InputError, match="outside its storage"):
        read_state_dict(checkpoint({"w": Call(rebuild, storage, offset, shape, strides, False, {})}, storage))


def test_refuses_what_is_no_checkpoint(rebuild: Any) -> None:
    storage = Storage("FloatStorage", "1", np.arange(8, dtype="<f4"))
    good = checkpoint({"w": Call(rebuild, storage, 0, (8,), (1,), False, {})}, storage)
    assert read_state_dict(good)["w"].tolist() == list(range(8))
    for size in range(len(good)):
        with pytest.raises(InputError):
            read_state_dict(good[:size])
    for bad in (b"PK\x03\x04", pickled(1, 2, 3, {}, []), pickled(MAGIC, VERSION, MACHINE, [1], []), checkpoint({"w": 1})):
        with pytest.raises(InputError):
            read_state_dict(bad)


@pytest.fixture(scope="module")
def folder() -> Path:
    return prepare(by_name("efficientnet-lite0"))


def probabilities(folder: Path, picture: str) -> dict[str, float]:
    """By label, of the middle square as the network was trained: 224/256 of the short side, then resized."""
    with Image.open(folder / "samples" / picture) as file:
        image = file.convert("RGB")
    side = min(image.size) * 224 // 256
    left, top = ((size - side) // 2 for size in image.size)
    image = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    pixels = (np.asarray(image, np.float32) - 127) / 128
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(None, {"image": pixels.transpose(2, 0, 1)[None]})[0][0].astype(np.float64)
    shares = np.exp(logits - logits.max())
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    return dict(zip(labels, shares / shares.sum(), strict=True))


@pytest.mark.parametrize(
    ("picture", "label", "share"),
    [
        ("coffee.png", "espresso", 0.95),
        ("motorcycle.png", "moped", 0.53),
        ("flower.jpg", "daisy", 0.33),
        ("china.jpg", "palace", 0.36),
    ],
)
def test_sees_what_is_in_the_pictures(folder: Path, picture: str, label: str, share: float) -> None:
    found = probabilities(folder, picture)
    assert max(found, key=found.__getitem__) == label
    assert found[label] == pytest.approx(share, abs=0.005)


def test_sees_a_cat(folder: Path) -> None:
    found = probabilities(folder, "chelsea.png")
    assert sorted(found, key=found.__getitem__)[:-4:-1] == ["tiger cat", "Egyptian cat", "tabby"]


def test_has_a_symbolic_batch_and_no_parameter_unused(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == ["batch", 3, 224, 224]
    assert model.opset_import[0].version == 17
    used = {name for node in model.graph.node for name in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used
    trained = [t for t in model.graph.initializer if t.name.endswith((".weight", ".bias"))]
    assert sum(int(np.prod(tensor.dims)) for tensor in trained) == 4_652_008


def test_refuses_a_checkpoint_of_another_network() -> None:
    with pytest.raises(KeyError, match="_conv_stem"):
        efficientnet_lite0({"weight": np.zeros(1, np.float32)})


def shards_of(model: onnx.ModelProto, folder: Path) -> dict[str, int]:
    """Decoded bytes of each shard of the graph and the weights, by its file's path, in a bundle of the model."""
    folder.mkdir()
    onnx.save(model, folder / "model.onnx")
    (variant,) = build(BuildOptions(folder / "model.onnx", folder / "site", browser="off")).manifest["variants"]
    contents = [variant["graph"], *(weights["content"] for weights in variant["weights"])]
    sizes = {shard["sha256"]: shard["decoded_bytes"] for content in contents for shard in content}
    paths = {path.name.split(".")[0]: path for path in (folder / "site" / "shards").iterdir()}
    return {paths[sha256].name: size for sha256, size in sizes.items()}


@pytest.fixture(scope="module")
def published(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    return shards_of(onnx.load(folder / "model.onnx"), tmp_path_factory.mktemp("published") / "bundle")


def test_the_same_model_gives_the_same_shards(folder: Path, published: dict[str, int], tmp_path: Path) -> None:
    assert shards_of(onnx.load(folder / "model.onnx"), tmp_path / "again") == published


@pytest.mark.parametrize(("name", "shards", "size"), [("_fc.weight", 2, 1000 * 1280 * 4), ("_fc.bias", 1, None)])
def test_a_change_of_the_head_changes_only_its_shards(
    folder: Path, published: dict[str, int], tmp_path: Path, name: str, shards: int, size: int | None
) -> None:
    model = onnx.load(folder / "model.onnx")
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.5), name))
    changed = shards_of(model, tmp_path / "changed")
    assert len(published.keys() - changed.keys()) == len(changed.keys() - published.keys()) == shards
    fresh = sum(changed[shard] for shard in changed.keys() - published.keys())
    assert size is None or fresh == size
