"""Gzipped bodies get the same answers and have a size limit; other codings are refused."""

import gzip
import zlib
from typing import Any

import orjson
import pytest

from service.settings import Settings
from tests.conftest import EXAM, Client, errors
from tests.service.http.test_middleware import JSON, PATH, ask


def gzipped(content: bytes, coding: str = "gzip") -> dict[str, Any]:
    return {"content": content, "headers": JSON | {"content-encoding": coding}}


@pytest.mark.parametrize("path", [PATH, "/v1/graph"])
def test_a_gzipped_question_gets_the_same_answer(client: Client, path: str) -> None:
    question = (
        EXAM if path == PATH else {"program": ["y = x**2"], "inputs": {"x": "a"}, "arithmetic": "exact"}
    )
    body = gzip.compress(orjson.dumps(question))
    response = client.post(path, **gzipped(body))
    assert response.status_code == 200
    assert response.content == client.post(path, json=question).content


def test_a_gzipped_stream_of_lines(client: Client) -> None:
    question = {"program": ["f = x**2"], "start": {"x": 1}, "optimizer": {"name": "adam"}, "steps": 3}
    sent = gzipped(gzip.compress(orjson.dumps(question)))
    sent["headers"]["accept"] = "application/x-ndjson"
    lines = client.post("/v1/optimizer/trace", **sent).text.splitlines()
    assert len(lines) == 1 + 4 + 1


def test_invalid_gzip_is_refused(client: Client) -> None:
    body = gzip.compress(orjson.dumps(EXAM))
    for content in (
        orjson.dumps(EXAM),
        body[:-9],
        body[:5],
        b"",
        body + body,
        body + b"x",
        zlib.compress(b"{}"),
    ):
        errors(client.post(PATH, **gzipped(content)), 400)


def test_decompressed_size_is_bounded() -> None:
    bomb = gzip.compress(b" " * 2_000_000 + orjson.dumps(EXAM))
    settings = Settings(max_body_bytes=1_000_000)
    assert len(bomb) < 10_000
    response = ask("POST", PATH, settings, **gzipped(bomb))
    errors(response, 413)
    assert "1000000" in response.json()["detail"]
    assert ask("POST", PATH, **gzipped(bomb)).status_code == 200


def test_other_data_and_damaged_gzip_have_different_errors(client: Client) -> None:
    whole = gzip.compress(orjson.dumps(EXAM))
    for body, received in (
        (b"{}", "data that does not start as gzip does"),
        (whole[:-1] + bytes([whole[-1] ^ 1]), "damaged gzip data"),
    ):
        response = client.post(PATH, **gzipped(body))
        errors(response, 400)
        assert response.json()["detail"] == f"expected gzip, received {received}"


def test_a_body_of_exactly_the_largest_size_when_decompressed_is_read() -> None:
    question = orjson.dumps(EXAM)
    for size, status in ((1024, 200), (1025, 413)):
        body = gzipped(gzip.compress(question + b" " * (size - len(question))))
        assert ask("POST", PATH, Settings(max_body_bytes=1024), **body).status_code == status


def test_a_coding_that_is_not_supported_is_named(client: Client) -> None:
    named = {
        "br": "br",
        "Deflate": "deflate",
        "zstd": "zstd",
        "own": "a coding of 3 characters",
        "gzip, gzip": "2 codings",
    }
    for coding, received in named.items():
        response = client.post(PATH, **gzipped(b"{}", coding))
        errors(response, 415)
        assert response.json()["detail"] == f"expected content-encoding: gzip, or none; received {received}"
        assert response.headers["accept-encoding"] == "gzip"
    assert client.post(PATH, **gzipped(orjson.dumps(EXAM), "identity")).status_code == 200
    for coding in ("GZip", "x-gzip", "identity, gzip"):
        assert client.post(PATH, **gzipped(gzip.compress(orjson.dumps(EXAM)), coding)).status_code == 200
