"""Batches of submissions: order, bad lines, repeats, and the summary."""

import asyncio
import csv
import io
import statistics
from fractions import Fraction
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

from compute.grading.written import Written
from service.app import create_app
from service.grading.batches.outputs import Table
from service.grading.batches.statistics import ItemStatistics, Summary
from service.grading.batches.transport import MAX_LINE, GradedLines, retry_while_full, split_lines
from service.grading.envelopes.catalogue import CLASS_ENVELOPES
from service.grading.grading import GradeJob
from service.http.connections import Disconnected
from service.http.problems import NoPlace, Problem, busy
from service.settings import Settings
from tests.conftest import InProcess
from tests.service.grading.test_grading import QUESTION, RIGHT
from tests.service.servers import LONG, PORT, serving

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


def rows(response: httpx.Response) -> list[list[str]]:
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.text)))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "first", "student", "score"), [("moodle_csv", 1, 0, 1), ("canvas_csv", 2, 1, 6)]
)
async def test_a_batch_is_a_table_without_zeros_for_bad_lines(
    name: str, first: int, student: int, score: int
) -> None:
    unreadable = {"id": 6, "rubric": "paper", "answer": {**RIGHT, "output": "?"}}
    table = rows(await post(f"/v1/grade/batch?envelope={name}", BATCH + lines(unreadable)))
    assert [row[student] for row in table[first:]] == ["a", "", "2", "3", "", "5", "6"]
    answers = [orjson.loads(line) for line in (await post("/v1/grade/batch", BATCH)).content.splitlines()]
    scores = [str(answer.get("score", "")) for answer in answers[1:-1]]
    assert [row[score] for row in table[first:]] == [*scores, ""]
    assert all(any("a person has to look" in cell for cell in row) for row in table[first:] if not row[score])
    if name == "canvas_csv":
        assert table[1][score] == "4"


@pytest.mark.anyio
async def test_a_table_of_bad_lines_has_its_first_rows() -> None:
    empty, bad = [rows(await post("/v1/grade/batch?envelope=moodle_csv", body)) for body in (b"", b"{\n")]
    assert empty == bad[:1] == [["Identifier", "Grade", "Maximum Grade", "Feedback comments"]]
    assert bad[1][:3] == ["", "", ""]


@pytest.mark.anyio
async def test_a_table_that_stops_says_so() -> None:
    messages = iter([{"type": "http.request", "body": b"{broken\n", "more_body": True}])
    sent: list[bytes] = []
    is_first_row_sent = asyncio.Event()

    async def receive() -> Any:
        if (message := next(messages, None)) is not None:
            return message
        await is_first_row_sent.wait()
        raise Problem("timeout", "no part of the body arrived")

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if sent[-1]:
            is_first_row_sent.set()

    async def grade(_: bytes) -> bytes:
        raise AssertionError

    response = GradedLines(receive, grade, 1, 1000, 5, Table(CLASS_ENVELOPES["moodle_csv"]))
    await response({"type": "http"}, receive, send)
    *_, last = csv.reader(io.StringIO(b"".join(sent).decode()))
    assert last == ["The table is not complete: no part of the body arrived"]


@pytest.mark.anyio
async def test_an_unknown_table_is_refused() -> None:
    response = await post("/v1/grade/batch?envelope=gradescope", BATCH)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/query/envelope"


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

    lines = split_lines(receive, 60)
    assert [await anext(lines) for _ in range(4)] == [b"a", b"bc", None, b"e"]
    with pytest.raises(Disconnected):
        await anext(lines)


def test_discrimination_is_the_correlation_with_the_rest() -> None:
    item, scores, rest = ItemStatistics(), [0, 1, 1, 0, 1], [2, 3, 4, 1, 2]
    for score, other in zip(scores, rest, strict=True):
        item.add(Fraction(score), Fraction(other), Fraction(1))
    found = item.describe()
    assert found["discrimination"] == pytest.approx(statistics.correlation(scores, rest))
    assert found["tells_nothing"] is False


