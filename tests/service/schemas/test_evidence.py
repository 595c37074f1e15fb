"""`verify` over HTTP."""

from typing import Any

import orjson
import pytest

from compute.operations import CATALOGUE
from compute.question.plan import prepare
from tests.conftest import EXAM, Ask, Client, errors
from tests.service.test_document import DOCUMENT, validator

UPSTREAM = {"output": [[1], [0]]}


def test_evidence_comes_with_the_answer(ask: Ask) -> None:
    answer = ask(**EXAM, upstream=UPSTREAM, jacobian=[{"of": "output", "wrt": "x"}], verify=True).json()
    evidence = answer["evidence"]
    assert list(evidence) == ["said", "gradients", "jacobians", "invariants", "condition"]
    assert list(evidence["gradients"]) == list(answer["gradients"])
    assert {one["verdict"] for one in evidence["gradients"].values()} == {"agrees"}
    assert evidence["gradients"]["x"] == {
        "verdict": "agrees", "entries": 4, "checked": 4, "inconclusive": 0, "largest_relative_error": 1e-9,
        "relative_to": "gradient", "at": [0, 0], "analytic": answer["gradients"]["x"][0][0],
        "numeric": pytest.approx(answer["gradients"]["x"][0][0], rel=1e-7),
        "step": evidence["gradients"]["x"]["step"],
    }  # fmt: skip
    [jacobian] = evidence["jacobians"]
    assert (jacobian["of"], jacobian["wrt"], jacobian["verdict"]) == ("output", "x", "agrees")
    [invariant] = evidence["invariants"]
    assert invariant["value"] == "weights" and invariant["holds"] is True
    assert evidence["condition"] == []
    plain = ask(**EXAM, upstream=UPSTREAM, jacobian=[{"of": "output", "wrt": "x"}]).json()
    del answer["evidence"]
    assert answer == plain


def test_it_is_asked_for_or_does_not_appear(ask: Ask) -> None:
    assert "evidence" not in ask(**EXAM, upstream=UPSTREAM).json()
    assert ask(**EXAM, verify=False).content == ask(**EXAM).content
    evidence = ask(**EXAM, verify=True).json()["evidence"]
    assert "no gradient was asked for" in evidence["said"][0]
    assert "gradients" not in evidence


@pytest.mark.parametrize("path", ["/v1/self_attention", "/v1/graph", "/v1/conv1d"])
@pytest.mark.parametrize("sent", [1, 0, "yes", "true", None, [], {}, 1.0, [True]])
def test_what_is_no_boolean_is_refused(client: Client, path: str, sent: Any) -> None:
    fields: dict[str, Any] = {
        "/v1/self_attention": EXAM,
        "/v1/graph": {"program": ["y = x"], "inputs": {"x": 1}},
        "/v1/conv1d": {"x": [1, 2], "kernel": [1]},
    }[path]
    found = errors(client.post(path, json=fields | {"verify": sent}))
    assert list(found) == ["/verify"]
    assert found["/verify"]["expected"] == "true or false"


@pytest.mark.parametrize("path", ["/v1/compare", "/v1/cost"])
def test_where_there_is_nothing_to_verify_it_is_unknown(client: Client, path: str) -> None:
    asked = {**EXAM, "operation": "self_attention", "changes": {"scale": 2}, "verify": True}
    if path == "/v1/cost":
        del asked["changes"]
    assert "/verify" in errors(client.post(path, json=asked))


def test_the_same_question_has_the_same_bytes(ask: Ask) -> None:
    first = ask(**EXAM, upstream=UPSTREAM, verify=True)
    prepare.cache_clear()
    second = ask(**EXAM, upstream=UPSTREAM, verify=True)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]


def test_a_program_says_where_it_is_at_a_kink(ask: Ask) -> None:
    response = ask("/v1/graph", program=["y = relu(x)", "z = 1 - cos(t)"], upstream={"y": [1, 1]},
                   inputs={"x": [0, 2], "t": 1e-5}, verify=True)  # fmt: skip
    evidence = response.json()["evidence"]
    check = evidence["gradients"]["x"]
    assert (check["verdict"], check["at"], check["inconclusive"]) == ("inconclusive", [0], 1)
    assert check["reason"] == (
        "at a kink or a bend as sharp: the slope is about 0 to the left and 1 to the right"
    )
    assert [one["value"] for one in evidence["condition"]] == ["z"]
    assert evidence["condition"][0]["digits"] == 5


