"""Notes over HTTP: their fields, and the further notes of `diagnose`."""

from typing import Any

import pytest

from compute.graph.numerics import DIAGNOSES
from service.app import app
from tests.conftest import EXAM, Ask, Client, errors

LOGLU: dict[str, Any] = {"program": ["y = log(relu(x))"], "inputs": {"x": [-1, 2]}, "upstream": {"y": [1, 1]}}


def test_the_fields_of_a_note(ask: Ask) -> None:
    value, gradient = ask("/v1/graph", **LOGLU).json()["notes"]
    assert list(value) == [
        "code", "at", "message", "operation", "entries", "count", "operands", "result", "remedy",
    ]  # fmt: skip
    assert value["entries"] == [[0]] and value["count"] == 1 and value["result"] == "-Infinity"
    assert value["operands"] == [{"name": "relu(x)", "value": 0.0}]
    assert gradient["code"] == "non_finite_gradient" and gradient["result"] == "Infinity"
    assert gradient["operands"][0] == {"name": "gradient of y", "value": 1.0}


def test_empty_fields_of_notes_are_left_out(ask: Ask) -> None:
    [note] = ask(**EXAM, given={"query": [[1], [1]]}, upstream={"output": [[1], [0]]}).json()["notes"][:1]
    assert list(note) == ["code", "at", "message"] and note["code"] == "cut"
    [note] = ask(**{**EXAM, "x": [["NaN", 1], [1, 1]]}, select=["output"]).json()["notes"]
    assert list(note) == ["code", "at", "message", "entries", "count", "result", "spoiled"]
    assert note["at"] == "x" and note["spoiled"][-1] == "output"


def test_names_in_notes_are_cut(ask: Ask) -> None:
    line = "y = log(" + "+".join(["x * 0"] * 40) + ")"
    [note] = ask("/v1/graph", program=[line], inputs={"x": [1, 2]}).json()["notes"]
    assert len(note["message"]) < 600 and note["operands"][0]["value"] == 0


@pytest.mark.parametrize(
    ("sent", "received"),
    [(1, "the number 1"), ("true", "text of 4"), (None, "null"), ([True], "a list"), ({}, "an object")],
)
@pytest.mark.parametrize("path", ["/v1/self_attention", "/v1/graph", "/v1/compare"])
def test_diagnose_is_true_or_false(client: Client, path: str, sent: Any, received: str) -> None:
    body = {
        "/v1/self_attention": EXAM,
        "/v1/graph": LOGLU,
        "/v1/compare": {"operation": "self_attention", "changes": {"scale": 2}} | EXAM,
    }[path]
    error = errors(client.post(path, json=body | {"diagnose": sent}))["/diagnose"]
    assert error["expected"] == "true or false"
    assert received in error["received"]


def test_diagnoses_are_only_reported_on_request(ask: Ask) -> None:
    fields: dict[str, Any] = {**EXAM, "scale": 1000, "upstream": {"output": [[1], [0]]}}
    plain, declined = ask(**fields), ask(**fields, diagnose=False)
    assert plain.content == declined.content and plain.json()["notes"] == []
    found = ask(**fields, diagnose=True).json()
    assert [note["code"] for note in found["notes"]] == ["saturation"]
    assert found | {"notes": []} == plain.json()


def test_both_runs_of_a_comparison_are_diagnosed(ask: Ask) -> None:
    fields: dict[str, Any] = {"operation": "self_attention", **EXAM, "diagnose": True}
    found = ask("/v1/compare", **fields, changes={"scale": 1000}).json()
    assert [(note["run"], note["code"]) for note in found["notes"]] == [("after", "saturation")]


def test_exact_numbers_are_not_diagnosed(ask: Ask) -> None:
    for path, fields in (("/v1/self_attention", EXAM), ("/v1/graph", LOGLU)):
        error = errors(ask(path, **fields, arithmetic="exact", diagnose=True))["/diagnose"]
        assert "exact numbers" in error["message"]


def test_every_code_is_documented_with_its_threshold() -> None:
    schemas = app.openapi()["components"]["schemas"]
    said = schemas["Diagnose"]["description"]
    for code, meaning in DIAGNOSES.items():
        assert f"`{code}`: {meaning}." in said
        assert f"`{code}`" in schemas["Note"]["properties"]["code"]["description"]
    assert "1e-06" in said and "10000" in said and "1e+08" in said and "50%" in said
