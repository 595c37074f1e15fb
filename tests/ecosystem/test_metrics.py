"""prometheus-fastapi-instrumentator: requests are counted under the path of their route."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import SELF_ATTENTION, client_of


@pytest.mark.parametrize("root_path", ["", "/workings"])
def test_questions_are_labelled_with_their_route(root_path: str) -> None:
    registry = CollectorRegistry()
    app = create_app(Settings())
    Instrumentator(registry=registry).instrument(app)
    client = client_of(app, root_path=root_path)

    def count(method: str, handler: str, status: str) -> float | None:
        labels = {"method": method, "handler": handler, "status": status}
        return registry.get_sample_value("http_requests_total", labels)

    for _ in range(3):
        assert client.post(SELF_ATTENTION, json=EXAM).status_code == 200
    assert client.post(SELF_ATTENTION, json={}).status_code == 422
    assert client.get("/v1/operations/softmax").status_code == 200
    assert client.get("/no/such/path").status_code == 404
    assert count("POST", SELF_ATTENTION, "2xx") == 3
    assert count("POST", SELF_ATTENTION, "4xx") == 1
    assert count("GET", "/v1/operations/{name}", "2xx") == 1
    assert count("GET", "none", "4xx") == 1
