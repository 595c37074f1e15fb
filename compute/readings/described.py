"""Documented fields of dataclasses, from which the service makes the models of requests and answers."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

Entry: TypeAlias = float | str | bool
"""One entry of an answer's tensor: a number, text, or a boolean of a mask."""


def described(description: str, *, bounds: Mapping[str, float] | None = None, **options: Any) -> Any:
    """Declare a field of a dataclass with its description. options: as `dataclasses.field` takes them.

    A field of an answer that has its default is left out.
    bounds: of a number in a request, as pydantic takes them: gt, ge, lt, le.
    """
    return dataclasses.field(metadata={"description": description, "bounds": bounds or {}}, **options)
