"""A bundle as `build` writes it, but tiny, and a real server over loopback with its log kept."""

from __future__ import annotations

import http.client
import logging
import random
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import uvicorn

from packager.manifest import encode, seal
from packager.serve import create_app
from packager.serve.listening import listen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = b"export const answer = 42; // " + b"the same words again and again, " * 200
# The same in every process of a run, since these names are in those of tests.
_CHANCE = random.Random(20261125)
SHARD = _CHANCE.randbytes(300_000)
SHARD_PATH = f"shards/{sha256(SHARD).hexdigest()}.gzip.bin"
PICTURE = _CHANCE.randbytes(2_000)
ASSET_PATH = f"assets/app-{sha256(SCRIPT).hexdigest()[:12]}.js"
SAMPLE_PATH = f"samples/cat-{sha256(PICTURE).hexdigest()[:12]}.jpg"
PAGE = b"<!doctype html><title>A model</title>" + b"<p>words</p>" * 100


def manifest(name: str = "A model") -> dict[str, Any]:
    shard = {
        "sha256": sha256(SHARD).hexdigest(),
        "encoded_bytes": len(SHARD),
        "decoded_bytes": len(SHARD),
        "encoding": "gzip",
        "filter": "none",
    }
    figures = {"name": "y", "max_abs": 0, "relative": 0, "cosine": 1, "top1": None}
    parity = {"proof": "native", "runner": "test", "samples": 1, "generated": True, "tolerance": 0.001, "outputs": [figures]}
    tensor = {"name": "x", "dtype": "float32", "shape": [1]}
    return {
        "format": "packager",
        "version": 1,
        "name": name,
        "generator": "test",
        "task": {"kind": "tensor"},
        "signature": {"inputs": [tensor], "outputs": [{**tensor, "name": "y"}]},
        "engines": {"ort-wasm": {"version": "1", "script": ASSET_PATH, "glue": ASSET_PATH, "module": [shard]}},
        "variants": [
            {
                "id": "ort-wasm-fp32",
                "target": "ort-wasm",
                "precision": "fp32",
                "graph": [shard],
                "weights": [],
                "parity": parity,
            }
        ],
        "samples": [],
        "files": [
            {"path": ASSET_PATH, "bytes": len(SCRIPT), "sha256": sha256(SCRIPT).hexdigest(), "role": "engine"},
            {"path": "index.html", "bytes": len(PAGE), "sha256": sha256(PAGE).hexdigest(), "role": "shell"},
        ],
    }


def write_bundle(folder: Path, name: str = "A model") -> Path:
    """Writes a bundle of every kind of file and returns its folder."""
    files = {
        "index.html": PAGE,
        "manifest.json": encode(seal(manifest(name))),
        "sw.js": SCRIPT,
        "packager.js": SCRIPT,
        "packager.d.ts": SCRIPT,
        ASSET_PATH: SCRIPT,
        SHARD_PATH: SHARD,
        SAMPLE_PATH: PICTURE,
        "_headers": b"/*\n",
        ".nojekyll": b"",
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A running server; ``errors`` holds what it logged of exceptions and protocol errors."""

    host: str
    port: int
    log: _Kept = field(repr=False)

    @property
    def errors(self) -> list[str]:
        return [record.getMessage() for record in self.log.records if record.levelno >= logging.ERROR]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        """Sends bytes as they are and returns all that comes back until the server closes or falls silent."""
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            connection.sendall(request)
            received = bytearray()
            try:
                while piece := connection.recv(65536):
                    received += piece
            except ConnectionResetError:
                pass
            return bytes(received)


@contextmanager
def serving(root: Path, *, isolate: bool = True, port: int = 0) -> Iterator[Server]:
    """Runs the application under uvicorn on a port of loopback, a free one by default, in a thread."""
    kept = _Kept()
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    listener = listen("127.0.0.1", port)
    config = uvicorn.Config(
        create_app(root, isolate=isolate), http="h11", ws="none", lifespan="off", log_config=None, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    for logger in loggers:
        logger.addHandler(kept)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Server("127.0.0.1", listener.getsockname()[1], kept)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        for logger in loggers:
            logger.removeHandler(kept)
