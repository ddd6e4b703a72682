from pathlib import Path

import numpy as np
import pytest

from packager.native import complaint, open_session
from tests import models


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : No kernel for Swish(24)", "No kernel for Swish(24)."),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Split node. Name:'' "
            "Status Message: Cannot split",
            "Cannot split.",
        ),
        ("[ONNXRuntimeError] : 1 : FAIL : x. Status Message: upsamplebase.h:548 Scale is 0.", "Scale is 0."),
        ("one\ntwo", "one."),
        ("", "Exception."),
    ],
)
def test_complaints_are_sentences(said: str, sentence: str) -> None:
    assert complaint(Exception(said)) == sentence


def test_a_session_of_bytes_and_of_a_file(tmp_path: Path) -> None:
    path = models.save(models.dense(), tmp_path / "m.onnx")
    feed = {"x": np.ones((1, 8), np.float32)}
    (one,), (other,) = (open_session(given, threads=1).run(None, feed) for given in (path, path.read_bytes()))
    np.testing.assert_array_equal(one, other)
