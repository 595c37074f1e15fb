"""Files of questions and submissions: JSON, YAML, NDJSON, CSV and text."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson
import yaml

from service.arrays import pack_arrays

STANDARD_INPUT = "-"
GRADIENT = "gradients."  # begins the columns of gradients in a CSV file
FIELDS = ("answer", "gradients", "questions")


class Submission(NamedTuple):
    """The answer of one student.

    fields: `answer`, `gradients`, or the `questions` of an exam by name.
    text: in the place of fields, what the student wrote, with a line `name = value` for each value.
    """

    id: str
    fields: Mapping[str, Any]
    text: str | None = None


def read_document(name: str) -> dict[str, Any]:
    """Return the object in a JSON or YAML file; in standard input, for `-`. Raises ClickException."""
    document = _parse(name, _read(name))
    if not isinstance(document, dict):
        raise click.ClickException(f"{name}: expected an object; received {_kind(document)}")
    return document


def read_body(name: str) -> bytes:
    """Return the body of a request from a file. JSON is not changed, so that numbers keep their digits."""
    content = _read(name)
    if not _is_yaml(name):
        return content
    return orjson.dumps(pack_arrays(_parse(name, content)))  # which writes .nan and .inf as text


def read_submissions(names: Iterable[str]) -> Iterator[Submission]:
    """Yield the submissions in files, in order. Raises ClickException.

    A JSON or YAML file has one, whose id is its own `id` or the name of the file. An NDJSON file has one a
    line, and a CSV file one a row: a column `id`, and columns named after values. A text file has one, with
    a line `name = value` for each value.
    """
    for name in names:
        match Path(name).suffix.lower():
            case ".csv":
                yield from _read_rows(name, _read(name).decode("utf-8-sig", "replace"))
            case ".ndjson" | ".jsonl":
                yield from _read_lines(name, _read(name))
            case ".txt":
                yield Submission(Path(name).stem, {}, _read(name).decode("utf-8-sig", "replace"))
            case _ if name == STANDARD_INPUT:
                yield from _read_lines(name, _read(name))
            case _:
                yield _read_submission(read_document(name), Path(name).stem)


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{name}: {error.strerror}") from None


def _is_yaml(name: str) -> bool:
    return Path(name).suffix.lower() in (".yaml", ".yml")


def _parse(name: str, content: bytes) -> Any:
    try:
        if _is_yaml(name):
            return yaml.safe_load(content)
        return orjson.loads(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise click.ClickException(f"{name}: expected YAML; it cannot be read{place}") from None
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{name}: expected JSON; it breaks off at line {error.lineno}") from None


def _read_lines(name: str, content: bytes) -> Iterator[Submission]:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise click.ClickException(f"{name}: expected JSON on line {number}") from None
        if not isinstance(document, dict):
            raise click.ClickException(
                f"{name}: expected an object on line {number}; received {_kind(document)}"
            )
        yield _read_submission(document, str(number))


def _read_submission(document: dict[str, Any], otherwise: str) -> Submission:
    """Return a submission; an object without its fields is the answer itself."""
    own = {key: part for key, part in document.items() if key != "id"}
    fields = own if own.keys() & set(FIELDS) else {"answer": own}
    return Submission(str(document.get("id", otherwise)), fields)


def _read_rows(name: str, text: str) -> Iterator[Submission]:
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames is None or "id" not in rows.fieldnames:
        raise click.ClickException(f"{name}: expected a column id, and columns named after values")
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise click.ClickException(f"{name}: row {number} has another number of cells than the first")
        written = {
            column: _read_cell(cell) for column, cell in row.items() if column != "id" and cell.strip()
        }
        gradients = {
            column.removeprefix(GRADIENT): written.pop(column)
            for column in [*written]
            if column.startswith(GRADIENT)
        }
        yield Submission(row["id"], {"answer": written, "gradients": gradients})


def _read_cell(cell: str) -> Any:
    """Return the number or the list in a cell, or its text, which the grader reads."""
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell


def _kind(document: Any) -> str:
    kinds = {list: "a list", str: "text", bool: "a boolean", type(None): "nothing"}
    return kinds.get(type(document), "a number")
