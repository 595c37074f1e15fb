"""The forms of requests: their fields with kinds, meanings and defaults, from the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Operation
from service.endpoints import Endpoint

Schema: TypeAlias = Mapping[str, Any]

TENSORS = {"Tensor", "MaskTensor"}
CONSTANT = "Constant"
REFERENCE = "#/components/schemas/"
KINDS = {"boolean": "boolean", "integer": "integer", "number": "number", "string": "text"}


def describe_form(document: Schema, endpoint: Endpoint) -> dict[str, Any]:
    """Return the fields of the request of an endpoint, each with its name, group, kind and meaning.

    A field also has `dims` (a tensor's axes), `choices`, `default` and `required`, where they apply. Its
    group is `inputs`, `settings` or `readings` for an operation, and `fields` for any other endpoint.
    """
    body = document["paths"][endpoint.path]["post"]["requestBody"]
    schemas = document["components"]["schemas"]
    schema = _resolve(body["content"]["application/json"]["schema"], schemas)
    required = schema.get("required", ())
    operation = CATALOGUE.get(endpoint.name)
    fields = [
        {
            "name": field,
            "group": _group(operation, field, described),
            **_describe(described, schemas),
            "required": field in required,
        }
        for field, described in schema["properties"].items()
    ]
    for field in fields:
        if operation is not None and field["name"] in operation.inputs:  # their shapes are in `dims`
            field["meaning"] = operation.inputs[field["name"]].meaning
    return {"summary": endpoint.summary, "description": endpoint.description, "fields": fields}


def _resolve(schema: Schema, schemas: Schema) -> Schema:
    """Return the schema that a reference leads to, with the fields that stand beside the reference."""
    if "$ref" not in schema:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_resolve(schemas[_name(schema)], schemas), **beside}


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", "")).removeprefix(REFERENCE)


def _group(operation: Operation | None, field: str, schema: Schema) -> str:
    if operation is None:
        return "fields"
    if "x-dims" in schema or field in operation.parts:
        return "inputs"
    return "settings" if field in operation.attributes else "readings"


def _describe(schema: Schema, schemas: Schema) -> dict[str, Any]:
    whole = _resolve(schema, schemas)
    described = {"kind": _kind(schema, schemas), "meaning": whole.get("description", "")}
    if "x-dims" in whole:
        described["dims"] = whole["x-dims"]
    if "enum" in whole:
        described["choices"] = whole["enum"]
    if "default" in whole:
        described["default"] = whole["default"]
    return described


def _kind(schema: Schema, schemas: Schema) -> str:
    """Return the kind of editor that a field needs; `json` if it has none of its own."""
    name, whole = _name(schema), _resolve(schema, schemas)
    if name in TENSORS:
        return "tensor"
    if name == CONSTANT:
        return "number"
    if "enum" in whole:
        return "choice"
    kind = whole.get("type")
    if kind == "array" and whole["items"].get("type") == "string":
        return "lines"
    others = whole.get("additionalProperties")
    if kind == "object" and isinstance(others, Mapping) and _name(others) in TENSORS:
        return "tensors"
    return KINDS.get(str(kind), "json")
