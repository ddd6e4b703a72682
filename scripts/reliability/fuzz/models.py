"""Mutated ONNX files against `inspect`, `build` and the compilers: each ends in a result or a sentence, in time and memory.

Files are tried in child processes, many in each; where one dies or hangs, the file is noted and the next child goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from google.protobuf.message import Message

from packager import BuildOptions, build, native
from packager.errors import PackagerError
from packager.inspection import inspect_model
from packager.lowered import NOTHING
from packager.optimise import optimise
from packager.readers import read
from packager.targets import KNOWN, Candidate, check, lower
from tests import models as made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

SECONDS = 60
"""In which a file has to end; the machine may be busy."""
RUN_SECONDS = 5
"""That one inference of the original may take."""
MEMORY = 2 * 2**30
"""Bytes that one may take: of address space, above what the process has with its libraries."""
_BATCH = 250


@dataclass
class Outcome:
    """What became of the files: how many got through all stages, how many were refused, what went wrong; seconds at most."""

    whole: int = 0
    refused: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.whole} whole, {self.refused} refused, {len(self.faults)} faults, {self.slowest:.1f} s at most"

    def note(self, fault: str) -> None:
        """Takes a fault, and shows it at once."""
        self.faults.append(fault)
        print(fault, file=sys.stderr, flush=True)


def files(seed: int, count: int) -> Iterator[bytes]:
    """So many mutated files: half with a changed field anywhere, half with changed bytes."""
    chance = random.Random(seed)
    seeds = [
        made.dense(), made.layers(2, 16), made.convolution(8), made.branches(), made.packed(8, 8), made.every_dtype(),
    ]  # fmt: skip
    plain = [proto.SerializeToString() for proto in seeds]
    for _ in range(count):
        index = chance.randrange(len(seeds))
        if chance.random() < 0.5:
            proto = onnx.ModelProto()
            proto.CopyFrom(seeds[index])
            for _ in range(chance.choice((1, 1, 2, 4))):
                _change_field(chance, proto)
            yield proto.SerializeToString()
        else:
            yield _change_bytes(chance, plain[index])


def try_files(seed: int, count: int, outcome: Outcome) -> None:
    """Inspects each file, builds a bundle of it, and lowers it for the targets that only a browser can prove."""
    start, given = 0, list(files(seed, count))
    while start < count:
        batch = given[start : start + _BATCH]
        ended = _try_batch(batch, outcome)
        if ended < len(batch):
            outcome.note(f"file {start + ended} ended or hung the process: {batch[ended].hex()}")
            ended += 1
        start += ended


def peak_memory() -> int:
    """The most bytes of memory that a child had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _try_batch(batch: list[bytes], outcome: Outcome) -> int:
    """How many files the child got through."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(batch, sender))
    child.start()
    sender.close()
    for index in range(len(batch)):
        start = time.monotonic()
        try:
            said = receiver.recv() if receiver.poll(SECONDS) else None
        except EOFError:
            said = None
        if said is None:
            child.kill()
            child.join()
            return index
        outcome.slowest = max(outcome.slowest, time.monotonic() - start)
        if said == "whole":
            outcome.whole += 1
        elif said == "refused":
            outcome.refused += 1
        else:
            outcome.note(f"{said}: {batch[index].hex()}")
    child.join()
    return len(batch)


def _child(batch: list[bytes], sender: Connection) -> None:
    # What onnxruntime prints is not looked at.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    native._SECONDS = float(RUN_SECONDS)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "m.onnx")
        for data in batch:
            path.write_bytes(data)
            sender.send(_try_one(path))


def _try_one(path: Path) -> str:
    held = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmSize:")
    )
    resource.setrlimit(resource.RLIMIT_AS, (held * 1024 + MEMORY, resource.RLIM_INFINITY))
    try:
        inspect_model(path)
        options = BuildOptions(path, path.with_name("site"), browser="off")
        build(options)
        optimised = optimise(read(path), _ignore)
        for target in KNOWN:
            if check(target, optimised).fits:
                lower(Candidate(target, "fp32", asked=True), optimised, options.shard_size, NOTHING)
    except PackagerError:
        return "refused"
    except Exception:
        return traceback.format_exc(limit=-3)
    return "whole"


def _ignore(warning: str) -> None:
    """Takes a warning."""


def _change_bytes(chance: random.Random, data: bytes) -> bytes:
    wrong = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(len(wrong))
        match chance.randrange(4):
            case 0:
                wrong[place] ^= 1 << chance.randrange(8)
            case 1:
                wrong[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del wrong[place : place + chance.choice((1, 4, 64))]
            case _:
                wrong[place:place] = wrong[place : place + chance.choice((1, 4, 64))]
        if not wrong:
            return b""
    return bytes(wrong)


_INTEGERS = (0, 1, -1, 2, 3, 7, 16, 255, 2**31 - 1, 2**31, 2**40, 2**63 - 1, -(2**63))
_TEXTS = (
    "",
    "x",
    "y",
    "w",
    "Loop",
    "Gemm",
    "Reshape",
    "Range",
    "Tile",
    "ConstantOfShape",
    "é" * 1000,
    "ai.onnx.ml",
    "a/b",
    "x" * 70000,
)


def _change_field(chance: random.Random, proto: Message) -> None:
    """One field, anywhere: a number, a text, bytes; or a part that is taken out or doubled."""
    message: Any = proto
    while True:
        present = message.ListFields()
        if not present:
            return
        descriptor, value = chance.choice(present)
        many = not isinstance(value, Message | str | bytes | int | float)
        if many and chance.random() < 0.25:
            index = chance.randrange(len(value))
            if chance.random() < 0.5:
                del value[index]
            elif descriptor.message_type:
                value.add().CopyFrom(value[index])
            else:
                value.append(value[index])
            return
        if descriptor.message_type:
            message = chance.choice(value) if many else value
            continue
        changed = _changed(chance, value[0] if many else value)
        try:
            if many:
                value[chance.randrange(len(value))] = changed
            else:
                setattr(message, descriptor.name, changed)
        except ValueError:  # out of the field's range
            continue
        return


def _changed(chance: random.Random, value: Any) -> Any:
    if isinstance(value, int):
        return chance.choice((*_INTEGERS, value + 1, value - 1, value * 2))
    if isinstance(value, float):
        return chance.choice((0.0, -1.0, float("nan"), float("inf"), 1e30))
    if isinstance(value, str):
        return chance.choice((*_TEXTS, value + "x"))
    return chance.choice((b"", value[: len(value) // 2], value + value, bytes(len(value)), b"\xff" * len(value)))
