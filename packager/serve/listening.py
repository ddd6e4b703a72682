"""Which socket to listen on, and the links under which it is reached."""

from __future__ import annotations

import errno
import socket
import sys
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from packager.errors import InputError

DEFAULT_PORT: Final = 8000
_PORTS_TRIED = 100
_LAST_PORT = 65535
_BACKLOG = 2048

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only compared with


def listen(host: str, port: int | None) -> socket.socket:
    """Return a bound socket; without a port, on the first free one from 8000 on. Raises InputError."""
    first = DEFAULT_PORT if port is None else port
    if not 0 <= first <= _LAST_PORT:
        raise InputError(f"{first} is not a port.", where="--port", remedy="Use 1 to 65535, or 0 for any free one.")
    for candidate in range(first, first + (_PORTS_TRIED if port is None else 1)):
        try:
            return _bind(host, candidate)
        except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
            code = error.errno if isinstance(error, OSError) else None
            if code != errno.EADDRINUSE or port is not None:
                raise _refusal(host, candidate, code) from error
    raise InputError(f"The ports {first} to {first + _PORTS_TRIED - 1} are all in use.", where="--port", remedy="Name another.")


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _refusal(host: str, port: int, code: int | None) -> InputError:
    if code == errno.EADDRINUSE:
        return InputError(
            f"Port {port} is in use.", where="--port", remedy="Name another, or leave --port out to take the next free one."
        )
    if code == errno.EACCES:
        return InputError(f"This user may not listen on port {port}.", where="--port", remedy="Use one above 1023.")
    return InputError(
        f"'{host}' is not an address of this machine.", where="--host", remedy="Use 127.0.0.1, or 0.0.0.0 for the network."
    )


def links(host: str, port: int) -> list[str]:
    """Return the URLs at which the server can be reached: this machine's first, then the network's if it listens there."""
    hosts = [_EVERYWHERE.get(host, host)]
    if host in _EVERYWHERE and (outside := _network_address()):
        hosts.append(outside)
    return [f"http://{f'[{name}]' if ':' in name else name}:{port}/" for name in hosts]


def is_loopback(link: str) -> bool:
    """Tell whether a link leads to this machine only, which browsers trust without https."""
    host = urlsplit(link).hostname or ""
    return ip_address(host.partition("%")[0]).is_loopback


def _network_address() -> str | None:
    """Return the address that other devices see, if there is a network. Sends nothing: a datagram socket only picks a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address reserved for documentation
        except OSError:
            return None
        return str(probe.getsockname()[0])
