"""Rounds of a trial side by side, each in a process of its own, so that one that stands still is ended and played again."""

from __future__ import annotations

import contextlib
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

A = TypeVar("A")
R = TypeVar("R")

# More than the bounds of all visits in a round together: what takes longer is the harness, not the page.
_SECONDS = 300
_TRIES = 3
_PROCESSES: Any = multiprocessing.get_context("forkserver")


def play(work: Callable[[A], R], rounds: Iterable[A], jobs: int) -> Iterator[tuple[R, int]]:
    """What each round gives, in order, and how often it stood still before. Raises TimeoutError where it always does."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda given: _patiently(work, given), rounds)


def _patiently(work: Callable[[A], R], given: A) -> tuple[R, int]:
    for stalls in range(_TRIES):
        with contextlib.suppress(EOFError, TimeoutError):
            return _once(work, given), stalls
    raise TimeoutError(f"This round stands still each time: {given}")


def _once(work: Callable[[A], R], given: A) -> R:
    receiver, sender = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_send, args=(sender, work, given))
    process.start()
    sender.close()
    try:
        if not receiver.poll(_SECONDS):
            raise TimeoutError
        result: R = receiver.recv()
        return result
    finally:
        _end(process.pid)
        process.join()


def _send(sender: Connection, work: Callable[[A], R], given: A) -> None:
    sender.send(work(given))


def _end(pid: int) -> None:
    """Kills a process and all that it started, browsers too."""
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid)
        for process in [*started.children(recursive=True), started]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
