"""Request schemas, derived from the declarations of operations.

Each operation has a pydantic model, which validates settings and field names. Tensors are not validated
here: `service.questions.tensors` checks their entries once, with NumPy.
"""

from functools import cache, partial, reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Interval
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    SkipValidation,
    create_model,
)
from typing_extensions import TypeAliasType

from compute.operations import CATALOGUE
from compute.operations.framework.declaration import Attribute, AttributeField, Operation
from compute.operations.framework.setting_types import (
    allowed_types,
    is_axes,
    is_constant,
    is_padding,
    is_padding_1d,
    is_sides,
    is_size,
)
from compute.operations.framework.state_dicts import FIELD, has_state_dict
from service.schemas.computation import Computation, Encoding, Given, Selection, Upstream
from service.schemas.conditions import of_arithmetic, of_operation
from service.schemas.naming import camel_case, format_dims
from service.schemas.parts import StateDict, model_with_parts, part_field
from service.schemas.readings import request_fields
from service.schemas.setting_types import (
    Axes,
    Constant,
    Padding,
    Padding1d,
    Positive,
    PositiveSides,
    Sides,
    Whole,
)
from service.schemas.setting_validators import (
    MAX_INTEGER,
    validate_axes,
    validate_constant,
    validate_integer,
    validate_padding,
    validate_sides,
)
from service.schemas.types import (
    INTEGRAL,
    LEFT_OUT,
    MAX_NAMES,
    NEVER,
    Change,
    MaskTensor,
    Name,
    Request,
    ShapeOnly,
    Tensor,
)

RequestKind: TypeAlias = Literal["answer", "cost", "comparison"]
SUFFIXES: dict[str, str] = {"answer": "Request", "cost": "Shapes", "comparison": "Comparison"}


class Comparison(Request):
    """The fields of a comparison, apart from those of the question that it changes."""

    changes: dict[str, Change] = Field(
        min_length=1,
        max_length=MAX_NAMES,
        description="The changes, by name of an input, a setting or a value. A changed value is taken as"
        " sent, and not computed.",
    )
    first_order: bool | None = Field(
        None,
        description="Whether to return the change that the Jacobian predicts. By default, only if nothing"
        " but entries and constants changes, each by at most a tenth of the largest entry of its tensor.",
    )


FloatingArithmetic = TypeAliasType(
    "FloatingArithmetic",
    Annotated[
        Literal["float64", "float32"], Field(description="The kind of number that everything is computed in.")
    ],
)
OwnField = TypeAliasType(
    "OwnField",
    Annotated[
        SkipValidation[MaskTensor | dict[str, Any] | list[Any]],
        Field(
            description="A field of the operation, as in its own request: a tensor, a setting, or the tensors"
            " of a part."
        ),
    ],
)
OwnShape = TypeAliasType(
    "OwnShape",
    Annotated[
        SkipValidation[ShapeOnly | OwnField],
        Field(
            description="A field of the operation: for a tensor its shape, or a tensor of that shape; for a"
            " setting its value; sizes may be dimension names."
        ),
    ],
)
OperationName: TypeAlias = Literal[tuple(CATALOGUE)]  # type: ignore[valid-type]


class ComparisonBase(Comparison):
    """A question and the changes to it: these fields, and those of the operation's own request.

    A comparison does not take `jacobian` or `verify`, nor exact arithmetic with its fields `assumptions`,
    `abbreviate` and `common`.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OwnField]

    operation: OperationName = Field(
        description="The operation that is computed before and after the changes."
    )
    given: Given = Field(default_factory=dict)
    upstream: Upstream = Field(default_factory=dict)
    arithmetic: FloatingArithmetic = "float64"
    select: Selection = Field(default_factory=list)
    encoding: Encoding = "nested"


CompareRequest = create_model(
    "CompareRequest",
    __base__=ComparisonBase,
    __doc__=ComparisonBase.__doc__,
    **request_fields(comparison=True),
)


ProgramShape = TypeAliasType(
    "ProgramShape",
    Annotated[
        SkipValidation[ShapeOnly | MaskTensor],
        Field(description="A shape, in numbers and dimension names, or a tensor of that shape."),
    ],
)


LINES = "The lines of a program, as in `/v1/graph`, in place of an operation."


class CostOptions(Request):
    """The fields of a cost that operations and programs share."""

    receptive_field: Name = Field(
        LEFT_OUT,
        description="The input, such as an image, that receptive fields are measured in: its entries that"
        " each value depends on. In a program it is data, unless it is among the parameters.",
    )
    bytes_per_number: Annotated[int, Interval(ge=1, le=16), INTEGRAL] = Field(
        8, description="The bytes of a number in memory and in caches: 2 for float16, 8 for float64."
    )


class ProgramInputsOfCost(Request):
    """The inputs of a program whose cost is counted."""

    inputs: dict[str, ProgramShape] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="The shapes of the program's inputs. Weights of submodules may be left out if settings"
        " state their sizes.",
    )
    parameters: list[Name] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="The inputs of the program that are trainable; by default, all but data and indices.",
    )
    data: list[Name] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="The inputs of the program that are data, and not trainable.",
    )


class ProgramCost(CostOptions, ProgramInputsOfCost):
    """A program and the shapes of its inputs."""

    program: list[str] = Field(min_length=1, description=LINES)


class CostRequest(CostOptions, ProgramInputsOfCost):
    """An operation with its settings, named as in its own request, or a program; and the shapes of inputs."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OwnShape]

    operation: OperationName = Field(LEFT_OUT, description="The operation to count the cost of.")
    program: list[str] = Field(LEFT_OUT, min_length=1, description=LINES)

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Require an operation or a program, each with its own fields alone."""
        of_program = dict.fromkeys(sorted(ProgramInputsOfCost.model_fields), NEVER)
        return [
            {
                "if": {"required": ["program"]},
                "then": {"propertyNames": {"enum": list(ProgramCost.model_fields)}},
                "else": {"required": ["operation"], "properties": of_program},
            }
        ]


def check_own_fields() -> None:
    """Raise TypeError if a field of every cost is also one of an operation, which it would hide."""
    for operation in CATALOGUE.values():
        own = {*operation.inputs, *operation.attributes, *operation.parts}
        if hidden := own & ProgramCost.model_fields.keys():
            raise TypeError(f"{operation.name} has fields of every cost: {', '.join(sorted(hidden))}")


check_own_fields()


@cache
def request_model(operation: str, asks: RequestKind = "answer") -> type[BaseModel]:
    """Return the model of a request for an operation's answer, its cost, or a comparison."""
    declared, shapes_only = CATALOGUE[operation], asks == "cost"
    fields: dict[str, Any] = {}
    if asks != "answer":
        fields["operation"] = (Literal[operation], Field(description="The operation."))
    if asks == "comparison":
        fields |= fields_of(Comparison)
    fields |= {name: _tensor_field(declared, name, shapes_only) for name in declared.inputs}
    fields |= {name: part_field(declared.name, name, part) for name, part in declared.parts.items()}
    if has_state_dict(declared):
        fields[FIELD] = (StateDict, Field(default_factory=dict))
    fields |= {
        name: _setting_field(attribute, shapes_only) for name, attribute in declared.attributes.items()
    }
    if not shapes_only:
        fields |= fields_of(Computation) | request_fields(comparison=asks == "comparison")
    if asks == "comparison":
        del fields["assumptions"], fields["abbreviate"], fields["common"]
        fields["arithmetic"] = (FloatingArithmetic, "float64")
    return create_model(
        camel_case(operation) + SUFFIXES[asks],
        __base__=_base(declared, asks),
        __doc__=declared.summary + {"cost": ": shapes alone.", "comparison": ", twice."}.get(asks, "."),
        **fields,
    )


