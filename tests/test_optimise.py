from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from packager.optimise import optimise
from packager.readers import read
from tests import models


def run(proto, feed):
    return onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)


@pytest.mark.parametrize(
    ("proto", "feed"),
    [
        (models.dense(), {"x": np.ones((2, 8), np.float32)}),
        (models.convolution(), {"image": np.ones((1, 3, 16, 16), np.float32)}),
        (models.branches(), {"x": np.ones((2, 32), np.float32), "positive": np.array(True)}),
        (models.packed(), {"x": np.ones((3, 64), np.float32)}),
    ],
    ids=["dense", "convolution", "branches", "packed"],
)
def test_the_same_function_comes_out(tmp_path: Path, proto, feed) -> None:
    model = read(models.save(proto, tmp_path / "m.onnx"))
    warnings: list[str] = []
    optimised = optimise(model, warnings.append)
    assert warnings == []
    for before, after in zip(run(model.proto, feed), run(optimised.proto, feed), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
    assert [value.name for value in optimised.proto.graph.input] == [value.name for value in model.proto.graph.input]


def test_packed_weights_stay_packed(tmp_path: Path) -> None:
    model = read(models.save(models.packed(512, 512), tmp_path / "m.onnx"))
    optimised = optimise(model, print)
    assert optimised.proto.ByteSize() < model.proto.ByteSize() * 1.05


def test_a_graph_that_cannot_be_simplified_is_shipped_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxslim

    def fail(*args, **kwargs):
        raise RuntimeError("no such pattern\nmore")

    monkeypatch.setattr(onnxslim, "slim", fail)
    model = read(models.save(models.dense(), tmp_path / "m.onnx"))
    warnings: list[str] = []
    assert optimise(model, warnings.append) is model
    assert warnings == ["The graph could not be simplified (no such pattern) and is shipped as it was exported."]


def test_an_input_that_nothing_reads_any_more_stays(tmp_path: Path) -> None:
    proto = models.make(
        [onnx.helper.make_node("Shape", ["like"], ["s"]), onnx.helper.make_node("Reshape", ["x", "s"], ["y"])],
        {"x": (1, [2, 3]), "like": (1, [3, 2])},
        {"y": (1, [3, 2])},
    )
    model = read(models.save(proto, tmp_path / "m.onnx"))
    optimised = optimise(model, print)
    assert {value.name for value in optimised.proto.graph.input} == {"x", "like"}
    run(optimised.proto, {"x": np.ones((2, 3), np.float32), "like": np.ones((3, 2), np.float32)})
