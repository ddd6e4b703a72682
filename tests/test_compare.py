"""The comparison with peers: what its figures mean, what its tables say, and that nobody is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks import figures, results, sections
from benchmarks.agreement import judge
from benchmarks.contenders import NATIVE, PEERS, Contender, reason_against, variants
from benchmarks.models import WORKLOADS
from benchmarks.report import BEGIN, END, replaced, text
from benchmarks.results import contender_result, unaccounted
from benchmarks.rounds import RunnerError, plan, race
from benchmarks.tables import bytes_text, spread, table
from benchmarks.tasks import CONFIGS
from packager.bench.stats import Estimate
from packager.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Runs that take as long as they are said to, under a load that is the same for all in a round."""

    def __init__(self, milliseconds: float, fails_at: int | None = None) -> None:
        self.milliseconds, self.fails_at, self.calls = milliseconds, fails_at, 0

    def time(self, runs: int) -> list[float]:
        self.calls += 1
        if self.calls == self.fails_at:
            raise RunnerError("It died.")
        return [self.milliseconds] * runs


def workload(**steady: dict[str, list[list[float]]]) -> results.WorkloadResult:
    """A workload whose contenders have these rounds, by number of threads."""
    contenders = {}
    for name, rounds in steady.items():
        contenders[name.replace("_", "-")] = contender_result(f"The {name}") | {"steady": rounds}
    return {"title": "A model", "model": "a-model", "contenders": contenders, "absent": {}}  # type: ignore[typeddict-item]


def visited(*first: float, ready: float = 30) -> list[results.VisitSample]:
    return [
        {"round": number, "marks": {"downloaded": 100.0, "ready": 100 + ready, "first": at}, "bytes": 2_000_000, "requests": 9}
        for number, at in enumerate(first)
    ]


# A machine that is now slow and now fast: factors of eight rounds.
DRIFT = [1, 3, 1.5, 2, 1, 4, 2.5, 1.2]


def drifting(milliseconds: float) -> list[list[float]]:
    return [[milliseconds * factor] * 3 for factor in DRIFT]


class TestFigures:
    def test_ratios_are_taken_within_a_round(self) -> None:
        found = workload(peer={"1": drifting(20)}, native={"1": drifting(8)})
        ratio = figures.to_native(found, "peer", 1)
        assert ratio
        assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2.5, 2.5, 2.5))

    def test_faster_is_the_others_time_over_ones_own(self) -> None:
        found = workload(ours={"1": drifting(10)}, peer={"1": drifting(25)}, native={"1": drifting(8)})
        assert figures.faster(found, "ours", "peer", 1).value == pytest.approx(2.5)  # type: ignore[union-attr]

    def test_rounds_in_which_one_had_no_turn_are_left_out(self) -> None:
        sparse = [values if number % 3 == 0 else [] for number, values in enumerate(drifting(20))]
        found = workload(peer={"2": sparse}, native={"2": drifting(10)})
        assert figures.to_native(found, "peer", 2).value == pytest.approx(2)  # type: ignore[union-attr]

    def test_gain_is_freed_of_what_the_machine_did_between(self) -> None:
        """The session with two threads ran while everything took twice as long; native gained 1.5, the peer 1.25."""
        slow = [[2 * value for value in values] for values in drifting(1)]

        def later(milliseconds: float) -> list[list[float]]:
            return [[milliseconds * value for value in values] for values in slow]

        found = workload(
            peer={"1": drifting(20), "2": later(16)},
            native={"1": drifting(9), "2": later(6)},
            native_one_thread={"2": later(9)},
        )
        assert figures.gain(found, "peer").value == pytest.approx(1.25)  # type: ignore[union-attr]
        assert figures.gain(found, NATIVE).value == pytest.approx(1.5)  # type: ignore[union-attr]

    def test_visits_are_paired_by_their_round(self) -> None:
        found = workload(ours={}, peer={})
        found["contenders"]["ours"]["cold"] = visited(100, 400, 200)
        found["contenders"]["peer"]["cold"] = visited(300, 1200, 600)[1:]
        assert figures.sooner(found, "ours", "peer", "cold").value == pytest.approx(3)  # type: ignore[union-attr]

    def test_ready_is_counted_from_the_last_byte(self) -> None:
        contender = contender_result("A peer") | {"warm": visited(500, 510, 490, ready=45)}
        assert figures.span(contender, "warm", "ready").value == pytest.approx(45)  # type: ignore[arg-type, union-attr]

    def test_the_first_run_is_counted_from_ready(self) -> None:
        contender = contender_result("A peer") | {"cold": visited(500, 500, 500, ready=45)}
        assert figures.span(contender, "cold", "run").value == pytest.approx(355)  # type: ignore[arg-type, union-attr]

    def test_nothing_measured_is_no_figure(self) -> None:
        found = workload(peer={"1": []}, native={"1": drifting(1)})
        empty = found["contenders"]["peer"]
        assert figures.latency(empty, 1) is None
        assert figures.latency(empty, 2) is None
        assert figures.to_native(found, "peer", 1) is None
        assert figures.to_native(found, "nobody", 1) is None
        assert figures.gain(found, "peer") is None
        assert figures.wire(empty, "cold") is None
        assert figures.sooner(found, "peer", "nobody", "cold") is None


