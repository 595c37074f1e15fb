"""The README and the pages of docs/: their fenced blocks, the requests in these, and the answers they show.

A block that begins with `curl` or `echo` is a request; a `json` or `http` block behind it is its answer. A
shown answer may leave out fields, end a list or a text with "...", and round numbers to the digits it shows.
"""

import gzip
import re
import shlex
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import zip_longest
from json import loads
from pathlib import Path
from typing import Any

import pytest

import compute

ROOT = Path(compute.__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(ROOT.glob("docs/*.md"))]
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
ORIGIN = "localhost:8000"
MORE = "..."


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its info string, its text without the indentation of its fence, and where it stands."""

    info: str
    text: str
    page: str
    line: int


@dataclass(slots=True)
class Request:
    """An HTTP request as a curl command states it."""

    method: str = "GET"
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Example:
    """A request of a page, with the answer that is shown for it, if any."""

    request: Request
    shown: Block | None
    where: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^ *```", text, flags=re.MULTILINE)) == 2 * len(FENCE.findall(text)), page
    return [
        Block(
            info=found[2],
            text="".join(line.removeprefix(found[1]) for line in found[3].splitlines(keepends=True)),
            page=page.name,
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in FENCE.finditer(text)
    ]


def examples(page: Path) -> list[Example]:
    """The requests of a page, each with the answer behind it."""
    found = blocks(page)
    return [
        Example(
            request=parse_command(block.text),
            shown=after if after is not None and after.info in ("json", "http") else None,
            where=f"{block.page}:{block.line}",
        )
        for block, after in zip_longest(found, found[1:])
        if is_request(block)
    ]


def is_request(block: Block) -> bool:
    """Whether a block is a command that sends a request."""
    return block.text.startswith(("curl ", "echo "))


def parse_command(text: str) -> Request:
    """The request that a command sends: `curl`, or `echo '...' | gzip | curl`."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    stages: list[list[str]] = [[]]
    for word in lexer:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    piped = b""
    for stage in stages[:-1]:
        piped = gzip.compress(piped) if stage == ["gzip"] else " ".join(stage[1:]).encode()
    return _curl(stages[-1], piped)


def _curl(words: list[str], piped: bytes) -> Request:
    request, rest, method = Request(), iter(words[1:]), ""
    for word in rest:
        match word:
            case "-s" | "-i" | "-si":
                pass
            case "-sI":
                method = "HEAD"
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                request.headers[name] = value
            case "--compressed":
                request.headers["accept-encoding"] = "gzip"
            case "-d" | "--data-binary":
                value = next(rest)
                request.body = piped if value == "@-" else value.encode()
                request.method = "POST"
            case _:
                assert word.startswith(ORIGIN), word
                request.path = word.removeprefix(ORIGIN)
    request.method = method or request.method
    return request


def read_shown(text: str) -> Any:
    """JSON as a page shows it, with numbers that keep their digits."""
    return loads(text, parse_float=Decimal)


def compare(shown: Any, actual: Any, where: str = "") -> None:
    """Fail unless all that is shown is in the actual answer."""
    match shown:
        case dict():
            assert isinstance(actual, dict), where
            for key, value in shown.items():
                assert key in actual, f"{where}/{key}"
                compare(value, actual[key], f"{where}/{key}")
        case list():
            assert isinstance(actual, list), where
            cut = shown[-1:] == [MORE]
            items = shown[:-1] if cut else shown
            assert len(actual) > len(items) if cut else len(actual) == len(items), where
            for index, item in enumerate(items):
                compare(item, actual[index], f"{where}/{index}")
        case str() if shown.endswith(MORE) and len(shown) > len(MORE):
            assert isinstance(actual, str) and actual.startswith(shown.removesuffix(MORE)), where
        case Decimal():
            assert type(actual) is float, where
            places = int(shown.as_tuple().exponent)
            assert round(Decimal(repr(actual)), -places) == shown, f"{where}: {actual!r} is not {shown}"
        case _:
            assert shown == actual and isinstance(shown, bool) == isinstance(actual, bool), where


def every_example() -> list[Any]:
    """The examples of all pages, as parameters of a test."""
    return [pytest.param(one, id=one.where) for page in PAGES for one in examples(page)]
