from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from packager import BuildOptions, tasks
from packager.errors import InputError
from packager.readers import read
from packager.samples import calibration, collect
from tests import models


def setting(tmp_path: Path, proto, **options):
    path = models.save(proto, tmp_path / "m.onnx")
    model = read(path)
    return model, tasks.configure(model, BuildOptions(model=path, output=tmp_path / "site", **options), lambda text: None)


def test_made_up_tensors_fit_and_repeat(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.every_dtype())
    first, again = collect(model, task, ()), collect(model, task, ())
    for entry in model.signature["inputs"]:
        array = first[0].tensors[entry["name"]]
        assert str(array.dtype) == entry["dtype"]
        assert array.shape == (2, 3)
        np.testing.assert_array_equal(array, again[0].tensors[entry["name"]])


def test_a_free_dimension_needs_a_value(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.convolution(batch="batch", size="height"))
    with pytest.raises(InputError, match=r"symbolic dimension 'height' of the input 'image'.*--dim height=VALUE.*--sample"):
        collect(model, task, ())


def test_arrays_are_read_and_checked(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.dense())
    good, other = np.ones((4, 8), np.float32), tmp_path / "other.npz"
    np.save(tmp_path / "x.npy", good)
    np.savez(tmp_path / "x.npz", x=good.astype(np.float64))
    for name in ("x.npy", "x.npz"):
        (sample,) = collect(model, task, (tmp_path / name,))
        assert sample.tensors["x"].dtype == np.float32
        assert sample.tensors["x"].shape == (4, 8)

    def refused(message: str, **arrays: np.ndarray) -> None:
        np.savez(other, **arrays)
        with pytest.raises(InputError, match=message):
            collect(model, task, (other,))

    refused(r"no array for the input 'x'.*It holds: z", z=good)
    refused(r"no input 'z'", x=good, z=good)
    refused(r"shape \[8, 4\]; the model takes float32 \[batch, 8\]", x=good.T)
    refused(r"is int64; the model takes float32", x=good.astype(np.int64))
    other.write_bytes(b"not a zip")
    with pytest.raises(InputError, match="cannot be read"):
        collect(model, task, (other,))


def test_pickled_arrays_are_not_run(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.dense())
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        collect(model, task, (tmp_path / "x.npy",))


def test_one_array_for_several_inputs(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.branches())
    np.save(tmp_path / "x.npy", np.ones((1, 32), np.float32))
    with pytest.raises(InputError, match="holds one array, and the model has 2 inputs"):
        collect(model, task, (tmp_path / "x.npy",))


def test_pictures_and_lines_go_to_their_task(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.convolution(), task="image-classification")
    Image.new("RGB", (40, 30), (200, 10, 10)).save(tmp_path / "red.png")
    (sample,) = collect(model, task, (tmp_path / "red.png",))
    assert (sample.kind, sample.name, sample.tensors["image"].shape) == ("picture", "red", (1, 3, 16, 16))
    (tmp_path / "lines.txt").write_text("one\n")
    with pytest.raises(InputError, match=r"'\.txt' file is no sample for the task image-classification"):
        collect(model, task, (tmp_path / "lines.txt",))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"broken\.png"):
        collect(model, task, (tmp_path / "broken.png",))


def test_few_pictures_lend_their_parts_to_the_calibration(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.convolution(), task="image-classification")
    folder = tmp_path / "pictures"
    folder.mkdir()
    with pytest.raises(InputError, match="--calibration names a folder without inputs"):
        calibration(model, task, folder, [])
    half = np.zeros((60, 80, 3), np.uint8)
    half[:, 40:] = 255
    Image.fromarray(half).save(folder / "half.png")
    Image.new("RGB", (1, 1)).save(folder / "point.png")
    found, again = calibration(model, task, folder, []), calibration(model, task, folder, [])
    assert len(found) == 128
    assert all(feed["image"].shape == (1, 3, 16, 16) for feed in found)
    # Some parts lie in one half alone, and a mirrored one has its light half on the other side.
    left_is_darker = {np.sign(feed["image"][..., 0].mean() - feed["image"][..., -1].mean()) for feed in found}
    assert left_is_darker == {-1, 0, 1}
    assert all(np.array_equal(first["image"], second["image"]) for first, second in zip(found, again, strict=True))
    assert len(calibration(model, task, None, collect(model, task, (folder / "half.png",)))) == 128


def test_arrays_are_the_calibration_as_they_are(tmp_path: Path) -> None:
    model, task = setting(tmp_path, models.dense())
    samples = collect(model, task, ())
    assert calibration(model, task, None, samples) == [sample.tensors for sample in samples]
