"""Types of bodies that are made when the document is, and not when the service starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Deferred:
    """Documents a value by a type that is made on demand, and validates nothing.

    The models of all operations take about a second to make, and a request needs only its own.
    """

    kind: Callable[[], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return schema_of(self.kind(), handler)


def schema_of(kind: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """Return the JSON schema of another type, named where that is."""
    # A handler leaves out names and annotations of the schema it is handed, but not of those inside.
    return handler(core_schema.definitions_schema(TypeAdapter(kind).core_schema, []))
