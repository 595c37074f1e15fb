"""Dependencies handed to the application: an API key that guards every route and stands in the document."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException, Security
from fastapi.security import APIKeyHeader
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import (
    EXACT,
    PATIENT,
    SELF_ATTENTION,
    check_exact,
    check_floats,
    client_of,
    document_of,
    operations_of,
)

KEY = {"X-API-Key": "correct"}
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)


def check_key(key: Annotated[str | None, Security(HEADER)]) -> None:
    if key != KEY["X-API-Key"]:
        raise HTTPException(401, "a key is needed", headers={"WWW-Authenticate": "X-API-Key"})


@pytest.fixture(scope="module")
def guarded() -> TestClient:
    return client_of(create_app(Settings(**PATIENT), dependencies=[Depends(check_key)]))


def test_the_key_guards_every_route(guarded: TestClient) -> None:
    operations = operations_of(document_of(guarded))
    assert len(operations) > 60
    requests = [(method, path.replace("{name}", "softmax")) for method, path, _ in operations]
    requests += [("head", path) for method, path in requests if method == "get"]
    for method, path in requests:
        for headers in ({}, {"X-API-Key": "wrong"}):
            response = guarded.request(method, path, headers=headers)
            assert response.status_code == 401, path
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["www-authenticate"] == "X-API-Key"
            assert method == "head" or response.json()["detail"] == "a key is needed"
        assert guarded.request(method, path, headers=KEY).status_code in {200, 400, 415, 422}, path


def test_a_question_with_the_key_is_answered(guarded: TestClient) -> None:
    check_floats(guarded.post(SELF_ATTENTION, json=EXAM, headers=KEY))
    check_exact(guarded.post(SELF_ATTENTION, json=EXACT, headers=KEY))
    wrong = guarded.post(SELF_ATTENTION, json={"x": [[1]], "w_q": [[1], [2]], "w_k": [[1]]}, headers=KEY)
    assert wrong.status_code == 422
    assert {error["pointer"] for error in wrong.json()["errors"]} == {"/w_q"}


def test_without_the_key_the_body_is_not_read(guarded: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert guarded.post(SELF_ATTENTION, content=b"not JSON", headers=headers).status_code == 401
    assert guarded.post(SELF_ATTENTION, content=b"not JSON", headers=headers | KEY).status_code == 400


def test_lines_are_guarded_too(guarded: TestClient) -> None:
    question = {"program": ["f = x**2"], "start": {"x": 1}, "steps": 2}
    question["optimizer"] = {"name": "gradient_descent", "learning_rate": 0.25}
    lines = {"accept": "application/x-ndjson"}
    assert guarded.post("/v1/optimizer/trace", json=question, headers=lines).status_code == 401
    answer = guarded.post("/v1/optimizer/trace", json=question, headers=lines | KEY)
    assert answer.status_code == 200, answer.text
    assert len(answer.text.splitlines()) > 2


def test_the_document_names_the_key(guarded: TestClient) -> None:
    document = document_of(guarded)
    validate(document)
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert scheme == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    for _, path, operation in operations_of(document):
        assert operation["security"] == [{name: []}], path
    # The page and its document stay open: they hold no data, and say that a key is needed.
    assert guarded.get("/docs").status_code == 200


def test_without_dependencies_no_key_is_asked_for(document: dict[str, Any]) -> None:
    assert document["security"] == []
    assert "securitySchemes" not in document["components"]
    assert all("security" not in operation for _, _, operation in operations_of(document))
