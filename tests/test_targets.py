"""Which variants a build tries, by what the user leaves open."""

from pathlib import Path
from typing import Any

import pytest

from packager import BuildOptions
from packager.errors import InputError
from packager.options import parse_precision
from packager.targets import candidates


def tried(*, browser: bool = True, **options: Any) -> list[str]:
    made = BuildOptions(Path(__file__), Path("site"), **options)
    return [f"{each.id}{'!' if each.asked else ''}" for each in candidates(made, browser=browser)]


def test_what_can_be_proven_here_is_tried() -> None:
    assert tried() == ["wasm-fp32", "ort-wasm-fp32"]
    assert tried(browser=False) == ["ort-wasm-fp32"]


def test_what_is_asked_for_has_to_stay() -> None:
    assert tried(targets=("ort-wasm", "wasm")) == ["ort-wasm-fp32!", "wasm-fp32!"]


def test_a_target_without_the_precision_keeps_to_fp32() -> None:
    assert tried(precision="int8") == ["wasm-int8", "ort-wasm-fp32"]
    assert tried(precision="fp16", precisions={"wasm": "int8"}) == ["wasm-int8", "ort-wasm-fp32"]


def test_auto_tries_all_that_a_target_has_and_insists_on_none() -> None:
    found = tried(targets=("wasm", "ort-wasm"), precisions={"wasm": "auto"})
    assert found[0] == "wasm-fp32"
    assert {"wasm-fp16", "wasm-int8", "ort-wasm-fp32!"} <= set(found)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"targets": ("ort-wasm",), "precision": "int8"}, "The target ort-wasm has no weights in int8. It has: fp32."),
        ({"precisions": {"ort-wasm": "int8"}}, "The target ort-wasm has no weights in int8."),
        ({"targets": ("ort-wasm",), "precisions": {"wasm": "int8"}}, "'wasm' is not known. Choose from: ort-wasm."),
        ({"precision": "int3"}, "'int3' is not known. Choose from: fp32, fp16, int8, int4, auto."),
    ],
)
def test_what_there_is_not_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        tried(**options)
    assert sentence in str(caught.value)


def test_a_precision_is_for_all_targets_or_for_one() -> None:
    assert parse_precision("auto") == (None, "auto")
    assert parse_precision("webgl=fp16") == ("webgl", "fp16")
    for text in ("", "fp12", "abacus=fp16", "=fp16", "webgl="):
        with pytest.raises(InputError, match="is not a precision"):
            parse_precision(text)
