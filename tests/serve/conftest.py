"""A bundle as `serve` finds it, the server of it, and a folder of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving import Server, serving, write_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def shared(bundle: Path) -> Iterator[Server]:
    with serving(bundle) as running:
        yield running


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    shared.log.records.clear()
    yield shared
    assert shared.errors == []


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    root = tmp_path / "sites"
    write_bundle(root / "minilm", "MiniLM <fp32> & co")
    write_bundle(root / "lite model", "EfficientNet")
    (root / "notes").mkdir()
    (root / ".minilm.building-1").mkdir()
    write_bundle(root / ".minilm.building-1" / "x")
    (root / "broken").mkdir()
    (root / "broken" / "manifest.json").write_text('{"format": "packager", "version": 1}')
    return root
