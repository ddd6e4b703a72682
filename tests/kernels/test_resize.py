"""Resizing against onnxruntime, in every mode, up and down; resampling from tables against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from packager.lower._kernels import OPERATIONS
from tests.kernels.harness import run, run_everywhere

_RNG = np.random.default_rng(31)
_IMAGES = [(1, 5, 7, 3), (2, 4, 6, 1), (1, 8, 9, 17), (1, 1, 1, 4)]
# Factors that put no place just between two pixels, where the last digit of the arithmetic would decide.
_NEAREST_SCALES = [(2.0, 2.0), (0.5, 3.0), (1.25, 4.0), (3.0, 2.0)]
_SCALES = [(2.0, 2.0), (1.5, 0.6), (0.5, 3.0), (0.3, 0.7), (1.0, 1.0)]


def _random(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


def _reference(x: np.ndarray, scales: tuple[float, float], mode: str, by_sizes: bool, **attributes: Any) -> np.ndarray:
    """Resize NHWC through onnxruntime."""
    factors = np.array([1, 1, *scales], np.float32)
    sizes = np.array(
        [x.shape[0], x.shape[3], *(max(1, int(n * s)) for n, s in zip(x.shape[1:3], scales, strict=True))], np.int64
    )
    inputs = ["x", "", "", "sizes"] if by_sizes else ["x", "", "scales"]
    node = helper.make_node("Resize", inputs, ["y"], mode=mode, **attributes)
    constant = onnx.numpy_helper.from_array(sizes if by_sizes else factors, "sizes" if by_sizes else "scales")
    x_info, y_info = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [None] * 4) for n in "xy")
    graph = helper.make_graph([node], "resize", [x_info], [y_info], [constant])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2))})[0].transpose(0, 2, 3, 1)
    return result


def _resize(kernel: str, x: np.ndarray, expected: np.ndarray, scales: tuple[float, float], **values: Any) -> np.ndarray:
    batch, height, width, channels = x.shape
    sizes = {"batch": batch, "height": height, "width": width, "channels": channels, "x_pixel": channels, "y_pixel": channels}
    out = {"out_height": expected.shape[1], "out_width": expected.shape[2], "scale_y": scales[0], "scale_x": scales[1]}
    return run_everywhere(kernel, x=x, **sizes, **out, **values)[0].reshape(expected.shape)


@pytest.mark.parametrize("by_sizes", [False, True])
@pytest.mark.parametrize("scales", _NEAREST_SCALES, ids=str)
@pytest.mark.parametrize("coordinate", OPERATIONS["coordinate"])
def test_nearest(coordinate: str, scales: tuple[float, float], by_sizes: bool) -> None:
    given = (0.0, 0.0) if by_sizes else scales
    for image in _IMAGES:
        x = _random(*image)
        if min(image[1] * scales[0], image[2] * scales[1]) < 1:
            continue
        for rounding, name in enumerate(OPERATIONS["rounding"]):
            modes = {"coordinate_transformation_mode": coordinate, "nearest_mode": name}
            expected = _reference(x, scales, "nearest", by_sizes, **modes)
            place = OPERATIONS["coordinate"].index(coordinate)
            y = _resize("resize_nearest", x, expected, given, coordinate=place, rounding=rounding)
            np.testing.assert_array_equal(y, expected, err_msg=f"{image} {name}")


@pytest.mark.parametrize("by_sizes", [False, True])
@pytest.mark.parametrize("scales", _SCALES, ids=str)
@pytest.mark.parametrize("coordinate", [c for c in OPERATIONS["coordinate"] if c != "tf_half_pixel_for_nn"])
def test_linear_and_cubic(coordinate: str, scales: tuple[float, float], by_sizes: bool) -> None:
    given = (0.0, 0.0) if by_sizes else scales
    place = OPERATIONS["coordinate"].index(coordinate)
    for image in _IMAGES:
        x = _random(*image)
        if min(image[1] * scales[0], image[2] * scales[1]) < 1:
            continue
        expected = _reference(x, scales, "linear", by_sizes, coordinate_transformation_mode=coordinate)
        y = _resize("resize_linear", x, expected, given, coordinate=place)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
        for outside in (0, 1):
            modes = {"coordinate_transformation_mode": coordinate, "cubic_coeff_a": -0.6, "exclude_outside": outside}
            expected = _reference(x, scales, "cubic", by_sizes, **modes)
            y = _resize("resize_cubic", x, expected, given, coordinate=place, exclude_outside=outside, a=-0.6)
            np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_into_a_wider_tensor() -> None:
    x = _random(1, 3, 4, 5)
    sizes: dict[str, Any] = {
        "batch": 1,
        "height": 3,
        "width": 4,
        "channels": 5,
        "x_pixel": 5,
        "y_pixel": 8,
        "out_height": 6,
        "out_width": 8,
    }
    for kernel in ("resize_nearest", "resize_linear"):
        (y,) = run_everywhere(kernel, x=x, **sizes, coordinate=0)
        (plain,) = run(kernel, x=x, **sizes | {"y_pixel": 5}, coordinate=0)
        padded = np.concatenate([y, np.zeros(3, np.float32)]).reshape(-1, 8)
        np.testing.assert_array_equal(padded[:, :5], plain.reshape(-1, 5))


@pytest.mark.parametrize("shape", [(1, 5, 1), (2, 7, 3), (3, 4, 16)], ids=str)
def test_resample(shape: tuple[int, int, int]) -> None:
    x, weight = _random(*shape), _random(6, 4)
    index = _RNG.integers(-2, shape[1] + 2, (6, 4)).astype(np.int32)
    sizes = dict(zip(("outer", "size", "inner"), shape, strict=True))
    (y,) = run_everywhere("resample", x=x, index=index, weight=weight, **sizes, out_size=6, taps=4)
    expected = np.einsum("oitj,it->oij", x[:, np.clip(index, 0, shape[1] - 1)], weight)
    np.testing.assert_allclose(y, expected.reshape(-1), rtol=1e-5, atol=1e-5)
