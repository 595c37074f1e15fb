"""Ask in this process, or a service elsewhere."""

from collections.abc import Callable
from typing import Any

import click
import httpx
import orjson

from service.in_process import Refused, answer_body

WAIT = 600.0  # seconds for one answer
Asker = Callable[[str, bytes], dict[str, Any]]
"""Returns the answer of a computation to the body of a request. Raises Unanswered."""


class Unanswered(Exception):
    """A question that was refused. document: the problem, as the service describes it."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document.get("detail", "there is no answer"))
        self.document = document


def choose_asker(server: str) -> Asker:
    """Return the function that asks a service at a URL; this process, if the URL is empty."""
    return ask_here if not server else _connect(server)


def ask_here(name: str, body: bytes) -> dict[str, Any]:
    """Return the answer of a computation, computed in this process. Raises Unanswered."""
    try:
        content = answer_body(name, body)
    except Refused as refused:
        raise Unanswered(refused.document) from None
    answer: dict[str, Any] = orjson.loads(content)
    return answer


def _connect(server: str) -> Asker:
    client = httpx.Client(base_url=server, timeout=WAIT)

    def ask(name: str, body: bytes) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        try:
            response = client.post(f"/v1/{name}", content=body, headers=headers)
            answer: dict[str, Any] = orjson.loads(response.content)
        except (httpx.TransportError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise click.ClickException(
                f"{server}: the service cannot be reached ({type(error).__name__})"
            ) from None
        except orjson.JSONDecodeError:
            raise click.ClickException(
                f"{server}: expected JSON of a service; received status {response.status_code}"
            ) from None
        if response.is_error:
            raise Unanswered(answer)
        return answer

    return ask


def print_answer(name: str, body: bytes, server: str) -> None:
    """Write an answer as JSON to standard output. Raises ClickException with the errors of a refusal."""
    try:
        answer = choose_asker(server)(name, body)
    except Unanswered as problem:
        lines = [f"{one['pointer'] or '/'}: {one['message']}" for one in problem.document.get("errors", ())]
        raise click.ClickException("\nError: ".join(lines or [str(problem)])) from None
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
