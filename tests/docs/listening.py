"""A server on a free loopback port, for code of the README that runs on its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from service.app import create_app
from service.settings import Settings


@contextmanager
def server() -> Iterator[str]:
    """The address of a server in a thread.

    The socket listens before the server runs: early requests wait in its backlog, and nothing polls.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        config = uvicorn.Config(create_app(Settings()), log_level="warning", access_log=False)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"{host}:{port}"
        finally:
            running.should_exit = True
            thread.join()
