import numpy as np
import pytest

from packager.errors import ParityError
from packager.parity import compare

SIGNATURE = {"inputs": [], "outputs": [{"name": "y", "dtype": "float32", "shape": ["n", 3]}]}


def agreement(expected, actual):
    return compare(
        SIGNATURE, [{"y": np.asarray(array)} for array in expected], [{"y": np.asarray(array)} for array in actual], "v"
    )


def test_equal_outputs_agree_fully() -> None:
    values = [np.eye(3, dtype=np.float32), np.ones((2, 3), np.float32)]
    assert agreement(values, values).outputs == [{"name": "y", "max_abs": 0.0, "relative": 0.0, "cosine": 1.0, "top1": 1.0}]


def test_figures_are_the_worst_over_the_samples() -> None:
    (figures,) = agreement(
        [np.array([[1.0, 2, 4]]), np.array([[0.0, 1, 2]])], [np.array([[1.0, 2, 4.5]]), np.array([[0.0, 3, 2]])]
    ).outputs
    assert figures["max_abs"] == 2.0
    assert figures["relative"] == 0.5
    assert figures["top1"] == 0.5
    assert figures["cosine"] == pytest.approx(7 / np.sqrt(5 * 13))


def test_past_the_tolerance_it_says_which_output_and_how_much() -> None:
    off = agreement([np.array([[10.0, 0, 0]])], [np.array([[10.0, 0.2, 0]])])
    off.hold(0.02, "v")
    with pytest.raises(ParityError, match=r"'y' differs .* up to 0\.2, which is 0\.02 .* tolerance is 0\.01\.") as caught:
        off.hold(0.01, "v")
    assert caught.value.exit_code == 1


def test_a_class_that_turns_is_told() -> None:
    turned = agreement([np.array([[1.0, 2, 4]]), np.array([[0.0, 1, 2]])], [np.array([[1.0, 2, 4]]), np.array([[0.0, 2.1, 2]])])
    turned.hold_classes("another", "v")
    with pytest.raises(ParityError, match="50% of the samples another class"):
        turned.hold_classes("y", "v")


def test_padding_is_not_compared() -> None:
    signature = {"inputs": [], "outputs": [{"name": "y", "dtype": "float32", "shape": ["n", "t", 2]}]}
    want, have = np.ones((2, 3, 2)), np.ones((2, 3, 2))
    have[1, 2], have[0, 1] = 9, 1.5
    mask = np.array([[1, 1, 1], [1, 1, 0]])
    figures = [compare(signature, [{"y": want}], [{"y": have}], "v", masks).worst for masks in (None, [mask])]
    assert [figure["max_abs"] for figure in figures] == [8, 0.5]
    # Another output of that text, which has no tokens.
    pooled = {"inputs": [], "outputs": [{"name": "y", "dtype": "float32", "shape": ["n", 2]}]}
    assert compare(pooled, [{"y": np.ones((2, 2))}], [{"y": np.full((2, 2), 3)}], "v", [mask]).worst["max_abs"] == 2


def test_another_shape_is_an_error() -> None:
    with pytest.raises(ParityError, match=r"shape \[2, 3\] instead of \[3, 2\]"):
        agreement([np.ones((3, 2))], [np.ones((2, 3))])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_must_be_the_same(value: float) -> None:
    assert agreement([np.array([[1.0, value, 0]])], [np.array([[1.0, value, 0]])]).worst["max_abs"] == 0
    for expected, actual in ((value, 0.0), (0.0, value), (np.nan, np.inf)):
        with pytest.raises(ParityError, match="NaN or infinity"):
            agreement([np.array([[1.0, expected, 0]])], [np.array([[1.0, actual, 0]])])


def test_integers_scalars_and_empty_outputs() -> None:
    assert agreement([np.array([1, 2])], [np.array([1, 2])]).outputs[0]["top1"] is None
    assert agreement([np.array(3.0)], [np.array(3.0)]).outputs[0]["top1"] is None
    assert agreement([np.zeros((0, 3))], [np.zeros((0, 3))]).worst["relative"] == 0
    assert agreement([np.zeros((1, 3))], [np.array([[0.0, 0, 0.5]])]).worst["relative"] == 0.5
