"""The parts of a graded line that statistics count, checked: a client may send other lines as graded ones."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compute.errors import at

Name = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z_][A-Za-z0-9_.\[\]]*$|^$")]
Points = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Found(_Part):
    code: Name


class _GradersItem(_Part):
    misconceptions: list[_Found] = []


class _Grader(_Part):
    items: list[_GradersItem]


class _Item(_Part):
    name: Name
    of: Literal["value", "gradient"]
    question: Annotated[str, Field(max_length=200)] = ""
    score: Points | None
    max_score: Points


class _Grade(_Part):
    score: Points
    max_score: Points
    gradable: bool
    items: list[_Item]
    grader: _Grader


def read_grade(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a grade that are counted. Raises QuestionErrors for another object."""
    try:
        return _Grade.model_validate(document).model_dump()
    except ValidationError as errors:
        received = f"an object with {errors.error_count()} fields that a grade cannot have"
        raise at((), "is not a graded line", "a line that /v1/grade/batch sent", received) from None
