"""The OpenAPI document in version 3.0, which Swagger UI renders several times as fast as 3.1."""

from typing import Any, TypeAlias

VERSION = "3.0.3"
Schema: TypeAlias = dict[str, Any]
# Fields of 3.1 without a counterpart in 3.0.
DROPPED = {"webhooks", "jsonSchemaDialect"}
# Keywords of schemas that mean the same in both versions. Others are converted below, or left out, such as
# patternProperties, which only descriptions mention.
SHARED = {
    "$ref", "default", "deprecated", "description", "discriminator", "enum", "example", "externalDocs",
    "format", "maximum", "maxItems", "maxLength", "maxProperties", "minimum", "minItems", "minLength",
    "minProperties", "multipleOf", "nullable", "pattern", "readOnly", "required", "title", "uniqueItems",
    "writeOnly", "xml",
}  # fmt: skip
BOUNDS = {"exclusiveMinimum": ("minimum", max), "exclusiveMaximum": ("maximum", min)}
NULL = {"enum": [None], "nullable": True}


def downgrade(document: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI 3.0 rendition of an OpenAPI 3.1 document."""
    info = {key: value for key, value in document["info"].items() if key != "summary"}
    if "license" in info:
        info["license"] = {key: value for key, value in info["license"].items() if key != "identifier"}
    components = {
        key: {name: _convert_schema(schema) for name, schema in value.items()}
        if key == "schemas"
        else _convert(value)
        for key, value in document.get("components", {}).items()
        if key != "pathItems"
    }
    return {
        **{key: value for key, value in document.items() if key not in DROPPED},
        "openapi": VERSION,
        "info": info,
        "paths": _convert(document.get("paths", {})),
        "components": components,
    }


def _convert(node: Any) -> Any:
    """Convert every schema inside a path, an operation, a parameter or a response."""
    if isinstance(node, list):
        return [_convert(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:  # 3.0 ignores the siblings of a reference
        return {"$ref": node["$ref"]}
    return {
        key: value
        if key in ("examples", "example")
        else _convert_schema(value)
        if key == "schema"
        else _convert(value)
        for key, value in node.items()
    }


def _convert_schema(schema: Any) -> Schema:
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    converted: Schema = {}
    for key, value in schema.items():
        match key:
            case "properties":
                converted[key] = {name: _convert_schema(field) for name, field in value.items()}
            case "items" | "not":
                converted[key] = _convert_schema(value)
            case "additionalProperties":
                converted[key] = value if isinstance(value, bool) else _convert_schema(value)
            case "anyOf" | "oneOf":
                converted = _convert_choices(key, value) | converted
            case "allOf":
                # Members without a type are constraints, which the page does not show.
                if kept := [
                    _convert_schema(member) for member in value if "$ref" in member or "type" in member
                ]:
                    converted[key] = kept
            case "type":
                converted |= _convert_types(value)
            case "const":
                converted["enum"] = [value]
                if value is None:
                    converted["nullable"] = True
            case "examples":
                converted |= {"example": value[0]} if value else {}
            case _ if key in SHARED or key.startswith("x-"):
                converted[key] = value
    converted |= _convert_bounds(schema) | _convert_items(schema) | _convert_content(schema)
    if converted.get("type") == "array":  # 3.0 requires items
        converted.setdefault("items", {})
    return _wrap_reference(converted)


def _convert_types(types: str | list[str]) -> Schema:
    """Convert a type or a list of types: in 3.0 a schema has one type, and may be nullable."""
    listed = [types] if isinstance(types, str) else types
    if listed == ["null"]:
        return NULL
    kept = [name for name in listed if name != "null"]
    nullable = {"nullable": True} if len(kept) < len(listed) else {}
    if len(kept) == 1:
        return {"type": kept[0]} | nullable
    return {"anyOf": [_convert_schema({"type": name}) | nullable for name in kept]}


def _convert_choices(key: str, choices: list[Any]) -> Schema:
    """Convert alternatives, one of which may be null."""
    kept = [_convert_schema(choice) for choice in choices if not _is_null(choice)]
    if len(kept) == len(choices):
        return {key: kept}
    if len(kept) == 1 and "type" in kept[0]:
        values = {"enum": [*kept[0]["enum"], None]} if "enum" in kept[0] else {}
        return kept[0] | values | {"nullable": True}
    return {key: [*kept, NULL]}  # nullable has no effect in a schema without a type


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "null" or schema.get("const", ...) is None)


def _convert_bounds(schema: Schema) -> Schema:
    """Convert exclusive bounds: numbers in 3.1; in 3.0 booleans that refer to the inclusive bound."""
    converted: Schema = {}
    for key, (inclusive, stricter) in BOUNDS.items():
        if key in schema:
            bound, other = schema[key], schema.get(inclusive, schema[key])
            converted[inclusive] = stricter(bound, other)
            if converted[inclusive] == bound:
                converted[key] = True
    return converted


def _convert_items(schema: Schema) -> Schema:
    """Convert the items of a tuple to one schema for all entries, since 3.0 has no other."""
    if "prefixItems" not in schema:
        return {}
    every = list(schema["prefixItems"])
    if schema.get("items") not in (None, False):  # the schema of further entries
        every.append(schema["items"])
    kinds: list[Schema] = []
    for kind in map(_convert_schema, every):
        if kind not in kinds:
            kinds.append(kind)
    return {"items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


def _convert_content(schema: Schema) -> Schema:
    """Convert the encoding of binary content."""
    if schema.get("contentEncoding") == "base64":
        return {"format": "byte"}
    if schema.get("contentMediaType") == "application/octet-stream":
        return {"format": "binary"}
    return {}


def _wrap_reference(schema: Schema) -> Schema:
    """Move a reference that has siblings, which 3.0 would ignore, into allOf."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    reference = {"$ref": schema.pop("$ref")}
    return schema | {"allOf": [reference, *schema.get("allOf", [])]}
