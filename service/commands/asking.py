"""Ask in this process, or a service elsewhere."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import httpx
import orjson

from service.exceptions import Problem
from service.in_process import answer_body
from workings import Client

KEY = "WORKINGS_KEY"  # the variable of the API key
WAIT = 600.0  # seconds for one answer
Sender = Callable[[str, bytes, str], bytes]
"""Returns the answer of a computation to the body of a request, as JSON or in a form. Raises Problem."""
Asker = Callable[[str, bytes], dict[str, Any]]
"""Returns the answer of a computation to the body of a request. Raises Problem."""


def choose_asker(server: str) -> Asker:
    """Return the function that asks a service at a URL; this process, if the URL is empty."""
    send = _choose_sender(server)

    def ask(name: str, body: bytes) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = orjson.loads(send(name, body, ""))
        except orjson.JSONDecodeError:
            raise click.ClickException(f"{server}: expected JSON of a service; received other text") from None
        return answer

    return ask


def _choose_sender(server: str) -> Sender:
    if not server:
        return answer_body
    client = Client(server, key=os.environ.get(KEY, ""), timeout=WAIT)

    def send(name: str, body: bytes, form: str) -> bytes:
        try:
            return client.send(f"{name}?format={form}" if form else name, body)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise click.ClickException(
                f"{server}: the service cannot be reached ({type(error).__name__})"
            ) from None

    return send


def print_answer(name: str, body: bytes, server: str) -> None:
    """Write an answer as JSON to standard output. Raises ClickException with the errors of a refusal."""
    with _refusals_explained():
        answer = choose_asker(server)(name, body)
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def write_document(name: str, body: bytes, form: str, server: str) -> bytes:
    """Return an answer as a document. form: html, markdown, tex or vegalite.

    Raises ClickException with the errors of a refusal.
    """
    with _refusals_explained():
        return _choose_sender(server)(name, body, form)


@contextmanager
def _refusals_explained() -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        lines = [f"{one['pointer'] or '/'}: {one['message']}" for one in problem.errors]
        raise click.ClickException("\nError: ".join(lines or [str(problem)])) from None
