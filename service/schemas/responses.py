"""Response schemas, derived from the declarations of operations.

They describe answers and are not used to write them: a test holds real answers against them.
"""

from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model
from typing_extensions import TypeAliasType

from compute.hazards import DIAGNOSES
from compute.operations import CATALOGUE
from service.schemas.evidence import Evidence
from service.schemas.naming import camel
from service.schemas.requests import fields_of
from service.schemas.types import LEFT_OUT, AnswerEntry, AnswerTensor, AnswerTensors, Ratio, Size, Wire


class Step(Wire):
    """How one named value came about."""

    name: str
    formula: str = Field(description="LaTeX, in terms of the named values it is made of.")
    inputs: list[str] = Field(description="The named values it is made of.")
    axes: list[str] = Field(description="What each axis runs over.")
    shape: list[Size] = Field(description="Sizes; a dimension name where nothing says the size.")
    meaning: str


class Cost(Wire):
    """What computing the values took, forward."""

    multiply_adds: Size = Field(description="Pairs of a multiplication and an addition in products.")
    elementwise: Size = Field(description="Other arithmetic, once for each entry.")
    comparisons: Size = Field(description="Query-key scores.")
    parameters: Size = Field(description="Learned numbers among the inputs.")
    all_comparisons: Size = Field(
        0, description="With a window: the scores of every query with every key, computed or not."
    )
    exact_comparisons: Size = Field(
        0,
        description="With a window: the scores computed that are of a key that there is. In letters for as"
        " many keys as queries, and a window that is no longer than they are.",
    )
    speedup: Ratio = Field(1, description="With a window: all_comparisons over comparisons.")


class NoteOperand(Wire):
    """A number that a step worked on."""

    name: str = Field(description="What it is an entry of.")
    value: AnswerEntry


class Note(Wire):
    """Something to know of the numbers that came out. What says nothing is left out."""

    code: str = Field(
        description="`non_finite` and `non_finite_gradient`: the first step at which numbers stopped being"
        " finite, one note for each such origin, or where they came in; `more`: how many there are beyond"
        " those listed; `nothing_to_attend`, `cut`, `unknown_gradient`. With `diagnose`: "
        + ", ".join(f"`{code}`" for code in DIAGNOSES)
        + "."
    )
    at: str = Field(description="The name it is about.")
    message: str = Field(description="What happened, why, what it spoiled, and what is usually done.")
    operation: str = Field("", description="The step: a primitive, perhaps inside the value of this name.")
    entries: list[list[int]] = Field([], description="The first few indices that it is about.")
    count: int = Field(0, description="How many entries it is about.")
    operands: list[NoteOperand] = Field([], description="What the step worked on at the first of them.")
    result: AnswerEntry = Field(LEFT_OUT, description="What came of that.")
    spoiled: list[str] = Field([], description="Other values that are not finite because of it.")
    spoiled_gradients: list[str] = Field(
        [], description="Values whose gradients are not finite because of it."
    )
    remedy: str = Field("", description="What is usually done about it.")


class ZeroBlock(Wire):
    """Which entries along one axis depend on which along another."""

    of_axis: int = Field(description="The axis of the value that is differentiated.")
    wrt_axis: int = Field(description="The axis of what it is differentiated by.")
    of_label: str = Field(description="What that axis runs over.")
    wrt_label: str
    pattern: str = Field(description="`zero`, `diagonal`, `lower_triangular`, `upper_triangular`, `banded`.")
    behind: int = Field(description="How far before its own place an entry depends on others.")
    ahead: int = Field(description="How far behind it.")
    message: str


class ZeroSlices(Wire):
    """Indices along one axis at which a Jacobian is zero throughout."""

    side: str = Field(description="Whose axis: `of` or `wrt`.")
    axis: int
    label: str = Field(description="What the axis runs over.")
    indices: list[int]


class Jacobian(Wire):
    """The Jacobian of one value with respect to another."""

    of: str
    wrt: str
    value: AnswerTensor = Field(description="Its shape is the first value's followed by the second's.")
    contributions: AnswerTensors = Field(
        {}, description="With `by_path`: its parts by the values that use `wrt`; they sum to it."
    )
    zeros: list[ZeroBlock] = Field(description="Where it is exactly zero, for these numbers.")
    zero_slices: list[ZeroSlices] = Field(description="Indices at which all of it is zero.")


class Claim(Wire):
    """Whether an equation holds: for these numbers, to rounding; in exact arithmetic for all symbols."""

    holds: bool | None = Field(description="Null where it depends on what is unknown, or is undecided.")
    largest_difference: float | None = Field(description="Null where symbols are free.")
    verdict: str | None = Field(
        None, description="In exact arithmetic: `proved`, `refuted` or `undecided`; null where unknown."
    )
    how: str | None = Field(None, description="In exact arithmetic: how the verdict was reached, and where.")
    point: dict[str, str] | None = Field(
        None, description="Where refuted: numbers for the symbols at which the sides differ."
    )


