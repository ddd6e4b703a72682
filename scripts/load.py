"""Many visitors at once against `packager serve` on loopback: every body is hashed, and the server's memory is watched.

    python -m scripts.load SITE [--visitors 500] [--seconds 60]

Prints the counts as docs/reliability.md has them; the exit code is 1 where a request failed or a byte was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """Size and SHA-256 of a file. Raises ValueError where the answer is not 200."""
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *headers = head.split("\r\n")
    if not status.startswith("HTTP/1.1 200"):
        raise ValueError(f"{path}: {status}")
    size = next(int(line.split(":")[1]) for line in headers if line.lower().startswith("content-length:"))
    digest, left = hashlib.sha256(), size
    while left:
        piece = await reader.read(min(left, 2**18))
        if not piece:
            raise ValueError(f"{path} was cut off")
        digest.update(piece)
        left -= len(piece)
    return size, digest.hexdigest()


async def run(port: int, hashes: dict[str, str], visitors: int, seconds: float) -> Counts:
    """All visitors side by side."""
    counts, until = Counts(), time.monotonic() + seconds
    await asyncio.gather(*(visit(port, hashes, counts, until) for _ in range(visitors)))
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.load")
    parser.add_argument("site", type=Path)
    parser.add_argument("--visitors", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    files = [path for path in sorted(options.site.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    hashes = {path.relative_to(options.site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    with served(options.site) as (process, port):
        before = memory(process.pid, "VmRSS:")
        counts = asyncio.run(run(port, hashes, options.visitors, options.seconds))
        peak = memory(process.pid, "VmHWM:")
    print(f"{options.visitors} visitors at once for {options.seconds:g} s, {len(hashes)} files a visit")
    print(f"{counts.requests} requests, {counts.bytes / 1e9:.2f} GB, {counts.visits} whole visits, {len(counts.faults)} faults")
    print(
        f"slowest whole visit {counts.slowest:.1f} s; the server's memory: {before / 1e6:.0f} MB, {peak / 1e6:.0f} MB at most"
    )
    for fault in counts.faults[:20]:
        print(fault, file=sys.stderr)
    return 1 if counts.faults else 0


if __name__ == "__main__":
    sys.exit(main())
