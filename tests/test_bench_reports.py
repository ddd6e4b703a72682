"""Reports: one set of figures, told to people and to programs, whatever names a model has."""

from __future__ import annotations

import copy
import json
import re
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from packager.bench.budget import Limit, judge_budget
from packager.bench.phases import PHASES
from packager.bench.plots import Block, Point, distributions, points, stacked, waterfall
from packager.bench.report import encode, exit_code, fill_figures, read_report
from packager.bench.reports.html import html
from packager.bench.reports.junit import junit
from packager.bench.reports.markdown import markdown
from packager.bench.reports.terminal import show_report
from packager.errors import BuildError, InputError
from tests.bench_reports import measured_setting, report

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

LIMITS = [
    Limit("first.bytes", 6000), Limit("first.result", 900), Limit("steady.ratio", 3), Limit("first.engine_bytes", 10),
    Limit("first.inference", 1044),
]  # fmt: skip


@pytest.fixture
def made() -> dict[str, Any]:
    """A whole report, with a verdict of each kind."""
    whole = report(measured_setting(threads=1), measured_setting(threads="all"))
    fill_figures(whole)
    whole["verdicts"] = judge_budget(LIMITS, whole["settings"])
    return whole


def shown(whole: dict[str, Any]) -> str:
    written = StringIO()
    show_report(Console(width=200, file=written), whole)
    return written.getvalue()


def test_a_report_reads_back_as_it_was_written(made: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(encode(made), encoding="utf-8")
    assert read_report(path) == made
    figures = made["settings"][0]["figures"]
    fill_figures(made)
    assert made["settings"][0]["figures"] == figures


def test_all_figures_come_from_the_samples(made: dict[str, Any]) -> None:
    figures = made["settings"][0]["figures"]
    assert figures["steady.ratio"]["value"] == pytest.approx(2.0)
    assert figures["steady.cpu"]["value"] == pytest.approx(0.02 / 3)
    assert figures["first.bytes"] == {"value": 5000, "low": 5000, "high": 5000}
    assert figures["first.result"]["value"] == 1050
    assert figures["offline.result"] == {"value": 390.0, "low": None, "high": None}
    assert "memory.pss" not in figures
    assert figures["memory.page"]["value"] == 30_000_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(format="other"), "not a report of packager bench"),
        (lambda r: r.update(version=9), "of version 9; this program reads version 1"),
        (lambda r: r.update(extra=1), "not valid"),
        (lambda r: r["settings"][0].pop("figures"), "settings/0"),
        (lambda r: r["settings"][0]["steady"]["infer"].append(["fast"]), "settings/0/steady"),
    ],
)
def test_what_is_no_report_is_refused(made: dict[str, Any], tmp_path: Path, change: Any, message: str) -> None:
    change(made)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        read_report(path)


def test_a_report_that_does_not_fit_its_schema_is_not_written(made: dict[str, Any]) -> None:
    made["settings"][0]["visits"]["first"][0]["threads"] = "two"
    with pytest.raises(BuildError, match="a fault of packager"):
        encode(made)


def test_exit_codes(made: dict[str, Any]) -> None:
    assert exit_code(made) == 1
    made["verdicts"] = [each for each in made["verdicts"] if each["verdict"] != "violated"]
    assert {each["verdict"] for each in made["verdicts"]} == {"passed", "undecided"}
    assert exit_code(made) == 0
    assert exit_code({**made, "failure": "The browser died."}) == 1
    made["settings"][0]["error"] = "The page says: no"
    assert exit_code(made) == 1


def test_the_terminal_says_every_violation_in_a_line(made: dict[str, Any]) -> None:
    text = shown(made)
    assert "✗ budget: ort-wasm-fp32, 1 thread: first.result" in text
    assert "? budget: ort-wasm-fp32, 1 thread: first.inference" in text
    assert "✓ 4 of 10 checks passed." in text
    assert "2x" in text


def test_a_measurement_that_ended_early_is_marked_everywhere(made: dict[str, Any]) -> None:
    made["failure"] = "The browser died, or was closed."
    for text in (shown(made), markdown(made), html(made), junit(made)):
        assert "The browser died, or was closed." in text


def test_nothing_measured_can_be_shown_too() -> None:
    empty = report()
    for text in (shown(empty), markdown(empty), html(empty), junit(empty), encode(empty)):
        assert text


def test_a_software_gpu_is_named_wherever_the_figures_are(made: dict[str, Any]) -> None:
    for setting in made["settings"]:
        setting.update(variant="webgpu-fp16", software_gpu=True)
    made["verdicts"] = judge_budget(LIMITS, made["settings"])
    for text in (shown(made), markdown(made), html(made), junit(made)):
        names = re.findall(r"webgpu-fp16, \d threads?.{0,15}", text.replace("\\", ""))
        assert names
        assert all("(software GPU)" in name for name in names)


def test_names_are_no_markup(made: dict[str, Any]) -> None:
    made["bundle"]["name"] = "<script>alert(1)</script> | [x](y) & [red]"
    page = html(made)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in markdown(made).replace("\\<", "")
    assert "[red]" in shown(made)


def test_the_page_needs_nothing_else(made: dict[str, Any]) -> None:
    page = html(made)
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page.replace('xlink:href="#', ""))
    assert "url(http" not in page
    assert page.count("<svg") == 7
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "plots in one page must not share identifiers"
    assert len(page) < 1_000_000


def test_junit_counts_what_it_says(made: dict[str, Any]) -> None:
    suite = ET.fromstring(junit(made)).find("testsuite")
    assert suite is not None
    kinds = [each["verdict"] for each in made["verdicts"]]
    assert int(suite.get("tests", "")) == 2 + len(kinds)
    assert int(suite.get("failures", "")) == kinds.count("violated")
    assert int(suite.get("skipped", "")) == kinds.count("undecided")
    made["failure"] = "odd \x00 and \ud800 words"
    assert ET.fromstring(junit(made)).find(".//error") is not None


def test_markdown_tables_have_as_many_cells_as_headings(made: dict[str, Any]) -> None:
    for block in markdown(made).split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        counts = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(counts) <= 1


def test_reports_leave_the_figures_alone(made: dict[str, Any]) -> None:
    before = copy.deepcopy(made)
    for tell in (shown, markdown, html, junit, encode):
        tell(made)
    assert made == before


def test_plots_are_the_same_bytes_for_the_same_data() -> None:
    draws = [
        lambda: waterfall([Block("a", "x", 0, 10), Block("b", "y", 5, 20)], 20, order=PHASES),
        lambda: distributions({"a": [1.0, 2.0, 3.0], "b": [4.0]}),
        lambda: stacked({"a": {"x": 1.0, "y": 0.0}, "b": {"y": 3.0}}),
        lambda: points({"g": [Point("a", 1.0, 0.5, 2.0), Point("b", 90.0)]}, line=1.0),
        lambda: points({"": []}),
    ]
    for draw in draws:
        assert draw() == draw()
        assert ET.fromstring(draw()).tag == "{http://www.w3.org/2000/svg}svg"
