"""Types of bodies that are built with the document, not when the service starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Deferred:
    """An annotation that takes the JSON schema of a value from a type built on demand, and validates nothing.

    Building the models of all operations takes about a second, and a request needs only its own.
    """

    kind: Callable[[], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return schema_of(self.kind(), handler)


def schema_of(kind: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """Return the JSON schema of a type: a reference if the type has a name."""
    # A handler drops the name and annotations of the schema it receives, but keeps those of inner schemas.
    return handler(core_schema.definitions_schema(TypeAdapter(kind).core_schema, []))
