"""The recorded release, and the differences that break the contract."""

import json
import lzma
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROUNDING = 1e-9  # relative: other machines and libraries round differently
REFERENCE = "$ref"


def read_recording() -> dict[str, Any]:
    """Return the recorded release: `version`, `document` and `examples` by name."""
    [path] = FOLDER.glob("*.json.xz")
    recorded: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    return recorded


def find_breaks(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which an answer breaks the contract.

    Fields may be added to objects. None may vanish or change its type; numbers may differ by rounding.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            if name in new:
                yield from find_breaks(value, new[name], f"{path}/{name}")
            else:
                yield f"{path}/{name} is gone"
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{path} has {len(new)} entries and not {len(old)}"
        for place, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from find_breaks(one, other, f"{path}/{place}")
    elif _is_number(old) and _is_number(new):
        if not math.isclose(old, new, rel_tol=ROUNDING, abs_tol=ROUNDING):
            yield f"{path} is another number"
    elif type(old) is not type(new) or old != new:
        yield f"{path} is another value"


def find_document_breaks(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield the requests of the old document that the new one no longer allows."""
    for path, operations in old["paths"].items():
        for method, operation in operations.items():
            place = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{place} is gone"
                continue
            parameters = {(one["in"], one["name"]): one for one in now.get("parameters", ())}
            for parameter in operation.get("parameters", ()):
                if (parameter["in"], parameter["name"]) not in parameters:
                    yield f"{place}: parameter {parameter['name']} is gone"
            for key, parameter in parameters.items():
                known = {(one["in"], one["name"]) for one in operation.get("parameters", ())}
                if parameter.get("required") and key not in known:
                    yield f"{place}: parameter {parameter['name']} became required"
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                sent = now.get("requestBody", {}).get("content", {}).get(media)
                if sent is None:
                    yield f"{place}: {media} is gone"
                else:
                    schemas = Schemas(old), Schemas(new)
                    yield from find_schema_breaks(content["schema"], sent["schema"], schemas, place, set())


class Schemas:
    """The schemas of a document, by reference."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def resolve(self, schema: Any) -> Any:
        """Return a schema, or the one that it refers to."""
        while isinstance(schema, dict) and REFERENCE in schema:
            found: Any = self._document
            for part in schema[REFERENCE].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema


def find_schema_breaks(
    old: Any, new: Any, schemas: tuple[Schemas, Schemas], path: str, seen: set[str]
) -> Iterator[str]:
    """Yield the fields and choices that a schema had, and those that became required."""
    if isinstance(old, dict) and REFERENCE in old:
        if old[REFERENCE] in seen:
            return
        seen = seen | {old[REFERENCE]}
    old, new = schemas[0].resolve(old), schemas[1].resolve(new)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return
    choices = new.get("enum")
    gone = [] if choices is None else [choice for choice in old.get("enum", ()) if choice not in choices]
    if gone:
        yield f"{path}: {', '.join(map(str, gone))} can no longer be chosen"
    properties, now = old.get("properties", {}), new.get("properties", {})
    for name, schema in properties.items():
        if name in now:
            yield from find_schema_breaks(schema, now[name], schemas, f"{path}/{name}", seen)
        elif new.get("additionalProperties", True) is False:
            yield f"{path}/{name} is gone"
    for name in set(new.get("required", ())) - set(old.get("required", ())):
        yield f"{path}/{name} became required"
    for key in ("anyOf", "oneOf", "allOf"):
        for one, other in zip(old.get(key, ()), new.get(key, ()), strict=False):
            yield from find_schema_breaks(one, other, schemas, path, seen)
    if "items" in old and "items" in new:
        yield from find_schema_breaks(old["items"], new["items"], schemas, f"{path}/*", seen)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
