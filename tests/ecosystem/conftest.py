"""Applications that several tests use: making the document of one takes seconds."""

from typing import Any

import pytest
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings
from tests.ecosystem.asking import PATIENT, client_of, document_of


@pytest.fixture(scope="package")
def app() -> FastAPI:
    """The service's application, which no test may change."""
    return create_app(Settings(**PATIENT))


@pytest.fixture(scope="package")
def document(app: FastAPI) -> dict[str, Any]:
    """The document of that application."""
    return document_of(client_of(app))