class TestRounds:
    def test_each_has_a_turn_in_each_round(self) -> None:
        samples, dropped = race({"a": Clock(5), "b": Clock(40)}, seconds=3, most_rounds=9, pause=0)
        assert dropped == {}
        assert [len(rounds) for rounds in samples.values()] == [9, 9]
        assert all(set(values) == {5} for values in samples["a"])

    def test_a_slow_one_does_not_cost_the_others_their_rounds(self) -> None:
        turns, count = plan({"quick": 10, "other": 12, "slow": 4000}, seconds=14, most_rounds=20)
        assert count == 20
        assert len(turns["quick"].rounds) == 20
        assert turns["slow"].rounds == {0, 6, 13}
        assert turns["slow"].runs == 1

    def test_there_are_never_fewer_rounds_than_a_bootstrap_needs(self) -> None:
        assert plan({"a": 900, "b": 1200}, seconds=1, most_rounds=20)[1] == 6

    def test_one_that_dies_is_dropped_with_its_reason_and_the_rest_goes_on(self) -> None:
        samples, dropped = race({"a": Clock(200), "b": Clock(200, fails_at=6)}, seconds=9, most_rounds=8, pause=0)
        assert dropped == {"b": "It died."}
        assert list(samples) == ["a"]
        assert len(samples["a"]) == 8

    def test_one_that_dies_at_once_is_dropped(self) -> None:
        samples, dropped = race({"a": Clock(50), "b": Clock(50, fails_at=1)}, seconds=1, most_rounds=6, pause=0)
        assert (list(samples), list(dropped)) == (["a"], ["b"])


class TestWhoTakesPart:
    @pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
    @pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.id)
    def test_every_pair_is_either_measured_or_has_a_reason(self, workload: Any, peer: Contender) -> None:
        reason = reason_against(peer, workload.model.name)
        assert peer.format in CONFIGS if reason is None else reason.endswith(".")

    def test_a_bundles_variants_appear_by_themselves(self) -> None:
        parity = {"tolerance": 0.002}
        found: Any = [
            {"id": "wasm-int8", "target": "wasm", "parity": parity},
            {"id": "webgl-fp32", "target": "webgl", "parity": parity},
        ]
        one, two = variants(found)
        assert (one.id, one.options, one.tolerance) == ("packager-wasm-int8", {"variant": "wasm-int8"}, 0.002)
        assert one.title_on("SwiftShader driver") == "packager, wasm-int8"
        assert two.title_on("ANGLE (Google, Vulkan, SwiftShader driver)") == "packager, webgl-fp32, software GPU"
        assert two.title_on("NVIDIA GeForce") == "packager, webgl-fp32"

    def test_a_pair_that_is_lost_is_found(self) -> None:
        found: Any = {"workloads": {"w": workload(litert={"1": [[1.0]]}, ort={})}}
        found["workloads"]["w"]["absent"]["tfjs"] = "It cannot."
        assert unaccounted(found, ["litert", "tfjs", "ort", "transformers"]) == ["ort on w", "transformers on w"]


class TestAgreement:
    @property
    def reference(self) -> dict[str, Any]:
        return {"y": np.array([[1.0, -4.0, 2.0]], np.float32)}

    def test_a_right_answer(self) -> None:
        found = judge(Contender("c", "C", "onnx"), self.reference, {"y": self.reference["y"] + np.float32(1e-4)})
        assert found["right"]
        assert found["relative"] == pytest.approx(2.5e-5, rel=0.01)

    def test_wrong_values_a_wrong_shape_and_a_missing_output_are_told(self) -> None:
        contender = Contender("c", "C", "onnx")
        assert "off by 0.25" in judge(contender, self.reference, {"y": self.reference["y"] + 1})["why"]
        assert "shape" in judge(contender, self.reference, {"y": self.reference["y"][0]})["why"]
        assert "no output 'y'" in judge(contender, self.reference, {})["why"]
        assert "NaN" in judge(contender, self.reference, {"y": self.reference["y"] * np.float32(np.nan)})["why"]

    def test_eight_bit_arithmetic_is_held_to_its_direction(self) -> None:
        contender = Contender("c", "C", "onnx", cosine=0.9)
        assert judge(contender, self.reference, {"y": self.reference["y"] * 1.2})["right"]
        assert "cosine" in judge(contender, self.reference, {"y": -self.reference["y"]})["why"]


