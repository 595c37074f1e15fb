"""Named types of request and answer fields: tensors, sizes and changes.

Models do not validate tensors: `service.questions.tensors` checks their entries once, with NumPy. Types of
settings are in `service.schemas.setting_types`.

Client generators derive types from `type`, `items`, `anyOf` and `$ref`. Constraints that would only
complicate these types are in `allOf`, as members without a type, which generators ignore.
"""

from keyword import kwlist
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

from compute.arithmetic.expressions import FUNCTIONS, MAX_NAME, NAMED_NUMBERS, NO_NUMBERS
from compute.integers import with_integers
from service.schemas.formats import MAX_EXACT_ENTRIES, MAX_RANK, PACKED_DTYPES
from service.schemas.setting_validators import MAX_INTEGER

EMPTY: tuple[Any, ...] = (None, {}, [])
MAX_NAMES = 1000
# 2.0 counts as an integer. In an annotation bounds must come before this, or the document does not have them.
INTEGRAL = BeforeValidator(with_integers)
NEVER: dict[str, Any] = {"not": {}}  # the schema of a field that must be absent
LEFT_OUT: Any = None  # the default of fields that may be absent but not null


class Wire(BaseModel):
    """The base of models of bodies and of the objects in them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Remove titles, which repeat names, and defaults that mean an absent field."""
        reference = handler(core)
        schema = handler.resolve_ref_schema(reference)
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
            if field.get("default") in EMPTY:
                field.pop("default", None)
        if constraints := cls.constraints_between_fields(handler):
            schema["allOf"] = constraints
        return reference

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Return constraints between fields, as JSON schemas in addition to the model's own."""
        return []


class Request(Wire):
    """The base of models of requests: unknown fields are refused, and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


Name = Annotated[str, StringConstraints(max_length=200)]
Size1 = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Size0 = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Sizes = Annotated[list[Size1], Field(max_length=MAX_RANK)]
# The name of a free symbol; `compute.arithmetic.expressions.check_symbol` applies the same rules.
SYMBOL: dict[str, Any] = {
    "pattern": rf"^[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}$",
    "not": {"enum": sorted([*FUNCTIONS, *NAMED_NUMBERS, *NO_NUMBERS, *kwlist])},
}
# JSON Schema cannot describe the grammar of expressions: `format` names it, and `pattern` allows its
# characters.
_IN_TEXT = r"0-9A-Za-z_.()+*/^,<>=! \t\n\r\f\v-"
TEXT: dict[str, Any] = {"format": "expression", "pattern": rf"^[{_IN_TEXT}]*[0-9A-Za-z][{_IN_TEXT}]*$"}


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

    symbol: str = Field(
        description="Letters: with x the entries are x1, x2 or x1_1, x1_2.",
        json_schema_extra={"pattern": SYMBOL["pattern"]},
    )
    shape: list[Annotated[int, Field(ge=1, le=MAX_EXACT_ENTRIES)]] = Field(max_length=MAX_RANK)


def _nested(*kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a schema of lists nested 1 to 8 deep, whose entries all have the schemas of one kind.

    JSON Schema cannot require lists of a level to have equal lengths.
    """
    choices: list[dict[str, Any]] = []
    for entries in kinds:
        items: dict[str, Any] = {"anyOf": entries}
        for _ in range(MAX_RANK - 1):
            items = {"anyOf": [*entries, {"type": "array", "minItems": 1, "items": items}]}
        choices.append({"items": items})
    return {"allOf": choices if len(choices) == 1 else [{"anyOf": choices}]}


Text = Annotated[str, Field(json_schema_extra=TEXT)]
NUMBERS: list[dict[str, Any]] = [{"type": "number"}, {"type": "string", **TEXT}]
NestedLists = TypeAliasType(
    "NestedLists",
    Annotated[
        list[Any],
        Field(
            min_length=1,
            description="Nested lists of equal length, row by row, at most 8 deep. An entry is a number; text"
            ' for a constant expression ("2*sqrt(2)", "1/3"), "NaN", "Infinity" or "-Infinity". In exact'
            ' arithmetic text may contain free symbols ("x1").',
            json_schema_extra=_nested(NUMBERS),
        ),
    ],
)
NestedMasks = TypeAliasType(
    "NestedMasks",
    Annotated[
        list[Any],
        Field(
            min_length=1,
            description="Nested lists of equal length, at most 8 deep: of booleans, or of numbers and text"
            " as elsewhere.",
            json_schema_extra=_nested([{"type": "boolean"}], NUMBERS),
        ),
    ],
)
HOLDS_BOOLEANS = {"type": "object", "properties": {"dtype": {"const": "bool"}}, "required": ["dtype"]}
Tensor = TypeAliasType(
    "Tensor",
    Annotated[
        SkipValidation[float | Text | NestedLists | PackedTensor | SymbolTensor],
        Field(
            description="A number, text in place of a number, nested lists of these, packed bytes, or new"
            " symbols.",
            json_schema_extra={"not": HOLDS_BOOLEANS},
        ),
    ],
)
MaskTensor = TypeAliasType(
    "MaskTensor",
    Annotated[
        SkipValidation[bool | float | Text | NestedMasks | PackedTensor | SymbolTensor],
        Field(description="A tensor that may hold booleans, in every entry or in none."),
    ],
)
ProgramInputs = TypeAliasType(
    "ProgramInputs",
    Annotated[
        dict[str, MaskTensor],
        Field(max_length=MAX_NAMES, description="Tensors by name; data may be booleans."),
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


Indices = Annotated[list[Size0], Field(min_length=1, json_schema_extra={"uniqueItems": True})]


class Edit(Request):
    """A change to part of a tensor: one of `add`, `multiply` and `replace` at an index, or one of `permute`
    and `remove` along an axis.
    """

    add: Tensor = LEFT_OUT
    multiply: Tensor = LEFT_OUT
    replace: MaskTensor = LEFT_OUT
    at: list[Size0 | None] = Field(
        LEFT_OUT,
        max_length=MAX_RANK,
        description="An index for each of the first axes, null for all of an axis; by default everywhere.",
    )
    permute: Indices = Field(LEFT_OUT, description="The new order along the axis.")
    remove: Indices = Field(LEFT_OUT, description="Indices to leave out.")
    axis: int = Field(0, description="The axis of `permute` and `remove`.")

    @classmethod
    def constraints_between_fields(cls, _: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        """Require exactly one verb, and exclude the fields of other verbs."""
        verbs = {"add": "at", "multiply": "at", "replace": "at", "permute": "axis", "remove": "axis"}
        names = {*verbs, *verbs.values()}
        return [
            {
                "oneOf": [
                    {"required": [verb], "properties": dict.fromkeys(sorted(names - {verb, option}), NEVER)}
                    for verb, option in verbs.items()
                ]
            }
        ]


Change = TypeAliasType(
    "Change",
    Annotated[
        SkipValidation[MaskTensor | Edit | None],
        Field(description="The tensor or setting to use instead; null to leave it out; or an edit."),
    ],
)
