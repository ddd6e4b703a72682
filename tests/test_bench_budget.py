"""Budgets and baselines: what is written is checked, what is measured is judged, what is unsure is said to be."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from packager.bench.baseline import judge_baseline
from packager.bench.budget import Limit, judge_budget, read_budget
from packager.bench.figures import FIGURES
from packager.bench.units import read, show
from packager.errors import InputError
from tests.bench_reports import figure, report, setting

if TYPE_CHECKING:
    from pathlib import Path


def budget(folder: Path, text: str) -> list[Limit]:
    path = folder / "budget.toml"
    path.write_text(text, encoding="utf-8")
    return read_budget(path, ["a-fp32", "b-fp16"])


def verdicts(limits: list[Limit], *settings: dict[str, Any]) -> dict[str, str]:
    return {
        f"{each['setting'].partition(',')[0]} {each['figure']}": each["verdict"]
        for each in judge_budget(limits, list(settings))
    }


def test_every_kind_of_limit_is_read(tmp_path: Path) -> None:
    limits = budget(
        tmp_path,
        """
        first.result = "2.5 s"
        first.bytes = "6 MB"
        steady.ratio = 5
        [memory]
        pss = "300 MiB"
        [parity]
        relative = 1e-4
        top1 = "99 %"
        [threads.1]
        steady.median = 20
        [variant.a-fp32.first]
        bytes = 5_000_000
        [variant.a-fp32.threads.all.steady]
        cpu = "40 ms"
        """,
    )
    assert {(each.figure, each.limit, each.variant, each.threads) for each in limits} == {
        ("first.result", 2500, None, None), ("first.bytes", 6e6, None, None), ("steady.ratio", 5, None, None),
        ("memory.pss", 300 * 2**20, None, None), ("parity.relative", 1e-4, None, None), ("parity.top1", 0.99, None, None),
        ("steady.median", 20, None, "1"), ("first.bytes", 5e6, "a-fp32", None), ("steady.cpu", 0.04, "a-fp32", "all"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("first.size = 3", "'first.size' is not a figure. Known are: first.result"),
        ("fist.bytes = 3", "'fist.bytes' is not a figure"),
        ("first = 3", "'first' is not a figure"),
        ('first.bytes = "6 parsecs"', "'6 parsecs' is no limit for first.bytes. Give a number of bytes"),
        ('first.result = "6 MB"', "'6 MB' is no limit for first.result"),
        ("first.bytes = true", "True is no limit"),
        ("first.bytes = [1]", "is no limit"),
        ("first.bytes = -1", "-1 is no limit"),
        ("first.result = nan", "nan is no limit"),
        ("[variant.c-fp32]\nfirst.bytes = 1", "The bundle has no variant 'c-fp32'. It has: a-fp32, b-fp16."),
        ("variant = 3", "'variant' must be followed by a name"),
        ("[threads.many]\nsteady.ratio = 1", "'many' is not a number of threads"),
        ("[threads.1.threads.2]\nsteady.ratio = 1", "'threads.2.steady.ratio' is not a figure"),
        ("first.bytes 3", "The budget cannot be read"),
        ("", "The budget holds no limit"),
    ],
)
def test_what_is_no_budget_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match="budget.toml") as caught:
        budget(tmp_path, text)
    assert message in str(caught.value)


def test_the_narrower_limit_wins(tmp_path: Path) -> None:
    limits = budget(
        tmp_path,
        """
        first.bytes = 100
        [threads.1]
        first.bytes = 200
        [variant.a-fp32]
        first.bytes = 300
        [variant.a-fp32.threads.1]
        first.bytes = 400
        """,
    )
    figures = {"first.bytes": figure(250)}
    assert verdicts(limits, setting("b-fp16", "all", figures)) == {"b-fp16 first.bytes": "violated"}
    assert verdicts(limits, setting("b-fp16", 1, figures)) == {"b-fp16 first.bytes": "violated"}
    assert verdicts(limits, setting("a-fp32", "all", figures)) == {"a-fp32 first.bytes": "passed"}
    assert verdicts(limits, setting("a-fp32", 1, {"first.bytes": figure(350)})) == {"a-fp32 first.bytes": "passed"}


def test_noise_is_never_a_pass() -> None:
    limits = [Limit("first.result", 1000)]
    for value, low, high, verdict in (
        (900, 850, 990, "passed"), (900, 850, 1010, "undecided"), (1100, 990, 1200, "undecided"),
        (1100, 1010, 1200, "violated"), (10, None, None, "undecided"),
    ):  # fmt: skip
        found = judge_budget(limits, [setting("a-fp32", 1, {"first.result": figure(value, low, high)})])
        assert found[0]["verdict"] == verdict


def test_what_was_not_measured_is_undecided_and_says_so() -> None:
    found = judge_budget([Limit("update.bytes", 1000)], [setting("a-fp32", 1, {})])
    assert found[0]["verdict"] == "undecided"
    assert found[0]["sentence"] == "a-fp32, 1 thread: update.bytes was not measured; the budget is 1 kB."


def test_a_limit_on_what_should_be_high_is_a_floor() -> None:
    limits = [Limit("parity.cosine", 0.999)]
    assert verdicts(limits, setting("a-fp32", 1, {"parity.cosine": figure(0.9999)})) == {"a-fp32 parity.cosine": "passed"}
    found = judge_budget(limits, [setting("a-fp32", 1, {"parity.cosine": figure(0.99)})])
    assert found[0]["verdict"] == "violated"
    assert "0.99 is under the budget of 0.999" in found[0]["sentence"]


def test_one_line_says_what_is_over_which_limit() -> None:
    figures = {"first.result": figure(3400, 3200, 3600)}
    (found,) = judge_budget([Limit("first.result", 3000)], [setting("a-fp32", 1, figures)])
    assert found["sentence"] == "a-fp32, 1 thread: first.result 3.4 s (3.2 s to 3.6 s) is over the budget of 3 s."


OLD = {
    "first.result": figure(1000, 950, 1050),
    "first.bytes": figure(5_000_000),
    "steady.ratio": figure(2.0, 1.95, 2.05),
    "steady.median": figure(20, 19, 21),
    "native.median": figure(10, 9.8, 10.2),
    "parity.relative": figure(1e-6),
}


def compared(changes: dict[str, Any], **other: Any) -> dict[str, str]:
    old, new = report(setting("a-fp32", 1, OLD)), report(setting("a-fp32", 1, {**OLD, **changes}))
    new.update(other)
    return {each["figure"]: each["verdict"] for each in judge_baseline(old, new)}


def test_the_same_again_passes_where_it_is_sure_and_never_fails() -> None:
    found = compared({})
    assert "violated" not in found.values()
    assert found["first.bytes"] == "passed"
    assert found["steady.ratio"] == "passed"


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("first.result", figure(1400, 1350, 1450)),
        ("first.bytes", figure(5_500_000)),
        ("steady.ratio", figure(2.4, 2.35, 2.45)),
        ("parity.relative", figure(0.2)),
    ],
)
def test_each_regression_is_found_and_nothing_else(name: str, worse: dict[str, Any]) -> None:
    found = compared({name: worse})
    assert [figure for figure, verdict in found.items() if verdict == "violated"] == [name]


def test_a_difference_within_the_noise_of_both_is_not_one() -> None:
    assert compared({"first.result": figure(1200, 900, 1600)})["first.result"] == "undecided"
    assert compared({"first.result": figure(1000, 960, 1040)})["first.result"] != "violated"


def test_one_more_question_whether_a_file_is_still_the_same_is_nothing() -> None:
    old = report(setting("a-fp32", 1, {"first.requests": figure(30), "return.bytes": figure(877)}))
    new = report(setting("a-fp32", 1, {"first.requests": figure(31), "return.bytes": figure(1760)}))
    assert [each["verdict"] for each in judge_baseline(old, new)] == ["passed", "passed"]
    worse = report(setting("a-fp32", 1, {"first.requests": figure(60), "return.bytes": figure(500_000)}))
    assert [each["verdict"] for each in judge_baseline(old, worse)] == ["violated", "violated"]


def test_a_machine_at_another_speed_leaves_only_what_does_not_depend_on_it() -> None:
    slow = {
        "native.median": figure(15, 14.8, 15.2),
        "steady.median": figure(30, 29, 31),
        "first.result": figure(1500, 1450, 1550),
    }
    found = compared(slow)
    assert found["steady.median"] == found["first.result"] == "undecided"
    assert found["steady.ratio"] == found["first.bytes"] == "passed"


def test_another_machine_is_compared_by_bytes_and_answers_alone() -> None:
    machine = {**report()["machine"], "cpu": "another"}
    found = compared({"first.result": figure(9000, 8000, 9999), "first.bytes": figure(6_000_000)}, machine=machine)
    assert found["first.result"] == found["steady.ratio"] == "undecided"
    assert found["first.bytes"] == "violated"
    assert found["parity.relative"] == "passed"


def test_a_setting_or_a_figure_that_is_gone_is_undecided() -> None:
    old = report(setting("a-fp32", 1, OLD), setting("b-fp16", 1, OLD))
    new = report(setting("a-fp32", 1, {name: value for name, value in OLD.items() if name != "first.bytes"}))
    found = {(each["setting"].partition(",")[0], each["figure"]): each for each in judge_baseline(old, new)}
    assert found["b-fp16", "all"]["verdict"] == "undecided"
    assert found["a-fp32", "first.bytes"]["verdict"] == "undecided"
    assert "was not measured" in found["a-fp32", "first.bytes"]["sentence"]


def test_judging_changes_nothing() -> None:
    old, new = report(setting("a-fp32", 1, OLD)), report(setting("a-fp32", 1, OLD))
    before = copy.deepcopy((old, new))
    judge_baseline(old, new)
    assert (old, new) == before


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_shown_can_be_written_as_a_limit(name: str) -> None:
    """Every figure's text reads back, to the digits that it has."""
    unit = FIGURES[name].unit
    for value in (0.0004, 0.5, 3.0, 99.4, 1234.0, 5_432_100.0):
        text = show(value, unit).replace(",", "")
        if unit in ("ms", "s", "bytes", "share"):
            assert read(text, unit) == pytest.approx(value, rel=0.01, abs=0.5 if unit == "bytes" else 0)
        else:
            assert text