def comparison() -> results.Results:
    found = workload(
        packager_wasm={"1": drifting(10), "2": drifting(6)},
        litert={"1": drifting(20), "2": drifting(15)},
        native={"1": drifting(5), "2": drifting(3)},
        native_one_thread={"2": drifting(5)},
    )
    for name, times in (("packager-wasm", (100, 110, 105)), ("litert", (400, 410, 430))):
        found["contenders"][name]["cold"] = found["contenders"][name]["warm"] = visited(*times)
        found["contenders"][name]["memory"] = {"1": 150_000_000}
        found["contenders"][name]["agreement"] = {"relative": 3e-7, "cosine": 1.0, "right": True, "why": ""}
    found["absent"] = {"tfjs-wasm": "It has no LSTM."}
    machine = {"processor": "P", "cores": "2", "system": "S", "browser": "B", "renderer": "R", "date": "2026-01-02"}
    return {
        "format": results.FORMAT, "machine": machine, "versions": {"x": "1"}, "empty_page_bytes": 50_000_000, "seconds": 61,
        "workloads": {"a-model": found},
    }  # fmt: skip


class TestReport:
    def test_cells(self) -> None:
        assert spread(Estimate(2.5, 2.4, 2.61)) == "2.50 (2.40 to 2.61)"
        assert spread(Estimate(123.4, None, None)) == "123"
        assert spread(None) == "-"
        assert [bytes_text(count) for count in (12, 3400, 19_500_000)] == ["12 B", "3.4 kB", "19.5 MB"]
        assert table(["a", "b"], [["c", "1"]]) == "| a | b |\n| --- | ---: |\n| c | 1 |"

    def test_every_row_has_as_many_cells_as_its_head(self) -> None:
        lines = [line for line in text(comparison()).splitlines() if line.startswith("|")]
        blocks: list[list[int]] = [[]]
        for line in text(comparison()).splitlines():
            if line.startswith("|"):
                blocks[-1].append(line.count("|"))
            elif blocks[-1]:
                blocks.append([])
        assert lines
        assert all(len(set(block)) == 1 for block in blocks if block)

    def test_tables_say_what_was_measured(self) -> None:
        found = comparison()["workloads"]["a-model"]
        assert "| The litert | 35.0" in sections.inference(found, 50_000_000)
        assert "100.0 MB" in sections.inference(found, 50_000_000)
        assert "native_one_thread" not in sections.inference(found, 50_000_000)
        visits = sections.visits(found)
        assert visits
        assert "| The litert | 2.0 MB | 9 | 410" in visits
        against = sections.against_peers(found)
        assert against
        assert "| The litert | 2.00 (2.00 to 2.00) | 2.50 (2.50 to 2.50) | 4.00" in against
        assert "The native" not in against

    def test_who_did_not_run_is_listed_with_the_reason(self) -> None:
        assert "- **TensorFlow.js, wasm** on A model: It has no LSTM." in text(comparison())

    def test_only_what_lies_between_the_marks_is_replaced(self) -> None:
        page = f"# Benchmarks\n\nours\n\n{BEGIN}\nold\n{END}\n\nalso ours\n"
        once = replaced(page, "new")
        assert once == f"# Benchmarks\n\nours\n\n{BEGIN}\n\nnew\n\n{END}\n\nalso ours\n"
        assert replaced(once, "new") == once
        assert replaced("# Benchmarks\n", "new").endswith(f"{BEGIN}\n\nnew\n\n{END}\n")

    def test_results_are_read_back_and_other_files_refused(self, tmp_path: Path) -> None:
        results.write(comparison(), tmp_path / "kept" / "r.json")
        assert results.read(tmp_path / "kept" / "r.json") == json.loads(json.dumps(comparison()))
        (tmp_path / "other.json").write_text("[1]")
        with pytest.raises(InputError, match="no file of results"):
            results.read(tmp_path / "other.json")
        with pytest.raises(InputError, match="cannot be read"):
            results.read(tmp_path / "missing.json")
