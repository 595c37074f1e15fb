"""Response schemas, derived from the declarations of operations.

They document answers and are not used to write them; a test validates real answers against them.
"""

from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model
from typing_extensions import TypeAliasType

from compute.graph.numerics import DIAGNOSES
from compute.operations import CATALOGUE
from service.schemas.naming import camel_case
from service.schemas.readings import answer_fields
from service.schemas.requests import fields_of
from service.schemas.types import LEFT_OUT, AnswerEntry, AnswerTensor, AnswerTensors, Ratio, Size, Wire


class Step(Wire):
    """The computation of one named value."""

    name: str
    formula: str = Field(description="LaTeX, in terms of the named values that it is computed from.")
    inputs: list[str] = Field(description="The named values that it is computed from.")
    axes: list[str] = Field(description="The meaning of each axis.")
    shape: list[Size] = Field(description="Sizes; a dimension name if a size is unknown.")
    meaning: str


class Cost(Wire):
    """The cost of the forward computation."""

    multiply_adds: Size = Field(description="Pairs of a multiplication and an addition in products.")
    elementwise: Size = Field(description="Other arithmetic, counted once per entry.")
    comparisons: Size = Field(description="Query-key scores.")
    parameters: Size = Field(description="Trainable numbers among the inputs.")
    all_comparisons: Size = Field(
        0, description="With a window: the scores of every query with every key, computed or not."
    )
    exact_comparisons: Size = Field(
        0,
        description="With a window: the computed scores whose key exists. With symbolic sizes, for as many"
        " keys as queries and a window no longer than the sequence.",
    )
    speedup: Ratio = Field(1, description="With a window: all_comparisons divided by comparisons.")


class NoteOperand(Wire):
    """An operand of a step."""

    name: str = Field(description="The value that it is an entry of.")
    value: AnswerEntry


class Note(Wire):
    """A remark on the computed numbers. Fields that do not apply are left out."""

    code: str = Field(
        description="`non_finite` and `non_finite_gradient`: the first step at which numbers stopped being"
        " finite, or the input that was not, one note for each origin; `more`: the number of notes beyond"
        " those listed; `nothing_to_attend`, `numeric_mask`, `causal_alignment`, `band`, `renamed`, `cut`,"
        " `unknown_gradient`; `transposed`, `broadcast_to_matrix`, `softmax_of_one`, `rows_left_out`,"
        " `sum_over_rows`: shapes that may be accidents. With `diagnose`: "
        + ", ".join(f"`{code}`" for code in DIAGNOSES)
        + "."
    )
    at: str = Field(description="The name of the value concerned.")
    message: str = Field(description="The event, its cause, its consequences, and the usual remedy.")
    operation: str = Field("", description="The primitive, possibly one of several inside the named value.")
    entries: list[list[int]] = Field([], description="The first few indices concerned.")
    count: int = Field(0, description="The number of entries concerned.")
    operands: list[NoteOperand] = Field([], description="The operands at the first of these entries.")
    result: AnswerEntry = Field(LEFT_OUT, description="The result at that entry.")
    spoiled: list[str] = Field([], description="Other values that are not finite because of it.")
    spoiled_gradients: list[str] = Field(
        [], description="Values whose gradients are not finite because of it."
    )
    remedy: str = Field("", description="The usual remedy.")


class GraphExtras(Wire):
    """The fields that a program's answer has in addition to those of an operation's answer."""

    parameters: list[str] = Field(description="The names of the trainable inputs.")


