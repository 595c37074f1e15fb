"""Each computation is a FastAPI route: found in a table, documented, and guarded by dependencies."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import httpx
import orjson
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from pydantic import BaseModel

from service.app import create_app
from service.endpoints import ENDPOINTS
from service.routes import QuestionRoute
from tests.conftest import EXAM, errors

PATH = "/v1/self_attention"
JSON = {"content-type": "application/json"}
KEYED = Security(APIKeyHeader(name="x-key", auto_error=False))


def send(app: FastAPI, method: str, path: str, **content: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            return await client.request(method, path, **content)

    return asyncio.run(ask())


def guard(key: Annotated[str | None, KEYED]) -> None:
    if key != "open":
        raise HTTPException(401, "a key is needed")


def routes(app: FastAPI) -> dict[str, APIRoute]:
    return {one.path: one for one in app.routes if isinstance(one, QuestionRoute)}


def test_each_computation_is_a_route_with_its_models() -> None:
    found = routes(create_app())
    assert list(found) == [endpoint.path for endpoint in ENDPOINTS.values()]
    for endpoint in ENDPOINTS.values():
        route = found[endpoint.path]
        assert route.methods == {"POST"}
        assert route.tags == [endpoint.tag]
        assert route.operation_id == endpoint.name.replace("/", "_") == route.name
        assert route.body_field is not None
        assert route.response_field is not None
        if endpoint.errors is None:
            assert {400, 408, 413, 415, 422, 501, 503} <= set(route.responses)
        else:
            assert route.responses["default"]["model"] is endpoint.errors.model
        assert issubclass(endpoint.request(), BaseModel)
        assert issubclass(endpoint.response(), BaseModel)


def test_a_route_is_found_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app()
    tried: list[str] = []
    matches = APIRoute.matches

    def watched(route: APIRoute, scope: Any) -> Any:
        tried.append(route.path)
        return matches(route, scope)

    monkeypatch.setattr(APIRoute, "matches", watched)
    assert send(app, "POST", "/v1/vision_transformer", json={}).status_code == 422
    assert tried == []
    errors(send(app, "GET", "/v1/vision_transformer"), 405)
    assert tried


def test_middleware_sees_the_route_and_its_endpoint() -> None:
    app = create_app()
    seen: list[Any] = []

    @app.middleware("http")
    async def watch(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        seen.append((request.scope["route"].path, request.scope["endpoint"].__name__))
        return response

    send(app, "POST", PATH, json=EXAM)
    send(app, "POST", "/v1/optimizer/trace", json={})
    assert seen == [(PATH, "self_attention"), ("/v1/optimizer/trace", "optimizer_trace")]


def test_another_method_is_refused_with_the_allowed_ones() -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = send(create_app(), method, PATH)
        errors(response, 405)
        assert response.headers["allow"] == "POST"


GUARDED = [("POST", PATH), ("POST", "/v1/graph"), ("POST", "/v1/optimizer/trace"), ("POST", "/v1/compare"),
           ("GET", "/v1/operations"), ("GET", "/v1/operations/lstm"), ("GET", "/health/ready"),
           ("HEAD", "/v1/operations")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_dependency_guards_every_route(method: str, path: str) -> None:
    app = create_app(dependencies=[Depends(guard)])
    content: Mapping[str, Any] = {"json": {}} if method == "POST" else {}
    refused = send(app, method, path, **content)
    assert refused.status_code == 401
    admitted = send(app, method, path, headers={"x-key": "open"}, **content)
    assert admitted.status_code == (422 if method == "POST" else 200)


def test_a_guarded_question_gets_the_same_answer() -> None:
    app = create_app(dependencies=[Depends(guard)])
    key = {"x-key": "open"}
    answer = send(create_app(), "POST", PATH, json=EXAM)
    assert send(app, "POST", PATH, json=EXAM, headers=key).content == answer.content
    errors(send(app, "POST", PATH, content=b'{"x": NaN}', headers=JSON | key), 400)
    errors(send(app, "POST", PATH, content=b"{}", headers=key), 415)
    errors(send(app, "POST", PATH, content=b"[" * 100_000, headers=JSON | key), 400)
    trace = {"program": ["f = x**2"], "start": {"x": 1}, "optimizer": {"name": "adam"}, "steps": 2}
    lines = send(
        app, "POST", "/v1/optimizer/trace", json=trace, headers=key | {"accept": "application/x-ndjson"}
    )
    assert len(lines.text.splitlines()) == 5


def test_a_guard_is_in_the_document() -> None:
    document = create_app(dependencies=[Depends(guard)]).openapi()
    assert document["components"]["securitySchemes"] == {
        "APIKeyHeader": {"type": "apiKey", "in": "header", "name": "x-key"}
    }
    assert document["paths"][PATH]["post"]["security"] == [{"APIKeyHeader": []}]
    assert document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/SelfAttentionRequest"
    }


def test_documentation_stays_open() -> None:
    app = create_app(dependencies=[Depends(guard)])
    for path in ("/docs", "/openapi.json", "/docs/swagger-ui.css", "/problems/refused"):
        assert send(app, "GET", path).status_code == 200


def test_routes_are_mounted_and_not_included() -> None:
    outer = FastAPI()
    outer.include_router(create_app().router)
    with pytest.raises(TypeError, match="mount the application"):
        outer.openapi()


def question_of(lines: bool) -> tuple[str, dict[str, Any], dict[str, str]]:
    if lines:
        trace = {"program": ["f = x**2"], "start": {"x": 1}, "optimizer": {"name": "adam"}, "steps": 2}
        return "/v1/optimizer/trace", trace, {"accept": "application/x-ndjson"}
    return PATH, EXAM, {}


@pytest.mark.parametrize("lines", [False, True])
def test_a_dependency_may_read_the_body(lines: bool) -> None:
    seen: list[bytes] = []

    async def sign(request: Request) -> None:
        seen.append(await request.body())

    async def count(request: Request) -> None:
        seen.append(b"".join([part async for part in request.stream()]))

    path, question, headers = question_of(lines)
    expected = send(create_app(), "POST", path, json=question, headers=headers)
    for dependency in (sign, count):
        app = create_app(dependencies=[Depends(dependency)])
        response = send(app, "POST", path, json=question, headers=headers)
        assert (response.status_code, response.content) == (200, expected.content)
        assert orjson.loads(seen.pop()) == question


@pytest.mark.parametrize("lines", [False, True])
def test_background_tasks_of_a_dependency_run(lines: bool) -> None:
    done: list[str] = []

    def later(tasks: BackgroundTasks) -> None:
        tasks.add_task(done.append, "done")

    path, question, headers = question_of(lines)
    app = create_app(dependencies=[Depends(later)])
    assert send(app, "POST", path, json=question, headers=headers).status_code == 200
    assert done == ["done"]


def test_routes_that_only_read_allow_get_and_head() -> None:
    for path in ("/v1/operations", "/v1/operations/lstm", "/health/live"):
        response = send(create_app(), "DELETE", path)
        errors(response, 405)
        assert response.headers["allow"] == "GET, HEAD"


def test_a_route_that_was_removed_is_not_found() -> None:
    app = create_app()
    assert send(app, "POST", PATH, json=EXAM).status_code == 200
    app.router.routes[:] = [one for one in app.router.routes if getattr(one, "path", "") != PATH]
    errors(send(app, "POST", PATH, json=EXAM), 404)


def test_an_added_route_may_end_with_a_slash() -> None:
    app = create_app()

    @app.get("/mine/")
    def mine() -> str:
        return "mine"

    assert send(app, "GET", "/mine/").json() == "mine"


def test_a_custom_document_is_served() -> None:
    app = create_app()
    app.openapi = lambda: {"openapi": "3.1.0", "mine": True}  # type: ignore[method-assign]
    assert send(app, "GET", "/openapi.json").json()["mine"] is True


def test_the_catalogue_of_a_mounted_application_stays_below_its_path() -> None:
    outer = FastAPI()
    outer.mount("/workings", create_app())
    [first, *_] = send(outer, "GET", "/workings/v1/operations").json()["operations"]
    assert send(outer, "GET", first["href"]).json()["name"] == first["name"]


def test_dependencies_can_be_overridden() -> None:
    app = create_app(dependencies=[Depends(guard)])
    app.dependency_overrides[guard] = lambda: None
    assert send(app, "POST", PATH, json=EXAM).status_code == 200


def test_a_dependency_with_a_parameter_of_its_own() -> None:
    def tenant(x_tenant: Annotated[int, Header()]) -> None:
        assert x_tenant

    app = create_app(dependencies=[Depends(tenant)])
    assert send(app, "POST", PATH, json=EXAM, headers={"x-tenant": "3"}).status_code == 200
    assert "/header/x-tenant" in errors(send(app, "POST", PATH, json=EXAM))


def test_an_added_route_is_in_the_document() -> None:
    app = create_app()
    before = app.openapi()

    @app.post("/v1/mine")
    def mine(number: int) -> dict[str, int]:
        return {"twice": 2 * number}

    document = send(app, "GET", "/openapi.json").json()
    assert set(document["paths"]) == {*before["paths"], "/v1/mine"}
    assert set(before["components"]["schemas"]) <= set(document["components"]["schemas"])
    assert document["paths"][PATH] == before["paths"][PATH]
    assert send(app, "POST", "/v1/mine?number=2").json() == {"twice": 4}


def test_a_mounted_application_answers_and_documents_itself() -> None:
    outer = FastAPI()
    outer.mount("/workings", create_app())
    assert send(outer, "POST", "/workings" + PATH, json=EXAM).status_code == 200
    page = send(outer, "GET", "/workings/docs").text
    assert "openapi-3.0.json" in page
    for name in ("openapi.json", "openapi-3.0.json"):
        address = httpx.URL(f"http://workings/workings/{name}")
        document = send(outer, "GET", address.path).json()
        server = address.join(document["servers"][0]["url"])
        assert str(server).rstrip("/") == "http://workings/workings"
    assert "explorer/explorer.js" in send(outer, "GET", "/workings/").text


def test_a_root_path_of_a_proxy_that_strips_it() -> None:
    app = create_app()

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, root_path="/workings")
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            answers = [await client.post(one + PATH, json=EXAM) for one in ("/workings", "")]
            return [*answers, await client.get("/"), await client.post(PATH, json={})]

    full, stripped, root, refused = asyncio.run(ask())
    assert full.status_code == stripped.status_code == 200
    assert "explorer/explorer.js" in root.text
    assert refused.json()["type"] == "/workings/problems/refused"
