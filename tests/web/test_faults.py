"""A slice of the fault matrix and of the kills; `python -m scripts.reliability.matrix` and `.kills` play them whole."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from .faults import build_versions, play
from .kills import die

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from .bundles import Bundle

# The script and the module of an engine fail side by side, so that either may be named.
NASTY = [
    ("truncated", "manifest", "first", "manifest-invalid"),
    ("slow drip", "engine", "first", "unreachable"),
    ("redirect to another origin", "shard", "first", "shard-unreachable"),
    ("wrong bytes", "shard", "first", "shard-corrupt"),
    ("HTML with 200", "shell", "return", "answer"),
    ("429 with Retry-After", "shard", "lost", "shard-unreachable"),
    ("404", "shell", "update", "answer"),
    ("wrong bytes", "shard", "update", "answer"),
]
# One death of each kind: a tab, a browser and a server, in a load and in an update.
SEEDS = [2, 4, 0, 8, 5, 3]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Bundle]:
    return build_versions(tmp_path_factory.mktemp("versions"))


@pytest.mark.parametrize(("fault", "part", "kind", "end"), NASTY)
def test_a_visit_under_a_fault(
    browser: Browser, versions: tuple[Bundle, Bundle], fault: str, part: str, kind: str, end: str
) -> None:
    outcome = play(browser, versions, (fault, part, kind))
    assert outcome.problems == []
    assert outcome.kind.endswith(end)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_visit_after_a_death(browser: Browser, versions: tuple[Bundle, Bundle], tmp_path: Path, seed: int) -> None:
    assert die(browser, versions, Random(seed), 2.0, tmp_path).problems == []