def test_numbers_that_json_has_none_of_are_words(ask: Ask) -> None:
    response = ask("/v1/graph", program=["y = sqrt(x)", "p = softmax(x)"], upstream={"y": [1, 1]},
                   inputs={"x": ["NaN", 0]}, verify=True)  # fmt: skip
    evidence = response.json()["evidence"]
    assert evidence["gradients"]["x"]["verdict"] == "inconclusive"
    assert evidence["gradients"]["x"]["analytic"] == "NaN"
    assert "numeric" not in evidence["gradients"]["x"]
    *_, promise = evidence["invariants"]
    assert (promise["holds"], promise["largest_difference"]) == (False, "NaN")


def test_given_values_and_packed_answers(ask: Ask) -> None:
    given: dict[str, Any] = {"scores": [[0, 1], [2, 0]], "value": [[1], [5]]}
    evidence = ask(given=given, scale=1, upstream=UPSTREAM, encoding="packed", verify=True).json()["evidence"]
    stages = {"scaled_scores", "capped_scores", "masked_scores", "weights", "output", "head_outputs"}
    assert set(evidence["gradients"]) == {*given, *stages}
    assert {one["verdict"] for one in evidence["gradients"].values()} == {"agrees"}


def test_float32(ask: Ask) -> None:
    evidence = ask(**EXAM, upstream=UPSTREAM, arithmetic="float32", verify=True).json()["evidence"]
    assert {one["verdict"] for one in evidence["gradients"].values()} == {"agrees"}


def test_a_large_question_is_refused_or_sampled(ask: Ask) -> None:
    def question(n: int, d: int) -> dict[str, Any]:
        return {"x": [[0.1] * d] * n, "w_q": [[0.1] * d] * d, "w_k": [[0.1] * d] * d}

    found = errors(ask(**question(600, 400), upstream={"output": [[1] * 400] * 600}, verify=True), 413)
    assert "elementary operations" in found[""]["message"]
    assert ask(**question(600, 400), upstream={"output": [[1] * 400] * 600}, select=["x"]).status_code == 200
    evidence = ask(**question(40, 30), upstream={"output": [[1] * 30] * 40}, verify=True).json()["evidence"]
    assert evidence["gradients"]["x"]["checked"] < evidence["gradients"]["x"]["entries"] == 1200
    assert "random direction" in evidence["said"][0]


def test_exact(client: Client) -> None:
    asked = {**EXAM, "arithmetic": "exact", "w_v": [["a"], ["b"]], "upstream": UPSTREAM, "verify": True}
    response = client.post("/v1/self_attention", json=asked)
    evidence = response.json()["evidence"]
    assert evidence["gradients"]["w_v"]["symbolic"]["verdict"] == "proved"
    assert evidence["gradients"]["w_v"]["verdict"] == "agrees"
    assert evidence["invariants"][0]["verdict"] == "proved"
    assert set(evidence["point"]) == {"a", "b"}
    assert client.post("/v1/self_attention", json=asked).content == response.content


def test_answers_fit_their_schema(client: Client) -> None:
    described = DOCUMENT["components"]["schemas"]
    for name in CATALOGUE:
        camel = "".join(part.capitalize() for part in name.split("_"))
        assert described[f"{camel}Response"]["properties"]["evidence"]["$ref"].endswith("/Evidence")
        assert described[f"{camel}Request"]["properties"]["verify"]["$ref"].endswith("/Verify")
    schema = {"$ref": "#/components/schemas/Evidence"}
    for fields in (
        {**EXAM, "upstream": UPSTREAM, "jacobian": [{"of": "output", "wrt": "x"}], "verify": True},
        {**EXAM, "x": [["NaN", 1], [0, 0]], "upstream": UPSTREAM, "verify": True},
        {**EXAM, "x": [["a", 1], [0, 0]], "upstream": UPSTREAM, "verify": True, "arithmetic": "exact"},
    ):
        answer = orjson.loads(client.post("/v1/self_attention", json=fields).content)
        validator(schema).validate(answer["evidence"])
