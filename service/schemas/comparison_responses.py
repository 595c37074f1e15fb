"""The response schema of POST /v1/compare."""

from typing import Any

from pydantic import Field

from service.schemas.responses import Note
from service.schemas.types import LEFT_OUT, AnswerEntry, AnswerTensor, Wire


class Permutation(Wire):
    """The order of slices along one axis: after[i] = before[order[i]]."""

    axis: str = Field(description="The meaning of the axis.")
    order: list[int]


class ValueDifference(Wire):
    """One value before and after the changes."""

    before: AnswerTensor = Field(LEFT_OUT, description="Left out if the answer before has no such value.")
    after: AnswerTensor = Field(LEFT_OUT, description="Left out if the answer after has no such value.")
    difference: AnswerTensor = Field(
        LEFT_OUT,
        description="After minus before. Left out if the entries do not correspond, because shapes differ or"
        " axes are exchanged. If shapes differ because of `remove`, after minus the entries of before"
        " that remain.",
    )
    largest_change: AnswerEntry = Field(LEFT_OUT, description="The largest absolute value in the difference.")
    at: list[int] = Field([], description="The index of the largest change.")
    permutation: list[Permutation] = Field(
        [],
        description="The permutation, along one axis or two at once, that turns before into after up to"
        " rounding; left out if there is none.",
    )
    first_order: AnswerTensor = Field(
        LEFT_OUT,
        description="The change that the Jacobian predicts, if every change is small or it was requested.",
    )
    first_order_error: AnswerEntry = Field(
        LEFT_OUT, description="The largest absolute difference between the prediction and the actual change."
    )


class RunNote(Note):
    """A note on the answer before or after the changes."""

    run: str


class ChangedConvention(Wire):
    """A setting before and after the changes."""

    before: Any
    after: Any


class CompareResponse(Wire):
    """Two answers side by side."""

    operation: str
    changed: list[str] = Field(description="The names that were changed.")
    conventions: dict[str, Any] = Field(description="Every setting as it was used before the changes.")
    changed_conventions: dict[str, ChangedConvention]
    values: dict[str, ValueDifference] = Field(description="By name, the values of either answer.")
    gradients: dict[str, ValueDifference] = Field({}, description="By name, if `upstream` was sent.")
    aliases: dict[str, str]
    notes: list[RunNote]
    unknown: list[str] = Field(description="Names that one of the answers could not compute.")
