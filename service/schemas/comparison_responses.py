"""The response schema of POST /v1/compare."""

from typing import Any

from pydantic import Field

from service.schemas.responses import Note
from service.schemas.types import LEFT_OUT, AnswerEntry, AnswerTensor, Wire


class Permutation(Wire):
    """Slices along one axis are in another order: after[i] = before[order[i]]."""

    axis: str = Field(description="What the axis runs over.")
    order: list[int]


class ValueDifference(Wire):
    """One value before and after the changes."""

    before: AnswerTensor = Field(LEFT_OUT, description="Left out where the answer before has no such value.")
    after: AnswerTensor = Field(LEFT_OUT, description="Left out where the answer after has no such value.")
    difference: AnswerTensor = Field(
        LEFT_OUT,
        description="After less before. Left out where the entries do not stand for the same, as where shapes"
        " differ or axes are exchanged; where `remove` made shapes differ, less what remains of before.",
    )
    largest_change: AnswerEntry = Field(LEFT_OUT, description="The largest magnitude in the difference.")
    at: list[int] = Field([], description="Where it is.")
    permutation: list[Permutation] = Field(
        [],
        description="Along one axis or two at once: where after is before in another order, to rounding; left"
        " out otherwise.",
    )
    first_order: AnswerTensor = Field(
        LEFT_OUT,
        description="The change that the Jacobian predicts, where every change is small or it is asked for.",
    )
    first_order_error: AnswerEntry = Field(
        LEFT_OUT, description="The largest magnitude of the difference less that."
    )


class RunNote(Note):
    """A note, and whether it is about the answer before or after."""

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
    values: dict[str, ValueDifference] = Field(description="By name, what either answer has.")
    gradients: dict[str, ValueDifference] = Field({}, description="By name, where `upstream` was sent.")
    aliases: dict[str, str]
    notes: list[RunNote]
    unknown: list[str] = Field(description="Names that one of the answers could not reach.")
