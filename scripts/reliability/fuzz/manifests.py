"""Mutated manifests: Python and the page judge each alike."""

from __future__ import annotations

import copy
import json
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.errors import InputError
from packager.manifest import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[3]
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 2.5, 1e300, -0.0, 1.0, 2**53 - 1, 2**53, 2**53 + 1, 2**70, "", "x", "\n", "a\n", "é" * 300,
    "\U0001f600" * 150, "0" * 64, "0" * 64 + "\n", "../x", "/x", "assets/a.js", "shards/x", "sw.js", "__proto__", "constructor",
    [], {}, [[]], {"kind": "tensor"}, {"kind": "text"}, "wasm", "ort-wasm", "webgpu", "fp32", "int8", "gzip", "none",
)  # fmt: skip
# What only the text can say, put in place of a value.
_LITERALS = (
    "NaN",
    "Infinity",
    "1e400",
    "-1e400",
    "01",
    "1.",
    '"\\ud800"',
    "[" * 2000,
    "1e-400",
    "0.1e1",
    "100e-2",
    "\x00",
    '"\t"',
)


def texts(seed: int, count: int) -> Iterator[str]:
    """So many texts of mutated manifests."""
    chance = random.Random(seed)
    examples = [json.loads(path.read_text("utf-8")) for path in sorted((_ROOT / "tests/manifests/valid").iterdir())]
    for _ in range(count):
        manifest = copy.deepcopy(chance.choice(examples))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _mutate(chance, manifest)
        text = json.dumps(manifest, ensure_ascii=False)
        yield _garble(chance, text) if chance.random() < 0.2 else text


def disagreements(seed: int, count: int) -> tuple[int, list[str]]:
    """How many texts both took for manifests, and what they judged differently: the verdicts and the text."""
    given = list(texts(seed, count))
    lines = "".join(f"{json.dumps(text)}\n" for text in given)
    node = subprocess.run(
        ["node", str(Path(__file__).with_name("verdicts.mjs"))], input=lines, capture_output=True, text=True, check=True
    )
    verdicts = node.stdout.splitlines()
    own = [_verdict(text) for text in given]
    wrong = [f"{mine} {theirs} {text}" for text, mine, theirs in zip(given, own, verdicts, strict=True) if mine != theirs]
    return own.count("1"), wrong


def _verdict(text: str) -> str:
    try:
        parse_manifest(text.encode("utf-8", "surrogatepass"), "manifest.json")
    except InputError:
        return "0"
    return "1"


def _mutate(chance: random.Random, manifest: Any) -> None:
    """One part, anywhere: replaced, removed, doubled, wrapped, renamed, or put in place of another."""
    holder = manifest
    while isinstance(holder, dict | list) and holder:
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.8:
            holder = holder[key]
            continue
        _change(chance, holder, key)
        return


def _change(chance: random.Random, holder: Any, key: Any) -> None:
    value = holder[key]
    match chance.randrange(7):
        case 0:
            holder[key] = chance.choice(_VALUES)
        case 1:
            del holder[key]
        case 2 if isinstance(holder, list):
            holder.append(copy.deepcopy(value))
        case 2:
            holder[f"{key}2"] = copy.deepcopy(value)
        case 3:
            holder[key] = [value]
        case 4 if isinstance(value, int | float) and not isinstance(value, bool):
            holder[key] = chance.choice((-value, value + 1, value * 2, value + 0.5, float(value)))
        case 4 if isinstance(value, str):
            holder[key] = chance.choice(
                (value + "\n", value[:-1], value + value, value.upper(), value + "\U0001f600", f" {value}")
            )
        case 5 if isinstance(holder, dict):
            holder[chance.choice(("toString", "__proto__", "", "x", *holder))] = holder.pop(key)
        case _:
            holder[key] = copy.deepcopy(holder[chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))])


def _garble(chance: random.Random, text: str) -> str:
    """The text itself: cut, with a character changed, or a value of no JSON in it."""
    place = chance.randrange(len(text))
    match chance.randrange(4):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + chance.choice('{}[]",:0 eE-+.\\\n\ufeff\x00') + text[place + 1 :]
        case 2:
            colon = text.find(": ", place)
            return text if colon < 0 else f"{text[: colon + 2]}{chance.choice(_LITERALS)}, {text[colon + 2 :]}"
        case _:
            colon = text.find(": 1", place)
            return text if colon < 0 else f"{text[: colon + 2]}{chance.choice(_LITERALS)}{text[colon + 3 :]}"
