"""Request ids, CORS, compression and conditional requests."""

import asyncio
import re
import zlib
from typing import Any

import httpx
import orjson
import pytest

from service.app import create_app
from service.settings import Settings
from tests.conftest import EXAM, Client, errors
from tests.service.listening import LONG

JSON = {"content-type": "application/json"}
PATH = "/v1/self_attention"
RESOURCES = [
    "/openapi.json",
    "/openapi-3.0.json",
    "/docs",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/favicon-32x32.png",
    "/examples/encoder_layer_state_dict.json",
    "/problems/refused",
    "/v1/operations",
    "/v1/operations/self_attention",
]


def ask(method: str, path: str, settings: Settings | None = None, **content: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(settings), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://workings") as client:
            return await client.request(method, path, **content)

    return asyncio.run(send())


@pytest.mark.parametrize("path", RESOURCES)
def test_a_resource_is_revalidated_by_its_entity_tag(client: Client, path: str) -> None:
    first = client.get(path)
    assert first.status_code == 200
    tag = first.headers["etag"]
    strong = tag.removeprefix("W/")
    for condition in (strong, f"W/{strong}", f'"other", {tag}', "*"):
        again = client.get(path, headers={"if-none-match": condition})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["vary"] == "Accept-Encoding"
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", [*RESOURCES, "/health/live", "/health/ready", "/"])
def test_head_is_get_without_a_body(client: Client, path: str) -> None:
    got, head = client.get(path), client.request("HEAD", path)
    assert head.status_code == got.status_code
    assert head.content == b""
    changing = {"x-request-id"}
    assert {name: one for name, one in head.headers.items() if name not in changing} == {
        name: one for name, one in got.headers.items() if name not in changing
    }


def test_a_request_id_is_taken_and_returned(client: Client) -> None:
    for request_id in ("a", "7e7c-11:ab.c_~/+=@", "x" * 128):
        response = client.get("/health/live", headers={"x-request-id": request_id})
        assert response.headers["x-request-id"] == request_id
    assert client.post(PATH, json={}, headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"


def test_a_request_id_is_generated_if_none_is_valid(client: Client) -> None:
    ids = set()
    for headers in ({}, {}, {"x-request-id": "x" * 129}, {"x-request-id": "a b"}, {"x-request-id": "<i>"}):
        [request_id] = client.post(PATH, json=EXAM, headers=headers).headers.get_list("x-request-id")
        assert re.fullmatch("[0-9a-f]{32}", request_id)
        ids.add(request_id)
    assert len(ids) == 5


def test_a_defect_names_its_request_in_the_answer_and_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("service.answering.Answerer.respond", fail)
    response = ask("POST", PATH, json=EXAM, headers={"x-request-id": "the-one"})
    errors(response, 500)
    assert response.headers["x-request-id"] == "the-one"
    assert "the-one" in caplog.text


PREFLIGHT = {"origin": "https://school.example", "access-control-request-method": "POST",
             "access-control-request-headers": "content-type"}  # fmt: skip


def test_cors_is_off_by_default() -> None:
    response = ask("POST", PATH, json=EXAM, headers={"origin": "https://school.example"})
    assert "access-control-allow-origin" not in response.headers
    errors(ask("OPTIONS", PATH, headers=PREFLIGHT), 405)


def test_cors_admits_the_origins_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKINGS_CORS_ORIGINS", '["https://school.example"]')
    settings = Settings()
    assert settings.cors_origins == ["https://school.example"]
    preflight = ask("OPTIONS", PATH, settings, headers=PREFLIGHT)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://school.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    response = ask("POST", PATH, settings, json=EXAM, headers={"origin": "https://school.example"})
    assert response.headers["access-control-allow-origin"] == "https://school.example"
    for name in ("ETag", "Retry-After", "X-Request-ID"):
        assert name in response.headers["access-control-expose-headers"]
    other = ask("POST", PATH, settings, json=EXAM, headers={"origin": "https://else.example"})
    assert other.status_code == 200
    assert "access-control-allow-origin" not in other.headers


def test_a_defect_has_cors_headers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("service.answering.Answerer.respond", fail)
    origin = {"origin": "https://school.example"}
    response = ask("POST", PATH, Settings(cors_origins=["*"]), json=EXAM, headers=origin)
    errors(response, 500)
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("origin", ["a.example", "null", "", "https://a.example/page", "ftp://a.example"])
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Settings(cors_origins=[origin])


def test_a_slash_after_an_origin_is_removed() -> None:
    assert Settings(cors_origins=["https://a.example:8443/"]).cors_origins == ["https://a.example:8443"]


def test_a_refused_question_has_cors_headers_too() -> None:
    settings = Settings(cors_origins=["*"])
    response = ask("POST", PATH, settings, json={}, headers={"origin": "https://school.example"})
    errors(response)
    assert response.headers["access-control-allow-origin"] == "*"


LARGE = {**EXAM, "x": [[0, 1], [-1, 1]] * 100}


def test_answers_are_compressed_for_those_who_accept_it(client: Client) -> None:
    plain = client.post(PATH, json=LARGE, headers={"accept-encoding": "identity"})
    packed = client.post(PATH, json=LARGE, headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # httpx has decompressed it
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "br, gzip; q=0.000", "*;q=0, br", ""])
def test_answers_are_not_compressed_for_those_who_do_not_accept_it(client: Client, accepted: str) -> None:
    for response in (
        client.post(PATH, json=LARGE, headers={"accept-encoding": accepted}),
        client.get("/v1/operations", headers={"accept-encoding": accepted}),
    ):
        assert response.status_code == 200
        assert "content-encoding" not in response.headers


@pytest.mark.parametrize("accepted", ["gzip;q=0.1", "br;q=1, gzip", "gzip; q=1.0"])
def test_any_quality_above_zero_accepts_gzip(client: Client, accepted: str) -> None:
    response = client.post(PATH, json=LARGE, headers={"accept-encoding": accepted})
    assert response.headers["content-encoding"] == "gzip"


def test_compressed_lines_are_sent_as_they_are_computed() -> None:
    """The first line can be decompressed before the last one is computed."""

    async def scenario() -> bytes:
        taken = asyncio.Event()
        chunks: list[bytes] = []
        bodies = [{"type": "http.request", "body": orjson.dumps(LONG), "more_body": False}]

        async def receive() -> Any:
            if bodies:
                return bodies.pop()
            await taken.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                chunks.append(message["body"])
                taken.set()

        headers = {
            "content-type": "application/json",
            "accept": "application/x-ndjson",
            "accept-encoding": "gzip",
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/optimizer/trace",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        await create_app()(scope, receive, send)
        return chunks[0]

    first = zlib.decompressobj(wbits=31).decompress(asyncio.run(scenario())).splitlines()[0]
    assert orjson.loads(first)["operation"] == "optimizer/trace"


def test_small_answers_are_not_compressed(client: Client) -> None:
    response = client.post(PATH, json=EXAM, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers


def test_the_document_is_compressed_and_cacheable(client: Client) -> None:
    response = client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < 135_000
    assert "max-age" in response.headers["cache-control"]
    assert response.headers["vary"] == "Accept-Encoding"
    assert client.get("/openapi.json", headers={"accept-encoding": "identity"}).json() == response.json()
    tag = response.headers["etag"]
    assert client.get("/openapi.json", headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("method", "path"), [("POST", PATH), ("GET", "/v1/operations"), ("GET", "/health/live"), ("GET", "/docs")]
)
def test_a_trailing_slash_redirects_to_the_path_without_it(client: Client, method: str, path: str) -> None:
    response = client.request(method, path + "/?a=b")
    assert response.status_code == 307
    assert response.headers["location"] == f"{path}?a=b"


def test_a_trailing_slash_of_no_route_is_not_found(client: Client) -> None:
    for path in ("/v1/nothing/", "http://workings//example.org/"):
        errors(client.get(path), 404)
