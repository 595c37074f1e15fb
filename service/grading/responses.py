"""The response schemas of grading."""

from typing import Any, Literal

from pydantic import Field

from compute.grading.judgements import Verdict
from service.schemas.types import LEFT_OUT, AnswerTensor, Wire


class MisconceptionFound(Wire):
    """A known mistake that reproduces the student's numbers."""

    code: str
    message: str = Field(description="For the student: the idea, and the step to look at.")
    certainty: Literal["exact", "possible"] = Field(
        description="Possible if few entries agree, so that it may be chance."
    )
    together_with: list[str] = Field([], description="Mistakes that were made at the same time.")


class Slip(Wire):
    """One entry that is wrong."""

    kind: str = Field(
        description="sign, turned_digits, factor_of_ten, last_digit, neighbour, or entry for any other."
    )
    at: list[int] = Field(LEFT_OUT, description="Its index, from feedback `location` on.")


class EntryCount(Wire):
    """The entries of a value that are right."""

    right: int
    of: int
    wrong: list[list[int]] = Field(LEFT_OUT, description="Their indices, from feedback `location` on.")


class GradedItem(Wire):
    """The grade of one name."""

    name: str
    of: Literal["value", "gradient"]
    question: str = Field(LEFT_OUT, description="In an exam, the question that it belongs to.")
    verdict: Verdict = LEFT_OUT
    score: float | None = Field(description="Null if it cannot be graded, which is not zero.")
    max_score: float
    follows_from: list[str] = Field(LEFT_OUT, description="The student's own values that it follows from.")
    right_in_spite_of: list[str] = Field(
        LEFT_OUT, description="Earlier wrong values that it would not follow from."
    )
    same_as: str = Field(LEFT_OUT, description="The name at which the same mistake was charged.")
    matched: dict[str, Any] = Field(LEFT_OUT, description="The accepted convention that it follows.")
    misconceptions: list[MisconceptionFound] = LEFT_OUT
    misconception: MisconceptionFound = Field(LEFT_OUT, description="The first of them.")
    slip: Slip = LEFT_OUT
    entries: EntryCount = LEFT_OUT
    reading: AnswerTensor = Field(LEFT_OUT, description="The numbers that text was read as.")
    code: str = Field(LEFT_OUT, description="Why it cannot be graded.")
    flags: list[str] = LEFT_OUT
    message: str = Field(LEFT_OUT, description="For the student.")
    expected: AnswerTensor = Field(LEFT_OUT, description="The right value, with feedback `full`.")


class GradersItem(Wire):
    """The part of a grade that is for the grader alone."""

    name: str
    of: Literal["value", "gradient"]
    question: str = LEFT_OUT
    verdict: Verdict
    note: str
    matched: dict[str, Any] = Field(LEFT_OUT, description="The convention, listed or not, that it follows.")
    misconceptions: list[dict[str, Any]] = Field(
        LEFT_OUT, description="Codes, what was computed, and where the mistake was seen."
    )
    slip: Slip = LEFT_OUT
    entries: EntryCount = LEFT_OUT
    largest_absolute: Any = LEFT_OUT
    largest_relative: Any = LEFT_OUT
    expected: AnswerTensor = Field(LEFT_OUT, description="The value that it was compared with last.")


class GradersView(Wire):
    """Everything that is for the grader alone."""

    items: list[GradersItem]
    codes: str = Field(description="A summary for statistics: names with verdicts and codes.")


class Charged(Wire):
    """A slip, and the marks that it cost."""

    name: str
    of: Literal["value", "gradient"]
    question: str = LEFT_OUT
    points: float


class TakenOff(Wire):
    """A penalty that applied."""

    when: str
    points: float


class QuestionScore(Wire):
    """The score of one question of an exam."""

    name: str
    score: float
    max_score: float
    gradable: bool


class GradeResponse(Wire):
    """A grade: a score, and an item for each name."""

    operation: str
    score: float
    max_score: float
    gradable: bool = Field(description="False if a person has to look at an item.")
    items: list[GradedItem]
    questions: list[QuestionScore] = Field(LEFT_OUT, description="In an exam, the score of each question.")
    charged: list[Charged] = Field(description="The slips that cost marks, each once.")
    penalties: list[TakenOff] = LEFT_OUT
    conventions: dict[str, Any] = Field(description="Every setting of the question and of the grading.")
    notes: list[dict[str, Any]]
    grader: GradersView
