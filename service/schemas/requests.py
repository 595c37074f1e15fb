"""Request schemas, derived from the declarations of operations.

A pydantic model for each operation checks settings and field names. Tensors pass through it untouched,
since their entries are checked by `service.questions.tensors`, once and with NumPy.
"""

from functools import cache, partial, reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    create_model,
)

from compute.hazards import DIAGNOSES
from compute.integers import with_integers
from compute.operations import CATALOGUE
from compute.operations.declaration import (
    AttributeField,
    Operation,
    is_axes,
    is_constant,
    is_padding,
    is_sides,
    is_size,
    kinds,
)
from compute.operations.state_dicts import FIELD, takes_state_dict
from service.schemas.parts import full_names, part_field, state_dict_field
from service.schemas.references import Reference, camel, dims_text
from service.schemas.setting_validators import MAX_INTEGER, axes, constant, padding, sides, whole

MAX_NAMES = 1000
MAX_JACOBIANS = 16


Assumption: TypeAlias = Literal["positive", "negative", "nonnegative", "nonzero", "integer"]
Asks: TypeAlias = Literal["answer", "cost", "comparison"]
SUFFIXES: dict[str, str] = {"answer": "Request", "cost": "Shapes", "comparison": "Comparison"}
Name: TypeAlias = Annotated[str, StringConstraints(max_length=200)]


class JacobianPair(BaseModel):
    """Which value's Jacobian, with respect to which."""

    model_config = ConfigDict(extra="forbid", strict=True)

    of: Name = Field(description="The value that is differentiated.", examples=["output"])
    wrt: Name = Field(description="The value it is differentiated by.", examples=["x"])
    by_path: bool = Field(
        False,
        description="Whether to return its parts too, one for each value that uses `wrt`: the products of the"
        " chain rule, before they are summed.",
    )


class Computation(BaseModel):
    """What every computation takes beside its operation's own fields."""

    model_config = ConfigDict(extra="forbid", strict=True)

    given: Annotated[dict[str, Any], Reference("NamedTensors")] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="Values to take instead of computing them, by name. What cannot be reached from"
        " what is given comes back under `unknown`; gradients are not carried past a given value.",
    )
    upstream: Annotated[dict[str, Any], Reference("NamedTensors")] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="The gradient of the final scalar with respect to values, by name, each of its"
        " value's shape. Asks for the gradients of everything that leads there.",
    )
    jacobian: list[JacobianPair] = Field(
        default_factory=list,
        max_length=MAX_JACOBIANS,
        description="Jacobians to return, between any two names.",
    )
    arithmetic: Literal["float64", "float32", "exact"] = Field(
        "float64",
        description="The kind of number everything is computed in. Exact numbers may hold free symbols, and"
        " come back as text, with LaTeX and floats beside it.",
    )
    assumptions: dict[Name, list[Assumption]] = Field(
        default_factory=dict,
        max_length=MAX_NAMES,
        description="Of exact numbers: what is assumed of free symbols, all of which are real.",
        examples=[{"x1": ["positive"]}],
    )
    abbreviate: list[Name] = Field(
        default_factory=list,
        max_length=MAX_NAMES,
        description="Of exact numbers: values that stand as symbols of their own names in what is computed"
        " from them, and in gradients, which pass them all the same.",
        examples=[["z4"]],
    )
    select: list[Name] = Field(
        default_factory=list, min_length=1, max_length=MAX_NAMES,
        description="Names whose values, and with `upstream` whose gradients, are returned; if not said, each"
        " named value that need not be asked for, with the gradients of inputs too. `*` stands for any text,"
        ' over all that this default holds: `["*", "entropy"]` adds to it. A pattern returns the gradients of'
        " the inputs it matches, and their values unless it matches more; an input's name returns both.",
        examples=[["weights", "output"], ["*", "entropy"]],
    )  # fmt: skip
    diagnose: bool = Field(
        False,
        description="Whether to remark in `notes` also numbers that are finite and no good; of floats alone. "
        + " ".join(f"`{code}`: {meaning}." for code, meaning in DIAGNOSES.items()),
    )
    encoding: Literal["nested", "packed"] = Field(
        "nested", description="How tensors are returned: nested lists, or packed as base64."
    )
    verify: bool = Field(
        False,
        description="Whether to return `evidence` that the answer is right: gradients beside differences of"
        " values computed again, promised equations, and what rounding leaves certain.",
    )


