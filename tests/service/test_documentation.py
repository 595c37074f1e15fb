"""The document of a server is ready before the first request."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.app import create_app
from service.document import load_document
from service.documentation import prepare_documentation


def test_the_document_in_the_package_is_served_without_making_one(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app()
    prepare_documentation(app)

    def make(**_: object) -> None:
        raise AssertionError("the document is made")

    monkeypatch.setattr("fastapi.applications.get_openapi", make)
    assert isinstance(app, FastAPI)
    client = TestClient(app)
    assert client.get("/openapi.json").json() == load_document()
    assert client.get("/openapi-3.0.json").json()["openapi"].startswith("3.0")
