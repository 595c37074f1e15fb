"""The rendition in OpenAPI 3.0: valid whatever routes an application adds, and true to their schemas."""

from typing import Annotated, Any, Literal, TypeAlias

import pytest
from fastapi import Body, File, Header, Query, UploadFile
from jsonschema import Draft202012Validator
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate
from pydantic import BaseModel, Field

from service.app import create_app
from service.schemas.openapi30 import downgrade
from service.settings import Settings
from tests.ecosystem.asking import client_of, document_of

Documents: TypeAlias = tuple[dict[str, Any], dict[str, Any]]


class Grade(BaseModel):
    """A body with what pydantic writes by keywords of 3.1 alone."""

    points: float = Field(gt=0, lt=10)
    bonus: Annotated[int, Field(gt=-1)] | None = None
    range: tuple[int, str] = (0, "a")
    pair: tuple[float, float] = (0, 0)
    many: tuple[int, ...] = ()
    kind: Literal["exam"] = "exam"
    state: Literal["open"] | None = None
    nothing: None = None
    mixed: int | str | None = Field(None, examples=[3])
    version: Any = Field(1, json_schema_extra={"const": 1})
    words: dict[Annotated[str, Field(pattern="^[a-z]+$")], float] = {}


class Sheet(BaseModel):
    grade: Grade | None = Field(None, description="A reference that may be null.")


@pytest.fixture(scope="module")
def documents() -> Documents:
    """The documents in 3.1 and in 3.0 of an application with routes of its own."""
    app = create_app(Settings())
    app.summary = "A summary, which 3.0 has no field for."

    @app.get("/own")
    async def read(
        above: Annotated[float, Query(gt=0, lt=5)] = 1,
        several: Annotated[list[Annotated[int, Query(ge=0)]] | None, Query()] = None,
        either: int | str | None = None,
        kind: Annotated[Literal["a", "b"] | None, Header()] = None,
    ) -> Sheet:
        return Sheet(grade=None)

    @app.post("/own")
    async def write(sheet: Annotated[Sheet, Body()]) -> Grade | None:
        return sheet.grade

    @app.post("/own/files")
    async def upload(
        one: UploadFile, raw: Annotated[bytes, File()], several: list[UploadFile] | None = None
    ) -> None:
        """Take files."""

    @app.webhooks.post("graded")
    async def graded(sheet: Sheet) -> None:
        """Say that a sheet is graded."""

    client = client_of(app)
    return document_of(client), document_of(client, "/openapi-3.0.json")


def test_the_rendition_is_valid(documents: Documents) -> None:
    for document in documents:
        validate(document)
    assert documents[1]["openapi"] == "3.0.3"


def test_fields_of_3_1_alone_are_left_out(documents: Documents) -> None:
    new, old = documents
    assert new["webhooks"].keys() == {"graded"}
    assert "webhooks" not in old
    assert new["info"].keys() - old["info"].keys() == {"summary"}
    assert old["info"]["license"] == {"name": "MIT"}


def test_files_are_binary(documents: Documents) -> None:
    schemas = documents[1]["components"]["schemas"]
    [name] = [one for one in schemas if one.startswith("Body_upload")]
    fields = schemas[name]["properties"]
    binary = {"type": "string", "format": "binary"}
    assert {key: fields["one"][key] for key in binary} == binary
    assert {key: fields["raw"][key] for key in binary} == binary
    assert fields["several"]["items"] == binary
    assert fields["several"]["nullable"] is True


def test_bounds_of_parameters_exclude_the_same(documents: Documents) -> None:
    parameters = {one["name"]: one["schema"] for one in documents[1]["paths"]["/own"]["get"]["parameters"]}
    above = parameters["above"]
    assert (above["minimum"], above["exclusiveMinimum"]) == (0, True)
    assert (above["maximum"], above["exclusiveMaximum"]) == (5, True)
    assert parameters["several"]["nullable"] is True
    assert parameters["kind"]["enum"] == ["a", "b", None]


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("points", [0.5, 9], [0, 10, "a", None]),
        ("bonus", [0, None], [-1, "a"]),
        ("range", [[1, "b"]], [[], [1], [1, "b", 2], [[], {}], None]),
        ("pair", [[1, 2.5]], [[1], ["a", "b"]]),
        ("many", [[], [1, 2]], [["a"], 1]),
        ("kind", ["exam"], ["other", None]),
        ("state", ["open", None], ["closed"]),
        ("nothing", [None], [1, "a", {}]),
        ("mixed", [1, "a", None], [[], {}]),
        ("version", [1], [2, "a", None]),
        ("words", [{"a": 1}], [1, None]),
    ],
)
def test_fields_take_the_same_values(
    documents: Documents, field: str, allowed: list[Any], refused: list[Any]
) -> None:
    for document, kind in zip(documents, (Draft202012Validator, OAS30Validator), strict=True):
        validator = kind(document["components"]["schemas"]["Grade"]["properties"][field])
        assert [one for one in allowed if not validator.is_valid(one)] == []
        assert [one for one in refused if validator.is_valid(one)] == []


def test_a_reference_may_be_null(documents: Documents) -> None:
    for document, kind in zip(documents, (Draft202012Validator, OAS30Validator), strict=True):
        schema = document["components"]["schemas"]["Sheet"] | {"components": document["components"]}
        assert kind(schema).is_valid({"grade": None})
        assert kind(schema).is_valid({"grade": {"points": 1}})
        assert not kind(schema).is_valid({"grade": {"points": 10}})
        assert not kind(schema).is_valid({"grade": 1})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"exclusiveMinimum": 0, "minimum": 1}, {"minimum": 1}),
        ({"exclusiveMinimum": 1, "minimum": 1}, {"minimum": 1, "exclusiveMinimum": True}),
        ({"exclusiveMaximum": 3, "maximum": 4}, {"maximum": 3, "exclusiveMaximum": True}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"items": False, "type": "array"}, {"type": "array", "items": {"not": {}}}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        ),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"type": ["string", "array"]},
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]},
        ),
        ({"type": "string", "contentEncoding": "base64"}, {"type": "string", "format": "byte"}),
        ({"type": "string", "examples": []}, {"type": "string"}),
        ({"not": {"const": 1}}, {"not": {"enum": [1]}}),
        ({"properties": {"a": True, "b": False}}, {"properties": {"a": {}, "b": {"not": {}}}}),
        ({"if": {"type": "string"}, "x-own": 1, "title": "Own"}, {"x-own": 1, "title": "Own"}),
        (
            {"$ref": "#/components/schemas/Other", "description": "Words."},
            {"allOf": [{"$ref": "#/components/schemas/Other"}], "description": "Words."},
        ),
    ],
)
def test_keywords_are_converted(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Own", "version": "1"},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": {},
        "components": {"schemas": {"Own": schema, "Other": {"type": "string"}}, "pathItems": {}},
    }
    old = downgrade(document)
    assert old["components"]["schemas"]["Own"] == expected
    assert set(old) == {"openapi", "info", "paths", "components"}
    validate(old)
