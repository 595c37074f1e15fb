"""Errors of invalid questions: one problem with the field, the expected and the received value."""

import base64
import json
from typing import Any

import pytest

from tests.conftest import EXAM, Ask, Client, errors

JSON = {"content-type": "application/json"}
SECRET = "sentinel-that-must-not-come-back"
DATA = base64.b64encode(bytes(32)).decode()


def packed(**changes: Any) -> dict[str, Any]:
    return {"dtype": "float64", "shape": [2, 2], "data": DATA} | changes


@pytest.mark.parametrize(
    ("fields", "pointer", "expected", "received"),
    [
        ({"x": [[0, 1], [1]]}, "/x/1", "a row of 2", "a row of 1"),
        ({"x": [[[0, 1]], [[1]]]}, "/x/1/0", "a row of 2", "a row of 1"),
        ({"x": [[0, 1], 1]}, "/x/1", "a row of 2", "the number 1"),
        ({"x": [[0, SECRET], [1, 1]]}, "/x/0/1", "constant expression", "text of 32 characters"),
        ({"x": [[0, "(1).real"], [1, 1]]}, "/x/0/1", "constant expression", "text of 8"),
        ({"x": [[0, "9**9**9"], [1, 1]]}, "/x/0/1", "constant expression", "text of 7"),
        ({"x": [[0, True], [1, 1]]}, "/x/0/1", "a number", "a boolean"),
        ({"x": [[0, None], [1, 1]]}, "/x/0/1", "a number", "null"),
        ({"x": [[0, {}], [1, 1]]}, "/x/0/1", "a number", "an object"),
        ({"x": []}, "/x", "at least one entry", "shape (0)"),
        ({"x": [[], []]}, "/x", "at least one entry", "shape (2, 0)"),
        ({"x": 3}, "/x", "shape (..., n, d)", "shape ()"),
        ({"x": [[[[[[[[[1]]]]]]]]]}, "/x", "at most 8 axes", "9 axes"),
        ({"x": [[10**400, 1], [1, 1]]}, "/x/0/0", "float64", "above 1.8e308"),
        ({"x": {"shape": [2, 2]}}, "/x", "/v1/cost", "a shape alone"),
        ({"x": packed(data=DATA[:-4])}, "/x/data", "44 characters", "text of 40 characters"),
        ({"x": packed(data="!" * 44)}, "/x/data", "alphabet", "text of 44 characters"),
        ({"x": packed(shape=[2**30, 2**30])}, "/x/data", "base64 of 9223372036854775808", "text of 44"),
        ({"x": packed(shape=[2, -2])}, "/x/shape", "positive integers", "the list [2, -2]"),
        ({"x": packed(shape=[1] * 9)}, "/x/shape", "at most 8", "the list [1, 1, 1, 1, 1, 1, 1, 1, 1]"),
        ({"x": packed(dtype="float16")}, "/x/dtype", "float64, float32", "text of 7 characters"),
        ({"x": packed(dtype="bool", data="AAAAAA==")}, "/x/dtype", "float64", "text of 4"),
        ({"x": packed(note=1)}, "/x", "exactly the fields", "an object with 4 fields"),
        ({"w_k": [[1], [2], [3]]}, "/w_k", "where d = 2 from axis 1 of x", "shape (3, 1)"),
        ({"w_k": [[1, 2], [3, 4]]}, "/w_k", "d_k = 1 from axis 1 of w_q", "shape (2, 2)"),
        ({"b_q": [1, 2]}, "/b_q", "shape (heads*d_k)", "shape (2)"),
        ({"positional_encoding": [[1, 2]]}, "/positional_encoding", "n = 2 from axis 0 of x", "shape (1, 2)"),
        ({"mask": [[True, False, True]]}, "/mask", "broadcasts to (2, 2)", "shape (1, 3)"),
        ({"mask": [[True, 0], [1, 1]]}, "/mask/0/0", "booleans throughout", "a boolean"),
        ({"mask": [["NaN", 0], [1, 1]]}, "/mask", "booleans, or finite numbers", "the entry NaN at [0, 0]"),
        ({"heads": 10**9}, "/w_q", "heads = 1000000000 from the attribute heads", "shape (2, 1)"),
        ({"heads": 10**30}, "/heads", "at most", "a very large number"),
        ({"window": -1}, "/window", "an integer from 0", "the number -1"),
        ({"window": 10**18}, "/window", "2147483647; or a list of two such integers", "the number 1"),
        ({"window": [1, -1]}, "/window", "a list of two", "the list [1, -1]"),
        ({"window": [1, 2, 3]}, "/window", "a list of two", "the list [1, 2, 3]"),
        ({"window": "k"}, "/window", "an integer from 0", "text of 1"),
        ({"window": True}, "/window", "an integer from 0", "a boolean"),
        ({"rotary": "half_split"}, "/rotary_dimension", "an even number", "1"),
        ({"rotary": "twisted"}, "/rotary", "'interleaved' or 'half_split'", "text of 7"),
        ({"positions": [1, 2]}, "/positions", "rotary", "a tensor"),
        ({"select": ["*nothing*"]}, "/select/0", "output", "an unknown name"),
        ({"jacobian": [{"of": "argmax", "wrt": "x"}]}, "/jacobian/0/of", "a real value", "indices"),
        ({"upstream": {"argmax": [1, 1]}}, "/upstream/argmax", "a real value", "a value that is index"),
        ({"heads": 0}, "/heads", "at least 1", "the number 0"),
        ({"heads": 1.5}, "/heads", "an integer", "the number 1.5"),
        ({"heads": "2"}, "/heads", "an integer", "text of 1 character"),
        ({"heads": True}, "/heads", "an integer", "a boolean"),
        ({"causal": 1}, "/causal", "true or false", "the number 1"),
        ({"layout": SECRET}, "/layout", "'rows' or 'columns'", "text of 32 characters"),
        ({"scale": "1/sqrt(nothing)"}, "/scale", "may use d, d_k", "text of 15 characters"),
        ({"scale": "1/0"}, "/scale", "a finite constant", "text of 3 characters"),
        ({"scale": True}, "/scale", "a number, or a constant expression", "a boolean"),
        ({"softcap": 0}, "/softcap", "above zero", "the number 0"),
        ({"softcap": "1-2"}, "/softcap", "above zero", "text of 3 characters"),
        ({"arithmetic": "float16"}, "/arithmetic", "'float64', 'float32' or 'exact'", "text of 7"),
        ({"arithmetic": "float32", "x": [[1e39, 0], [0, 0]]},
         "/x", "float32 can hold", "the entry 1e+39 at [0, 0]"),
        ({"encoding": 1}, "/encoding", "'nested' or 'packed'", "the number 1"),
        ({"w_z": 1}, "/w_z", "one of: x, w_q", "an unknown name"),
        ({"given": {"wieghts": [[1]]}}, "/given/wieghts", "one of: x, w_q", "an unknown name"),
        ({"given": {"scores": [[1, 2, 3]]}}, "/given/scores", "where n = 2 from axis 0 of x", "shape (1, 3)"),
        ({"given": {"x": [[1, 1], [1, 1]]}}, "/given/x", "one value", "two"),
        ({"given": [1]}, "/given", "an object", "a list of 1"),
        ({"given": {"mask": [["NaN", 0], [1, 1]]}}, "/given/mask", "finite", "the entry NaN at [0, 0]"),
        ({"upstream": {"outptu": [[1]]}}, "/upstream/outptu", "output", "an unknown name"),
        ({"upstream": {"output": [1, 0]}}, "/upstream/output", "shape (2, 1)", "shape (2)"),
        ({"select": ["outptu"]}, "/select/0", "output", "an unknown name"),
        ({"select": ["output", "outptu"]}, "/select/1", "output", "an unknown name"),
        ({"select": []}, "/select", "at least 1", "a list of 0"),
        ({"select": ["\ud800"]}, "/select/0", "Unicode", "text of 1 character"),
        ({"jacobian": [{"of": "weights", "wrt": "q"}]}, "/jacobian/0/wrt", "one of: x", "an unknown name"),
        ({"jacobian": [{"of": "weights"}]}, "/jacobian/0/wrt", "text", "nothing"),
        ({"jacobian": ["x"]}, "/jacobian/0", "an object", "text of 1 character"),
    ],
)  # fmt: skip
def test_errors_point_to_their_fields(
    client: Client, fields: dict[str, Any], pointer: str, expected: str, received: str
) -> None:
    response = client.post("/v1/self_attention", content=json.dumps(EXAM | fields), headers=JSON)
    found = errors(response)
    assert pointer in found
    assert expected in found[pointer]["expected"]
    assert received in found[pointer]["received"]
    assert SECRET not in response.text


