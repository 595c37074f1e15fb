"""Batches of submissions: order, bad lines, repeats, and the summary."""

import statistics
from fractions import Fraction
from typing import Any

import httpx
import orjson
import pytest

from service.app import create_app
from service.grading.batches.statistics import ItemStatistics
from service.grading.batches.transport import MAX_LINE, split_lines
from service.http.connections import Disconnected
from service.settings import Settings
from tests.conftest import InProcess
from tests.service.grading.test_grading import QUESTION, RIGHT

RUBRIC = {"rubric": "paper", "question": QUESTION, "marks": {"query": 1, "output": 3}}
WRONG = {**RIGHT, "output": [7, 0.3056]}


async def post(path: str, content: bytes) -> httpx.Response:
    transport = InProcess(create_app(Settings(workers=0)))
    async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
        headers = {"content-type": "application/x-ndjson"}
        return await client.post(path, content=content, headers=headers)


def lines(*documents: Any) -> bytes:
    return b"".join(one if isinstance(one, bytes) else orjson.dumps(one) + b"\n" for one in documents)


BATCH = lines(
    RUBRIC,
    {"id": "a", "rubric": "paper", "answer": RIGHT},
    b"{broken\n",
    {"id": 2, "rubric": "other", "answer": RIGHT},
    {"id": 3, "rubric": "paper", "answer": WRONG},
    b'{"id": 4, "x": "' + b"y" * 2**20 + b'"}\n',
    {"id": 5, "question": QUESTION, "marks": {"query": 1, "output": 3}, "answer": {"query": [0, 0]}},
)


@pytest.mark.anyio
async def test_lines_are_graded_in_order_and_a_bad_one_costs_itself() -> None:
    first, second = await post("/v1/grade/batch", BATCH), await post("/v1/grade/batch", BATCH)
    assert first.content == second.content
    answers = [orjson.loads(line) for line in first.content.splitlines()]
    assert answers[0] == {"rubric": {"max_score": 4}}
    assert [answer.get("id") for answer in answers[1:7]] == ["a", None, 2, 3, None, 5]
    assert [i for i, answer in enumerate(answers) if "problem" in answer] == [2, 3, 5]
    assert answers[3]["problem"]["errors"][0]["pointer"] == "/rubric"
    summary = answers[-1]["summary"]
    scores = [answer["score"] for answer in answers if "score" in answer]
    assert (summary["count"], summary["failed"]) == (3, 3)
    assert summary["scores"]["mean"] == pytest.approx(statistics.mean(scores))
    assert summary["scores"]["median"] == statistics.median(scores)


@pytest.mark.anyio
async def test_the_summary_of_graded_lines_is_that_of_the_batch() -> None:
    graded = (await post("/v1/grade/batch", BATCH)).content
    again = await post("/v1/grade/summary", graded)
    assert again.content == graded.splitlines(keepends=True)[-1]


@pytest.mark.anyio
async def test_a_body_that_is_not_lines_is_refused() -> None:
    transport = InProcess(create_app(Settings(workers=0)))
    async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
        assert (await client.post("/v1/grade/batch", json={})).status_code == 415


@pytest.mark.anyio
async def test_long_lines_are_dropped_and_a_client_that_leaves_ends_the_lines() -> None:
    parts = [b"a\nb", b"c\n" + b"d" * MAX_LINE, b"d" * MAX_LINE, b"\ne\n"]
    messages = iter(
        [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        + [{"type": "http.disconnect"}]
    )

    async def receive() -> Any:
        return next(messages)

    found = []
    with pytest.raises(Disconnected):  # noqa: PT012
        async for line in split_lines(receive, 60):
            found.append(line)  # noqa: PERF401
    assert found == [b"a", b"bc", None, b"e"]


def test_discrimination_is_the_correlation_with_the_rest() -> None:
    item, scores, rest = ItemStatistics(), [0, 1, 1, 0, 1], [2, 3, 4, 1, 2]
    for score, other in zip(scores, rest, strict=True):
        item.add(Fraction(score), Fraction(other), Fraction(1))
    found = item.describe()
    assert found["discrimination"] == pytest.approx(statistics.correlation(scores, rest))
    assert found["tells_nothing"] is False
