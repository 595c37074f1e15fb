"""The client of openapi-python-client: complete, typed, and answered. `make clients` tries two more."""

from pathlib import Path

import pytest

from tests.clients.generating import PythonClient, check_answers
from tests.service.servers import UVICORN, serving


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> PythonClient:
    """A client that was generated without a warning."""
    client = PythonClient(Path(tmp_path_factory.mktemp("client")))
    client.generate()
    return client


def test_every_operation_is_generated(generated: PythonClient) -> None:
    assert generated.missing_operations() == []


def test_its_types_are_right(generated: PythonClient) -> None:
    generated.check_types()


def test_it_asks_and_is_answered(generated: PythonClient) -> None:
    with serving(UVICORN) as port:
        check_answers(generated.ask(f"http://127.0.0.1:{port}"))
