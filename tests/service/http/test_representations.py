"""Resources: compressed above a size, revalidated by tag, and without a body for HEAD."""

import gzip

import pytest
from fastapi import FastAPI, Request, Response
from starlette.testclient import TestClient

from service.http.representations import COMPRESSED_BYTES, Representation, etag

BODY = b"a" * COMPRESSED_BYTES
PLAIN = {"accept-encoding": "identity"}


def serving(body: bytes) -> TestClient:
    app, resource = FastAPI(), Representation(body, media_type="text/plain", cache_control="max-age=60")

    @app.api_route("/", methods=["GET", "HEAD"])
    def read(request: Request) -> Response:
        return resource.respond(request)

    return TestClient(app)


def test_bodies_are_compressed_above_a_size() -> None:
    for body, coded in ((BODY[1:], False), (BODY, True)):
        with serving(body).stream("GET", "/", headers={"accept-encoding": "gzip"}) as response:
            sent = b"".join(response.iter_raw())
        assert ("content-encoding" in response.headers) is coded
        assert (gzip.decompress(sent) if coded else sent) == body
        assert response.headers["etag"] == ("W/" if coded else "") + etag(body)
        assert response.headers["content-length"] == str(len(sent))
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["cache-control"] == "max-age=60"


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("TAG", 304),
        ("W/TAG", 304),
        ('"other", TAG', 304),
        ('W/"other",W/TAG', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
    ],
)
def test_a_condition_names_the_tag_or_any(condition: str, status: int) -> None:
    headers = PLAIN | {"if-none-match": condition.replace("TAG", etag(BODY))}
    response = serving(BODY).get("/", headers=headers)
    assert response.status_code == status
    assert response.content == (BODY if status == 200 else b"")
    assert response.headers["etag"] == etag(BODY)


def test_head_has_the_headers_and_no_body() -> None:
    client = serving(BODY)
    head, whole = client.head("/", headers=PLAIN), client.get("/", headers=PLAIN)
    assert head.content == b""
    assert head.headers == whole.headers
