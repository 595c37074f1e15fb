"""Run the service with uvicorn."""

import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from inspect import signature
from ipaddress import ip_address
from math import ceil
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import LOG_LEVELS
from uvicorn.supervisors import Multiprocess

from service.files import raise_limit
from service.settings import Settings
from service.telemetry.logs import configuration
from service.version import VERSION
from service.workers.memory import map_large_blocks

APP = f"{__package__}.app:app"  # uvicorn imports it in each server process
BACKLOG = 2048  # connections that the system queues until a process accepts them
UNSENT = 2**17  # unsent bytes of an answer that the system buffers for each connection
# Seconds after which a computing thread gives way to the event loop. A tenth of Python's default makes the
# median answer four to six times as fast while another thread computes.
SWITCH_INTERVAL = 0.0005
# Seconds after `stop_seconds` in which requests are cancelled, workers are stopped, and the process ends.
CANCELLING, ENDING, KILLING = 1.0, 2.5, 3.0


class CannotListen(Exception):
    """The server cannot listen on the address; the message says why."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a listening socket for each address of the host. Raises CannotListen.

    port: 0 lets the system choose.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # UnicodeError for a name that cannot be encoded
        reason = getattr(error, "strerror", None) or "it is not a host name"
        raise CannotListen(f"the host {host!r} is unknown: {reason}") from None
    sockets: list[socket.socket] = []
    refusal: OSError | None = None
    for family, address in dict.fromkeys((family, address[:2]) for family, _, _, _, address in addresses):
        same_port = sockets[0].getsockname()[1] if sockets else port
        try:
            listener = socket.create_server((str(address[0]), same_port), family=family, backlog=BACKLOG)
        except OSError as error:
            refusal = error
            if error.errno != errno.EADDRNOTAVAIL:  # ::1 of localhost without IPv6, for example
                break
        else:
            listener.set_inheritable(True)
            _limit_unsent(listener)
            sockets.append(listener)
    else:
        if sockets:
            return sockets
    for listener in sockets:
        listener.close()
    assert refusal is not None
    raise CannotListen(_reason(refusal, host, port))


def check_exposure(sockets: list[socket.socket], settings: Settings) -> None:
    """Close the sockets and raise CannotListen if everybody could ask from another machine, unintended."""
    if settings.key_file is not None or settings.open:
        return
    for listener in sockets:
        host = listener.getsockname()[0]
        if not ip_address(host.partition("%")[0]).is_loopback:
            for opened in sockets:
                opened.close()
            raise CannotListen(
                f"everybody who reaches {host} could ask: name a file of API keys in WORKINGS_KEY_FILE"
                " (`workings key NAME` makes one), or set WORKINGS_OPEN=true if that is meant"
            )


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use by another program; choose another with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; 127.0.0.1 is, and 0.0.0.0 stands for all of them"
    if error.errno == errno.EACCES:
        return f"port {port} is reserved by the system; choose one above 1023 with --port"
    return f"cannot listen on port {port} of {host}: {error.strerror}"


def _limit_unsent(listening: socket.socket) -> None:
    """Limit the unsent bytes that the system buffers for each client of a socket; megabytes by default."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        with suppress(OSError):
            listening.setsockopt(socket.IPPROTO_TCP, option, UNSENT)


def run(
    sockets: list[socket.socket], settings: Settings, *, workers: int, log_level: str, root_path: str
) -> None:
    """Serve until a signal stops the process.

    sockets: listening sockets.
    settings: limits and sizes of the deployment.
    workers: number of server processes.
    log_level: least severity of the messages that are logged.
    root_path: path under which a proxy serves the application.
    """
    config = Config(
        APP,
        http=protocol(),
        ws="none",
        access_log=False,  # `service.telemetry.logs` has lines of its own
        log_config=configuration(settings.log_format, LOG_LEVELS[log_level]),
        log_level=log_level,
        root_path=root_path,
        workers=workers,
        backlog=BACKLOG,
        # uvicorn's own limit of connections answers in plain text, and counts connections that it refuses.
        limit_concurrency=None,
        h11_max_incomplete_event_size=settings.max_head_bytes,
        timeout_keep_alive=ceil(settings.keep_alive),
        timeout_graceful_shutdown=ceil(settings.stop_seconds + CANCELLING),
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
    )
    config.stop_seconds = settings.stop_seconds
    raise_limit(settings.max_connections)
    for listener in sockets:
        address = url(listener)
        logging.getLogger("uvicorn.error").info(
            "Workings %s on %s (documentation: %s/docs). Press Ctrl-C to stop.", VERSION, address, address
        )
    server = uvicorn.Server(config)
    if workers == 1:
        server.run(sockets=sockets)
        return
    with TemporaryDirectory(prefix="workings-metrics-") as directory:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", directory)  # read by the processes as they start
        _supervise(config, server, sockets)


