"""The request schemas of grading."""

from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Interval
from pydantic import ConfigDict, Field, GetJsonSchemaHandler, SkipValidation
from typing_extensions import TypeAliasType

from service.schemas.conditions import unused_schema
from service.schemas.types import INTEGRAL, MAX_NAMES, Name, Request

Marks: TypeAlias = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Bound: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Partial: TypeAlias = Literal["entries", "none"]
Feedback: TypeAlias = Literal["none", "verdict", "location", "hint", "full"]
MAX_QUESTIONS = 50

Written = TypeAliasType(
    "Written",
    Annotated[
        SkipValidation[Any],
        Field(
            description="A tensor as the student wrote it: numbers, text such as √2, π, ½, 1/3, -inf, nested"
            " lists. Anything is taken; what cannot be read makes its item `ungradable`."
        ),
    ],
)
Answers = TypeAliasType(
    "Answers", Annotated[dict[str, Written], Field(max_length=MAX_NAMES, description="Tensors by name.")]
)
MarksByName: TypeAlias = Annotated[dict[Name, Marks], Field(max_length=MAX_NAMES)]


class ToleranceModel(Request):
    """The allowed deviation of an entry: the largest of those that are set."""

    absolute: Bound | None = Field(None, description="A number.")
    relative: Bound | None = Field(None, description="A share of the right entry.")
    decimals: Annotated[int, Interval(ge=0, le=15), INTEGRAL] | None = Field(
        None, description="Right to so many decimals."
    )
    significant_digits: Annotated[int, Interval(ge=1, le=15), INTEGRAL] | None = Field(
        None, description="Right to so many digits of the right entry."
    )


class AcceptedModel(Request):
    """A convention that is accepted: settings of the operation or of the optimizer, or a form of writing
    such as `"transposed": true`.
    """

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, SkipValidation[Any]]

    credit: Share = Field(1, description="The share of the marks that it gets.")


class FollowThroughModel(Request):
    """How values are graded that follow from a student's own earlier ones."""

    credit: Share = Field(1, description="The share of the marks that they get.")
    trivial: Literal["credit", "half", "none"] = Field(
        "credit", description="The credit of values that a slip made trivial, such as all zero."
    )
    consistent: bool = Field(
        False,
        description="Whether values have to follow from the student's own, even if they are the right ones.",
    )
    except_: list[Name] = Field(
        default_factory=list,
        alias="except",
        max_length=MAX_NAMES,
        description="Names that have to be right (correct answer only).",
    )


class NotationModel(Request):
    """How the student writes numbers."""

    decimal: Literal[".", ","] = Field(".", description="The decimal mark in text.")


class PenaltyModel(Request):
    """Points that are taken off once if something occurs."""

    when: Name = Field(description="A verdict, a flag, or the code of a misconception.")
    points: Marks


class BestOfModel(Request):
    """A choice: of these names, only the best count."""

    names: list[Name] = Field(min_length=1, max_length=MAX_NAMES, description="Names of values or questions.")
    count: Annotated[int, Interval(ge=1, le=MAX_NAMES), INTEGRAL]


class Taken(Request):
    """A value of an earlier question that is an input of this one."""

    question: Name
    name: Name


class RubricFields(Request):
    """A question, its marks, and what the student wrote."""

    question: dict[str, SkipValidation[Any]] = Field(
        description="`operation` and the fields of its own request. `operation` is the name of an operation,"
        " `graph` for a program, or `optimizer/trace`."
    )
    answer: Answers = Field(default_factory=dict, description="What the student wrote, by name of a value.")
    gradients: Answers = Field(
        default_factory=dict, description="What the student wrote for the gradients of values, by name."
    )
    marks: MarksByName = Field(
        default_factory=dict, description="Marks by name of a value. Without any marks, 1 for each name."
    )
    gradient_marks: MarksByName = Field(default_factory=dict, description="Marks by name of a gradient.")
    optional: list[Name] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="Names that count only if they are answered.",
    )
    tolerance: ToleranceModel | None = Field(
        None, description="Of all entries. By default 1 %, or 0.001 of the largest entry."
    )
    tolerances: dict[Name, ToleranceModel] = Field(
        default_factory=dict, max_length=MAX_NAMES, description="Other tolerances, by name."
    )
    accept: list[AcceptedModel] = Field(
        default_factory=list, max_length=50, description="Conventions that are accepted, with their credit."
    )


# Fields of one question. In an exam each of its questions has them.
OF_ONE_QUESTION = RubricFields.model_fields.keys()


class ExamQuestionModel(RubricFields):
    """One question of an exam."""

    name: Name
    takes: dict[Name, Taken] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="Inputs that are values of earlier questions. What the student answered there is followed"
        " here.",
    )


class SharedFields(Request):
    """The rules of grading."""

    follow_through: bool | FollowThroughModel = Field(
        True, description="Whether values may follow from the student's own earlier ones."
    )
    partial: Partial = Field(
        "entries", description="Marks of a wrong tensor: for its share of right entries, or none."
    )
    precision_credit: Share = Field(
        0, description="The credit of a value whose only fault is that it was rounded too far."
    )
    infinity_credit: Share = Field(1, description="The credit of a large negative number for -Infinity.")
    misconceptions: bool = Field(True, description="Whether to look for known mistakes.")
    penalties: list[PenaltyModel] = Field(default_factory=list, max_length=50)
    best_of: list[BestOfModel] = Field(default_factory=list, max_length=50)
    feedback: Feedback = Field(
        "hint",
        description="What the student's part of the answer reveals: scores alone; verdicts; which entries are"
        " wrong; the idea behind a mistake; or the right values. Everything for the grader is under"
        " `grader`.",
    )
    notation: NotationModel | None = Field(None, description="How the student writes numbers.")


class GradeRequest(RubricFields, SharedFields):
    """A question, its rubric and a student's answer; or an exam of several `questions`."""

    question: dict[str, SkipValidation[Any]] = Field(
        default_factory=dict,
        description="`operation` and the fields of its own request. `operation` is the name of an operation,"
        " `graph` for a program, or `optimizer/trace`.",
    )
    questions: list[ExamQuestionModel] = Field(
        default_factory=list,
        max_length=MAX_QUESTIONS,
        description="The questions of an exam, in place of `question` and its fields. Later ones may take"
        " values of earlier ones.",
    )

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Require either a question or questions, which have the fields of a question themselves."""
        defaults = {
            name: cls.model_fields[name].get_default(call_default_factory=True) for name in OF_ONE_QUESTION
        }
        return [
            {
                "if": {"properties": {"questions": unused_schema([])}},
                "then": {"properties": {"question": {"minProperties": 1}}, "required": ["question"]},
                "else": {"properties": {name: unused_schema(one) for name, one in defaults.items()}},
            }
        ]
