"""The document of a server is ready before the first request."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.app import create_app
from service.document import load_document
from service.documentation import prepare_documentation
from service.explorer.index import describe_index

LINK = re.compile(r"\[Open in the explorer\]\(\./#([a-z_0-9/]+)\)")


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


def test_operations_with_documents_lead_to_the_explorer() -> None:
    client = TestClient(create_app())
    asked = {
        f"/v1/{one['name']}": one["name"]
        for family in describe_index()["families"]
        for one in family["endpoints"]
    }
    paths = client.get("/openapi-3.0.json").json()["paths"]
    for path, methods in paths.items():
        links = LINK.findall(methods.get("post", {}).get("description", ""))
        assert links == ([asked[path]] if path in asked else []), path
    assert "explorer](" not in client.get("/openapi.json").text