def test_a_near_name_is_suggested(ask: Ask) -> None:
    [error] = errors(ask(**EXAM, given={"wieghts": [[1]]})).values()
    assert "did you mean weights?" in error["message"]


def test_values_of_settings_get_suggestions_too(client: Client) -> None:
    def message(path: str, body: dict[str, Any]) -> str:
        [error] = errors(client.post(path, content=json.dumps(body), headers=JSON)).values()
        return error["message"]

    swish = message("/v1/activation", {"x": [1], "function": "swish"})
    assert swish.endswith("; did you mean silu?")
    assert "did you mean" not in message("/v1/activation", {"x": [1], "function": "softmax"})
    assert "did you mean linear?" in message("/v1/cost", {"operation": "dense"})
    assert "did you mean" not in message("/v1/cost", {"operation": 5})
    single = message("/v1/softmax", {"x": [1], "arithmetic": "fp32"})
    assert single.endswith("did you mean float32?")


def test_the_error_of_a_missing_field_describes_its_value(ask: Ask) -> None:
    function = errors(ask("/v1/activation", x=[1]))["/function"]
    assert function["expected"].startswith("'identity', 'relu', ") and function["received"] == "nothing"
    missing = errors(ask("/v1/optimizer/trace"))
    assert missing["/start"]["expected"] == "an object"
    assert missing["/optimizer"]["expected"] == "the update rule and its settings"
    assert errors(ask("/v1/graph"))["/program"]["expected"] == "a list"


