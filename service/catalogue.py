"""The catalogue of operations at /v1/operations, derived from their declarations."""

from typing import Any, Literal, get_args, get_origin

from pydantic import Field

from compute.operations import CATALOGUE, FAMILIES
from compute.operations.framework.declaration import AttributeField
from compute.operations.framework.setting_types import (
    allowed_types,
    is_axes,
    is_constant,
    is_padding,
    is_sides,
    is_size,
)
from service.endpoints import ENDPOINTS
from service.questions.programs import GRAPH
from service.schemas.types import Wire


class OperationSummary(Wire):
    """The name, summary and family of an operation."""

    name: str = Field(description="The operation's name, which is its path under /v1.")
    summary: str
    family: str
    href: str = Field(description="The path of its full description.")


class FamilyDescription(Wire):
    """Operations of one kind."""

    name: str = Field(description="The tag that its operations have in the OpenAPI document.")
    meaning: str
    operations: list[str] = Field(description="The names of its operations.")


class OperationList(Wire):
    """All operations, and the families that they belong to."""

    operations: list[OperationSummary]
    families: list[FamilyDescription]


class InputDescription(Wire):
    """A tensor that an operation takes."""

    name: str
    dims: str = Field(
        description="Its axes by dimension name; `...` stands for batch axes, `|` separates alternatives."
    )
    turns: str = Field(
        description="The setting that exchanges the last two axes unless it has its default; empty if none."
    )
    meaning: str
    symbol: str = Field(description="Its letter in formulas, in LaTeX.")
    required: bool = Field(description="Whether it is required unless values that take its place are given.")
    default: str = Field(description="The value used when it is left out.")
    parameter: bool = Field(description="Whether it is trainable.")
    booleans: bool = Field(description="Whether it accepts booleans.")


class AttributeDescription(Wire):
    """A setting of an operation."""

    name: str
    type: str
    required: bool
    default: bool | int | float | str | None
    meaning: str


class PartDescription(Wire):
    """An operation that is part of another one."""

    name: str = Field(description="The prefix of its inputs and values: `name.input`.")
    operations: list[str] = Field(description="The operations that it can be; a setting chooses one.")
    several: bool = Field(description="Whether it is a list of parts: `layer[0]`, `layer[1]` and so on.")
    inputs: list[str] = Field(description="The inputs of it that a request sends.")
    state_dict: list[str] = Field(description="The prefixes of its names in PyTorch's state dicts.")
    meaning: str


class ValueDescription(Wire):
    """A named value of an operation."""

    name: str
    axes: list[str] = Field(description="The meaning of each of its last axes.")
    dims: str = Field(description="Its axes by dimension name.")
    turns: str = Field(
        description="The setting that exchanges the last two axes unless it has its default; empty if none."
    )
    banded: str = Field(
        description="The setting that replaces the axis of the keys by a band of offsets; empty if none."
    )
    on_request: bool = Field(description="Whether it is computed only if `select` or another field names it.")
    meaning: str
    symbol: str = Field(description="Its letter in formulas, in LaTeX.")


class OperationDescription(Wire):
    """An operation in full."""

    name: str
    summary: str
    description: str
    inputs: list[InputDescription]
    parts: list[PartDescription]
    attributes: list[AttributeDescription]
    values: list[ValueDescription]


def describe_all(root_path: str = "") -> dict[str, Any]:
    """Return the answer of GET /v1/operations. root_path: the path that the application is mounted at."""
    entries = [
        OperationSummary(
            name=operation.name,
            summary=operation.summary,
            family=family.name,
            href=f"{root_path}/v1/operations/{operation.name}",
        )
        for family in FAMILIES
        for operation in family.operations
    ]
    families = [
        FamilyDescription(
            name=family.name,
            meaning=family.meaning,
            operations=[operation.name for operation in family.operations],
        )
        for family in FAMILIES
    ]
    return OperationList(operations=entries, families=families).model_dump()


def describe_programs() -> dict[str, Any]:
    """Return the answer of GET /v1/operations/graph: a program names its own inputs and values."""
    endpoint = ENDPOINTS[GRAPH]
    return OperationDescription(
        name=GRAPH, summary=endpoint.summary, description=endpoint.description, inputs=[], parts=[],
        attributes=[], values=[],
    ).model_dump()  # fmt: skip


def describe_operation(name: str) -> dict[str, Any]:
    """Return the answer of GET /v1/operations/{name}."""
    operation = CATALOGUE[name]
    return OperationDescription(
        name=name,
        summary=operation.summary,
        description=operation.description,
        inputs=[
            InputDescription(
                name=name,
                dims=declared.dims,
                turns=declared.transposed_by,
                meaning=declared.meaning,
                symbol=declared.symbol,
                required=name in operation.required,
                default=declared.optional,
                parameter=declared.parameter,
                booleans=declared.mask,
            )
            for name, declared in operation.inputs.items()
        ],
        parts=[
            PartDescription(
                name=name,
                operations=[operation.name for operation in part.operations],
                several=part.is_list,
                inputs=list(part.inputs),
                state_dict=list(part.stored),
                meaning=part.meaning,
            )
            for name, part in operation.parts.items()
        ],
        attributes=[
            AttributeDescription(
                name=name,
                type=_type(attribute),
                required=attribute.required,
                default=None if attribute.required else attribute.default,
                meaning=attribute.declared.meaning,
            )
            for name, attribute in operation.attributes.items()
        ],
        values=[
            ValueDescription(
                name=name,
                axes=value.axes.split(),
                dims=value.dims,
                turns=value.transposed_by,
                banded=value.banded,
                on_request=value.on_request,
                meaning=value.meaning,
                symbol=value.symbol,
            )
            for name, value in operation.values.items()
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
        " | ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else names.get(kind, str(kind))
        for kind in allowed_types(attribute.annotation)
    )
