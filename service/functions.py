"""The functions of programs at /v1/functions, derived from their declarations."""

from functools import lru_cache
from typing import Any

from pydantic import Field

from compute.names.foreign_names import SYNONYMS
from compute.programs.functions import FUNCTIONS
from service.schemas.types import Wire


class FunctionDescription(Wire):
    """A function that programs can call."""

    name: str
    signature: str = Field(description="The call with all arguments; those with a default can be left out.")
    meaning: str
    example: str = Field(description="A line of a program that needs no inputs.")
    synonyms: list[str] = Field(description="The names of other libraries that mean the same in programs.")


class FunctionFamily(Wire):
    """Functions of one kind."""

    name: str
    functions: list[FunctionDescription]


class FunctionList(Wire):
    """All functions of programs, by family. A program can also call every operation."""

    families: list[FunctionFamily]


@lru_cache(maxsize=1)
def describe_functions() -> dict[str, Any]:
    """Return the answer of GET /v1/functions."""
    families: dict[str, list[FunctionDescription]] = {}
    for function in FUNCTIONS.values():
        families.setdefault(function.family, []).append(
            FunctionDescription(
                name=function.name,
                signature=function.signature,
                meaning=function.meaning,
                example=function.example,
                synonyms=[name for name in SYNONYMS.get(function.name, "").split() if name not in FUNCTIONS],
            )
        )
    listed = [FunctionFamily(name=name, functions=functions) for name, functions in sorted(families.items())]
    return FunctionList(families=listed).model_dump()


def list_functions() -> str:
    """Return all functions by family as Markdown, for the documentation."""
    return "\n\n".join(
        f"**{family['name']}**\n\n"
        + "\n".join(f"- `{entry['signature']}`: {entry['meaning']}" for entry in family["functions"])
        for family in describe_functions()["families"]
    )
