"""A rendition of the OpenAPI document in version 3.0, which Swagger UI draws several times as fast as 3.1."""

from typing import Any, TypeAlias

VERSION = "3.0.3"
Schema: TypeAlias = dict[str, Any]
# Fields of 3.1 that 3.0 has no counterpart for.
ABSENT = {"webhooks", "jsonSchemaDialect"}
# Keywords of schemas that mean the same in both versions. Others are converted below, or left out: then they
# stand in descriptions alone, as patternProperties does.
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
        key: {name: _schema(one) for name, one in value.items()} if key == "schemas" else _walk(value)
        for key, value in document.get("components", {}).items()
        if key != "pathItems"
    }
    return {
        **{key: value for key, value in document.items() if key not in ABSENT},
        "openapi": VERSION,
        "info": info,
        "paths": _walk(document.get("paths", {})),
        "components": components,
    }


def _walk(node: Any) -> Any:
    """Convert every schema inside a path, an operation, a parameter or a response."""
    if isinstance(node, list):
        return [_walk(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:  # 3.0 ignores the siblings of a reference
        return {"$ref": node["$ref"]}
    return {
        key: one if key in ("examples", "example") else _schema(one) if key == "schema" else _walk(one)
        for key, one in node.items()
    }


def _schema(schema: Any) -> Schema:
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    found: Schema = {}
    for key, value in schema.items():
        match key:
            case "properties":
                found[key] = {name: _schema(one) for name, one in value.items()}
            case "items" | "not":
                found[key] = _schema(value)
            case "additionalProperties":
                found[key] = value if isinstance(value, bool) else _schema(value)
            case "anyOf" | "oneOf":
                found = _choices(key, value) | found
            case "allOf":
                # Members without a type of their own are constraints, which the page does not show.
                if kept := [_schema(one) for one in value if "$ref" in one or "type" in one]:
                    found[key] = kept
            case "type":
                found |= _types(value)
            case "const":
                found["enum"] = [value]
                if value is None:
                    found["nullable"] = True
            case "examples":
                found |= {"example": value[0]} if value else {}
            case _ if key in SHARED or key.startswith("x-"):
                found[key] = value
    found |= _bounds(schema) | _items(schema) | _content(schema)
    if found.get("type") == "array":  # of which 3.0 requires items
        found.setdefault("items", {})
    return _with_reference(found)


def _types(types: str | list[str]) -> Schema:
    """Convert a type or a list of types: in 3.0 a schema has one type, and null is a property of it."""
    listed = [types] if isinstance(types, str) else types
    if listed == ["null"]:
        return NULL
    kept = [one for one in listed if one != "null"]
    nullable = {"nullable": True} if len(kept) < len(listed) else {}
    if len(kept) == 1:
        return {"type": kept[0]} | nullable
    return {"anyOf": [_schema({"type": one}) | nullable for one in kept]}


def _choices(key: str, choices: list[Any]) -> Schema:
    """Convert alternatives, of which one may be null."""
    kept = [_schema(one) for one in choices if not _is_null(one)]
    if len(kept) == len(choices):
        return {key: kept}
    if len(kept) == 1 and "type" in kept[0]:
        values = {"enum": [*kept[0]["enum"], None]} if "enum" in kept[0] else {}
        return kept[0] | values | {"nullable": True}
    return {key: [*kept, NULL]}  # nullable is without effect where a schema has no type of its own


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "null" or schema.get("const", ...) is None)


def _bounds(schema: Schema) -> Schema:
    """Convert exclusive bounds: numbers in 3.1, and in 3.0 booleans beside the bound."""
    found: Schema = {}
    for key, (inclusive, stricter) in BOUNDS.items():
        if key in schema:
            bound, other = schema[key], schema.get(inclusive, schema[key])
            found[inclusive] = stricter(bound, other)
            if found[inclusive] == bound:
                found[key] = True
    return found


def _items(schema: Schema) -> Schema:
    """Convert the items of a tuple: in 3.0 every entry has the same schema, so it is one of them."""
    if "prefixItems" not in schema:
        return {}
    every = list(schema["prefixItems"])
    if schema.get("items") not in (None, False):  # of the entries behind
        every.append(schema["items"])
    kinds: list[Schema] = []
    for one in map(_schema, every):
        if one not in kinds:
            kinds.append(one)
    return {"items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


def _content(schema: Schema) -> Schema:
    """Convert the encoding of text that stands for bytes."""
    if schema.get("contentEncoding") == "base64":
        return {"format": "byte"}
    if schema.get("contentMediaType") == "application/octet-stream":
        return {"format": "binary"}
    return {}


def _with_reference(schema: Schema) -> Schema:
    """Move a reference that has siblings, which 3.0 would ignore, into allOf."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    reference = {"$ref": schema.pop("$ref")}
    return schema | {"allOf": [reference, *schema.get("allOf", [])]}
