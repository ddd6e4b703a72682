"""A slice of what scripts/reliability does at length to readers, `serve` and builds, with the same code and another seed."""

from __future__ import annotations

from onnx import TensorProto, helper

from packager.inspection import inspect_model
from scripts.reliability.builds import Trial
from scripts.reliability.fuzz import manifests, models, paths
from tests import models as made


def test_both_validators_judge_mutated_manifests_alike() -> None:
    valid, differently = manifests.disagreements(7, 400)
    assert differently == []
    assert 0 < valid < 400


def test_mutated_models_end_in_a_result_or_a_sentence() -> None:
    outcome = models.Outcome()
    models.try_files(7, 20, outcome)
    assert outcome.faults == []
    assert outcome.whole + outcome.refused == 20
    assert outcome.whole > 0


def test_hostile_paths_get_nothing_and_break_nothing() -> None:
    statuses, faults = paths.faults(7, 150)
    assert faults == []
    assert {400, 404} <= set(statuses)


def test_a_build_that_is_killed_or_out_of_room_leaves_a_whole_bundle_and_no_files(tmp_path) -> None:
    trial = Trial(tmp_path, width=32)
    trial.kill(0.1, "off")
    trial.limit(2**15)
    assert trial.faults == []
    assert sum(trial.ends.values()) == 2
    assert trial.ends["limited", "old"] == 1


def test_an_attribute_of_another_type_is_a_problem_and_no_crash(tmp_path) -> None:
    node = helper.make_node("Cast", ["x"], ["y"])
    node.attribute.append(helper.make_attribute("to", [1, 2]))
    model = made.make([node], {"x": (TensorProto.FLOAT, [1])}, {"y": (TensorProto.FLOAT, [1])})
    facts = inspect_model(made.save(model, tmp_path / "m.onnx"))
    assert "not as the engine expects it" in facts["targets"][0]["problems"][0]


def test_a_value_of_a_type_that_onnx_does_not_have_is_a_problem_and_no_crash(tmp_path) -> None:
    model = made.dense()
    model.graph.value_info.append(helper.make_tensor_value_info(model.graph.node[0].output[0], 99, [1, 2]))
    facts = inspect_model(made.save(model, tmp_path / "m.onnx"))
    assert "Invalid tensor data type 99" in str(facts["targets"])
