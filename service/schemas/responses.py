"""Response schemas, derived from the declarations of operations.

They describe answers and are not used to write them: a test holds real answers against them.
"""

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from compute.hazards import DIAGNOSES
from compute.operations import CATALOGUE
from service.schemas.evidence import Evidence
from service.schemas.references import Reference, camel
from service.schemas.requests import fields_of

Tensor = Annotated[Any, Reference("Tensor")]
Ratio = Annotated[Any, Reference("Ratio")]
Entry = Annotated[Any, Reference("Entry")]
Size = Annotated[Any, Reference("Size")]


class Step(BaseModel):
    """How one named value came about."""

    name: str
    formula: str = Field(description="LaTeX, in terms of the named values it is made of.")
    inputs: list[str] = Field(description="The named values it is made of.")
    axes: list[str] = Field(description="What each axis runs over.")
    shape: list[Size] = Field(description="Sizes; a dimension name where nothing says the size.")
    meaning: str


class Cost(BaseModel):
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


class NoteOperand(BaseModel):
    """A number that a step worked on."""

    name: str = Field(description="What it is an entry of.")
    value: Entry


class Note(BaseModel):
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
    result: Entry = Field(None, description="What came of that.")
    spoiled: list[str] = Field([], description="Other values that are not finite because of it.")
    spoiled_gradients: list[str] = Field(
        [], description="Values whose gradients are not finite because of it."
    )
    remedy: str = Field("", description="What is usually done about it.")


class ZeroBlock(BaseModel):
    """Which entries along one axis depend on which along another."""

    of_axis: int = Field(description="The axis of the value that is differentiated.")
    wrt_axis: int = Field(description="The axis of what it is differentiated by.")
    of_label: str = Field(description="What that axis runs over.")
    wrt_label: str
    pattern: str = Field(description="`zero`, `diagonal`, `lower_triangular`, `upper_triangular`, `banded`.")
    behind: int = Field(description="How far before its own place an entry depends on others.")
    ahead: int = Field(description="How far behind it.")
    message: str


class ZeroSlices(BaseModel):
    """Indices along one axis at which a Jacobian is zero throughout."""

    side: str = Field(description="Whose axis: `of` or `wrt`.")
    axis: int
    label: str = Field(description="What the axis runs over.")
    indices: list[int]


class Jacobian(BaseModel):
    """The Jacobian of one value with respect to another."""

    of: str
    wrt: str
    value: Tensor = Field(description="Its shape is the first value's followed by the second's.")
    contributions: Annotated[dict[str, Any], Reference("NamedTensors")] = Field(
        {}, description="With `by_path`: its parts by the values that use `wrt`; they sum to it."
    )
    zeros: list[ZeroBlock] = Field(description="Where it is exactly zero, for these numbers.")
    zero_slices: list[ZeroSlices] = Field(description="Indices at which all of it is zero.")


def _or_null(kind: str, **more: Any) -> WithJsonSchema:
    """The schema of what is null in some answers."""
    return WithJsonSchema({"type": [kind, "null"], **more})


class Claim(BaseModel):
    """Whether an equation holds: for these numbers, to rounding; in exact arithmetic for all symbols."""

    holds: Annotated[bool | None, _or_null("boolean")] = Field(
        description="Null where it depends on what is unknown, or is undecided."
    )
    largest_difference: Annotated[float | None, _or_null("number")] = Field(
        description="Null where symbols are free."
    )
    verdict: Annotated[str | None, _or_null("string")] = Field(
        None, description="In exact arithmetic: `proved`, `refuted` or `undecided`; null where unknown."
    )
    how: Annotated[str | None, _or_null("string")] = Field(
        None, description="In exact arithmetic: how the verdict was reached, and where."
    )
    point: Annotated[dict[str, str] | None, _or_null("object", additionalProperties={"type": "string"})] = (
        Field(None, description="Where refuted: numbers for the symbols at which the sides differ.")
    )


class DiagramNode(BaseModel):
    """One named value."""

    name: str
    kind: str = Field(description="`parameter`, `input`, `given`, `value` or `unknown`.")
    shape: list[Size]


class Diagram(BaseModel):
    """The graph, to be drawn."""

    nodes: list[DiagramNode]
    edges: list[list[str]] = Field(description="Pairs: what is used, and by which value.")
    mermaid: str = Field(description="The same as text for Mermaid.")


