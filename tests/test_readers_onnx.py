import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from packager.errors import InputError
from packager.readers import read
from tests import models


def refuses(path: Path, message: str, **options) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(path, **options)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_reads_signature_and_names_unnamed_dims(tmp_path: Path) -> None:
    proto = models.dense()
    proto.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    model = read(models.save(proto, tmp_path / "m.onnx"))
    assert model.signature == {
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["x_0", 8]}],
        "outputs": [{"name": "y", "dtype": "float32", "shape": ["batch", 3]}],
    }
    assert model.opset == 17


def test_a_dimension_can_be_fixed(tmp_path: Path) -> None:
    path = models.save(models.dense(), tmp_path / "m.onnx")
    assert read(path, {"batch": 5}).signature["outputs"][0]["shape"] == [5, 3]
    refuses(path, "no.*|No input has a symbolic dimension 'rows'", dims={"rows": 2})


def test_every_dtype_has_a_name(tmp_path: Path) -> None:
    model = read(models.save(models.every_dtype(), tmp_path / "m.onnx"))
    assert [entry["name"] for entry in model.signature["inputs"]] == [entry["dtype"] for entry in model.signature["inputs"]]


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"PK\x03\x04" * 20, b"<!doctype html>" * 9])
def test_what_is_not_onnx(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    refuses(tmp_path / "m.onnx", "not an ONNX file")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    data = models.layers().SerializeToString()
    (tmp_path / "m.onnx").write_bytes(data[: int(len(data) * share)])
    refuses(tmp_path / "m.onnx", "not an ONNX file, or it was cut short")


def test_missing_file_folder_and_other_formats(tmp_path: Path) -> None:
    refuses(tmp_path / "none.onnx", "no such file")
    refuses(tmp_path, "is a folder")
    (tmp_path / "m.tflite").write_bytes(b"TFL3")
    refuses(tmp_path / "m.tflite", "TFLite files cannot be read.*ONNX")


def test_empty_graph(tmp_path: Path) -> None:
    proto = models.make([], {"x": (TensorProto.FLOAT, [1])}, {"x": (TensorProto.FLOAT, [1])})
    refuses(models.save(proto, tmp_path / "m.onnx"), "graph is empty")


@pytest.mark.parametrize("opset", [1, 6, 99])
def test_unsupported_opset(tmp_path: Path, opset: int) -> None:
    proto = models.dense()
    proto.opset_import[0].version = opset
    refuses(models.save(proto, tmp_path / "m.onnx"), f"Opset {opset} is not supported")


def test_unknown_domain_names_the_node(tmp_path: Path) -> None:
    proto = models.dense()
    proto.graph.node[0].domain = "com.example"
    proto.graph.node[0].name = "head"
    refuses(models.save(proto, tmp_path / "m.onnx"), "Gemm 'head'.*'com.example'")


def test_tensor_of_strings(tmp_path: Path) -> None:
    proto = models.make(
        [helper.make_node("Identity", ["x"], ["y"])], {"x": (TensorProto.STRING, ["n"])}, {"y": (TensorProto.STRING, ["n"])}
    )
    refuses(models.save(proto, tmp_path / "m.onnx"), "'x' is a tensor of strings")


def test_a_sequence_output_says_what_to_do(tmp_path: Path) -> None:
    proto = models.dense()
    proto.graph.output[0].CopyFrom(
        helper.make_value_info("y", helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None)))
    )
    refuses(models.save(proto, tmp_path / "m.onnx"), "'y' is not a tensor.*zipmap")


def with_external_data(folder: Path) -> Path:
    return models.save(
        models.layers(),
        folder / "m.onnx",
        save_as_external_data=True,
        location="m.data",
        size_threshold=0,
        convert_attribute=True,
    )


def test_external_data_is_loaded(tmp_path: Path) -> None:
    model = read(with_external_data(tmp_path))
    inside = read(models.save(models.layers(), tmp_path / "whole.onnx"))
    for one, other in zip(model.proto.graph.initializer, inside.proto.graph.initializer, strict=True):
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(one), onnx.numpy_helper.to_array(other))


def test_missing_external_data(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    (tmp_path / "m.data").unlink()
    refuses(path, "'m.data' of the tensor 'w0' is missing")


def test_external_data_cut_short(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    (tmp_path / "m.data").write_bytes((tmp_path / "m.data").read_bytes()[:1000])
    refuses(path, "wants bytes 0 to 36864 of 'm.data', which has 1000")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "..\\secret", "C:\\secret", "", "link"])
def test_external_data_outside_the_folder(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 200_000)
    os.symlink(tmp_path / "secret", folder / "link")
    path = with_external_data(folder)
    proto = onnx.load(str(path), load_external_data=False)
    for tensor in proto.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = location
    path.write_bytes(proto.SerializeToString())
    refuses(path, "outside the model's folder")


def test_hostile_offsets(tmp_path: Path) -> None:
    path = with_external_data(tmp_path)
    proto = onnx.load(str(path), load_external_data=False)
    next(entry for entry in proto.graph.initializer[0].external_data if entry.key == "offset").value = "-5"
    path.write_bytes(proto.SerializeToString())
    refuses(path, "offset must be non-negative")
    next(entry for entry in proto.graph.initializer[0].external_data if entry.key == "offset").value = "nonsense"
    path.write_bytes(proto.SerializeToString())
    refuses(path, "described wrongly")


def test_a_constant_of_a_type_that_onnx_does_not_have(tmp_path: Path) -> None:
    proto = models.dense()
    proto.graph.initializer[0].data_type = -1
    refuses(models.save(proto, tmp_path / "m.onnx"), r"'w' has the type -1, which ONNX does not have")


def test_packed_constants_are_counted_in_bits(tmp_path: Path) -> None:
    known = set(TensorProto.DataType.keys())
    for name, bits in [("UINT4", 4), *([("INT2", 2)] if "INT2" in known else [])]:
        proto = models.dense()
        size = (5 * bits + 7) // 8
        proto.graph.initializer.add(name="q", data_type=TensorProto.DataType.Value(name), dims=[5], raw_data=bytes(size))
        read(models.save(proto, tmp_path / "m.onnx"))
        proto.graph.initializer[-1].raw_data = bytes(size + 1)
        refuses(models.save(proto, tmp_path / "m.onnx"), f"'q' holds {size + 1} bytes, and its shape .* asks for {size}")


def test_numbers_that_are_no_raw_bytes_are_counted(tmp_path: Path) -> None:
    proto = models.dense()
    tensor = proto.graph.initializer[0]
    numbers = np.frombuffer(tensor.raw_data, np.float32)
    tensor.ClearField("raw_data")
    tensor.float_data.extend(numbers)
    read(models.save(proto, tmp_path / "m.onnx"))
    del tensor.float_data[-1]
    refuses(models.save(proto, tmp_path / "m.onnx"), f"'w' holds {len(numbers) - 1} numbers, and its shape .* asks for")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(models.dense().SerializeToString().replace(b"Gemm", b"Gem\xed"))
    refuses(path, r"op_type b'Gem\\xed'")
