"""The OpenAPI document: valid, up to date and complete, with real examples."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from compute.operations import CATALOGUE, FAMILIES
from service.app import app
from service.document import SHOWN_BYTES, choose_endpoint, load_examples, url_of
from service.endpoints import ENDPOINTS
from service.export import FOLDER, format_json
from service.grading.envelopes.catalogue import ENVELOPES
from service.schemas.naming import camel_case
from service.schemas.openapi30 import downgrade
from tests.conftest import Client

DOCUMENT = app.openapi()
FOR_PAGE = downgrade(DOCUMENT)
EXAMPLES = {one["name"]: one for one in load_examples()}


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(json.loads(orjson.dumps(DOCUMENT)))


def test_the_rendition_for_the_page_is_valid_openapi_3_0() -> None:
    assert FOR_PAGE["openapi"] == "3.0.3"
    validate(json.loads(orjson.dumps(FOR_PAGE)))


def test_the_rendition_preserves_the_document() -> None:
    """Every operation, field, description, default and example is preserved."""
    assert FOR_PAGE["paths"].keys() == DOCUMENT["paths"].keys()
    schemas, others = DOCUMENT["components"]["schemas"], FOR_PAGE["components"]["schemas"]
    assert schemas.keys() == others.keys()
    for name, schema in schemas.items():
        assert others[name].get("description") == schema.get("description")
        assert others[name].get("required") == schema.get("required")
        for field, one in schema.get("properties", {}).items():
            other = others[name]["properties"][field]
            assert other.get("description") == one.get("description")
            assert other.get("default") == one.get("default")
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            other = FOR_PAGE["paths"][path][method]
            assert other["description" if "description" in operation else "summary"]
            if method == "post":
                [one], [two] = (each["requestBody"]["content"].values() for each in (operation, other))
                assert one["examples"] == two["examples"]


def test_the_rendition_has_only_keywords_of_3_0() -> None:
    def walk(node: Any, where: str) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one, where)
        elif isinstance(node, dict):
            assert not isinstance(node.get("type"), list), where
            assert node.get("type") != "null", where
            assert "const" not in node or isinstance(node["const"], dict), where
            for key, one in node.items():
                if key not in ("example", "examples", "default"):
                    walk(one, f"{where}/{key}")

    walk(FOR_PAGE["components"]["schemas"], "")


def test_the_document_is_small() -> None:
    body = orjson.dumps(DOCUMENT)
    assert len(body) < 1_000_000
    assert len(gzip.compress(body)) < 134_000


def test_no_schema_contains_itself() -> None:
    """Client generators fail on recursive schemas."""
    schemas = DOCUMENT["components"]["schemas"]

    def references(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(references, node)) if node else set()
        if not isinstance(node, dict):
            return set()
        found = {str(node["$ref"]).rpartition("/")[2]} if "$ref" in node else set()
        return found.union(*(references(one) for one in node.values()))

    direct = {name: references(schema) for name, schema in schemas.items()}

    def reached(name: str, path: tuple[str, ...] = ()) -> None:
        assert name not in path, " > ".join((*path, name))
        for one in direct[name]:
            reached(one, (*path, name))

    for name in schemas:
        reached(name)


def test_no_schema_has_a_list_of_types() -> None:
    assert b'"type":[' not in orjson.dumps(DOCUMENT["components"]["schemas"])


def test_it_names_its_server_licence_and_security() -> None:
    assert DOCUMENT["servers"][0]["url"] == "."
    assert DOCUMENT["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert DOCUMENT["security"] == []


def test_operations_are_grouped_by_family() -> None:
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert tags[: len(FAMILIES)] == [family.name for family in FAMILIES]
    for family in FAMILIES:
        for operation in family.operations:
            assert DOCUMENT["paths"][f"/v1/{operation.name}"]["post"]["tags"] == [family.name]
    assert {tag for _, _, one in operations() for tag in one["tags"]} == set(tags)


def test_the_file_is_up_to_date() -> None:
    committed = (FOLDER / "openapi.json").read_bytes()
    assert committed == format_json(DOCUMENT), "run `make openapi`"


def test_it_is_served(client: Client) -> None:
    assert client.get("/openapi.json").json() == json.loads(orjson.dumps(DOCUMENT))


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_replays(client: Client, name: str) -> None:
    example = EXAMPLES[name]
    response = client.post(url_of(example), json=example["request"], headers=example.get("headers"))
    assert response.status_code == 200
    same(response.json(), example["response"])


def same(answer: Any, expected: Any, where: str = "") -> None:
    """Return whether two documents are equal except for the last digits of floats."""
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
    answer = operation["responses"]["200"]["content"][choose_endpoint(example).media_type]
    validator(request["schema"]).validate(example["request"])
    validator(answer["schema"]).validate(example["response"])
    assert request["examples"][name]["value"] == example["request"]
    assert example["source"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_answer_is_shown_or_linked(client: Client, name: str) -> None:
    operation = DOCUMENT["paths"][EXAMPLES[name]["path"]]["post"]
    media_type = choose_endpoint(EXAMPLES[name]).media_type
    shown = operation["responses"]["200"]["content"][media_type]["examples"][name]
    answer = EXAMPLES[name]["response"]
    if len(orjson.dumps(answer)) <= SHOWN_BYTES:
        assert shown["value"] == answer
    else:
        link = re.fullmatch(r"\[.+\]\((.+)\)", shown["description"])
        assert link is not None
        assert client.get("/" + link[1]).json() == answer


def test_every_endpoint_has_an_example() -> None:
    shown = {example["path"] for example in EXAMPLES.values()}
    assert shown == {endpoint.path for endpoint in ENDPOINTS.values()}


def test_each_way_to_answer_has_an_example() -> None:
    """Envelopes and the commands of a protocol are variants with names of their own."""
    shown = {choose_endpoint(example).name for example in EXAMPLES.values()}
    assert {f"grade:{name}" for name in ENVELOPES} <= shown
    assert {"lambda_feedback", "lambda_feedback:preview"} <= shown


def test_requests_of_variants_say_how_they_are_sent() -> None:
    for name, example in EXAMPLES.items():
        request = DOCUMENT["paths"][example["path"]]["post"]["requestBody"]["content"]["application/json"]
        description = request["examples"][name]["description"]
        for header, value in example.get("headers", {}).items():
            assert f"`{header}: {value}`" in description
        for parameter, value in example.get("query", {}).items():
            assert f"{parameter}={value}" in description


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_no_two_models_have_one_name() -> None:
    assert not [name for name in DOCUMENT["components"]["schemas"] if "__" in name]


def test_operation_ids_are_short_and_unique() -> None:
    identities = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(identities)) == len(identities)
    assert all(re.fullmatch(r"[a-z][a-z_0-9]{1,30}", one) for one in identities)


def test_each_post_declares_the_problem() -> None:
    for path, method, operation in operations():
        if method == "post" and "default" not in operation["responses"]:  # of other protocols
            for code in ("400", "408", "413", "415", "422", "503"):
                name = operation["responses"][code]["$ref"].rpartition("/")[2]
                content = DOCUMENT["components"]["responses"][name]["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/ProblemDetail"}, path
                assert all(one["value"]["status"] == int(code) for one in content["examples"].values()), path
                assert content["examples"]


def test_every_reference_resolves() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                _, _, kind, name = reference.split("/")
                assert name in DOCUMENT["components"][kind]
            for one in node.values():
                walk(one)

    walk(DOCUMENT)


@pytest.mark.parametrize("operation", CATALOGUE.values(), ids=CATALOGUE)
def test_each_field_is_documented(operation: Any) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    request = schemas[f"{camel_case(operation.name)}Request"]["properties"]
    values = schemas[f"{camel_case(operation.name)}Values"]["properties"]
    for field in (*request.values(), *values.values()):
        assert field.get("description") or schemas[field["$ref"].rpartition("/")[2]]["description"]
    for field, declared in operation.inputs.items():
        assert request[field]["x-dims"] == declared.dims
    for field, attribute in operation.attributes.items():
        default = None if attribute.required else attribute.default
        assert request[field].get("default") == default
    assert set(values) == set(operation.values)


def test_the_page_loads_no_external_resources(client: Client) -> None:
    page = client.get("/docs").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 3
    assert not [link for link in links if "//" in link]
    for link in links:
        assert client.get(f"/{link}").status_code == 200
    assert '{href: "docs"}' in client.get("/explorer/explorer.js").text  # the page at / links to it


def test_the_document_speaks_only_of_the_project() -> None:
    text = Path(FOLDER / "openapi.json").read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text


def test_every_keyword_belongs_to_json_schema() -> None:
    """Bounds after a validator would otherwise have pydantic's own names."""
    known = set(Draft202012Validator.VALIDATORS) | {
        "description", "title", "default", "examples", "discriminator", "contentEncoding", "x-dims",
    }  # fmt: skip
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, one in schema.get("properties", {}).items():
            assert set(one) <= known, f"{name}.{field}"
