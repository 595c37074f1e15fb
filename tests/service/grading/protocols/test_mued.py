"""µEd: submissions in both forms, previews, versions, errors and health."""

import json
from typing import Any

import pytest
from httpx import Response
from jsonschema import Draft202012Validator

from service.app import app
from service.grading.envelopes import mued
from tests.conftest import Client
from tests.service.grading.envelopes.grades import MARKER, PROGRAM, RIGHT, RUBRIC, SLIPPED, UNREADABLE, grade
from tests.service.grading.envelopes.schemas import MUED, MUED_ERROR, MUED_HEALTH
from tests.service.test_fuzz import NASTY

JSON = {"content-type": "application/json"}
LINES = "query = [√2, √2]\nweights = [0.056 0.944; 0.056 0.944]\noutput = [0.394, 0.394]"
EXAM = {"questions": [{"name": "1", "question": PROGRAM, "marks": {"z": 2}}]}


def evaluate(
    client: Client, value: Any, rubric: Any = RUBRIC, headers: Any = None, **fields: Any
) -> Response:
    body: dict[str, Any] = {
        "submission": {"submissionId": "s", "taskId": None, "format": "math:sympy",
                       "content": {"value": value}, "submittedAt": "2026-01-01T00:00:00Z", "version": 1},
        "configuration": {"grade": rubric, "llm": None},
        **fields,
    }  # fmt: skip
    content = json.dumps(body)  # with half surrogate pairs as JSON writes them
    return client.post("/evaluate", content=content, headers={**JSON, **(headers or {})})


def feedback(response: Response) -> Any:
    assert response.status_code == 200, response.text
    assert response.headers["x-api-version"] == "0.1.0"
    assert response.headers["content-type"] == "application/json"
    Draft202012Validator(MUED).validate(response.json())
    return response.json()


def error(response: Response, status: int = 400) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["x-api-version"] == "0.1.0"
    assert response.headers["content-type"] == "application/json"
    Draft202012Validator(MUED_ERROR).validate(response.json())
    return response.json()


def test_a_submission_gets_the_feedback_of_its_grade(client: Client) -> None:
    answered = feedback(evaluate(client, SLIPPED))
    assert answered == mued.render(grade(**RUBRIC, answer=SLIPPED))
    assert sum(one["awardedPoints"] for one in answered) == 4.5


@pytest.mark.parametrize("key", ["text", "expression", "markdown", "code"])
def test_the_older_form_is_read(client: Client, key: str) -> None:
    older = {"type": "MATH", "format": "plain", "content": {key: LINES}}
    answered = feedback(evaluate(client, None, submission=older))
    assert [one["awardedPoints"] for one in answered] == [0.5, 2, 2]


def test_the_rubric_may_come_with_the_task(client: Client) -> None:
    task = {"title": "Attention", "taskId": "t", "metadata": {"grade": RUBRIC, "difficulty": 3}}
    kept = feedback(evaluate(client, SLIPPED, task=task, configuration=None))
    assert kept == feedback(evaluate(client, SLIPPED))
    quiet = feedback(evaluate(client, SLIPPED, rubric={"feedback": "none"}, task=task))
    assert not any("message" in one for one in quiet)
    assert [one["awardedPoints"] for one in quiet] == [one["awardedPoints"] for one in kept]


def test_an_exam_is_submitted_by_question(client: Client) -> None:
    [answered] = feedback(evaluate(client, {"1": {"z": [2, 4]}}, rubric=EXAM))
    assert (answered["title"], answered["awardedPoints"]) == ("1: z", 2)
    first, *_ = feedback(evaluate(client, "nothing by name", rubric=EXAM))
    assert first["feedbackId"] == "needs_a_person"


def test_what_cannot_be_read_has_no_points(client: Client) -> None:
    response = evaluate(client, UNREADABLE)
    first, *others = feedback(response)
    assert "a person" in first["message"]
    assert sum("awardedPoints" not in one for one in others) == 3
    assert MARKER not in response.text


def test_a_preview_reads_and_does_not_grade(client: Client) -> None:
    response = evaluate(
        client, {**UNREADABLE, "weights": [[1, "1/2"]]}, preSubmissionFeedback={"enabled": True}
    )
    readings = {one["title"]: one for one in feedback(response)}
    assert readings["query"]["response"] == {"numbers": "[1.41421, -1.41421]"}
    assert readings["weights"]["message"] == "This is read as [[1, 0.5]]."
    assert "cannot be graded" in readings["output"]["message"]
    assert "a name that the question does not have" in readings
    assert not any({"awardedPoints", "criterion"} & one.keys() for one in readings.values())
    assert MARKER not in response.text
    right = evaluate(client, {**RIGHT, "output": [9, 9]}, preSubmissionFeedback={"enabled": True})
    assert "[9, 9]" in right.text  # whether it is right makes no difference


