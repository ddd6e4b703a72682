"""How much of the machine a model may take that is read or run here: it comes from anywhere, and may mean harm."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_MODEL = 4 * 2**30
"""Bytes of a model with its weights: what WebAssembly can address."""
LARGEST_TEXT = 64 * 2**20
"""Bytes of labels, a tokenizer, a configuration or a file of texts."""
LARGEST_ARRAYS = 2 * 2**30
"""Bytes of the arrays of one sample."""

# More than a model of the largest size takes in several copies.
_MOST_MEMORY = 32 * 2**30
_LEAST_MEMORY = 2 * 2**30


def read_limited(path: Path, limit: int = LARGEST_TEXT) -> bytes:
    """The bytes of a file. Raises InputError for one larger than ``limit``, or of no definite size; OSError."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise InputError("This is not a file but a device, a pipe or a folder.", where=str(path))
    if found.st_size > limit:
        raise InputError(f"The file has {found.st_size:,} bytes; {limit:,} are the most that is read.", where=str(path))
    return path.read_bytes()


@contextmanager
def bounded() -> Iterator[None]:
    """Within the block the process gets no more memory than the machine has free, so that nothing brings that down.

    Raises InputError where Python asked for more. Other libraries complain in their own ways, each at its stage. Only Linux
    tells and keeps such a bound; elsewhere the block runs as it is.
    """
    try:
        with _limited():
            yield
    except MemoryError as error:
        raise InputError("This needs more memory than the machine has.", remedy="Use a smaller model or sample.") from error
    except RecursionError as error:
        raise InputError("This is nested deeper than can be followed.", remedy="Export the model again.") from error


@contextmanager
def _limited() -> Iterator[None]:
    free = _free_memory()
    if free is None:
        yield
        return
    import resource  # not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _held_memory() + min(max(free, _LEAST_MEMORY), _MOST_MEMORY)
    known = [limit for limit in (soft, hard, wanted) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(known), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _free_memory() -> int | None:
    """Bytes that the machine can still give, swap included; None where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
    return sizes["MemAvailable"] + sizes.get("SwapFree", 0) if "MemAvailable" in sizes else None


def _held_memory() -> int:
    """Bytes of address space that this process has."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmSize:"))
