"""The catalogue as people and tools read it, derived from the declarations of operations."""

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, WithJsonSchema

from compute.operations import CATALOGUE
from compute.operations.declaration import (
    AttributeField,
    is_axes,
    is_constant,
    is_padding,
    is_sides,
    is_size,
    kinds,
)


class OperationSummary(BaseModel):
    """An operation in a line."""

    name: str = Field(description="The operation's name, which is its path under /v1.")
    summary: str
    href: str = Field(description="Where it is described in full.")


class Operations(BaseModel):
    """All operations."""

    operations: list[OperationSummary]


class InputDescription(BaseModel):
    """A tensor that an operation takes."""

    name: str
    dims: str = Field(description="Its axes by dimension name; `...` are batch axes, | an alternative.")
    turns: str = Field(
        description="The setting that, other than its default, exchanges the last two axes; empty if none."
    )
    meaning: str
    symbol: str = Field(description="Its letter in formulas, in LaTeX.")
    required: bool = Field(description="Whether it is needed where no value takes its place.")
    default: str = Field(description="What it stands for when left out.")
    parameter: bool = Field(description="Whether it is learned.")
    booleans: bool = Field(description="Whether it may hold booleans.")


class AttributeDescription(BaseModel):
    """A setting of an operation."""

    name: str
    type: str
    required: bool
    default: Annotated[Any, WithJsonSchema({"type": ["boolean", "number", "string", "null"]})]
    meaning: str


class PartDescription(BaseModel):
    """An operation that another is made of."""

    name: str = Field(description="What stands before the names of its inputs and values, and a dot.")
    operations: list[str] = Field(description="What it may be, as a setting chooses.")
    several: bool = Field(description="Whether there is a list of them: `layer[0]`, `layer[1]` and so on.")
    inputs: list[str] = Field(description="Which of its inputs the question sends.")
    state_dict: list[str] = Field(description="What stands before its names in PyTorch's state dicts.")
    meaning: str


class ValueDescription(BaseModel):
    """A value that an operation names."""

    name: str
    axes: list[str] = Field(description="What its last axes run over.")
    dims: str = Field(description="Its axes by dimension name.")
    turns: str = Field(
        description="The setting that, other than its default, exchanges the last two axes; empty if none."
    )
    banded: str = Field(
        description="The setting that, where it is set, puts a band of offsets in the place of the keys;"
        " empty if none."
    )
    on_request: bool = Field(description="Whether it is computed only where `select` or others name it.")
    meaning: str
    symbol: str = Field(description="Its letter in formulas, in LaTeX.")


class OperationDescription(BaseModel):
    """An operation in full."""

    name: str
    summary: str
    description: str
    inputs: list[InputDescription]
    parts: list[PartDescription]
    attributes: list[AttributeDescription]
    values: list[ValueDescription]


def describe_all() -> dict[str, Any]:
    """The answer of GET /v1/operations."""
    entries = [
        OperationSummary(name=name, summary=one.summary, href=f"/v1/operations/{name}")
        for name, one in CATALOGUE.items()
    ]
    return Operations(operations=entries).model_dump()


def describe_operation(name: str) -> dict[str, Any]:
    """The answer of GET /v1/operations/{name}."""
    operation = CATALOGUE[name]
    return OperationDescription(
        name=name,
        summary=operation.summary,
        description=operation.description,
        inputs=[
            InputDescription(
                name=name,
                dims=one.dims,
                turns=one.turns,
                meaning=one.meaning,
                symbol=one.symbol,
                required=name in operation.required,
                default=one.optional,
                parameter=one.parameter,
                booleans=one.mask,
            )
            for name, one in operation.inputs.items()
        ],
        parts=[
            PartDescription(
                name=name,
                operations=[operation.name for operation in one.operations],
                several=one.several,
                inputs=list(one.inputs),
                state_dict=list(one.stored),
                meaning=one.meaning,
            )
            for name, one in operation.parts.items()
        ],
        attributes=[
            AttributeDescription(
                name=name,
                type=_type(one),
                required=one.required,
                default=None if one.required else one.default,
                meaning=one.declared.meaning,
            )
            for name, one in operation.attributes.items()
        ],
        values=[
            ValueDescription(
                name=name,
                axes=one.axes.split(),
                dims=one.dims,
                turns=one.turns,
                banded=one.banded,
                on_request=one.on_request,
                meaning=one.meaning,
                symbol=one.symbol,
            )
            for name, one in operation.values.items()
        ],
    ).model_dump()


def _type(attribute: AttributeField) -> str:
    if is_constant(attribute.annotation):
        return "constant"
    if is_sides(attribute.annotation):
        return "integer | [integer, integer]"
    if is_size(attribute.annotation):
        return "integer"
    if is_axes(attribute.annotation):
        return "integer | [integer, ...]"
    if is_padding(attribute.annotation):
        return "integer | [integer, integer] | [[integer, integer], [integer, integer]] | same | valid"
    names = {bool: "boolean", int: "integer", float: "number", str: "text"}
    return " | ".join(
        " | ".join(map(str, get_args(one))) if get_origin(one) is Literal else names.get(one, str(one))
        for one in kinds(attribute.annotation)
    )
