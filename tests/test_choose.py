import copy
import json
from pathlib import Path
from typing import Any

import pytest

from packager.choose import choose, measured

COMPILED = json.loads((Path(__file__).parent / "manifests" / "valid" / "compiled.json").read_text(encoding="utf-8"))


def manifest(*variants: tuple[str, float | None, int, float]) -> Any:
    """Variants by id, median in milliseconds or None, bytes and relative difference; the tolerance is 1e-3."""
    made = copy.deepcopy(COMPILED)
    template = made["variants"][0]
    made["variants"] = []
    for number, (name, speed, size, relative) in enumerate(variants):
        variant = copy.deepcopy(template)
        variant.pop("measured")
        variant["id"] = name
        variant["weights"] = []
        variant["graph"] = [{**variant["graph"][0], "sha256": f"{number}" * 64, "encoded_bytes": size}]
        variant["parity"]["tolerance"] = 1e-3
        for output in variant["parity"]["outputs"]:
            output["relative"] = relative
        if speed is not None:
            variant["measured"] = measured("Chromium 1", "cpu", 1, [speed])
        made["variants"].append(variant)
    return made


def chosen(*variants: tuple[str, float | None, int, float]) -> list[str]:
    return [variant["id"] for variant in choose(manifest(*variants))[0]]


def test_who_loses_on_every_axis_goes_with_a_sentence() -> None:
    kept, (note,) = choose(manifest(("slow", 9.5, 2000, 2e-6), ("quick", 3, 1000, 1e-6)))
    assert [variant["id"] for variant in kept] == ["quick"]
    assert note.startswith("slow was left out: quick takes 3 ms a run instead of 9.5 and ")


@pytest.mark.parametrize(
    ("slow", "kept"),
    [
        (("slow", 9, 900, 2e-6), ["quick", "slow"]),  # fewer bytes
        (("slow", 9, 2000, 2e-4), ["quick"]),
        (("slow", 3, 1000, 1e-6), ["quick", "slow"]),  # the same in everything
    ],
)
def test_who_is_better_in_something_stays_behind_the_faster(slow: tuple[str, float, int, float], kept: list[str]) -> None:
    assert chosen(slow, ("quick", 3, 1000, 1e-6)) in (kept, kept[::-1] if slow[1] == 3 else kept)


def test_the_order_of_additions_is_no_agreement_but_a_larger_difference_is() -> None:
    assert chosen(("exact", 9, 2000, 0), ("quick", 3, 1000, 9e-5)) == ["quick"]
    assert chosen(("exact", 9, 2000, 0), ("quick", 3, 1000, 5e-4)) == ["quick", "exact"]


def test_what_was_not_measured_side_by_side_stays_as_it_is() -> None:
    assert chosen(("b", 9, 2000, 0), ("a", None, 1000, 0)) == ["b", "a"]
    assert chosen(("only", None, 1000, 0)) == ["only"]


def test_figures_are_those_of_the_rounds() -> None:
    figures = measured("Chromium 1", "cpu", 2, [3, 1, 2])
    assert figures == {"runner": "Chromium 1", "device": "cpu", "threads": 2, "rounds": 3, "median_ms": 2}


def test_fewer_bits_that_are_slower_are_no_first_choice() -> None:
    """Whatever they save: int8 is often slower than fp32 where nothing computes in it."""
    assert chosen(("int8", 4.9, 500, 5e-3), ("fp32", 3.5, 2000, 0)) == ["fp32", "int8"]
    assert chosen(("int8", 3.4, 500, 5e-3), ("fp32", 3.5, 2000, 0)) == ["int8", "fp32"]


def test_of_those_as_fast_the_smaller_comes_first() -> None:
    assert chosen(("fp32", 3.5, 2000, 0), ("fp16", 3.6, 1000, 5e-4), ("int8", 3.55, 500, 5e-3)) == ["int8", "fp16", "fp32"]


def test_what_was_asked_for_stays() -> None:
    given = manifest(("slow", 9.5, 2000, 2e-6), ("quick", 3, 1000, 1e-6))
    assert [variant["id"] for variant in choose(given, {"slow"})[0]] == ["quick", "slow"]


def on(device: Any, *variants: tuple[str, float | None, int, float]) -> Any:
    """The first variant computes on the processor, the others on a graphics card or in the place of one."""
    made = manifest(*variants)
    for variant in made["variants"][1:]:
        variant["target"] = "webgl"
        variant["measured"]["device"] = device
    made["engines"]["webgl"] = {"version": "1", "script": made["files"][0]["path"]}
    return [variant["id"] for variant in choose(made)[0]]


def test_a_graphics_card_competes_by_its_times_and_software_in_its_place_comes_last() -> None:
    assert on("gpu", ("cpu", 9, 1000, 0), ("card", 3, 5000, 0)) == ["card", "cpu"]
    assert on("software-gpu", ("cpu", 9, 1000, 0), ("card", 3, 5000, 0)) == ["cpu", "card"]


def test_kinds_of_devices_do_not_drive_each_other_out() -> None:
    assert on("gpu", ("cpu", 9, 1000, 0), ("card", 30, 5000, 0), ("worse", 40, 6000, 0)) == ["cpu", "card"]
