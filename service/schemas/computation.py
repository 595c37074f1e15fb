"""The fields that every computation takes beside its operation's own."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from typing_extensions import TypeAliasType

from compute.graph.numerics import DIAGNOSES
from service.schemas.types import MAX_NAMES, SYMBOL, MaskTensor, Name, Request, Tensor

MAX_JACOBIANS = 16
# Fields that are about one kind of arithmetic, by the value that asks for nothing.
EXACT_ONLY: dict[str, Any] = {"assumptions": {}, "abbreviate": [], "common": True}
FLOATS_ONLY: dict[str, Any] = {"diagnose": False, "encoding": "nested"}
Assumption: TypeAlias = Literal["positive", "negative", "nonnegative", "nonzero", "integer"]


class JacobianPair(Request):
    """The Jacobian of one value with respect to another."""

    of: Name = Field(description="The value that is differentiated.", examples=["output"])
    wrt: Name = Field(description="The value that it is differentiated with respect to.", examples=["x"])
    by_path: bool = Field(
        False,
        description="Whether to also return its parts, one for each value that uses `wrt`: the products of"
        " the chain rule before they are summed.",
    )


# ValueSpec types: their descriptions stand in the document once.
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
JacobianPairs = TypeAliasType(
    "JacobianPairs",
    Annotated[
        list[JacobianPair],
        Field(max_length=MAX_JACOBIANS, description="Jacobians to return, between any two names."),
    ],
)
Arithmetic = TypeAliasType(
    "Arithmetic",
    Annotated[
        Literal["float64", "float32", "exact"],
        Field(
            description="The kind of number that everything is computed in. Exact numbers may contain free"
            " symbols, and are returned as text, with LaTeX and floats beside it."
        ),
    ],
)
# No number is both.
CONTRADICTIONS = (("positive", "negative"), ("nonnegative", "negative"))
Assumed = Annotated[
    list[Assumption],
    Field(
        json_schema_extra={
            "allOf": [
                {"not": {"allOf": [{"contains": {"const": one}} for one in pair]}} for pair in CONTRADICTIONS
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
            " whole text, which means the same wherever it is sent.",
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
Diagnose = TypeAliasType(
    "Diagnose",
    Annotated[
        bool,
        Field(
            strict=True,
            description="Whether `notes` also report numbers that are finite but unreliable; floats only. "
            + " ".join(f"`{code}`: {meaning}." for code, meaning in DIAGNOSES.items()),
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
Verify = TypeAliasType(
    "Verify",
    Annotated[
        bool,
        Field(
            strict=True,
            description="Whether to return `evidence` that the answer is right: gradients compared with"
            " differences of recomputed values, equations that values satisfy, and the number of digits that"
            " rounding leaves reliable.",
        ),
    ],
)


class Computation(Request):
    """The fields that every computation takes beside its operation's own."""

    given: Given = Field(default_factory=dict)
    upstream: Upstream = Field(default_factory=dict)
    jacobian: JacobianPairs = Field(default_factory=list)
    arithmetic: Arithmetic = "float64"
    assumptions: Assumptions = Field(default_factory=dict)
    abbreviate: Abbreviations = Field(default_factory=list)
    common: Common = True
    select: Selection = Field(default_factory=list)
    diagnose: Diagnose = False
    encoding: Encoding = "nested"
    verify: Verify = False
