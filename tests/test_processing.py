from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from packager.errors import InputError
from packager.processing import classify, create_text_preprocessor, embed, preprocess_image, read_picture
from packager.processing.image import resized_size
from tests.golden.generate import FOLDER, golden

if TYPE_CHECKING:
    from pathlib import Path


def cases(file: str) -> list[Any]:
    return [pytest.param(case, id=str(i)) for i, case in enumerate(load(file)["cases"])]


def load(file: str) -> Any:
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))


def array(encoded: str, dtype: str, shape: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(encoded), dtype).reshape(shape)


PICTURES = {p["name"]: array(p["rgb"], "uint8", (p["height"], p["width"], 3)) for p in load("pictures.json")["pictures"]}
TOKENIZERS = {each["name"]: json.dumps(each["content"]).encode() for each in load("texts.json")["tokenizers"]}
SPEC: Any = {
    "input": "x",
    "fit": "cover",
    "resize_height": 4,
    "resize_width": 4,
    "filter": "bilinear",
    "height": 4,
    "width": 4,
    "layout": "nhwc",
    "channels": "rgb",
    "scale": 1.0,
    "mean": [0.0],
    "std": [1.0],
}
TEXTS: Any = {"max_length": 8, "pad_to": None, "pad_id": 0, "inputs": {"ids": "ids", "mask": None, "types": None}}
CLASSES: Any = {"output": "y", "activation": "softmax", "top_k": 2, "labels": None}
VECTORS: Any = {"output": "y", "pooling": "mean", "normalize": True}


class TestGolden:
    def test_vectors_are_what_their_sources_give(self) -> None:
        for name, content in golden().items():
            assert (FOLDER / name).read_text(encoding="utf-8") == content, f"{name}: run python -m tests.golden.generate"

    @pytest.mark.parametrize("case", cases("pictures.json"))
    def test_pictures(self, case: Any) -> None:
        tensor = preprocess_image(PICTURES[case["picture"]], case["preprocess"])
        expected = (
            array(case["bytes"], "uint8", case["dims"]) if "bytes" in case else array(case["values"], "<f4", case["dims"])
        )
        assert tensor.dtype == np.float32
        assert tensor.flags.c_contiguous
        np.testing.assert_array_equal(tensor, expected.astype(np.float32))

    @pytest.mark.parametrize("case", cases("texts.json"))
    def test_texts(self, case: Any) -> None:
        tensors = create_text_preprocessor(TOKENIZERS[case["tokenizer"]], case["preprocess"])(case["texts"])
        assert {name: (list(t.shape), t.ravel().tolist()) for name, t in tensors.items()} == {
            name: (each["dims"], each["data"]) for name, each in case["tensors"].items()
        }
        assert {t.dtype for t in tensors.values()} == {np.dtype(np.int64)}

    @pytest.mark.parametrize("case", cases("classifications.json"))
    def test_classifications(self, case: Any) -> None:
        output = array(case["output"]["data"], case["output"]["dtype"], case["output"]["dims"])
        best = classify(output, case["postprocess"], case["labels"])
        assert [(each.index, each.label) for each in best] == [(each["index"], each["label"]) for each in case["best"]]
        np.testing.assert_allclose([each.score for each in best], [each["score"] for each in case["best"]], rtol=1e-12)

    @pytest.mark.parametrize("case", cases("embeddings.json"))
    def test_embeddings(self, case: Any) -> None:
        output = array(case["output"]["data"], case["output"]["dtype"], case["output"]["dims"])
        mask = None if case["mask"] is None else np.array(case["mask"], np.int64)
        vectors = embed(output, mask, case["postprocess"])
        assert {vector.dtype for vector in vectors} == {np.dtype(np.float32)}
        np.testing.assert_allclose(vectors, case["vectors"], rtol=2e-7)


