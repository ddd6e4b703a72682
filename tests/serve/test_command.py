"""The command itself: what it prints, where it listens, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from packager.errors import InputError
from packager.serve import serve
from packager.serve.listening import is_loopback, links, listen
from tests.serving import write_bundle

ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Runs the command and returns it with the lines it printed once it listens."""
    code = (
        "import sys; from pathlib import Path; from packager.serve import serve;"
        "serve(Path(sys.argv[1]), host=sys.argv[2], port=eval(sys.argv[3]), isolate=eval(sys.argv[4]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if "Ctrl-C" in line:
            break
    return process, lines


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    process.send_signal(number)
    _, stderr = process.communicate(timeout=20)
    return stderr


def test_it_prints_the_link_and_goes_quietly(bundle: Path) -> None:
    process, lines = start(str(bundle), "127.0.0.1", "0", "True")
    assert lines[0] == f"Serving {bundle} at"
    (link,) = [line.strip() for line in lines if line.startswith("  ")]
    port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", link)[1])  # type: ignore[index]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert stop(process) == ""
    assert process.returncode == 0


def test_ctrl_c_is_quiet_in_the_middle_of_downloads(tmp_path: Path) -> None:
    (write_bundle(tmp_path) / "large.bin").write_bytes(bytes(64 << 20))
    process, lines = start(str(tmp_path), "127.0.0.1", "0", "False")
    assert any("service worker adds" in line for line in lines)
    port = int(lines[1].rsplit(":", 1)[1].strip("/"))
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for connection in connections:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
    assert stop(process) == ""
    assert process.returncode == 0
    for connection in connections:
        connection.close()


def test_for_the_network_it_says_what_plain_http_costs(bundle: Path, tmp_path: Path) -> None:
    process, lines = start(str(bundle), "0.0.0.0", "0", "True")
    stop(process, signal.SIGTERM)
    hosts = [line.strip() for line in lines if line.startswith("  ")]
    assert hosts[0].startswith("http://127.0.0.1:")
    assert ("plain http" in " ".join(lines)) == (len(hosts) > 1)


def test_links_of_each_kind_of_address() -> None:
    assert links("127.0.0.1", 80) == ["http://127.0.0.1:80/"]
    assert links("192.0.2.7", 80) == ["http://192.0.2.7:80/"]
    assert links("::1", 80) == ["http://[::1]:80/"]
    assert links("0.0.0.0", 80)[0] == "http://127.0.0.1:80/"
    assert is_loopback("http://[::1]:80/")
    assert not is_loopback("http://192.0.2.7:80/")


def test_a_busy_port_is_passed_over_unless_it_was_asked_for() -> None:
    with listen("127.0.0.1", None) as first:
        taken = first.getsockname()[1]
        with listen("127.0.0.1", None) as second:
            assert second.getsockname()[1] > taken
        with pytest.raises(InputError, match=f"Port {taken} is in use.*next free one"):
            listen("127.0.0.1", taken)


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", 70_000, "70000 is not a port"),
        ("127.0.0.1", -1, "-1 is not a port"),
        ("192.0.2.7", 0, "'192.0.2.7' is not an address of this machine"),
        ("no such host", 0, "'no such host' is not an address"),
        ("a" * 300, 0, "is not an address"),
        ("..", 0, "'..' is not an address"),
    ],
)
def test_where_it_cannot_listen(host: str, port: int, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        listen(host, port)


def test_what_is_no_bundle_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("hello")
    (tmp_path / "file").write_text("hello")
    for path, said in (
        (tmp_path / "missing", "There is no such folder"),
        (tmp_path / "file", "neither a bundle nor a folder of bundles"),
        (tmp_path / "page", "neither a bundle nor a folder of bundles"),
        (tmp_path, "neither a bundle nor a folder of bundles"),
    ):
        with pytest.raises(InputError, match=said) as raised:
            serve(path)
        assert raised.value.where == str(path)
        assert "packager build" in raised.value.remedy


def test_the_browser_is_opened_on_request(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    done = threading.Event()

    def open_page(link: str) -> None:
        opened.append(link)
        done.set()

    monkeypatch.setattr("webbrowser.open", open_page)
    monkeypatch.setattr("packager.serve.server._Server.main_loop", lambda self: wait_for(done))
    serve(bundle, port=0, open_browser=True)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", opened[0])


async def wait_for(done: threading.Event) -> None:
    import asyncio

    await asyncio.get_running_loop().run_in_executor(None, done.wait, 10)
