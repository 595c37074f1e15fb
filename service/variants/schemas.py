"""The request and response schemas of variants."""

from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Interval
from pydantic import Field

from service.grading.schemas import RubricFields
from service.schemas.types import INTEGRAL, LEFT_OUT, MAX_NAMES, AnswerTensors, Name, Request, Wire

MAX_COUNT = 1000
MAX_TRIES = 1000
MAX_STEP = 10**6
Step: TypeAlias = Annotated[int, Interval(ge=-MAX_STEP, le=MAX_STEP), INTEGRAL]


class DomainModel(Request):
    """The entries that one input may have. Without from and to: like the template's, with as many negatives
    and zeros.
    """

    from_: Step | None = Field(None, alias="from", description="The least entry.")
    to: Step | None = Field(None, description="The largest entry.")
    decimals: Annotated[int, Interval(ge=0, le=3), INTEGRAL] = Field(
        0, description="Digits after the point, with from and to."
    )
    nonzero: bool = Field(False, description="Whether no entry may be 0.")
    logarithms: bool = Field(
        False, description="Whether entries are log(m), with m an integer from `from` to `to`."
    )
    integer_norms: bool = Field(
        False, description="Whether the length of every row, along the last axis, is an integer."
    )


class VariantsRequest(RubricFields):
    """A question as a template, optionally its rubric, and a seed."""

    seed: Annotated[int, Interval(ge=0, le=2**53 - 1), INTEGRAL]
    count: Annotated[int, Interval(ge=1, le=MAX_COUNT), INTEGRAL] = Field(1, description="Of variants.")
    generator: Annotated[int, Interval(ge=1, le=1), INTEGRAL] = Field(
        1, description="The version of the generator."
    )
    vary: list[Name] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="The inputs that vary; by default every tensor of numbers that is no mask or index.",
    )
    inputs: dict[Name, DomainModel] = Field(
        default_factory=dict, max_length=MAX_NAMES, description="The entries of single inputs."
    )
    friendly: bool = Field(
        False,
        description="Whether every named value before an exponential, logarithm, softmax or the like has at"
        " most 4 significant digits, roots included. Scores of a softmax that are inputs themselves become"
        " logarithms of integers from 1 to 9.",
    )
    no_ties: bool = Field(False, description="Whether no maximum has equal entries, and no rectifier gets 0.")
    no_saturation: bool = Field(
        False, description="Whether no output of a softmax, sigmoid or tanh is beyond 0.999."
    )
    difficulty: Literal["template", "any"] = Field(
        "template",
        description="`template`: the values that have few digits in the template have no more than its most"
        " here, and the largest magnitude is within a factor of 2.",
    )
    distinguishes: Literal["template", "all", "none"] | list[Name] = Field(
        "template",
        description="The known mistakes that have to be told from the right answer: those that the template"
        " shows, all, none, or these codes.",
    )
    tries: Annotated[int, Interval(ge=1, le=MAX_TRIES), INTEGRAL] = Field(
        100, description="The most tries for each variant."
    )


class MeasuresModel(Wire):
    """Measures of some numbers."""

    entries: int
    significant_digits: int = Field(description="The most, among numbers with at most 6.")
    long: int = Field(description="The numbers with more than 6 significant digits.")
    negative: int
    zero: int
    largest: float = Field(description="The largest magnitude.")
    smallest: float = Field(description="The smallest magnitude that is not 0.")


class Difficulty(Wire):
    """Measures of the varied inputs and of the named values."""

    inputs: MeasuresModel
    values: MeasuresModel


class VariantModel(Wire):
    """One variant, or the constraints that no try held."""

    variant: int = Field(description="Its number, from 0.")
    found: bool = Field(description="Whether a try held every constraint.")
    tries: int
    failed: dict[str, int] = Field(description="How many tries failed first at each constraint.")
    changed: dict[str, Any] = Field(LEFT_OUT, description="The varied inputs.")
    question: dict[str, Any] = Field(LEFT_OUT, description="The whole question.")
    values: AnswerTensors = LEFT_OUT
    gradients: AnswerTensors = LEFT_OUT
    difficulty: Difficulty = LEFT_OUT


class DrawnFrom(Wire):
    """The entries that an input was drawn from."""

    unit: str = Field(description="one, root or logarithm.")
    low: int = Field(description="The first step; entries are steps of the unit.")
    high: int
    decimals: int
    radicand: int
    nonzero: bool
    signs: Literal["template", "free"]


class VariantsResponse(Wire):
    """Variants of a question."""

    operation: str
    generator: int
    seed: int
    domains: dict[str, DrawnFrom]
    constraints: list[str] = Field(description="Those that every variant holds, in the order of checks.")
    template: Difficulty
    variants: list[VariantModel]
