"""The named types of settings, as the document refers to them.

Settings are checked by `service.schemas.setting_validators`.
"""

from typing import Annotated, Literal

from pydantic import Field, SkipValidation
from typing_extensions import TypeAliasType

from service.schemas.types import Size0, Size1, Text

Constant = TypeAliasType(
    "Constant",
    Annotated[
        SkipValidation[float | Text],
        Field(
            description='A number, or a constant expression such as "sqrt(2)/3". It may contain dimension'
            " names such as d_k if the setting says so."
        ),
    ],
)
Whole = TypeAliasType("Whole", Annotated[SkipValidation[Size0], Field(description="A whole number.")])
Positive = TypeAliasType(
    "Positive", Annotated[SkipValidation[Size1], Field(description="A whole number from 1 on.")]
)
Pair = Annotated[list[Size0], Field(min_length=2, max_length=2)]
Sides = TypeAliasType(
    "Sides",
    Annotated[SkipValidation[Size0 | Pair], Field(description="One number for both sides, or two.")],
)
PositiveSides = TypeAliasType(
    "PositiveSides",
    Annotated[
        SkipValidation[Size1 | Annotated[list[Size1], Field(min_length=2, max_length=2)]],
        Field(description="One number from 1 on for both sides, or two."),
    ],
)
Padding = TypeAliasType(
    "Padding",
    Annotated[
        SkipValidation[
            Size0 | Pair | Annotated[list[Pair], Field(min_length=2, max_length=2)] | Literal["same", "valid"]
        ],
        Field(
            description="The amount added around an input: one number, one for each side, a pair for each"
            " axis, or the name of a rule."
        ),
    ],
)
Padding1d = TypeAliasType(
    "Padding1d",
    Annotated[
        SkipValidation[Size0 | Pair | Literal["same", "valid"]],
        Field(
            description="The amount added around the one axis of an input: one number, one for each side, or"
            " the name of a rule."
        ),
    ],
)
Axes = TypeAliasType(
    "Axes",
    Annotated[
        SkipValidation[
            int | Annotated[list[int], Field(min_length=1, json_schema_extra={"uniqueItems": True})]
        ],
        Field(description="An axis or a list of them, counted from 0, or from the last if negative."),
    ],
)
