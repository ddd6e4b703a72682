"""What `build` reads may mean harm: it is refused in a sentence, runs no code, and takes neither the memory nor the time."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from packager import native
from packager.bounds import bounded
from packager.cli import main
from packager.errors import InputError
from packager.optimise import optimise
from packager.readers import read
from tests import hostile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Attack = Callable[[Path], list[str]]

_MEMORY = "memory|allocate|bytes"
REFUSALS: dict[Attack, str] = {
    hostile.filled: _MEMORY,
    hostile.filled_by_parts: _MEMORY,
    hostile.tiled: _MEMORY,
    hostile.expanded: _MEMORY,
    hostile.ranged: _MEMORY,
    hostile.looping: "did not end within 1 seconds",
    hostile.laughing: "unfolds to 1,649,267,441,663 nodes",
    hostile.calling_itself: "The function 'f0' calls itself",
    hostile.nested: "not an ONNX file",
    hostile.absurd_weight: "'w' has the shape",
    hostile.absurd_input: "'x' .* has more than 2,147,483,648 bytes",
    hostile.sparse: "cannot load the model",
    hostile.linked_data: "outside the model's folder",
    hostile.data_before_the_start: "described wrongly",
    hostile.data_many_times: "weights have more than 4,294,967,296 bytes",
    hostile.zip_bomb: "arrays cannot be read|memory",
    hostile.zip_of_gigabytes: "most of a sample",
    hostile.pickled: "allow_pickle=False",
    hostile.picture_bomb: "too large to decode",
    hostile.deep_json: "cannot be read as JSON",
    hostile.deep_labels: "labels cannot be read",
    hostile.deep_tokenizer: "cannot be read as JSON",
    hostile.odd_tokenizer: "not a tokenizer that can be read",
    hostile.huge_labels: "are the most that is read",
    hostile.a_device: "a device, a pipe or a folder",
}


@pytest.mark.parametrize("attack", REFUSALS, ids=lambda attack: attack.__name__)
def test_an_attack_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], attack: Attack
) -> None:
    monkeypatch.setattr(native, "_SECONDS", 1.0)
    folder = tmp_path / "model"
    folder.mkdir()
    options = attack(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert main(["build", str(folder / "m.onnx"), "-o", str(tmp_path / "site"), "--browser", "off", *options]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("packager: ")]
    assert re.search(REFUSALS[attack], line), line
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024 * 1024, "a gigabyte was taken"
    assert not (folder / "sprung").exists(), "a pickle was run"
    assert not (tmp_path / "site").exists()


def test_a_loop_is_not_run_when_the_graph_is_simplified(tmp_path: Path) -> None:
    hostile.looping(tmp_path)
    warnings: list[str] = []
    proto = optimise(read(tmp_path / "m.onnx"), warnings.append).proto
    assert warnings == []
    (loop,) = [node for node in proto.graph.node if node.op_type == "Loop"]
    assert loop.input[0] in {tensor.name for tensor in proto.graph.initializer} | {
        node.output[0] for node in proto.graph.node if node.op_type == "Constant"
    }
    assert [value.name for value in proto.graph.input] == ["x"]


def test_what_asks_for_more_than_there_is_is_refused_and_the_bound_goes_with_the_block() -> None:
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(InputError, match="more memory than the machine has"), bounded():
        bytearray(2**46)
    assert resource.getrlimit(resource.RLIMIT_AS) == limits
    with pytest.raises(InputError, match="nested deeper"), bounded():
        raise RecursionError


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    ended = subprocess.run(
        [sys.executable, "-m", "packager", "inspect", str(tmp_path / "m.onnx")], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert "a device, a pipe or a folder" in ended.stderr
