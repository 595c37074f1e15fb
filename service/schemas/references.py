"""How schemas are named, and how a declaration reads in words."""

from collections.abc import Container
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from compute.operations.declaration import Input
from compute.operations.unification import turned


class Reference:
    """Marks a field as described by a named schema of the OpenAPI document, with its own words."""

    def __init__(self, schema: str, **words: Any) -> None:
        self.schema, self.words = schema, words

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-schema": self.schema, **self.words}


def camel(name: str) -> str:
    """`self_attention` as `SelfAttention`."""
    return "".join(part.capitalize() for part in name.split("_"))


def dims_text(declared: Input, turning: Container[str] | None = None) -> str:
    """The dimensions of an input as people read them. turning: the settings that may turn it, or any."""

    def shown(dims: str) -> str:
        return " or ".join(f"({', '.join(one.split())})" for one in dims.split("|"))

    if not declared.turns or (turning is not None and declared.turns not in turning):
        return shown(declared.dims)
    return f"{shown(declared.dims)}; turned by {declared.turns}: {shown(turned(declared.dims))}"