def test_tables_are_expected_in_their_own_letters(ask: Ask) -> None:
    missing = errors(ask("/v1/language_model", tokens=[1], segments=[0], layers=1))
    assert {name: one["expected"] for name, one in missing.items() if "embedding" in name} == {
        "/token_embedding/weights": "a tensor (vocabulary, d)",
        "/position_embedding/weights": "a tensor (context, d)",
        "/segment_embedding/weights": "a tensor (segment_types, d)",
    }


def test_settings_as_exact_text_are_refused_with_advice(ask: Ask) -> None:
    for field, sent in (
        ("common", False),
        ("abbreviate", ["x"]),
        ("assumptions", {"a": ["positive"]}),
        ("limits", [{"of": "output", "symbol": "a", "to": 0}]),
    ):
        [error] = errors(ask("/v1/softmax", x=[1, 2], **{field: sent})).values()
        assert error["expected"] == f'leave {field} out, or send "arithmetic": "exact"'


def test_missing_tensors_are_listed(ask: Ask) -> None:
    assert set(errors(ask(x=[[1, 2]]))) == {"/w_q", "/w_k"}


def test_several_errors_are_reported_together(ask: Ask) -> None:
    assert set(errors(ask(**EXAM, w_z=1, heads=0))) == {"/w_z", "/heads"}
    assert set(errors(ask(**(EXAM | {"x": [[None]], "w_q": [[None]]})))) == {"/x/0/0", "/w_q/0/0"}


def test_at_most_twenty_errors_are_listed(ask: Ask) -> None:
    response = ask(**EXAM, **{f"extra_{index}": 1 for index in range(300)})
    assert len(errors(response)) == 20
    assert "299 more" in response.json()["detail"]
    assert len(errors(ask(given={f"extra_{index}": 1 for index in range(300)}))) == 20


