"""Ask in this process, or a service elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import httpx
import orjson

from service.exceptions import Problem
from service.in_process import answer_body
from workings import Client

WAIT = 600.0  # seconds for one answer
Asker = Callable[[str, bytes], dict[str, Any]]
"""Returns the answer of a computation to the body of a request. Raises Problem."""


def choose_asker(server: str) -> Asker:
    """Return the function that asks a service at a URL; this process, if the URL is empty."""
    return ask_here if not server else _connect(server)


def ask_here(name: str, body: bytes) -> dict[str, Any]:
    """Return the answer of a computation, computed in this process. Raises Problem."""
    answer: dict[str, Any] = orjson.loads(answer_body(name, body))
    return answer


def _connect(server: str) -> Asker:
    client = Client(server, timeout=WAIT)

    def ask(name: str, body: bytes) -> dict[str, Any]:
        try:
            with _connections_explained(server):
                answer: dict[str, Any] = orjson.loads(client.send(name, body))
        except orjson.JSONDecodeError:
            raise click.ClickException(f"{server}: expected JSON of a service; received other text") from None
        return answer

    return ask


def print_answer(name: str, body: bytes, server: str) -> None:
    """Write an answer as JSON to standard output. Raises ClickException with the errors of a refusal."""
    with _refusals_explained():
        answer = choose_asker(server)(name, body)
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def write_document(name: str, body: bytes, form: str, server: str) -> bytes:
    """Return an answer as a document. form: html, markdown or tex.

    Raises ClickException with the errors of a refusal.
    """
    with _refusals_explained():
        if not server:
            return answer_body(name, body, form)
        with _connections_explained(server), Client(server, timeout=WAIT) as client:
            return client.send(f"{name}?format={form}", body)


@contextmanager
def _refusals_explained() -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        lines = [f"{one['pointer'] or '/'}: {one['message']}" for one in problem.errors]
        raise click.ClickException("\nError: ".join(lines or [str(problem)])) from None


@contextmanager
def _connections_explained(server: str) -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise click.ClickException(
            f"{server}: the service cannot be reached ({type(error).__name__})"
        ) from None
