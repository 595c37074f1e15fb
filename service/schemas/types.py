"""The named types of the wire: tensors, sizes, settings and changes, as the document refers to them.

Tensors pass through models unchecked: their entries are checked once, with NumPy, by
`service.questions.tensors`. Settings are checked by `service.schemas.setting_validators`.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SkipValidation,
    StringConstraints,
)
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType

from compute.integers import with_integers
from service.schemas.formats import MAX_RANK, PACKED_DTYPES

EMPTY: tuple[Any, ...] = (None, {}, [])
MAX_NAMES = 1000
# 2.0 is an integer. Bounds have to stand before this in an annotation, or the document does not show them.
INTEGRAL = BeforeValidator(with_integers)
LEFT_OUT: Any = None  # the default of fields that may be absent, and may not be null


class Wire(BaseModel):
    """A model of a body, or of an object in one."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Leave out titles, which repeat names, and defaults that stand for a field that is absent."""
        reference = handler(core)
        schema = handler.resolve_ref_schema(reference)
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
            if field.get("default") in EMPTY:
                field.pop("default", None)
        return reference


class Request(Wire):
    """A model of a request: no field that it does not know, and no conversion of what was sent."""

    model_config = ConfigDict(extra="forbid", strict=True)


Name = Annotated[str, StringConstraints(max_length=200)]
Sizes = Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=MAX_RANK)]


class PackedTensor(Request):
    """A tensor as bytes: dtype, shape, and the entries in base64."""

    dtype: Literal[tuple(PACKED_DTYPES)]  # type: ignore[valid-type]
    shape: Sizes
    data: str = Field(
        description="Base64 of the little-endian entries, row by row.",
        json_schema_extra={"contentEncoding": "base64"},
    )


class SymbolTensor(Request):
    """In exact arithmetic: a free symbol for each entry, numbered from 1."""

    symbol: str = Field(description="Letters: with x the entries are x1, x2 or x1_1, x1_2.")
    shape: Sizes


NestedLists = TypeAliasType(
    "NestedLists",
    Annotated[
        list[Any],
        Field(
            min_length=1,
            description="Nested lists of equal length, row by row, at most 8 deep. An entry is a number; text"
            ' for a constant expression ("2*sqrt(2)", "1/3"), "NaN", "Infinity" or "-Infinity"; a boolean in'
            ' masks. In exact arithmetic text may contain free symbols ("x1").',
        ),
    ],
)
Tensor = TypeAliasType(
    "Tensor",
    Annotated[
        SkipValidation[float | str | bool | NestedLists | PackedTensor | SymbolTensor],
        Field(
            description="A number, text in place of a number, nested lists of these, packed bytes, or new"
            " symbols."
        ),
    ],
)
NamedTensors = TypeAliasType(
    "NamedTensors", Annotated[dict[str, Tensor], Field(max_length=MAX_NAMES, description="Tensors by name.")]
)

AnswerEntry = TypeAliasType(
    "AnswerEntry",
    Annotated[
        SkipValidation[float | str | bool],
        Field(
            description='A number; "NaN", "Infinity" or "-Infinity"; in exact arithmetic an expression as'
            " text; a boolean in masks."
        ),
    ],
)
AnswerTensor = TypeAliasType(
    "AnswerTensor",
    Annotated[
        SkipValidation[float | str | bool | list[Any] | PackedTensor],
        Field(
            description="An entry, or nested lists of entries, row by row; packed bytes if `encoding` is"
            ' packed. An entry is a number; "NaN", "Infinity" or "-Infinity"; in exact arithmetic an'
            " expression as text; a boolean in masks."
        ),
    ],
)
AnswerTensors = TypeAliasType(
    "AnswerTensors", Annotated[dict[str, AnswerTensor], Field(description="Tensors by name.")]
)

Size = TypeAliasType(
    "Size",
    Annotated[
        SkipValidation[int | str],
        Field(description="A number, or an expression in dimension names such as 2*d*n**2."),
    ],
)
Ratio = TypeAliasType(
    "Ratio",
    Annotated[
        SkipValidation[float | str],
        Field(description="A number, or a quotient of expressions in dimension names such as T/(1 + 2*k)."),
    ],
)


class ShapeOnly(Request):
    """A shape in place of a tensor, in numbers and dimension names."""

    shape: Annotated[list[Size], Field(max_length=MAX_RANK)]


Constant = TypeAliasType(
    "Constant",
    Annotated[
        SkipValidation[float | str],
        Field(
            description='A number, or a constant expression such as "sqrt(2)/3". It may contain dimension'
            " names such as d_k if the setting says so."
        ),
    ],
)
Whole = TypeAliasType(
    "Whole", Annotated[SkipValidation[Annotated[int, Field(ge=0)]], Field(description="A whole number.")]
)
_Pair = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]
Sides = TypeAliasType(
    "Sides",
    Annotated[
        SkipValidation[Annotated[int, Field(ge=0)] | _Pair],
        Field(description="One number for both sides, or two."),
    ],
)
Padding = TypeAliasType(
    "Padding",
    Annotated[
        SkipValidation[
            Annotated[int, Field(ge=0)]
            | _Pair
            | Annotated[list[_Pair], Field(min_length=2, max_length=2)]
            | Literal["same", "valid"]
        ],
        Field(
            description="The amount added around an input: one number, one for each side, a pair for each"
            " axis, or the name of a rule."
        ),
    ],
)
Axes = TypeAliasType(
    "Axes",
    Annotated[
        SkipValidation[int | list[int]],
        Field(description="An axis or a list of them, counted from 0, or from the last where negative."),
    ],
)


class Edit(Request):
    """A change to part of a tensor: one of `add`, `multiply` and `replace` at an index, or one of `permute`
    and `remove` along an axis.
    """

    add: Tensor = LEFT_OUT
    multiply: Tensor = LEFT_OUT
    replace: Tensor = LEFT_OUT
    at: list[Annotated[int, Field(ge=0)] | None] = Field(
        LEFT_OUT,
        description="An index for each of the first axes, null for all of an axis; by default everywhere.",
    )
    permute: list[Annotated[int, Field(ge=0)]] = Field(LEFT_OUT, description="The new order along the axis.")
    remove: list[Annotated[int, Field(ge=0)]] = Field(LEFT_OUT, description="Indices to leave out.")
    axis: int = Field(0, description="The axis of `permute` and `remove`.")


Change = TypeAliasType(
    "Change",
    Annotated[
        SkipValidation[Tensor | Edit | bool | None],
        Field(description="The tensor or setting to use instead; null to leave it out; or an edit."),
    ],
)