class DiagramNode(Wire):
    """One named value."""

    name: str
    kind: str = Field(description="`parameter`, `input`, `given`, `value` or `unknown`.")
    shape: list[Size]


class Diagram(Wire):
    """The graph, to be drawn."""

    nodes: list[DiagramNode]
    edges: list[list[str]] = Field(description="Pairs: what is used, and by which value.")
    mermaid: str = Field(description="The same as text for Mermaid.")


class GraphExtras(Wire):
    """What a program's answer has beside that of an operation."""

    claims: list[Claim] = Field([], description="In the order of the request, where `claims` was sent.")
    parameters: list[str] = Field(description="The names that are trainable.")
    diagram: Diagram = Field(LEFT_OUT, description="Where `diagram` was sent.")


# What an answer holds beside its values, as named types: their descriptions stand in the document once.
Conventions = TypeAliasType(
    "Conventions",
    Annotated[
        dict[str, Any],
        Field(description="Every setting as it was used, and what the steps settle where books differ."),
    ],
)
Gradients = TypeAliasType(
    "Gradients",
    Annotated[dict[str, AnswerTensor], Field(description="By name, where `upstream` was sent.")],
)
Contributions = TypeAliasType(
    "Contributions",
    Annotated[
        dict[str, AnswerTensors],
        Field(
            description="For each value with several consumers, the part of its gradient that came by each;"
            " the parts sum to the gradient."
        ),
    ],
)
Jacobians = TypeAliasType(
    "Jacobians", Annotated[list[Jacobian], Field(description="Where `jacobian` was sent.")]
)
Steps = TypeAliasType(
    "Steps", Annotated[list[Step], Field(description="How each value came about, in order.")]
)
Aliases = TypeAliasType(
    "Aliases",
    Annotated[
        dict[str, str],
        Field(
            description="Names of the same value as another one here, such as masked_scores without a mask."
            " The value is returned under each of them."
        ),
    ],
)
Notes = TypeAliasType("Notes", Annotated[list[Note], Field(description="What to know of the numbers.")])
Unknown = TypeAliasType(
    "Unknown",
    Annotated[list[str], Field(description="Names that cannot be reached from what is given.")],
)
Approximations = TypeAliasType(
    "Approximations",
    Annotated[
        dict[str, Any],
        Field(
            description="In exact arithmetic: the values as floats; null where a symbol is free, text where"
            " float64 cannot hold them."
        ),
    ],
)
GradientApproximations = TypeAliasType(
    "GradientApproximations",
    Annotated[dict[str, Any], Field(description="In exact arithmetic: the gradients as floats.")],
)


class CommonPart(Wire):
    """A part that repeats in long entries of an exact answer, under a name of its own."""

    name: str = Field(examples=["s1"])
    expression: str = Field(description="What it stands for, in terms of those before it.")
    latex: str


class ExactLatex(Wire):
    """In exact arithmetic: the entries as LaTeX."""

    values: dict[str, Any] = Field(description="By name, nested as the values are.")
    gradients: dict[str, Any] = Field({}, description="By name, where `upstream` was sent.")


CommonParts = TypeAliasType(
    "CommonParts",
    Annotated[
        list[CommonPart],
        Field(
            description="In exact arithmetic: what repeats in long entries, which are written with these"
            " names."
        ),
    ],
)


class Opening(Wire):
    """The fields that an answer opens with."""

    operation: str
    conventions: Conventions


class Workings(Wire):
    """The fields of every answer behind its values. Those not asked for are left out."""

    gradients: Gradients = Field(default_factory=dict)
    contributions: Contributions = Field(default_factory=dict)
    jacobians: Jacobians = Field(default_factory=list)
    steps: Steps
    aliases: Aliases
    cost: Cost
    notes: Notes
    unknown: Unknown
    evidence: Evidence = Field(LEFT_OUT, description="That the answer is right, where `verify` was sent.")
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
        camel(operation) + "Values",
        __base__=_Values,
        __doc__="Values by name, a value of several names under each; inputs where they are selected.",
        **fields,
    )
    return create_model(
        camel(operation) + "Response",
        __base__=Wire,
        __doc__=f"The answer of {operation}.",
        **(fields_of(Opening) | {"values": (values, ...)} | fields_of(Workings)),
    )


class _Values(Wire):
    model_config = ConfigDict(extra="allow")


@cache
def program_response() -> type[Wire]:
    """Return the model of a program's answer."""
    described = Field(description="Every assigned value that was computed, or those selected.")
    fields: dict[str, Any] = (
        fields_of(Opening)
        | {"values": (AnswerTensors, described)}
        | fields_of(Workings)
        | fields_of(GraphExtras)
    )
    return create_model("GraphResponse", __base__=Wire, __doc__="The answer of a program.", **fields)
