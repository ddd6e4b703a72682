"""The ONNX node tests on the compiled engine, in Chromium: those that passed go on passing, and the list is the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.coverage import DOCUMENT, document

from .backend_nodes import KINDS, Verdict, recorded, run_all
from .engine import browser_engine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AGAIN = "python -m scripts.coverage writes the list anew"


def test_all_that_is_covered_passes(browser: Browser) -> None:
    with browser_engine(browser) as engine:
        verdicts = {verdict.name: verdict for verdict in run_all(engine)}
    kept = {
        name: Verdict(name, op, kind, "") for op, entry in recorded().items() for kind in entry for name in _names(entry[kind])
    }
    assert set(kept) == set(verdicts), AGAIN
    lost = [verdict for name, verdict in verdicts.items() if kept[name].kind in KINDS and verdict.kind != kept[name].kind]
    assert lost == []
    assert {name for name, verdict in verdicts.items() if verdict.kind != kept[name].kind} == set(), AGAIN


def _names(entry: dict[str, list[str]] | list[str]) -> list[str]:
    return entry if isinstance(entry, list) else [name for names in entry.values() for name in names]


def test_the_document_is_that_of_the_list() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(recorded()), AGAIN