class TestPictures:
    @pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
    def test_lossless_file_gives_its_pixels(self, mode: str, tmp_path: Path) -> None:
        image = Image.fromarray(PICTURES["wide"]).convert(mode)
        image.save(tmp_path / "picture.png")
        np.testing.assert_array_equal(read_picture(tmp_path / "picture.png"), np.asarray(image.convert("RGB")))

    def test_transparency_is_blended_over_white(self) -> None:
        rgba = np.array([[[255, 0, 0, 0], [255, 0, 0, 255], [0, 100, 200, 51], [10, 10, 10, 128]]], np.uint8)
        expected = [[255, 255, 255], [255, 0, 0], [204, 224, 244], [132, 132, 132]]
        assert read_picture(_encoded(Image.fromarray(rgba))).tolist() == [expected]

    def test_sixteen_bits_of_gray_are_scaled_to_eight(self) -> None:
        gray = np.array([[0, 255, 256, 65535]], np.uint16)
        assert read_picture(_encoded(Image.fromarray(gray)))[0, :, 0].tolist() == [0, 0, 1, 255]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_orientation_is_applied(self, orientation: int) -> None:
        upright = PICTURES["wide"]
        turned = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.transpose(1, 0, 2),
            6: np.rot90(upright),
            7: upright[::-1, ::-1].transpose(1, 0, 2),
            8: np.rot90(upright, -1),
        }[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = _encoded(Image.fromarray(np.ascontiguousarray(turned)), exif=exif)
        np.testing.assert_array_equal(read_picture(content), upright)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "cannot be decoded"),
            (b"GIF89a", "cannot be decoded"),
            (b"\x89PNG\r\n\x1a\n" + bytes(40), "cannot be decoded"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be decoded"),
        ],
    )
    def test_what_is_no_picture_is_refused(self, content: bytes, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_picture(content)

    def test_truncated_file_is_refused(self, tmp_path: Path) -> None:
        content = _encoded(Image.fromarray(PICTURES["wide"]), "JPEG")
        (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match=r"cut\.jpg"):
            preprocess_image(tmp_path / "cut.jpg", SPEC)

    def test_enormous_picture_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        with pytest.raises(InputError, match="too large"):
            read_picture(_encoded(Image.fromarray(PICTURES["wide"])))

    def test_sliver_that_would_be_resized_to_gigabytes_is_refused(self) -> None:
        with pytest.raises(InputError, match="2000 by 1 would be resized to 80000 by 40"):
            preprocess_image(np.zeros((1, 2000, 3), np.uint8), {**SPEC, "resize_height": 40})

    @pytest.mark.parametrize(
        "wrong", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.float32), np.zeros((0, 2, 3), np.uint8)]
    )
    def test_array_that_is_no_picture_is_refused(self, wrong: Any) -> None:
        with pytest.raises(InputError, match="uint8 \\[height, width, 3\\]"):
            preprocess_image(wrong, SPEC)

    @pytest.mark.parametrize(("channels", "field", "figures"), [("rgb", "mean", [0.0, 0.0]), ("gray", "std", [1.0, 1.0, 1.0])])
    def test_figures_that_fit_no_channels_are_refused(self, channels: str, field: str, figures: list[float]) -> None:
        with pytest.raises(InputError, match=f"{field} has {len(figures)} entries"):
            preprocess_image(PICTURES["wide"], {**SPEC, "channels": channels, field: figures})

    @given(height=st.integers(1, 3000), width=st.integers(1, 3000), rows=st.integers(1, 40), columns=st.integers(1, 40))
    @settings(max_examples=60, deadline=None)
    def test_cover_fills_both_sides_and_wastes_less_than_a_pixel(
        self, height: int, width: int, rows: int, columns: int
    ) -> None:
        tall, wide = resized_size(height, width, {**SPEC, "resize_height": rows, "resize_width": columns})
        assert tall >= rows
        assert wide >= columns
        assert tall == rows or wide == columns
        # The aspect ratio is kept to within a pixel.
        assert abs(tall * width - wide * height) < max(width, height)


class TestTexts:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "not a tokenizer"),
            (b"[]", "not a tokenizer"),
            (b"{}", "not a tokenizer"),
            (b"\xff\xfe", "not a tokenizer"),
        ],
    )
    def test_what_is_no_tokenizer_is_refused(self, content: bytes, message: str) -> None:
        with pytest.raises(InputError, match=message):
            create_text_preprocessor(content, TEXTS)

    @pytest.mark.parametrize(
        ("part", "value", "message"),
        [
            ("normalizer", {"type": "Strip", "strip_left": True, "strip_right": True}, "normalizer Strip"),
            ("normalizer", {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}, "normalizer NFKC"),
            ("pre_tokenizer", {"type": "Whitespace"}, "pre_tokenizer Whitespace"),
            ("added_tokens", [{**json.loads(TOKENIZERS["bytes"])["added_tokens"][0], "single_word": True}], "single words"),
        ],
    )
    def test_what_the_page_would_tokenize_otherwise_is_refused(self, part: str, value: Any, message: str) -> None:
        content = json.dumps({**json.loads(TOKENIZERS["bytes"]), part: value}).encode()
        with pytest.raises(InputError, match=message):
            create_text_preprocessor(content, TEXTS)

    def test_no_room_for_special_tokens_is_refused(self) -> None:
        with pytest.raises(InputError, match="adds 2 special tokens, which is more than the 1"):
            create_text_preprocessor(TOKENIZERS["uncased"], {**TEXTS, "max_length": 1})

    def test_no_text_is_refused(self) -> None:
        with pytest.raises(InputError, match="There is no text"):
            create_text_preprocessor(TOKENIZERS["uncased"], TEXTS)([])


class TestOutputs:
    @pytest.mark.parametrize("output", [np.zeros((2, 3), np.float32), np.zeros((1, 0), np.float32), np.zeros((1, 3), np.int64)])
    def test_what_is_not_the_classes_of_one_picture_is_refused(self, output: Any) -> None:
        with pytest.raises(InputError, match="y: Classes are read from floating-point numbers of one picture"):
            classify(output, CLASSES, None)

    def test_labels_for_other_classes_are_refused(self) -> None:
        with pytest.raises(InputError, match="2 labels for 3 classes"):
            classify(np.zeros((1, 3), np.float32), CLASSES, ["a", "b"])

    def test_nan_comes_last(self) -> None:
        best = classify(np.array([np.nan, 1.0, np.nan, 2.0]), {**CLASSES, "activation": "none", "top_k": 4}, None)
        assert [each.index for each in best] == [3, 1, 0, 2]

    def test_infinities_are_no_warnings(self) -> None:
        huge = np.array([1e308, -1e308, np.inf, -np.inf])
        assert classify(huge, {**CLASSES, "top_k": 1}, None)[0].index == 2
        assert np.isfinite(classify(huge[:2], CLASSES, None)[0].score)
        assert embed(huge.reshape(1, 2, 2), None, VECTORS)[0].shape == (2,)

    @pytest.mark.parametrize(
        ("output", "mask", "message"),
        [
            (np.zeros((2, 3), np.float32), None, "rank 3"),
            (np.zeros((2, 0, 3), np.float32), None, "rank 3"),
            (np.zeros((2, 3, 4), np.int64), None, "floating-point"),
            (np.zeros((2, 3, 4), np.float32), np.ones((2, 4), np.int64), "mask is"),
        ],
    )
    def test_shapes_that_cannot_be_pooled_are_refused(self, output: Any, mask: Any, message: str) -> None:
        with pytest.raises(InputError, match=message):
            embed(output, mask, VECTORS)


def _encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