GRADED = {
    "id": 1, "score": 1, "max_score": 2, "gradable": True,
    "items": [{"name": "output", "of": "value", "score": 1, "max_score": 2}], "grader": {"items": []},
}  # fmt: skip


@pytest.mark.anyio
@pytest.mark.parametrize(
    "broken",
    [
        {"score": "1/0"}, {"score": "1e999999999"}, {"score": True}, {"max_score": -1}, {"gradable": "yes"},
        {"items": None}, {"items": [{"name": "<script>", "of": "value", "score": 1, "max_score": 1}]},
        {"items": [{"name": "x" * 201, "of": "value", "score": 1, "max_score": 1}]},
        {"grader": {"items": [{"misconceptions": [{"code": "<b>"}]}]}}, {"grader": []}, {"id": None},
    ],
)  # fmt: skip
async def test_a_summary_counts_only_what_a_grade_can_be(broken: dict[str, Any]) -> None:
    sent = lines(GRADED, GRADED | broken, b"[1]\n", b"{\n", GRADED | {"id": "z", "score": 0.5})
    summary = orjson.loads((await post("/v1/grade/summary", sent)).content)["summary"]
    assert (summary["count"], summary["failed"]) == (2, 3)
    assert summary["scores"]["mean"] == 0.75
    assert [item["name"] for item in summary["items"]] == ["output"]


def test_a_summary_agrees_with_numpy() -> None:
    rng = np.random.default_rng(0)
    summary, points = Summary(), rng.integers(0, 41, size=(300, 2)) / 4
    for number, row in enumerate(points):
        items = [{"name": name, "of": "value", "score": float(score), "max_score": 10.0}
                 for name, score in zip("ab", row, strict=True)]  # fmt: skip
        codes = [{"misconceptions": [{"code": "softmax.no_exponent"}]}] if row[0] > 9 else []
        summary.add(number, GRADED | {"score": float(row.sum()), "max_score": 20.0, "items": items,
                                      "grader": {"items": codes}})  # fmt: skip
    found, totals = summary.describe(), points.sum(axis=1)
    assert found["scores"]["quartiles"] == pytest.approx(np.percentile(totals, [25, 50, 75]).tolist())
    assert found["scores"]["median"] == np.median(totals)
    assert found["scores"]["mean"] == pytest.approx(totals.mean())
    shares = np.minimum(totals / 20 * 10, 9).astype(int)
    assert found["scores"]["histogram"] == np.bincount(shares, minlength=10).tolist()
    assert [item["mean"] for item in found["items"]] == pytest.approx(points.mean(axis=0).tolist())
    correlation = statistics.correlation(*points.T.tolist())
    assert [item["discrimination"] for item in found["items"]] == pytest.approx([correlation] * 2)
    [code] = found["misconceptions"]
    assert code["count"] == np.count_nonzero(points[:, 0] > 9)
    assert code["ids"] == np.flatnonzero(points[:, 0] > 9)[:5].tolist()


@pytest.mark.anyio
async def test_a_full_service_makes_a_line_wait_and_other_failures_do_not() -> None:
    calls: list[bytes] = []

    async def grade(body: bytes) -> bytes:
        calls.append(body)
        if len(calls) < 3:
            raise NoPlace("all places are taken")
        return b"graded"

    assert await retry_while_full(grade, b"one") == b"graded"
    assert calls == [b"one"] * 3

    async def stopping(_: bytes) -> bytes:
        raise busy("the service is stopping")

    with pytest.raises(Problem):
        await retry_while_full(stopping, b"one")


@pytest.mark.anyio
async def test_a_defect_costs_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = GradeJob.grade

    def fail(self: GradeJob) -> Any:
        if any(written.array.max() == 7 for sheet in self.sheets for written in sheet.written.values()
               if isinstance(written, Written)):  # fmt: skip
            raise RuntimeError("a defect")
        return usual(self)

    monkeypatch.setattr(GradeJob, "grade", fail)
    answers = [orjson.loads(line) for line in (await post("/v1/grade/batch", BATCH)).content.splitlines()]
    assert answers[4]["problem"]["status"] == 500 and answers[4]["id"] == 3
    assert answers[-1]["summary"]["count"] == 2
    assert "a defect" in caplog.text