# Named types of the further fields, so that the document has each description once.
Conventions = TypeAliasType(
    "Conventions",
    Annotated[
        dict[str, Any],
        Field(description="Every setting as it was used, and conventions on which textbooks differ."),
    ],
)
Gradients = TypeAliasType(
    "Gradients",
    Annotated[dict[str, AnswerTensor], Field(description="Gradients by name, if `upstream` was sent.")],
)
Contributions = TypeAliasType(
    "Contributions",
    Annotated[
        dict[str, AnswerTensors],
        Field(
            description="For each value that several others use, the part of its gradient that comes from"
            " each of them; the sum of the parts is the gradient."
        ),
    ],
)
Steps = TypeAliasType(
    "Steps", Annotated[list[Step], Field(description="The computation of each value, in order.")]
)
Aliases = TypeAliasType(
    "Aliases",
    Annotated[
        dict[str, str],
        Field(
            description="Names that mean the same value as another name, such as masked_scores without a"
            " mask. The value is returned under each of them."
        ),
    ],
)
Notes = TypeAliasType("Notes", Annotated[list[Note], Field(description="Remarks on the numbers.")])
Unknown = TypeAliasType(
    "Unknown",
    Annotated[list[str], Field(description="Names that cannot be computed from the values given.")],
)
Approximations = TypeAliasType(
    "Approximations",
    Annotated[
        dict[str, Any],
        Field(
            description="In exact arithmetic: the values as floats; null if there is a free symbol, text if"
            " the value is beyond float64."
        ),
    ],
)
GradientApproximations = TypeAliasType(
    "GradientApproximations",
    Annotated[dict[str, Any], Field(description="In exact arithmetic: the gradients as floats.")],
)


class CommonPart(Wire):
    """An expression that repeats in long entries of an exact answer, with a name of its own."""

    name: str = Field(examples=["s1"])
    expression: str = Field(description="The expression that it stands for; it may contain earlier parts.")
    latex: str


class ExactLatex(Wire):
    """In exact arithmetic: the entries as LaTeX."""

    values: dict[str, Any] = Field(description="By name, nested like the values.")
    gradients: dict[str, Any] = Field({}, description="By name, if `upstream` was sent.")


CommonParts = TypeAliasType(
    "CommonParts",
    Annotated[
        list[CommonPart],
        Field(
            description="In exact arithmetic: expressions that repeat in long entries, which contain their"
            " names instead."
        ),
    ],
)


class Opening(Wire):
    """The first fields of an answer."""

    operation: str
    conventions: Conventions


class Workings(Wire):
    """The fields of an answer after its values. Those that were not requested are left out."""

    gradients: Gradients = Field(default_factory=dict)
    contributions: Contributions = Field(default_factory=dict)
    steps: Steps
    aliases: Aliases
    cost: Cost
    notes: Notes
    unknown: Unknown
    approximations: Approximations = Field(default_factory=dict)
    gradient_approximations: GradientApproximations = Field(default_factory=dict)
    latex: ExactLatex = LEFT_OUT
    common: CommonParts = Field(default_factory=list)


@cache
def response_model(operation: str) -> type[Wire]:
    """Return the model of an operation's answer."""
    declared = CATALOGUE[operation]
    fields: dict[str, Any] = {}
    for name, value in declared.values.items():
        words = f"{value.meaning} Axes: {', '.join(value.axes.split())}, after any batch axes."
        fields[name] = (AnswerTensor, Field(None, description=words))
    values = create_model(
        camel_case(operation) + "Values",
        __base__=_Values,
        __doc__="Values by name, under each name of a value with several; inputs if they are selected.",
        **fields,
    )
    return create_model(
        camel_case(operation) + "Response",
        __base__=Wire,
        __doc__=f"The answer of {operation}.",
        **(fields_of(Opening) | {"values": (values, ...)} | fields_of(Workings) | answer_fields()),
    )


class _Values(Wire):
    model_config = ConfigDict(extra="allow")


@cache
def program_response() -> type[Wire]:
    """Return the model of a program's answer."""
    described = Field(description="Every computed value by name, or those selected.")
    fields: dict[str, Any] = (
        fields_of(Opening)
        | {"values": (AnswerTensors, described)}
        | fields_of(Workings)
        | fields_of(GraphExtras)
        | answer_fields(program=True)
    )
    return create_model("GraphResponse", __base__=Wire, __doc__="The answer of a program.", **fields)
