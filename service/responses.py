"""Response schemas, derived from the declarations of operations.

They describe answers and are not used to write them: a test holds real answers against them.
"""

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from compute.operations import CATALOGUE
from service.schemas import Reference, camel, fields_of

Tensor = Annotated[Any, Reference("Tensor")]
Ratio = Annotated[Any, Reference("Ratio")]
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


class MemoryCost(Cost):
    """What computing the values takes, forward, and the memory for all of them."""

    bytes: Size = Field(description="Of all inputs and named values in float64.")


class Note(BaseModel):
    """Something to know of the numbers that came out."""

    code: str = Field(
        description="`non_finite`, `non_finite_gradient`, `nothing_to_attend`, `cut`, `unknown_gradient`."
    )
    at: str = Field(description="The name it is about.")
    message: str


class Jacobian(BaseModel):
    """The Jacobian of one value with respect to another."""

    of: str
    wrt: str
    value: Tensor = Field(description="Its shape is the first value's followed by the second's.")


class Health(BaseModel):
    """The state of the service."""

    status: str
    occupied: int = Field(0, description="Places taken by requests that are computed or wait.")
    capacity: int = Field(0, description="Places there are.")


class StepShape(BaseModel):
    """What one named value costs."""

    name: str
    axes: list[str]
    shape: list[Size]
    multiply_adds: Size
    elementwise: Size
    comparisons: Size


class CostResponse(BaseModel):
    """What an operation costs, in numbers or polynomials in the dimension names."""

    operation: str
    conventions: dict[str, Any]
    cost: MemoryCost
    big_o: str = Field(description="The growth of the multiply-adds.", examples=["O(d²n + n²d)"])
    steps: list[StepShape]


class Conventions(BaseModel):
    """What an answer opens with."""

    operation: str
    conventions: dict[str, Any] = Field(
        description="Every setting as it was used, and what the steps settle where books differ."
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
        description="Names that stand for another one here, such as masked_scores without a mask."
    )
    cost: Cost
    notes: list[Note]
    unknown: list[str] = Field(description="Names that cannot be reached from what is given.")


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
        __doc__="Values by name; inputs and aliases where they are selected.",
        __config__=ConfigDict(extra="allow"),
        **fields,
    )
    shown = (values, Field(description="Every named value that was computed, or those selected."))
    return create_model(
        camel(operation) + "Response",
        __doc__=f"The answer of {operation}.",
        **(fields_of(Conventions) | {"values": shown} | fields_of(Workings)),
    )
