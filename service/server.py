"""Run the service with uvicorn."""

import errno
import logging
import socket
from inspect import signature
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from service.version import VERSION

APP = "service.app:app"
BACKLOG = 2048  # connections that the system queues until a process accepts them
# Seconds in which open requests may finish after a signal to stop. Docker kills a container after ten.
STOPPING = 8


class CannotListen(Exception):
    """The server cannot listen on the address; the message says why."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a listening socket for each address of the host. Raises CannotListen.

    port: 0 lets the system choose.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # a name that cannot be encoded raises the second
        reason = getattr(error, "strerror", None) or "it is not a host name"
        raise CannotListen(f"the host {host!r} is unknown: {reason}") from None
    sockets: list[socket.socket] = []
    refusal: OSError | None = None
    for family, address in dict.fromkeys((family, address[:2]) for family, _, _, _, address in found):
        chosen = sockets[0].getsockname()[1] if sockets else port
        try:
            one = socket.create_server((str(address[0]), chosen), family=family, backlog=BACKLOG)
        except OSError as error:
            refusal = error
            if error.errno != errno.EADDRNOTAVAIL:  # such as ::1 of localhost where there is no IPv6
                break
        else:
            one.set_inheritable(True)
            sockets.append(one)
    else:
        if sockets:
            return sockets
    for one in sockets:
        one.close()
    assert refusal is not None
    raise CannotListen(_reason(refusal, host, port))


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use by another program; choose another with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; 127.0.0.1 is, and 0.0.0.0 stands for all of them"
    if error.errno == errno.EACCES:
        return f"port {port} is reserved by the system; choose one above 1023 with --port"
    return f"cannot listen on port {port} of {host}: {error.strerror}"


def run(sockets: list[socket.socket], *, workers: int, log_level: str, root_path: str) -> None:
    """Serve until a signal stops the process.

    workers: number of processes. root_path: path under which a proxy in front serves the application.
    """
    config = uvicorn.Config(
        APP,
        http=protocol(),
        ws="none",
        access_log=False,
        log_level=log_level,
        root_path=root_path,
        workers=workers,
        backlog=BACKLOG,
        timeout_graceful_shutdown=STOPPING,
    )
    for one in sockets:
        address = url(one)
        logging.getLogger("uvicorn.error").info(
            "Workings %s on %s (documentation: %s/docs). Press Ctrl-C to stop.", VERSION, address, address
        )
    server = uvicorn.Server(config)
    if workers == 1:
        server.run(sockets=sockets)
        return
    # Older versions of uvicorn take the function that each process runs.
    older: Any = {"target": server.run} if "target" in signature(Multiprocess).parameters else {}
    Multiprocess(config, sockets=sockets, **older).run()


def protocol() -> Any:
    """Return the HTTP protocol for uvicorn: ours, or uvicorn's for h11 if httptools is not installed."""
    try:
        from service.http.protocol import Protocol  # noqa: PLC0415 - needs httptools
    except ImportError:
        return "h11"  # it ignores offers to upgrade as ours does
    return Protocol


def url(listening: socket.socket) -> str:
    """Return the address of a socket as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
