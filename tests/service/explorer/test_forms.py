"""The forms of requests have every field of the document, with what an editor needs to know."""

import pytest

from compute.operations import CATALOGUE
from service.document import load_document, load_examples, url_of
from service.endpoints import ENDPOINTS
from service.explorer.forms import describe_form

DOCUMENT = load_document()
KINDS = {"tensor", "tensors", "number", "integer", "boolean", "choice", "text", "lines", "json"}


def fields_of(name: str) -> dict[str, dict[str, object]]:
    return {field["name"]: field for field in describe_form(DOCUMENT, ENDPOINTS[name])["fields"]}


@pytest.mark.parametrize("name", [name for name, one in ENDPOINTS.items() if one.prefix == "/v1/"])
def test_every_field_of_the_examples_is_in_the_form_with_a_known_kind(name: str) -> None:
    fields = fields_of(name)
    assert {str(field["kind"]) for field in fields.values()} <= KINDS
    sent = {
        field
        for example in load_examples()
        if url_of(example) == ENDPOINTS[name].path
        for field in example["request"]
    }
    if name not in ("compare", "cost"):  # which take the fields of an operation too
        assert sent <= fields.keys()


def test_an_operation_has_its_inputs_settings_and_readings_apart() -> None:
    fields = fields_of("self_attention")
    groups = {name: field["group"] for name, field in fields.items()}
    assert {name for name, group in groups.items() if group == "settings"} == set(
        CATALOGUE["self_attention"].attributes
    )
    assert groups["x"] == "inputs"
    assert groups["upstream"] == groups["arithmetic"] == "readings"


def test_kinds_follow_the_schema() -> None:
    fields = fields_of("self_attention")
    assert fields["x"] == {
        "name": "x", "group": "inputs", "kind": "tensor", "meaning": "The tokens.", "dims": "... n d",
        "required": False,
    }  # fmt: skip
    assert fields["layout"]["choices"] == ["rows", "columns"]
    assert fields["layout"]["default"] == "rows"
    kinds = {name: field["kind"] for name, field in fields.items()}
    assert kinds["scale"] == "number"
    assert kinds["heads"] == "integer"
    assert kinds["causal"] == "boolean"
    assert kinds["given"] == "tensors"
    assert kinds["select"] == "lines"
    assert kinds["window"] == "json"
    trace = fields_of("optimizer/trace")
    assert trace["program"]["kind"] == "lines"
    assert trace["program"]["group"] == "fields"
    assert trace["optimizer"]["required"] is True
