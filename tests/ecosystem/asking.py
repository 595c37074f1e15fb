"""Questions and answers that the tests of other packages share."""

import math
from typing import Any
from urllib.parse import urljoin

import httpx
import httpx2
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.conftest import EXAM

SELF_ATTENTION = "/v1/self_attention"
SOFTMAX = "/v1/softmax"
EXACT: dict[str, Any] = EXAM | {"arithmetic": "exact", "select": ["output"]}
# Settings for machines that are busy with other things: a worker may take long to start.
PATIENT: dict[str, Any] = {"exact_workers": 1, "exact_seconds": 120}
# The textbook's answer: the first weight is h, and the two values are 0.4 and 0.3.
H = 1 / (1 + math.exp(2 * math.sqrt(2)))
OUTPUT = (0.4 - 0.1 * H, 0.3 + 0.1 * H)


def client_of(app: FastAPI, **options: Any) -> TestClient:
    """Return a client whose requests get an answer even where the application raises."""
    return TestClient(app, raise_server_exceptions=False, **options)


def check_floats(response: httpx.Response | httpx2.Response) -> None:
    """Check the answer to EXAM."""
    assert response.status_code == 200, response.text
    [[first], [second]] = response.json()["values"]["output"]
    assert math.isclose(first, OUTPUT[0], rel_tol=1e-14)
    assert math.isclose(second, OUTPUT[1], rel_tol=1e-14)


def check_exact(response: httpx.Response | httpx2.Response) -> None:
    """Check the answer to EXACT: expressions, and their approximations."""
    assert response.status_code == 200, response.text
    answer = response.json()
    [[first], [second]] = answer["values"]["output"]
    assert "exp" in first
    assert "exp" in second
    [[first], [second]] = answer["approximations"]["output"]
    assert math.isclose(first, OUTPUT[0], rel_tol=1e-14)
    assert math.isclose(second, OUTPUT[1], rel_tol=1e-14)


def document_of(client: TestClient, path: str = "/openapi.json") -> dict[str, Any]:
    """Return the document that an application serves."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def operations_of(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation in a document."""
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def server_of(document: dict[str, Any], address: str) -> str:
    """Return the URL to which paths of a document are appended, for a document read from an address."""
    [server] = document["servers"]
    url: str = server["url"]
    return urljoin(address, url).rstrip("/")
