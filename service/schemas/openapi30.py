"""A rendition of the OpenAPI document in version 3.0, which Swagger UI draws several times as fast as 3.1."""

from typing import Any

VERSION = "3.0.3"
# Keywords of JSON Schema 2020-12 that 3.0 has no counterpart for. What they say stands in descriptions too.
DROPPED = {"patternProperties", "propertyNames", "contentEncoding", "contentMediaType"}


def downgrade(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document that says in OpenAPI 3.0 what another says in 3.1."""
    components = document["components"]
    info = dict(document["info"])
    if "license" in info:  # 3.0 knows no identifier
        info["license"] = {"name": info["license"]["name"]}
    return {
        **document,
        "openapi": VERSION,
        "info": info,
        "paths": _walk(document["paths"]),
        "components": {
            **components,
            "schemas": {name: _schema(one) for name, one in components["schemas"].items()},
            "responses": _walk(components["responses"]),
        },
    }


def _walk(node: Any) -> Any:
    """Convert every schema in what is no schema itself: paths, operations, responses."""
    if isinstance(node, list):
        return [_walk(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:  # whatever stands beside a reference is ignored in 3.0
        return {"$ref": node["$ref"]}
    return {
        key: one if key in ("examples", "example") else _schema(one) if key == "schema" else _walk(one)
        for key, one in node.items()
    }


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):  # true, false
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "properties":
                found[key] = {name: _schema(one) for name, one in value.items()}
            case "items" | "additionalProperties":
                found[key] = _schema(value)
            case "anyOf" | "oneOf" | "allOf":
                found |= _choices(key, value)
            case "const":
                found["enum"] = [value]
            case "examples":
                found["example"] = value[0]
            case _ if key not in DROPPED:
                found[key] = value
    if schema.get("contentEncoding") == "base64":
        found["format"] = "byte"
    if "$ref" in found and len(found) > 1:
        found = {"allOf": [{"$ref": found.pop("$ref")}], **found}
    return found


def _choices(key: str, choices: list[Any]) -> dict[str, Any]:
    """Convert alternatives; null is a property of a schema in 3.0 and not a type."""
    kept: list[dict[str, Any]] = [_schema(one) for one in choices if one != {"type": "null"}]
    nullable = {"nullable": True} if len(kept) < len(choices) else {}
    if len(kept) == 1 and "$ref" not in kept[0]:
        return kept[0] | nullable
    return {key: kept} | nullable
