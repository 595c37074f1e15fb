"""An application to which its owner adds routes, routers, middleware and a handler for errors."""

from typing import Any

from fastapi import APIRouter, FastAPI
from openapi_spec_validator import validate
from pydantic import BaseModel

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM
from tests.ecosystem.asking import SELF_ATTENTION, check_floats, client_of, document_of


class Mark(BaseModel):
    student: str
    points: float = 0


def with_own_routes() -> FastAPI:
    app = create_app(Settings())

    @app.get("/marks/{student}", tags=["marks"])
    async def get_mark(student: str) -> Mark:
        return Mark(student=student, points=3)

    router = APIRouter(prefix="/v1", tags=["marks"])

    @router.post("/marks")
    async def set_mark(mark: Mark) -> Mark:
        return mark

    app.include_router(router)
    return app


def test_own_routes_answer_beside_the_services() -> None:
    client = client_of(with_own_routes())
    assert client.get("/marks/ada").json() == {"student": "ada", "points": 3}
    assert client.post("/v1/marks", json={"student": "ada", "points": 2}).json()["points"] == 2
    assert client.post("/v1/marks", json={"student": 1}).status_code == 422
    check_floats(client.post(SELF_ATTENTION, json=EXAM))


def test_the_document_has_the_own_routes_and_is_otherwise_the_same(document: dict[str, Any]) -> None:
    plain, document = document, document_of(client_of(with_own_routes()))
    validate(document)
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert paths["/marks/{student}"]["get"]["tags"] == ["marks"]
    assert paths["/v1/marks"]["post"]["tags"] == ["marks"]
    assert set(schemas["Mark"]["properties"]) == {"student", "points"}
    for path in ("/marks/{student}", "/v1/marks"):
        del paths[path]
    for name in set(schemas) - set(plain["components"]["schemas"]):
        assert name in {"Mark", "HTTPValidationError", "ValidationError"}
        del schemas[name]
    assert document == plain
