"""A server that is killed while it grades a batch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.service.servers import PORT, free_port, start, wait_until_it_answers
from workings import Client, batches

RUBRIC = {
    "rubric": "q",
    "question": {"operation": "softmax", "x": [1, 2]},
    "marks": {"output": 2},
}
SERVER = ("service", "serve", "--port", PORT, "--log-level", "error")


def submissions() -> Iterator[dict[str, Any]]:
    yield RUBRIC
    for number in range(40):
        yield {"id": number, "rubric": "q", "answer": {"output": [0.2689, 0.7311 + number % 2]}}


def write(lines: Iterator[dict[str, Any]], file: Path) -> None:
    with file.open("wb") as opened:
        for line in lines:
            opened.write(orjson.dumps(line) + b"\n")


@pytest.mark.parametrize("killed_at", [0, 20])  # within the first part, and between two later ones
def test_written_lines_are_whole_and_the_batch_can_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(batches, "PART_BYTES", 1000)
    port = free_port()
    process = start(SERVER, port, workers=0)

    def kill_after(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for place, line in enumerate(lines):
            yield line
            if place == killed_at:
                process.kill()
                process.wait()

    try:
        wait_until_it_answers(port, process)
        client = Client(f"http://127.0.0.1:{port}", retries=0)
        with client, pytest.raises(httpx.TransportError):
            write(kill_after(client.grade_batch(submissions())), tmp_path / "broken")
    finally:
        process.kill()
        process.wait()
    with Client.in_process() as client:
        for name in ("again", "twice"):
            write(client.grade_batch(submissions()), tmp_path / name)
    broken, again, twice = ((tmp_path / name).read_bytes() for name in ("broken", "again", "twice"))
    assert again == twice
    assert again.startswith(broken) and broken.endswith(b"\n")
    assert killed_at < broken.count(b"\n") < again.count(b"\n") == 42
