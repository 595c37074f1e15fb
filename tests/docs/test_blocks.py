"""The foundation of the tests of documentation: blocks, commands and comparison."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import Block, blocks, compare, examples, parse_command, read_shown


def test_blocks_have_their_text_and_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```json busy\n{}\n```\n\n1. b\n\n   ```python\n   x = 1\n\n   y = 2\n   ```\n")
    assert blocks(page) == [
        Block("json busy", "{}\n", "page.md", 3),
        Block("python", "x = 1\n\ny = 2\n", "page.md", 9),
    ]


def test_a_block_that_is_not_closed_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```json\n{}\n")
    with pytest.raises(AssertionError):
        blocks(page)


def test_an_answer_belongs_to_the_request_before_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    command = "```\ncurl -s localhost:8000/health/live\n```\n"
    page.write_text(command + command + '```json\n{"status": "live"}\n```\n```json\n{}\n```\n')
    first, second = examples(page)
    assert first.shown is None
    assert second.shown is not None and second.shown.text == '{"status": "live"}\n'


def test_commands_are_read_as_a_shell_reads_them() -> None:
    body = '{\n  "x": "a|b"}'
    text = f"curl -s localhost:8000/v1/linear -H 'content-type: application/json' \\\n  -d '{body}'\n"
    request = parse_command(text)
    assert (request.method, request.path) == ("POST", "/v1/linear")
    assert request.headers == {"content-type": "application/json"}
    assert request.body == body.encode()
    assert parse_command("curl -sI localhost:8000/").method == "HEAD"
    zipped = parse_command("echo '{}' | gzip | curl -s localhost:8000/v1/linear --data-binary @-\n")
    assert zipped.body[:2] == b"\x1f\x8b"


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ('{"a": 1}', {"a": 1, "b": 2}),
        ("0.3333", 1 / 3),
        ("[0.5, 2, 1e-9]", [0.5, 2.0, 1.2e-9]),
        ('[1, "..."]', [1, 2, 3]),
        ('"the first..."', "the first words"),
        ("[null, true]", [None, True]),
    ],
)
def test_shown_answers_that_agree(shown: str, actual: Any) -> None:
    compare(read_shown(shown), actual)


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ('{"a": 1}', {"b": 1}),
        ("0.3334", 1 / 3),
        ("0.33", 3),
        ("[1]", [1, 2]),
        ('[1, 2, "..."]', [1, 2]),
        ('[2, "..."]', [1, 2]),
        ("1", True),
        ('"..."', "text"),
        ('"b..."', "a"),
        ("[1]", {"0": 1}),
        ('{"a": {"b": 2.5}}', {"a": {"b": 2.4}}),
    ],
)
def test_shown_answers_that_differ(shown: str, actual: Any) -> None:
    with pytest.raises(AssertionError):
        compare(read_shown(shown), actual)


def test_numbers_keep_their_digits() -> None:
    assert read_shown("0.30") == Decimal("0.30")
    assert str(read_shown("0.30")) == "0.30"