def _supervise(config: "Config", server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    """Run several server processes."""
    # Older versions of uvicorn take the function that each process runs as an argument.
    older: Any = {"target": server.run} if "target" in signature(Multiprocess).parameters else {}
    Supervisor(config, sockets=sockets, **older).run()


class Config(uvicorn.Config):
    """The configuration of uvicorn, which also ends the process in time after a signal to stop."""

    stop_seconds = 0.0

    def configure_logging(self) -> None:
        """Configure logging in each process, Python's warnings included."""
        super().configure_logging()
        logging.captureWarnings(True)

    def load(self) -> None:
        """Load the application in each server process, after its signal handlers are set."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._watch_signal(number)
        sys.setswitchinterval(SWITCH_INTERVAL)
        map_large_blocks()
        super().load()
        from service.app import app  # noqa: PLC0415 - the application has just been loaded
        from service.documentation import prepare_documentation  # noqa: PLC0415

        prepare_documentation(app)
        gc.collect()
        gc.freeze()  # otherwise each full collection blocks requests for a tenth of a second

    def _watch_signal(self, number: signal.Signals) -> None:
        """Make a signal also start the timer that ends the process."""
        handler = signal.getsignal(number)
        if not callable(handler) or threading.current_thread() is not threading.main_thread():
            return

        def handle(received: int, frame: FrameType | None) -> None:
            # First: starting a thread lets the other signal in, and uvicorn takes SIGINT after SIGTERM for
            # a second Ctrl-C, which waits for no answer.
            handler(received, frame)
            self._end_later()

        signal.signal(number, handle)

    def _end_later(self) -> None:
        """Exit after a delay if the process still runs: a thread may compute for minutes."""
        clock = threading.Timer(self.stop_seconds + ENDING, _exit)
        clock.daemon = True
        clock.start()


def _exit() -> None:
    logging.getLogger("uvicorn.error").warning("The server did not stop by itself in time; the process ends.")
    os._exit(0)


class Supervisor(Multiprocess):
    """The process that starts several server processes and ends them in time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop_soon)

    def _stop_soon(self, *_: object) -> None:
        """Stop at once: uvicorn would first wait seconds for a process to report that it is alive.

        A thread does it, because this signal handler may have interrupted code that holds a lock.
        """
        threading.Thread(target=self._stop).start()

    def _stop(self) -> None:
        """Refuse new connections and stop the processes."""
        self.should_exit.set()
        for listener in self.sockets:
            listener.close()
        for process in self.processes:
            process.process.terminate()

    def join_all(self) -> None:
        """Wait for the processes; kill those that do not end in time."""
        assert isinstance(self.config, Config)
        end = time.monotonic() + self.config.stop_seconds + KILLING
        for server in self.processes:
            server.process.join(max(0, end - time.monotonic()))
            if server.process.is_alive():
                server.process.kill()
        super().join_all()


def protocol() -> Any:
    """Return the HTTP protocol class for uvicorn: on httptools, or on h11 if httptools is not installed."""
    try:
        from service.http.protocol import Protocol  # noqa: PLC0415 - needs httptools
    except ImportError:
        from service.http import h11_protocol  # noqa: PLC0415

        return h11_protocol.Protocol
    return Protocol


def url(listening: socket.socket) -> str:
    """Return the address of a socket as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
