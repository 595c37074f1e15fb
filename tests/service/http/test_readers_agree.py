"""Large bodies get the same answers and problems as small ones, to the byte."""

import gzip
import json
import random
from typing import Any

import pytest

from service.document import url_of
from service.http import reader
from service.http.problems import Problem
from tests.conftest import Client
from tests.service.http.generated_bodies import (
    EXAMPLES,
    NAMES,
    NOT_NUMBERS,
    NUMBERS,
    OTHERS,
    TEXTS,
    disagreement,
    make_body,
)

pytestmark = pytest.mark.skipif(reader.simdjson is None, reason="there is no wheel of it for this Python")
JSON = {"content-type": "application/json"}
PADDING = b" " * (reader.LARGE + 1)
SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_bodies_are_read_alike(seed: int) -> None:
    rng = random.Random(seed)
    kinds = set()
    for _ in range(250):
        path, body = make_body(rng)
        found, strict = disagreement(path, body, rng.choice([1, 3, 8, reader.MIN_ARRAY_SIZE]))
        assert not found, (path, body)
        kinds.add(strict.kind)
    assert kinds >= {"answer", "refused", "unreadable"}


@pytest.mark.parametrize("token", [*NUMBERS, *NOT_NUMBERS, *TEXTS, *OTHERS])
def test_every_token_in_place_of_a_tensor_or_setting_is_read_alike(token: str) -> None:
    forms = [f'{{"x": {token}, "size": 2}}', f'{{"x": [[1, 2, 3, 4]], "size": {token}}}',
             f'{{"x": [[{token}, 1, 2, 3], [1, {token}, 2, 3]], "size": 2}}',
             f'{{"x": [[1, 2, 3, 4]], "size": 2, "select": {token}}}']  # fmt: skip
    for form in forms:
        body = form.encode("utf-8", "surrogatepass")
        for min_array_size in (1, 8):
            found, _ = disagreement("/v1/average_pool1d", body, min_array_size)
            assert not found, body


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["x", "given", "changes"])
def test_every_name_is_read_alike(name: str, field: str) -> None:
    inner = f'{{"x": 1, {name}: [1, 2]}}'
    body = f'{{"x": [[1, 2], [3, 4]], {name}: 5, "{field}": {inner}}}'.encode()
    assert not disagreement("/v1/softmax", body, 1)[0]


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ('{"x": [[1, 2]], "a\\u0000": 1}', 422),
        ('{"x": [[1, 2]], "x\\u0000": [[5, 6]]}', 422),  # a name ends with no NUL
        ('{"x": [[1, [2]]], "select": ["\\u005b"]}', 422),
        ('{"x": [[1, [2]]], "select": ["\\u005B", "output"]}', 422),
        ('\ufeff{"x": [[1, 2]]}', 200),
        ('\ufeff\ufeff{"x": [[1, 2]]}', 400),
        ('{"x": [[1, 2]]}\0', 400),
        ('{"x": [[1, 2]], "x": [[1, 2]]}', 400),
        ('{"x": ' + "[" * (reader.MAX_DEPTH - 1) + "1" + "]" * (reader.MAX_DEPTH - 1) + "}", 422),
        ('{"x": ' + "[" * reader.MAX_DEPTH + "1" + "]" * reader.MAX_DEPTH + "}", 400),
        ('{"x": [[1e400, -1e-400]]}', 422),
        ('{"x": [[1, 2]], "axis": "\\ud800"}', 422),
    ],
)
def test_a_body_of_any_size_gets_one_answer(client: Client, question: str, status: int) -> None:
    small = question.encode()
    for body in (small, small.replace(b"{", b"{" + PADDING, 1)):
        for sent, headers in ((body, JSON), (gzip.compress(body), JSON | {"content-encoding": "gzip"})):
            response = client.post("/v1/softmax", content=sent, headers=headers)
            expected = client.post("/v1/softmax", content=small, headers=JSON)
            assert response.status_code == expected.status_code == status, response.text
            if status != 400:  # whose details say at which column
                assert response.content == expected.content


def test_examples_with_spaces_or_in_gzip_get_the_same_answers(client: Client) -> None:
    floats = [one for one in EXAMPLES
              if "solve" not in one["path"] and one["request"].get("arithmetic") != "exact"]  # fmt: skip
    for example in random.Random(17).sample(floats, 12):
        small = json.dumps(example["request"]).encode()
        url, headers = url_of(example), JSON | example.get("headers", {})
        plain = client.post(url, content=small, headers=headers)
        large = client.post(url, content=small + PADDING, headers=headers)
        zipped = client.post(
            url,
            content=gzip.compress(b"\xef\xbb\xbf" + PADDING + small),
            headers=headers | {"content-encoding": "gzip"},
        )
        assert plain.content == large.content == zipped.content, url


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/json;charset=UTF-8", 200),
        ("application/vnd.api+json", 200),
        ("Application/JSON", 200),
        ("application/json; charset=utf-16", 200),  # RFC 8259 has no charset: the body counts
        ("text/plain", 415),
        ("", 415),
    ],
)
def test_content_types_mean_the_same_for_every_size(client: Client, content_type: str, status: int) -> None:
    for padding in (b"", PADDING):
        body = b'{"x": [[1, 2]]}' + padding
        response = client.post("/v1/softmax", content=body, headers={"content-type": content_type})
        assert response.status_code == status, response.text


def test_a_content_type_is_named_where_it_is_known(client: Client) -> None:
    for sent, received in (
        ("Text/Plain; charset=x", "text/plain"),
        ("secret/own", "a content type of 10 characters"),
    ):
        response = client.post("/v1/softmax", content=b"{}", headers={"content-type": sent})
        assert response.json()["detail"] == f"expected content-type: application/json; received {received}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_only_utf8_is_read(encoding: str) -> None:
    document: dict[str, Any] = {"x": [[1.0]], "é": 1}
    for padding in ("", " " * (reader.LARGE + 1)):
        body = (json.dumps(document, ensure_ascii=False) + padding).encode(encoding)
        with pytest.raises(Problem):
            reader.read(body)
