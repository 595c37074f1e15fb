"""The OpenAPI document: valid, up to date, complete; its examples are real."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from compute.operations import CATALOGUE
from service.app import app
from service.export import FOLDER, written
from service.schemas.openapi import document, load_examples
from tests.conftest import Client

DOCUMENT = document(app.routes)
EXAMPLES = {one["name"]: one for one in load_examples()}


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(json.loads(orjson.dumps(DOCUMENT)))


def test_the_file_is_up_to_date() -> None:
    committed = (FOLDER / "openapi.json").read_bytes()
    assert committed == written(DOCUMENT), "run `make openapi`"


def test_it_is_served(client: Client) -> None:
    assert client.get("/openapi.json").json() == json.loads(orjson.dumps(DOCUMENT))


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_replays(client: Client, name: str) -> None:
    example = EXAMPLES[name]
    response = client.post(example["path"], json=example["request"])
    assert response.status_code == 200
    same(response.json(), example["response"])


def same(answer: Any, expected: Any, where: str = "") -> None:
    """Equal in everything but the last digits of floats, which processors may round differently."""
    if isinstance(expected, dict):
        assert list(answer) == list(expected), where
        for key in expected:
            same(answer[key], expected[key], f"{where}/{key}")
    elif isinstance(expected, list):
        assert len(answer) == len(expected), where
        for index, (one, other) in enumerate(zip(answer, expected, strict=True)):
            same(one, other, f"{where}/{index}")
    elif isinstance(expected, float):
        np.testing.assert_allclose(answer, expected, rtol=1e-12, atol=1e-15, err_msg=where)
    else:
        assert answer == expected, where


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_fits_its_schemas(name: str) -> None:
    example = EXAMPLES[name]
    operation = DOCUMENT["paths"][example["path"]]["post"]
    request = operation["requestBody"]["content"]["application/json"]
    answer = operation["responses"]["200"]["content"]["application/json"]
    validator(request["schema"]).validate(example["request"])
    validator(answer["schema"]).validate(example["response"])
    assert request["examples"][name]["value"] == example["request"]
    assert example["source"]


def test_every_operation_has_an_example() -> None:
    shown = {example["path"] for example in EXAMPLES.values()}
    assert shown >= {f"/v1/{name}" for name in CATALOGUE}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_operation_ids_are_short_and_unique() -> None:
    identities = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(identities)) == len(identities)
    assert all(re.fullmatch(r"[a-z][a-z_0-9]{1,30}", one) for one in identities)


def test_each_post_declares_the_problem() -> None:
    for path, method, operation in operations():
        if method == "post":
            for code in ("400", "408", "413", "415", "422", "503"):
                content = operation["responses"][code]["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetail"}, path


def test_every_reference_resolves_and_no_choice_is_anonymous() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    named_choices = {
        "Tensor",
        "NestedItem",
        "Sides",
        "SizeSides",
        "Padding",
        "SizePadding",
        "Change",
        "CostRequest",
        "CompareRequest",
        "Optimizer",
        "Schedule",
        "NamedSchedule",
    }

    def walk(node: Any, where: str) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one, where)
        elif isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                assert reference.rpartition("/")[2] in schemas
            for choice in ("anyOf", "oneOf"):
                assert choice not in node or where in named_choices, f"{choice} in {where}"
            for key, one in node.items():
                walk(one, where if key not in schemas else key)

    for name, schema in schemas.items():
        walk(schema, name)


@pytest.mark.parametrize("operation", CATALOGUE.values(), ids=CATALOGUE)
def test_each_field_is_documented(operation: Any) -> None:
    name = "".join(part.capitalize() for part in operation.name.split("_"))
    request = DOCUMENT["components"]["schemas"][f"{name}Request"]["properties"]
    values = DOCUMENT["components"]["schemas"][f"{name}Values"]["properties"]
    assert all(field["description"] for field in (*request.values(), *values.values()))
    for field, declared in operation.inputs.items():
        assert request[field]["x-dims"] == declared.dims
    for field, attribute in operation.attributes.items():
        default = None if attribute.required else attribute.default
        assert request[field].get("default") == default
    assert set(values) == set(operation.values)


def test_the_page_and_its_assets_come_from_here(client: Client) -> None:
    page = client.get("/docs").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 3
    assert not [link for link in links if "//" in link]
    for link in links:
        assert client.get(f"/{link}").status_code == 200
    assert client.get("/").headers["location"] == "docs"


def test_the_document_speaks_only_of_the_project() -> None:
    text = Path(FOLDER / "openapi.json").read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