def _base(operation: Operation, asks: RequestKind) -> type[BaseModel]:
    """Return the base of a request: with constraints between fields if it is for an answer."""
    base: Any = model_with_parts(operation.parts)
    if asks != "answer":  # the document does not have these schemas
        return base  # type: ignore[no-any-return]

    class WithConditions(base):  # type: ignore[misc]
        @classmethod
        def constraints_between_fields(cls, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
            return [of_arithmetic(handler), *of_operation(operation)]

    return WithConditions


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's fields for `create_model`, so that they follow others; inherited fields come first."""
    return {name: (field.annotation, field) for name, field in model.model_fields.items()}


def _tensor_field(operation: Operation, name: str, shapes_only: bool) -> tuple[Any, Any]:
    declared = operation.inputs[name]
    shape = "Broadcasts to" if declared.broadcast else "Shape"
    words = f"{declared.meaning} {shape} {format_dims(declared)}."
    if declared.optional:
        words += f" Optional; by default: {declared.optional}."
    elif shapes_only:
        words += " By default, its sizes are its dimension names."
    else:
        words += " Required, unless values that take its place are given."
    kind: Any = Any if shapes_only else MaskTensor if declared.mask else Tensor
    return kind, Field(None, description=words, json_schema_extra={"x-dims": declared.dims})


def _setting_field(attribute: AttributeField, shapes_only: bool) -> tuple[Any, Any]:
    declared = attribute.declared
    minimum = declared.minimum or 0
    special: tuple[Any, Any] | None = None
    if is_constant(attribute.annotation):
        special = validate_constant, Constant
    elif is_sides(attribute.annotation):
        special = (
            partial(validate_sides, minimum=minimum, symbolic=shapes_only),
            PositiveSides if minimum else Sides,
        )
    elif is_padding_1d(attribute.annotation):
        special = partial(validate_padding, symbolic=shapes_only, axes=1), Padding1d
    elif is_padding(attribute.annotation):
        special = partial(validate_padding, symbolic=shapes_only), Padding
    elif is_axes(attribute.annotation):
        special = validate_axes, Axes
    elif (declared.dimension and shapes_only) or is_size(attribute.annotation):
        special = (
            partial(validate_integer, minimum=minimum, symbolic=shapes_only),
            Positive if minimum else Whole,
        )
    if special is not None:
        check, kind = special
        bounded = _constant_bounds(declared) if kind is Constant else None
        field = Field(attribute.default, description=declared.meaning, json_schema_extra=bounded)
        return Annotated[Any, PlainValidator(check, json_schema_input_type=kind)], field
    bounds: dict[str, Any] = {}
    if declared.minimum is not None:
        bounds = {"ge": declared.minimum, "le": MAX_INTEGER}
    elif int in allowed_types(attribute.annotation):
        bounds = {"ge": -MAX_INTEGER, "le": MAX_INTEGER}
    # The default None means that the setting may be left out; null is refused.
    annotation: Any = reduce(or_, allowed_types(attribute.annotation))
    if bounds:
        annotation = Annotated[annotation, Interval(**bounds), INTEGRAL]
    return annotation, Field(attribute.default, description=declared.meaning)


def _constant_bounds(declared: Attribute) -> dict[str, Any] | None:
    """Return bounds of a constant for the document. They are checked later, when text has been evaluated."""
    bounds = {
        "minimum": declared.minimum,
        "maximum": declared.maximum,
        "exclusiveMaximum": declared.below,
    }
    return {name: bound for name, bound in bounds.items() if bound is not None} or None
