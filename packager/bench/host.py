"""The server under test, as a process of its own, so that its work does not wait for ours."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_SECONDS = 60
_LINK = re.compile(rb"http://127\.0\.0\.1:(\d+)/")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """Host and port of `packager serve` on a bundle. Raises BuildError where it does not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "packager", "serve", str(folder.resolve()), "--port", "0",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to handle: what was measured is written before the server goes
    )  # fmt: skip
    try:
        yield "127.0.0.1", await _port(process)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        # Reads what is left, so that the pipes close with the process.
        await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    assert process.stderr is not None
    said = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS):
            while line := await process.stdout.readline():
                said += line
                if found := _LINK.search(line):
                    return int(found[1])
            said += await process.stderr.read()
    last = said.decode(errors="replace").strip().splitlines()
    raise BuildError(f"The server did not start: {last[-1] if last else 'it said nothing'}", where="packager serve")
