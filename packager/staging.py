"""A folder that becomes the output whole or not at all.

Work happens in ``.<name>.building-<pid>`` beside the output, on the same file system, and is exchanged with the old
output in one system call where there is one. What a killed build leaves behind is removed by the next build of the same output.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from packager.errors import BuildError, InputError
from packager.manifest import is_bundle
from packager.scratch import alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_AT_FDCWD = -100
_LINUX_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_MACOS_SWAP = 2  # RENAME_SWAP of renamex_np(2)


def check_output(output: Path, keep: Path) -> None:
    """Raises InputError where ``output`` holds something that a build must not replace, as the file ``keep``."""
    if not output.exists():
        return
    if not output.is_dir():
        raise InputError("The output exists and is not a folder.", where=str(output), remedy="Choose another with -o.")
    if any(output.iterdir()) and not is_bundle(output):
        raise InputError(
            "The output folder holds something that is not a bundle.",
            where=str(output),
            remedy="Choose another with -o, or empty it.",
        )
    if keep.resolve().is_relative_to(output.resolve()):
        raise InputError(
            "The model lies in the output folder, which is replaced as a whole.",
            where=str(output),
            remedy="Choose another with -o.",
        )


@contextmanager
def staged(output: Path) -> Iterator[Path]:
    """A new folder to work in; it takes the place of ``output`` when the block ends well and is removed when it does not.

    Raises BuildError where the file system refuses.
    """
    output = output.absolute()
    folder = output.with_name(f".{output.name}.building-{os.getpid()}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _sweep(output)
        folder.mkdir()
    except OSError as error:
        raise BuildError(f"The output cannot be written: {error.strerror}.", where=str(output)) from error
    try:
        yield folder
        _replace(output, folder)
    except OSError as error:
        raise BuildError(
            f"The output cannot be written: {error.strerror or error}.",
            where=str(error.filename or output),
            remedy="What was there before is untouched.",
        ) from error
    finally:
        # After the exchange this is the old output.
        shutil.rmtree(folder, ignore_errors=True)


def _replace(output: Path, folder: Path) -> None:
    folder.chmod(0o777 & ~_umask())
    if not output.exists():
        folder.rename(output)
    elif not _exchange(output, folder):
        # Two steps where the system has no exchange: a crash between them leaves the old output under its other name.
        old = output.with_name(f".{output.name}.replaced-{os.getpid()}")
        output.rename(old)
        folder.rename(output)
        shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two paths atomically; False where the system cannot."""
    name = ctypes.util.find_library("c")
    if name is None:
        return False
    library = ctypes.CDLL(name, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        return bool(library.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _LINUX_EXCHANGE) == 0)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return bool(library.renamex_np(first, second, _MACOS_SWAP) == 0)
    return False


def _sweep(output: Path) -> None:
    """Removes what killed builds of this output left, and brings back an output that a crash left under its other name."""
    for left in output.parent.glob(f".{output.name}.replaced-*"):
        if not output.exists():
            left.rename(output)
    for left in (*output.parent.glob(f".{output.name}.building-*"), *output.parent.glob(f".{output.name}.replaced-*")):
        with suppress(ValueError):
            if not alive(int(left.name.rpartition("-")[2])):
                shutil.rmtree(left, ignore_errors=True)