class GraphExtras(BaseModel):
    """What a program's answer has beside that of an operation."""

    claims: list[Claim] = Field([], description="In the order of the request, where `claims` was sent.")
    parameters: list[str] = Field(description="The names that are trainable.")
    diagram: Diagram | None = Field(None, description="Where `diagram` was sent.")


class Fullness(BaseModel):
    """How full the service is for exact questions."""

    occupied: int = Field(description="Places taken by requests that are computed or wait.")
    capacity: int = Field(description="Places there are.")
    workers: int = Field(description="Processes that run.")


class Health(BaseModel):
    """The state of the service."""

    status: str
    occupied: int = Field(0, description="Places taken by requests that are computed or wait.")
    capacity: int = Field(0, description="Places there are.")
    exact: Fullness | None = Field(None, description="The same of exact questions.")


class Conventions(BaseModel):
    """What an answer opens with."""

    operation: str
    conventions: dict[str, Any] = Field(
        description="Every setting as it was used, and what the steps settle where books differ."
    )


class CommonPart(BaseModel):
    """What repeats in long entries of an exact answer, under a name of its own."""

    name: str = Field(examples=["s1"])
    expression: str = Field(description="What it stands for, in terms of those before it.")
    latex: str


class ExactLatex(BaseModel):
    """The exact answer in LaTeX."""

    values: dict[str, Any] = Field(description="By name, nested as the values are.")
    gradients: dict[str, Any] = Field({}, description="By name, where `upstream` was sent.")


class ExactParts(BaseModel):
    """What an answer in exact arithmetic has beside its text."""

    approximations: dict[str, Any] = Field(
        {},
        description="In exact arithmetic: the values as floats; null where a symbol is free, text where"
        " float64 cannot hold them.",
    )
    gradient_approximations: dict[str, Any] = Field({}, description="The same of the gradients.")
    latex: ExactLatex | None = Field(None, description="In exact arithmetic: the entries as LaTeX.")
    common: list[CommonPart] = Field(
        [],
        description="In exact arithmetic: what repeats in long entries, which are written with these names.",
    )


class Workings(BaseModel):
    """What every computation answers behind its values."""

    gradients: Annotated[dict[str, Any], Reference("NamedTensors")] = Field(
        {}, description="By name, where `upstream` was sent."
    )
    contributions: dict[str, Annotated[dict[str, Any], Reference("NamedTensors")]] = Field(
        {},
        description="For each value with several consumers, the part of its gradient that came by each;"
        " the parts sum to the gradient.",
    )
    jacobians: list[Jacobian] = Field([], description="Where `jacobian` was sent.")
    steps: list[Step]
    aliases: dict[str, str] = Field(
        description="Names of the same value as another one here, such as masked_scores without a mask. It is"
        " returned under each of them."
    )
    cost: Cost
    notes: list[Note]
    unknown: list[str] = Field(description="Names that cannot be reached from what is given.")
    evidence: Evidence | None = Field(None, description="That the answer is right, where `verify` was sent.")


@cache
def response_model(operation: str) -> type[BaseModel]:
    """The model of an operation's answer."""
    declared = CATALOGUE[operation]
    fields: dict[str, Any] = {}
    for name, value in declared.values.items():
        words = f"{value.meaning} Axes: {', '.join(value.axes.split())}, after any batch axes."
        fields[name] = (Annotated[Any, Reference("Tensor")], Field(None, description=words))
    values = create_model(
        camel(operation) + "Values",
        __doc__="Values by name, a value of several names under each; inputs where they are selected.",
        __config__=ConfigDict(extra="allow"),
        **fields,
    )
    shown = (values, Field(description="Every named value that was computed, or those selected."))
    return create_model(
        camel(operation) + "Response",
        __doc__=f"The answer of {operation}.",
        **(fields_of(Conventions) | {"values": shown} | fields_of(Workings) | fields_of(ExactParts)),
    )


def _graph_response() -> type[BaseModel]:
    described = Field(description="Every assigned value that was computed, or those selected.")
    values: dict[str, Any] = {"values": (Annotated[dict[str, Any], Reference("NamedTensors")], described)}
    behind = fields_of(Workings) | fields_of(ExactParts) | fields_of(GraphExtras)
    fields: dict[str, Any] = fields_of(Conventions) | values | behind
    return create_model("GraphResponse", __doc__="The answer of a program.", **fields)


GraphResponse = _graph_response()
