"""Request fields that all computations share, except those of declared readings."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from typing_extensions import TypeAliasType

from service.schemas.readings import EXACT_ONLY as EXACT_READINGS
from service.schemas.readings import FLOATS_ONLY as READINGS_OF_FLOATS
from service.schemas.types import MAX_NAMES, SYMBOL, MaskTensor, Name, Request, Tensor

# Fields that apply to one kind of arithmetic only, each with its default.
EXACT_ONLY: dict[str, Any] = {"assumptions": {}, "abbreviate": [], "common": True} | EXACT_READINGS
FLOATS_ONLY: dict[str, Any] = {"encoding": "nested"} | READINGS_OF_FLOATS
Assumption: TypeAlias = Literal["positive", "negative", "nonnegative", "nonzero", "integer"]


# Named types, so that the document has each description once.
Given = TypeAliasType(
    "Given",
    Annotated[
        dict[str, MaskTensor],
        Field(
            max_length=MAX_NAMES,
            description="Values to take instead of computing them, by name. Values that cannot be computed"
            " from those given are listed under `unknown`; gradients do not pass a given value.",
        ),
    ],
)
Upstream = TypeAliasType(
    "Upstream",
    Annotated[
        dict[str, Tensor],
        Field(
            max_length=MAX_NAMES,
            description="The gradient of the final scalar with respect to values, by name, each in the shape"
            " of its value. The answer then has the gradients of everything that they depend on.",
        ),
    ],
)
Arithmetic = TypeAliasType(
    "Arithmetic",
    Annotated[
        Literal["float64", "float32", "exact"],
        Field(
            description="The kind of number that everything is computed in. Exact numbers may contain free"
            " symbols, and are returned as text, together with LaTeX and floats."
        ),
    ],
)
# Pairs of assumptions that no number satisfies.
CONTRADICTIONS = (("positive", "negative"), ("nonnegative", "negative"))
Assumed = Annotated[
    list[Assumption],
    Field(
        json_schema_extra={
            "allOf": [
                {"not": {"allOf": [{"contains": {"const": assumption}} for assumption in pair]}}
                for pair in CONTRADICTIONS
            ]
        }
    ),
]
Assumptions = TypeAliasType(
    "Assumptions",
    Annotated[
        dict[Name, Assumed],
        Field(
            max_length=MAX_NAMES,
            description="In exact arithmetic: assumptions about free symbols, all of which are real.",
            examples=[{"x1": ["positive"]}],
            json_schema_extra={"propertyNames": SYMBOL},
        ),
    ],
)
Abbreviations = TypeAliasType(
    "Abbreviations",
    Annotated[
        list[Name],
        Field(
            max_length=MAX_NAMES,
            description="In exact arithmetic: values that appear as symbols of their own names in everything"
            " computed from them, gradients included. Gradients still pass through them.",
            examples=[["z4"]],
        ),
    ],
)
Common = TypeAliasType(
    "Common",
    Annotated[
        bool,
        Field(
            strict=True,
            description="In exact arithmetic: whether parts that repeat in long entries are named and listed"
            " under `common`. Such entries are refused if they are sent again; with `false` every entry is"
            " written in full and can be sent again.",
        ),
    ],
)
Selection = TypeAliasType(
    "Selection",
    Annotated[
        list[Name],
        Field(
            min_length=1,
            max_length=MAX_NAMES,
            description="Names whose values, and with `upstream` whose gradients, are returned; by default,"
            " every named value except those returned only by request, and the gradients of inputs. `*`"
            ' stands for any text within this default: `["*", "entropy"]` adds to it. A pattern returns the'
            " gradients of the inputs that it matches, and their values if it matches nothing else; the name"
            " of an input returns both.",
            examples=[["weights", "output"], ["*", "entropy"]],
        ),
    ],
)
Encoding = TypeAliasType(
    "Encoding",
    Annotated[
        Literal["nested", "packed"],
        Field(description="The form of returned tensors: nested lists, or packed as base64."),
    ],
)


class Computation(Request):
    """The request fields that all computations share."""

    given: Given = Field(default_factory=dict)
    upstream: Upstream = Field(default_factory=dict)
    arithmetic: Arithmetic = "float64"
    assumptions: Assumptions = Field(default_factory=dict)
    abbreviate: Abbreviations = Field(default_factory=list)
    common: Common = True
    select: Selection = Field(default_factory=list)
    encoding: Encoding = "nested"
