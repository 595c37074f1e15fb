"""Lambda Feedback: the commands of an evaluation function, and its errors."""

from typing import Any

import pytest
from httpx import Response
from jsonschema import Draft202012Validator

from service.app import app
from service.grading.envelopes import lambda_feedback
from service.grading.protocols import selfcheck
from tests.conftest import Client
from tests.service.grading.envelopes import schemas
from tests.service.grading.envelopes.grades import MARKER, PROGRAM, QUESTION, RIGHT, RUBRIC, SLIPPED, grade

PATH = "/v1/lambda_feedback"
ONE: dict[str, Any] = {"params": {"question": PROGRAM}, "answer": "z"}
FORMS = {"eval": schemas.LAMBDA_FEEDBACK, "preview": schemas.LAMBDA_FEEDBACK_PREVIEW,
         "healthcheck": schemas.LAMBDA_FEEDBACK_HEALTH}  # fmt: skip


def ask(client: Client, header: str | None = None, status: int = 200, **body: Any) -> Any:
    response = client.post(PATH, json=body, headers={} if header is None else {"command": header})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    answered = response.json()
    Draft202012Validator(FORMS[answered.get("command", "eval")]).validate(answered)
    assert MARKER not in response.text
    return answered


@pytest.mark.parametrize("response", [[2, 4], "[2, 4]", {"z": [2, 4]}, "z = [2, 4]"])
def test_a_right_response_is_correct(client: Client, response: Any) -> None:
    result = ask(client, **ONE, response=response)["result"]
    assert result == {"is_correct": True, "feedback": "z: Right."}


def test_a_wrong_response_is_not(client: Client) -> None:
    result = ask(client, "grade", **ONE, response=[2, -4])["result"]
    assert result == {"is_correct": False, "feedback": "z: The sign of one entry is wrong."}


def test_several_values_have_marks_in_params(client: Client) -> None:
    answered = ask(client, "eval", response=SLIPPED, params=RUBRIC)
    assert answered == lambda_feedback.render(grade(**RUBRIC, answer=SLIPPED))
    listed = ask(client, response=RIGHT, answer=list(RIGHT), params={"question": QUESTION})
    assert listed["result"]["is_correct"] is True


def test_a_name_that_is_asked_for_and_not_answered_is_missing(client: Client) -> None:
    result = ask(client, response={}, answer=["z"], params={"question": PROGRAM})["result"]
    assert result == {"is_correct": False, "feedback": "z: There is no answer."}


def test_a_gradient_may_be_asked_for(client: Client) -> None:
    params = {"question": {**PROGRAM, "upstream": {"z": [1, 1]}}}
    result = ask(client, response=[2, 2], answer="gradients.x", params=params)["result"]
    assert result == {"is_correct": True, "feedback": "gradient of x: Right."}


def test_what_cannot_be_read_is_an_error_and_not_wrong(client: Client) -> None:
    answered = ask(client, **ONE, response=MARKER)
    assert answered.keys() == {"command", "error"}
    assert "a person" in answered["error"]["message"]


def test_a_preview_shows_numbers_without_a_grade(client: Client) -> None:
    ways: list[tuple[dict[str, Any], str | None]] = [({}, "preview"), ({"command": "preview"}, None)]
    for body, command in ways:
        result = ask(client, command, **ONE, **body, response="[√4; <b>]")["result"]
        assert result["preview"]["numbers"] == {}
        right, wrong = (ask(client, command, **ONE, **body, response=one) for one in ("[√4, 4]", "[√4, 5]"))
        assert right["result"]["preview"]["numbers"] == {"z": [2, 4]}
        assert wrong["result"]["preview"]["feedback"] == "z: This is read as [2, 5]."


def test_the_header_goes_before_the_field(client: Client) -> None:
    assert ask(client, "preview", **ONE, command="eval", response=[2, 4])["command"] == "preview"


def test_a_healthcheck_grades_answers_whose_grades_are_known(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ask(client, "healthcheck")["result"]
    assert result["tests_passed"] is True
    assert len(result["successes"]) == len(selfcheck.CASES)
    monkeypatch.setattr(selfcheck, "CASES", {"a right answer": ([[1, 4], [3, 8]], "incorrect")})
    failed = ask(client, "healthcheck")
    assert failed["result"]["tests_passed"] is False
    assert failed["result"]["failures"][0]["message"] == "expected incorrect; received correct"


def test_errors_are_those_of_the_protocol(client: Client) -> None:
    assert "eval, preview, healthcheck" in ask(client, "zzqy", 422)["error"]["message"]
    assert "eval, preview, healthcheck" in ask(client, None, 422, command="zzqy")["error"]["message"]
    assert "response" in ask(client, None, 422, **ONE)["error"]["message"]
    assert "answer" in ask(client, None, 422, **{**ONE, "answer": 3}, response=1)["error"]["message"]
    assert "nothing" in str(ask(client, None, 422, **ONE, response=1, nothing=1))
    thrown = ask(client, None, 422, response=1, params={"question": PROGRAM, "marks": {"y": 1}})["error"]
    assert thrown["error_thrown"]["errors"][0]["pointer"] == "/params/marks/y"
    assert "/params" in ask(client, None, 422, response=1)["error"]["message"]
    broken: Response = client.post(PATH, content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400
    assert "JSON" in broken.json()["error"]["message"]


def test_the_document_names_the_header() -> None:
    operation = app.openapi()["paths"][PATH]["post"]
    assert [(one["name"], one["in"]) for one in operation["parameters"]] == [("command", "header")]


def test_an_unknown_name_is_an_error_at_answer(client: Client) -> None:
    answered = ask(client, None, 422, **{**ONE, "answer": MARKER}, response=1)
    assert answered["error"]["message"].startswith("/answer: ")
    sent = {"question": PROGRAM, "marks": {"nothing": 1}}
    answered = ask(client, None, 422, answer="z", response=1, params=sent)
    assert answered["error"]["message"].startswith("/params/marks/nothing: ")
