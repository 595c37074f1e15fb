"""The command `workings`, also available as `python -m service`."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from service.version import VERSION

# Variables that set the number of threads of the libraries below NumPy. One is enough: there is a worker
# process for each processor.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
SUFFIXES = {".html": "html", ".md": "markdown", ".tex": "tex", ".json": "vegalite"}
FORMS = tuple(SUFFIXES.values())
LOG_LEVELS = ("critical", "error", "warning", "info", "debug", "trace")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`workings COMMAND --help` explains a command.",
)
@click.version_option(VERSION, prog_name="Workings")
def main() -> None:
    """Deep-learning questions answered with every intermediate value, gradient and step named."""


@main.command(
    short_help="Answer questions over HTTP.",
    epilog="Limits and worker processes are set by environment variables"
    " WORKINGS_...; the documentation lists them.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="NAME",
    help="Name or address to listen on. 0.0.0.0 accepts connections from other machines.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="NUMBER",
    help="Port to listen on. 0 chooses a free one.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    metavar="NUMBER",
    envvar="WEB_CONCURRENCY",
    show_envvar=True,
    help="Server processes. Each has worker processes of its own.",
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(LOG_LEVELS),
    help="Least severity of the messages written to standard error.",
)
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    help="Path under which a proxy in front serves this, such as /workings.",
)
def serve(host: str, port: int, workers: int, log_level: str, root_path: str) -> None:
    """Answer questions over HTTP until Ctrl-C.

    The first line says where; the documentation is at /docs there, and /v1/operations lists all there is to
    ask. Other machines are let in if WORKINGS_KEY_FILE names a file of API keys, or WORKINGS_OPEN is true.
    """
    # Stopping as told is a success. Without a handler, process 1 of a container would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    path = root_path.strip("/")
    try:
        _serve(host, port, workers, log_level, f"/{path}" if path else "")
    except KeyboardInterrupt:  # the server has already stopped in good order
        sys.exit(0)


@main.command(short_help="Make an API key.")
@click.argument("name")
def key(name: str) -> None:
    """Make a random API key, and the entry for the file that WORKINGS_KEY_FILE names.

    NAME says whose key it is, such as "course-230". The key itself is shown once and stored nowhere.
    """
    from service.guarding.keys import make_key  # noqa: PLC0415 - `--help` needs none of it

    try:
        secret, entry = make_key(name)
    except ValueError:
        raise click.ClickException("expected a name of 1 to 64 letters, digits, spaces and ._@-") from None
    click.echo(f"The key, for those who ask: {secret}", err=True)
    click.echo(entry, nl=False)


SERVER = click.option(
    "--server",
    default="",
    metavar="URL",
    help="Ask the service at this address, such as http://127.0.0.1:8000, and not this process.",
)


@main.command(short_help="Answer the question in a file.")
@click.argument("operation")
@click.argument("request_file", metavar="REQUEST", default="-")
@SERVER
def ask(operation: str, request_file: str, server: str) -> None:
    """Answer the question in a JSON or YAML file, as POST /v1/OPERATION does.

    REQUEST is a file with the fields of the operation; `-` or nothing is standard input. The answer is JSON
    on standard output; the exit code is 1 if the question is refused.
    """
    _print_answer(operation, request_file, server)


@main.command(short_help="Show the answer to a question as a worked solution.")
@click.argument("operation")
@click.argument("request_file", metavar="REQUEST", default="-")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="The form of the document. The default follows from the name of OUTPUT; otherwise it is markdown.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUTPUT",
    help="Write to this file, such as answer.html, and not to standard output.",
)
@SERVER
def show(operation: str, request_file: str, form: str | None, output: Path | None, server: str) -> None:
    """Show the answer to the question in a JSON or YAML file as a document with every step.

    REQUEST is a file with the fields of the operation; `-` or nothing is standard input. The exit code is 1
    if the question is refused.
    """
    _limit_threads()
    from service.commands import asking, documents  # noqa: PLC0415 - `--help` needs none of it

    form = form or SUFFIXES.get("" if output is None else output.suffix, "markdown")
    document = asking.write_document(operation, documents.read_body(request_file), form, server)
    if output is None:
        sys.stdout.buffer.write(document)
    else:
        output.write_bytes(document)


@main.command(short_help="Show the weaknesses of a rubric.")
@click.argument("rubric")
@SERVER
def check(rubric: str, server: str) -> None:
    """Show the weaknesses of the rubric in a JSON or YAML file, as POST /v1/grade/check does."""
    _print_answer("grade/check", rubric, server)


@main.command(short_help="Draw fresh inputs for a question.")
@click.argument("request_file", metavar="REQUEST", default="-")
@SERVER
def variants(request_file: str, server: str) -> None:
    """Draw variants of the question in a JSON or YAML file, as POST /v1/variants does."""
    _print_answer("variants", request_file, server)


@main.command(
    short_help="Grade the answers of a class.",
    epilog="Exit codes: 0 if all are graded, 1 if one is refused or needs a person, 2 for wrong options.",
)
@click.argument("rubric")
@click.argument("answers", nargs=-1, required=True)
@click.option(
    "--envelope",
    default="",
    metavar="NAME",
    help="Write the form of a platform, such as gradescope or canvas_csv. An unknown name lists all.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write a file for each student there, and not lines to standard output.",
)
@click.option("--statistics", is_flag=True, help="Show statistics of the class on standard error.")
@SERVER
def grade(
    rubric: str, answers: tuple[str, ...], envelope: str, output: Path | None, statistics: bool, server: str
) -> None:
    """Grade the answers of a class to the rubric in a JSON or YAML file.

    RUBRIC has the fields of POST /v1/grade without answers. ANSWERS are files: JSON or YAML with the answer
    of one student, NDJSON with one a line, or CSV with one a row: a column id, and columns named after
    values (gradients.NAME for gradients) whose cells are numbers or lists; text with one, in lines
    `name = value`. `-` is NDJSON from standard input.
    """
    _limit_threads()
    from service.commands import documents, grading  # noqa: PLC0415 - `--help` needs none of it

    grading.check_envelope(envelope)
    sys.exit(
        grading.grade_class(
            documents.read_document(rubric),
            documents.read_submissions(answers),
            envelope=envelope,
            output=output,
            server=server,
            statistics=statistics,
        )
    )


@main.command(short_help="Serve tools to language models.")
@SERVER
def mcp(server: str) -> None:
    """Serve the Model Context Protocol on standard input and output. Needs the extra `mcp`."""
    _limit_threads()
    try:
        from service import mcp_server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise click.ClickException("expected the extra: pip install workings[mcp]") from None
    asyncio.run(mcp_server.serve(server))


def _print_answer(name: str, file: str, server: str) -> None:
    """Print the answer of a computation to the question in a file."""
    _limit_threads()
    from service.commands import asking, documents  # noqa: PLC0415 - `--help` needs none of it

    asking.print_answer(name, documents.read_body(file), server)


def _limit_threads() -> None:
    """Let the libraries below NumPy use one thread each; before NumPy is imported."""
    for name in THREADS:
        os.environ.setdefault(name, "1")


def _serve(host: str, port: int, workers: int, log_level: str, root_path: str) -> None:
    _limit_threads()
    # Imported here, because `--help` needs none of it.
    from pydantic import ValidationError  # noqa: PLC0415
    from pydantic_settings import SettingsError  # noqa: PLC0415

    from service import server  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415

    try:
        settings = Settings()
    except ValidationError as error:
        raise click.ClickException(
            "\nError: ".join(_setting(detail["loc"], detail["msg"]) for detail in error.errors())
        ) from None
    except SettingsError as error:  # the value of a list is not JSON
        raise click.ClickException(_unreadable(str(error), Settings.model_fields)) from None
    try:
        sockets = server.listen(host, port)
        server.check_exposure(sockets, settings)
    except server.CannotListen as error:
        raise click.ClickException(str(error)) from None
    if settings.key_file is not None or settings.redis:
        _check_guard()
    server.run(sockets, settings, workers=workers, log_level=log_level, root_path=root_path)


def _check_guard() -> None:
    """Refuse to start with a file of keys that cannot be used, or without the library for Redis."""
    from service.guarding.keys import UnreadableKeys  # noqa: PLC0415 - only where there are keys
    from service.guarding.quotas import NoRedis  # noqa: PLC0415

    try:
        from service.app import app  # noqa: F401, PLC0415 - importing it makes it
    except UnreadableKeys as error:
        raise click.ClickException(f"WORKINGS_KEY_FILE: {error}") from None
    except NoRedis as error:
        raise click.ClickException(f"WORKINGS_REDIS: {error}") from None


def _setting(place: tuple[int | str, ...], message: str) -> str:
    name, *indices = place
    entry = "".join(f"[{index}]" for index in indices)
    message = message.removeprefix("Value error, ")
    return f"{_variable(str(name))}{entry}: {message[:1].lower()}{message[1:]}"


def _unreadable(message: str, fields: Iterable[str]) -> str:
    """Return the message for a variable that is not JSON. The error names its field only in its text."""
    names = [_variable(name) for name in fields if f'"{name}"' in message]
    return f'{", ".join(names)}: expected a JSON list such as ["https://a.example"]'


def _variable(field: str) -> str:
    return f"WORKINGS_{field.upper()}"