def test_a_preview_that_is_not_enabled_grades(client: Client) -> None:
    answered = feedback(evaluate(client, RIGHT, preSubmissionFeedback={"enabled": False}))
    assert all("awardedPoints" in one for one in answered)


def test_errors_are_those_of_the_protocol(client: Client) -> None:
    unknown = error(evaluate(client, RIGHT, rubric={**RUBRIC, "marks": {"outputs": 1}}))
    assert unknown["code"] == "VALIDATION_ERROR"
    assert unknown["details"]["errors"][0]["pointer"] == "/configuration/grade/marks/outputs"
    kept = {"title": "t", "metadata": {"grade": {**RUBRIC, "marks": {"outputs": 1}}}}
    for configuration in (None, {"grade": {"feedback": "none"}}):
        within = error(evaluate(client, RIGHT, task=kept, configuration=configuration))
        assert within["details"]["errors"][0]["pointer"] == "/task/metadata/grade/marks/outputs"
    assert "configuration/grade" in error(evaluate(client, RIGHT, configuration=None))["message"]
    assert "an object" in str(error(evaluate(client, RIGHT, rubric=[1])))
    empty: list[Any] = [{"content": {}}, {}, {"content": {"other": 1}}]
    for submission in empty:
        error(evaluate(client, None, submission=submission))
    assert (
        "comes from the submission"
        in error(evaluate(client, RIGHT, rubric={**RUBRIC, "answer": {}}))["message"]
    )
    assert error(client.post("/evaluate", content=b"{", headers=JSON))["code"] == "VALIDATION_ERROR"
    assert error(client.post("/evaluate", content=b"{}"), 415)["code"] == "UNSUPPORTED"


def test_another_version_is_refused(client: Client) -> None:
    for response in (
        evaluate(client, RIGHT, headers={"X-Api-Version": "0.0"}),
        client.get("/evaluate/health", headers={"X-Api-Version": "0.0"}),
    ):
        refused = error(response, 406)
        assert refused["code"] == "VERSION_NOT_SUPPORTED"
        assert refused["details"] == {"supportedVersions": ["0.1.0"]}
    feedback(evaluate(client, RIGHT, headers={"X-Api-Version": "0.1.0"}))


def test_the_request_id_is_returned(client: Client) -> None:
    response = evaluate(client, RIGHT, headers={"X-Request-Id": "abc-1"})
    assert response.headers["x-request-id"] == "abc-1"


def test_health_states_the_capabilities(client: Client) -> None:
    response = client.get("/evaluate/health")
    assert response.status_code == 200
    assert response.headers["x-api-version"] == "0.1.0"
    Draft202012Validator(MUED_HEALTH).validate(response.json())
    assert response.json()["capabilities"]["supportsPreSubmissionFeedback"] is True
    errors = client.post("/evaluate/health", json={})
    assert errors.status_code == 405


def test_the_document_has_both_paths_and_the_error() -> None:
    paths = app.openapi()["paths"]
    evaluate, health = paths["/evaluate"]["post"], paths["/evaluate/health"]["get"]
    for operation in (evaluate, health):
        assert operation["parameters"][0]["name"] == "x-api-version"
        assert set(operation["responses"]) == {"200", "default"}
    schema = evaluate["responses"]["default"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/MuedError"}


def test_documented_models_describe_the_answers(client: Client) -> None:
    document = app.openapi()
    for name, instance in (
        ("MuedResponse", feedback(evaluate(client, SLIPPED, rubric={**RUBRIC, "feedback": "full"}))),
        ("MuedResponse", feedback(evaluate(client, UNREADABLE))),
        ("MuedError", error(evaluate(client, RIGHT, rubric={}))),
        ("MuedHealth", client.get("/evaluate/health").json()),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(instance)


def test_nothing_that_a_student_sends_fails(client: Client) -> None:
    for value in NASTY:
        for submitted in (value, {"query": value, str(value)[:50]: 1}, {"gradients.output": value}):
            feedback(evaluate(client, submitted))
            feedback(evaluate(client, submitted, preSubmissionFeedback={"enabled": True}))


def test_a_damaged_rubric_is_an_error_of_the_protocol(client: Client) -> None:
    for value in NASTY:
        rubrics = (
            {"questions": value},
            {"questions": [value]},
            {"question": value},
            {**RUBRIC, "marks": value},
        )
        for rubric in rubrics:
            response = evaluate(client, {"a": 1}, rubric=rubric)
            assert response.status_code == 200 or error(response), (rubric, response.text)