@pytest.mark.anyio
async def test_questions_of_an_exam_are_answered_by_name() -> None:
    exam = {"rubric": "exam", "questions": [
        {"name": "1a", "question": QUESTION, "marks": {"query": 1}},
        {"name": "1b", "question": QUESTION, "marks": {"output": 1}},
    ]}  # fmt: skip
    sent = {"1a": {"answer": {"query": RIGHT["query"]}}, "1b": {"answer": {"output": RIGHT["output"]}}}
    unknown: dict[str, Any] = {"2": {"answer": {}}}
    body = lines(
        exam,
        {"id": 1, "rubric": "exam", "questions": sent},
        {"id": 2, "rubric": "exam", "questions": unknown},
    )
    answers = [orjson.loads(line) for line in (await post("/v1/grade/batch", body)).content.splitlines()]
    assert answers[1]["score"] == 2
    assert answers[2]["problem"]["errors"][0]["pointer"] == "/questions/2"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("line", "pointer", "received"),
    [
        ({"id": 1, "rubric": ""}, "/rubric", "text of 0 characters"),
        ({"id": 1, "rubric": 1.5}, "/rubric", "a number"),
        ({"id": 1, "rubric": "papr"}, "/rubric", "an unknown name of 4 characters"),
        ({"id": 1, "rubric": "paper", "marks": {}}, "/marks", "an unknown name of 5 characters"),
        ({"id": 1, "rubric": "paper", "questions": {}}, "/questions", "answers to several questions"),
        ({"id": 1, "rubric": "exam", "questions": 1}, "/questions", "the number 1"),
        ({"id": 1, "rubric": "exam", "questions": {"1a": []}}, "/questions/1a", "a list of 0"),
        (
            {"id": 1, "rubric": "exam", "questions": {"1a": {"x": 1}}},
            "/questions/1a/x",
            "an unknown name",
        ),
        ({"id": "x" * 65, "rubric": "paper"}, "/id", "text of 65 characters"),
        ({"id": 1.5, "rubric": "paper"}, "/id", "a number"),
        ({"rubric": "paper", "answer": {}}, "/id", "null"),
        ({"rubric": "paper", "question": QUESTION}, "/rubric", "the name of an earlier rubric"),
        ({"rubric": "new", "question": QUESTION, "answer": {}}, "/answer", "an answer"),
    ],
)
async def test_errors_of_a_line_say_what_came(line: dict[str, Any], pointer: str, received: str) -> None:
    exam = {"rubric": "exam", "questions": [{"name": "1a", "question": QUESTION, "marks": {"query": 1}}]}
    content = (await post("/v1/grade/batch", lines(RUBRIC, exam, line))).content
    [error] = orjson.loads(content.splitlines()[2])["problem"]["errors"]
    assert error["pointer"] == pointer
    assert error["received"].startswith(received)


def test_workers_keep_the_order_and_health_answers_meanwhile() -> None:
    """A batch in processes: lines come back in the order in which they were sent."""
    submissions = [
        {"id": number, "rubric": "paper", "answer": WRONG if number % 3 else RIGHT} for number in range(40)
    ]
    body = lines(RUBRIC, *submissions)
    with serving(("service", "serve", "--port", PORT), workers=2, exact_workers=1) as port:
        url = f"http://127.0.0.1:{port}"
        headers = {"content-type": "application/x-ndjson"}
        with (
            httpx.Client(trust_env=False, timeout=LONG) as client,
            client.stream("POST", f"{url}/v1/grade/batch", content=body, headers=headers) as response,
        ):
            received = response.iter_lines()
            next(received)
            assert httpx.get(f"{url}/health/live", trust_env=False).status_code == 200
            answers = [orjson.loads(line) for line in received]
    assert [answer.get("id") for answer in answers] == [*range(40), None]
    assert answers[-1]["summary"]["count"] == 40