class Comparison(BaseModel):
    """What a comparison takes beside the question that it changes."""

    changes: Annotated[dict[str, Any], Reference("Changes")] = Field(
        min_length=1,
        max_length=MAX_NAMES,
        description="By name of an input, a setting or a value: what it is afterwards. A value that is"
        " changed is taken and not computed.",
    )
    first_order: bool | None = Field(
        None,
        description="Whether to say what the Jacobian predicts. If not said: where all that differs are"
        " entries or constants, each by at most a tenth of the largest entry beside it.",
    )


FLOATING_ONLY = (
    Literal["float64", "float32"],
    Field("float64", description="The kind of number everything is computed in."),
)


@cache
def request_model(operation: str, asks: Asks = "answer") -> type[BaseModel]:
    """The model of an operation's request: for its answer, for its cost, or for a comparison."""
    declared, shapes_only = CATALOGUE[operation], asks == "cost"
    fields: dict[str, Any] = {}
    if asks != "answer":
        fields["operation"] = (Literal[operation], Field(description="Which operation."))
    if asks == "comparison":
        fields |= fields_of(Comparison)
    fields |= {name: _tensor(declared, name, shapes_only) for name in declared.inputs}
    fields |= {
        name: part_field(declared.name, name, one, shapes_only) for name, one in declared.parts.items()
    }
    if takes_state_dict(declared):
        fields[FIELD] = state_dict_field(shapes_only)
    fields |= {name: _attribute(one, shapes_only) for name, one in declared.attributes.items()}
    if not shapes_only:
        fields |= fields_of(Computation)
    if asks == "comparison":
        del fields["jacobian"]  # two Jacobians side by side would say nothing new
        del fields["assumptions"], fields["abbreviate"], fields["verify"]
        fields["arithmetic"] = FLOATING_ONLY
    return create_model(
        camel(operation) + SUFFIXES[asks],
        __config__={**Computation.model_config, "json_schema_extra": full_names(declared.parts, shapes_only)},
        __doc__=declared.summary + {"cost": ": shapes alone.", "comparison": ", twice."}.get(asks, "."),
        **fields,
    )


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's fields, to stand behind others; inherited ones would stand before them."""
    return {name: (one.rebuild_annotation(), one) for name, one in model.model_fields.items()}


def _tensor(operation: Operation, name: str, shapes_only: bool) -> tuple[Any, Any]:
    declared = operation.inputs[name]
    shape = "Broadcasts to" if declared.broadcast else "Shape"
    words = f"{declared.meaning} {shape} {dims_text(declared)}."
    if declared.optional:
        words += f" Optional; if left out: {declared.optional}."
    elif shapes_only:
        words += " If left out, its sizes are its dimension names."
    else:
        words += " Required, unless values that take its place are given."
    reference = Reference("Shape" if shapes_only else "Tensor", **{"x-dims": declared.dims})
    return Annotated[Any, reference], Field(None, description=words)


def _attribute(attribute: AttributeField, shapes_only: bool) -> tuple[Any, Any]:
    declared = attribute.declared
    special: tuple[Any, str] | None = None
    minimum = declared.minimum or 0
    if is_constant(attribute.annotation):
        special = constant, "Constant"
    elif is_sides(attribute.annotation):
        special = (
            partial(sides, minimum=minimum, letters=shapes_only),
            "SizeSides" if shapes_only else "Sides",
        )
    elif is_padding(attribute.annotation):
        special = partial(padding, letters=shapes_only), "SizePadding" if shapes_only else "Padding"
    elif is_axes(attribute.annotation):
        special = axes, "Axes"
    elif (declared.dimension and shapes_only) or is_size(attribute.annotation):
        special = partial(whole, minimum=minimum, letters=shapes_only), "Size" if shapes_only else "Whole"
    if special is not None:
        field = Field(attribute.default, description=declared.meaning)
        return Annotated[Any, PlainValidator(special[0]), Reference(special[1])], field
    bounds: dict[str, Any] = {}
    if declared.minimum is not None:
        bounds = {"ge": declared.minimum, "le": MAX_INTEGER}
    elif int in kinds(attribute.annotation):
        bounds = {"ge": -MAX_INTEGER, "le": MAX_INTEGER}
    # A setting that may be left out is no setting that may be null.
    annotation: Any = reduce(or_, kinds(attribute.annotation))
    if bounds:
        annotation = Annotated[annotation, BeforeValidator(with_integers)]
    return annotation, Field(attribute.default, description=declared.meaning, **bounds)
