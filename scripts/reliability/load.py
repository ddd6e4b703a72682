"""Many visitors at once against `packager serve` on loopback: every body is hashed, and the server's memory is watched.

    python -m scripts.reliability.load [SITE] [--visitors 500] [--seconds 60]

Without a SITE it is the gallery's bundle of MiniLM, which is built unless it is there. Writes what came of it to
docs/reliability.md; the exit code is 1 where a request failed, a byte was wrong or the server took too much memory.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import socket
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packager.manifest import read_manifest
from scripts.gallery import SITES, build_site
from scripts.models.catalogue import by_name
from scripts.reliability.document import write_section

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 512 * 2**20
"""Bytes that the server may take."""
_TEXT = """
Written by `python -m scripts.reliability.load --visitors {visitors} --seconds {seconds:g}` on the bundle of {name}, which
has {size:.1f} MB in {files} files. `packager serve` and the visitors share the machine over loopback. Each visitor opens a
connection, fetches every file over it, decodes what comes compressed, and holds it to its hash; then the next one comes. A
fault would be a request that fails, a wrong byte, or a server that takes more than {most:.0f} MB.

| | |
|---|---:|
| visitors at once | {visitors} |
| seconds | {seconds:g} |
| requests | {counts.requests:,} |
| GB sent | {gigabytes:.1f} |
| whole visits | {counts.visits:,} |
| slowest whole visit, s | {counts.slowest:.1f} |
| the server's memory before, MB | {before:.0f} |
| the server's memory at most, MB | {peak:.0f} |
| faults | {faults} |
"""


@dataclass
class Counts:
    """What the visitors saw."""

    visits: int = 0
    requests: int = 0
    bytes: int = 0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)


@contextmanager
def served(site: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`packager serve` in a process of its own, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "packager", "serve", str(site), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield process, port
    finally:
        process.terminate()
        process.wait()


def memory(pid: int, line: str) -> int:
    """A figure of /proc/PID/status, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(entry.split()[1]) * 1024 for entry in status.splitlines() if entry.startswith(line))


async def visit(port: int, hashes: dict[str, str], counts: Counts, until: float) -> None:
    """One visitor after another on one place: each opens a connection and fetches every file over it."""
    while time.monotonic() < until:
        start = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for path, sha256 in hashes.items():
                size, found = await fetch(reader, writer, path)
                counts.requests, counts.bytes = counts.requests + 1, counts.bytes + size
                if found != sha256:
                    counts.faults.append(f"{path} came with other bytes")
                if time.monotonic() > until:
                    break
            else:
                counts.visits += 1
                counts.slowest = max(counts.slowest, time.monotonic() - start)
            writer.close()
            await writer.wait_closed()
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            counts.faults.append(f"{type(error).__name__}: {error}")


async def fetch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[int, str]:
    """Bytes on the line, and SHA-256 of the file. Raises ValueError where the answer is not 200."""
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    if not status.startswith("HTTP/1.1 200"):
        raise ValueError(f"{path}: {status}")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    size = left = int(headers["content-length"])
    decoder = zlib.decompressobj(31) if headers.get("content-encoding") == "gzip" else None
    digest = hashlib.sha256()
    while left:
        piece = await reader.read(min(left, 2**18))
        if not piece:
            raise ValueError(f"{path} was cut off")
        digest.update(decoder.decompress(piece) if decoder else piece)
        left -= len(piece)
    return size, digest.hexdigest()


async def run(port: int, hashes: dict[str, str], visitors: int, seconds: float) -> Counts:
    """All visitors side by side."""
    counts, until = Counts(), time.monotonic() + seconds
    await asyncio.gather(*(visit(port, hashes, counts, until) for _ in range(visitors)))
    return counts


def main() -> int:
    """Loads the server and writes down what came of it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.reliability.load", description=__doc__)
    parser.add_argument("site", type=Path, nargs="?")
    parser.add_argument("--visitors", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    site = options.site or _minilm()
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    hashes = {path.relative_to(site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    with served(site) as (process, port):
        before = memory(process.pid, "VmRSS:")
        counts = asyncio.run(run(port, hashes, options.visitors, options.seconds))
        peak = memory(process.pid, "VmHWM:")
    if peak > MEMORY:
        counts.faults.append(f"the server took {peak:,} bytes of memory")
    for fault in counts.faults[:20]:
        print(fault, file=sys.stderr)
    text = _TEXT.format(
        name=read_manifest(site)["name"],
        size=sum(path.stat().st_size for path in files) / 1e6,
        files=len(files),
        visitors=options.visitors,
        seconds=options.seconds,
        counts=counts,
        gigabytes=counts.bytes / 1e9,
        faults=len(counts.faults),
        before=before / 1e6,
        peak=peak / 1e6,
        most=MEMORY / 1e6,
    )
    write_section("Many visitors at once", text)
    return int(bool(counts.faults))


def _minilm() -> Path:
    model = by_name("minilm")
    if build_site(model):
        raise RuntimeError("The bundle of MiniLM was not built.")
    return SITES / model.name


if __name__ == "__main__":
    sys.exit(main())