def test_large_input_gets_a_small_refusal(ask: Ask) -> None:
    response = ask(**(EXAM | {"x": "A" * 200_000, "B" * 100_000: 1}))
    assert errors(response)
    assert len(response.content) < 3_000


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"[1]", "a list of 1"),
        (b"7", "the number 7"),
        (b'{"x": [[1,', "line 1, column 11"),
        (b'{"x": \xff}', "UTF-8 from byte 6"),
        (b'{"x": [[NaN]]}', "text"),
        (b'{"x": [[Infinity]]}', "text"),
        (b'{"x": [[1]], "x": [[2]]}', "twice"),
        (b'{"given": {"a": 1, "a": 2}}', "twice"),
        (b'{"x": [[%s]]}' % (b"9" * 5000), "too many digits"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too deeply"),
        (b'{"x": ' + b"[" * 100_000, "too deeply"),
        (b'{"x": [[1]], ' + b" " * 40_000 + b'"x": [[2]]}', "twice"),
        (b'{"x": [' + b"1," * 40_000 + b"]}", "line 1"),
        (b'{"x": ["' + b"a" * 40_000 + b"\xff" + b'"]}', "UTF-8"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read(client: Client, body: bytes, detail: str) -> None:
    response = client.post("/v1/self_attention", content=body, headers=JSON)
    errors(response, 400)
    assert detail in response.json()["detail"]
    assert len(response.content) < 400


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [("true", "/x/0/7"), ("null", "/x/0/7"), ('"a"', "/x/0/7"), ("1e400", "/x/0/7"), ("[1]", "/x/0/7")],
)
def test_errors_in_a_large_body_are_found_too(client: Client, entry: str, pointer: str) -> None:
    row = ["1.25"] * 10_000
    row[7] = entry
    body = '{"x": [[' + ",".join(row) + ']], "w_q": [[1]], "w_k": [[1]]}'
    found = errors(client.post("/v1/self_attention", content=body, headers=JSON))
    assert list(found) == [pointer]


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_other_content_types(client: Client, content_type: str) -> None:
    response = client.post("/v1/self_attention", content=b"{}", headers={"content-type": content_type})
    errors(response, 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.course+json"])
def test_json_under_its_other_names(client: Client, content_type: str) -> None:
    body = json.dumps(EXAM)
    response = client.post("/v1/self_attention", content=body, headers={"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"operation": SECRET}, "/operation"),
        ({"operation": [1]}, "/operation"),
        ({}, "/operation"),
        ({"operation": "attention", "query": {"shape": ["n", 0]}}, "/query/shape/1"),
        ({"operation": "attention", "query": {"shape": ["n", 1.5]}}, "/query/shape/1"),
        ({"operation": "attention", "query": {"shape": ["n", "sqrt(n)"]}}, "/query/shape/1"),
        ({"operation": "attention", "query": {"shape": ["((n+m)**8)**8", 1]}}, "/query/shape/0"),
        ({"operation": "attention", "query": {"shape": ["n"] * 9}}, "/query"),
        ({"operation": "attention", "query": {"shape": "n"}}, "/query"),
        ({"operation": "attention", "query": {"shape": ["n", "d"]}, "key": {"shape": ["m", "e"]}}, "/key"),
        ({"operation": "attention", "select": ["output"]}, "/select"),
    ],
)
def test_cost_refuses(ask: Ask, fields: dict[str, Any], pointer: str) -> None:
    response = ask("/v1/cost", **fields)
    assert pointer in errors(response)
    assert SECRET not in response.text


def test_other_paths_and_methods(client: Client) -> None:
    errors(client.get("/nothing"), 404)
    errors(client.post("/v1/nothing", content=b"{}", headers=JSON), 404)
    errors(client.get("/v1/operations/nothing"), 404)
    dense = client.post("/v1/Dense", content=b"{}", headers=JSON).json()
    assert dense["detail"] == "see /docs for the paths that exist; did you mean linear?"
    assert "did you mean conv1d or conv2d?" in client.get("/v1/operations/conv").json()["detail"]
    errors(client.get("/docs/nothing"), 404)
    refused = client.get("/v1/self_attention")
    errors(refused, 405)
    assert refused.headers["allow"] == "POST"


def test_a_large_tensor_of_many_axes(client: Client) -> None:
    entry = json.dumps([1.25] * 10_000)
    body = '{"x": ' + "[" * 9 + entry + "]" * 9 + "}"
    assert list(errors(client.post("/v1/self_attention", content=body, headers=JSON))) == ["/x"]


def test_too_many_names_are_refused_without_checking_each(ask: Ask) -> None:
    flood = {f"extra_{index}": 1 for index in range(5_000)}
    assert list(errors(ask(**EXAM, **flood))) == [""]
    for field in ("given", "upstream"):
        assert list(errors(ask(**EXAM, **{field: flood}))) == [f"/{field}"]
    assert list(errors(ask(**EXAM, select=list(flood)))) == ["/select"]
    assert list(errors(ask(**EXAM, jacobian=[{"of": "output", "wrt": "x"}] * 17))) == ["/jacobian"]


def test_sizes_of_many_terms_are_refused(ask: Ask) -> None:
    shape = {"shape": ["a+b+c", "d"]}
    assert list(errors(ask("/v1/cost", operation="attention", query=shape))) == ["/query/shape/0"]
    sums = {"shape": ["a+b", "c+d", "e+f", "g+h", "i+j", "d_k"]}
    assert list(errors(ask("/v1/cost", operation="attention", query=sums))) == [""]
    worst = {"shape": ["a+b", "c+d", "e+f", "g+h", "a+b", "a+b", "a+b", "d_k"]}
    answer = ask("/v1/cost", operation="attention", query=worst, key=worst, value=worst)
    assert answer.status_code == 200
