"""An envelope is asked for by query parameter or media type, and problems stay problems."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from fastapi import Depends, Request
from httpx import Response

from service.app import app, create_app
from service.endpoints import JOBS
from service.grading.envelopes.catalogue import ENVELOPES
from service.questions.operations import EXACT_WORK
from tests.conftest import Client, errors
from tests.service.grading.envelopes.grades import LIMITS, RUBRIC, SLIPPED, grade

BODY: dict[str, Any] = {**RUBRIC, "answer": SLIPPED}
GRADESCOPE = ENVELOPES["gradescope"].media_type
EXACT: dict[str, Any] = {
    "question": {"operation": "linear", "arithmetic": "exact", "x": [["a"]], "w": [["b"]]},
    "answer": {"output": [["b*a"]]},
}


def post(client: Client, query: str = "", accept: str = "*/*", **body: Any) -> Response:
    return client.post(f"/v1/grade{query}", json=body or BODY, headers={"accept": accept})


@pytest.mark.parametrize("name", ENVELOPES)
def test_each_envelope_is_answered(client: Client, name: str) -> None:
    expected = ENVELOPES[name].render(grade(**BODY))
    by_query, by_type = post(client, f"?envelope={name}"), post(client, accept=ENVELOPES[name].media_type)
    for response in (by_query, by_type):
        assert response.status_code == 200
        assert response.json() == expected
        assert response.headers["content-type"] == ENVELOPES[name].media_type
        assert response.headers["vary"] == "Accept"
    assert by_query.headers["etag"] == by_type.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("text/html", "text/html; charset=utf-8"),
        (f"{GRADESCOPE}, application/json", GRADESCOPE),
        (f"application/json, {GRADESCOPE}", "application/json"),
        (f"application/json;q=0.5, {GRADESCOPE};q=0.9", GRADESCOPE),
        (f"{GRADESCOPE};q=0, */*", "application/json"),
        ("application/vnd.workings.nothing+json, */*;q=0.1", "application/json"),
    ],
)
def test_the_preferred_type_is_chosen(client: Client, accept: str, expected: str) -> None:
    assert post(client, accept=accept).headers["content-type"] == expected


def test_the_parameter_goes_before_the_header(client: Client) -> None:
    response = post(client, "?envelope=otter", accept=GRADESCOPE)
    assert response.headers["content-type"] == ENVELOPES["otter"].media_type


def test_an_unknown_envelope_is_refused_with_the_names(client: Client) -> None:
    error = errors(post(client, "?envelope=zzqy"))["/query/envelope"]
    assert all(name in error["expected"] for name in ENVELOPES)
    assert "zzqy" not in str(error)
    refused = post(client, accept="application/vnd.workings.zzqy+json")
    errors(refused, 406)
    assert all(one.media_type in refused.json()["detail"] for one in ENVELOPES.values())
    assert "zzqy" not in refused.text


def test_a_refused_rubric_is_a_problem_in_every_envelope(client: Client) -> None:
    for name in ENVELOPES:
        assert "/marks/nothing" in errors(
            post(client, f"?envelope={name}", **{**BODY, "marks": {"nothing": 1}})
        )


def test_exact_answers_have_envelopes(client: Client) -> None:
    response = post(client, "?envelope=lambda_feedback", **EXACT)
    assert response.json() == {
        "command": "eval",
        "result": {"is_correct": True, "feedback": "output: Right."},
    }


def test_an_exact_grade_that_takes_too_long_has_its_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[bytes] = []
    monkeypatch.setattr(EXACT_WORK, "is_done_here", True)
    monkeypatch.setattr(EXACT_WORK, "offer", offered.append)
    job = JOBS["grade:prairielearn"].understand(EXACT, LIMITS)
    assert orjson.loads(job.answer()) == {"gradable": True, "score": 1, "tests": [
        {"name": "output", "points": 1, "max_points": 1, "message": "Right."}]}  # fmt: skip
    [body] = map(orjson.loads, offered)
    assert body["gradable"] is False
    assert "took too long" in body["format_errors"][0]


def test_a_guarded_application_answers_in_envelopes() -> None:
    def guard(request: Request) -> None:
        assert request.query_params["envelope"]

    async def ask() -> Response:
        transport = httpx.ASGITransport(create_app(dependencies=[Depends(guard)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            return await client.post("/v1/grade?envelope=otter", json=BODY)

    assert asyncio.run(ask()).headers["content-type"] == ENVELOPES["otter"].media_type


def test_the_document_shows_envelopes() -> None:
    operation = app.openapi()["paths"]["/v1/grade"]["post"]
    parameter = next(one for one in operation["parameters"] if one["name"] == "envelope")
    assert parameter["schema"]["anyOf"][0]["enum"] == list(ENVELOPES)
    content = operation["responses"]["200"]["content"]
    assert {"application/json", *(one.media_type for one in ENVELOPES.values())} <= content.keys()
    assert "406" in operation["responses"]
