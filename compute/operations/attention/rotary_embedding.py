"""Rotary position embedding: each pair of coordinates is rotated by an angle that grows with the position."""

from typing import Annotated, Literal, TypeAlias

from compute.dimensions import ShapeError, Size, broadcast, divide, show
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.attention.scoring import Layout
from compute.operations.framework.constants import parse_frequency_base
from compute.operations.framework.declaration import Attribute, Constant, Input, operation

Pairing: TypeAlias = Literal["interleaved", "half_split"]
Base: TypeAlias = Annotated[
    Constant,
    Attribute(
        "The base of the frequencies: pair i of r coordinates is rotated by base^(-2i/r) per position."
    ),
]
Positions: TypeAlias = Annotated[
    Value | None,
    Input("... n", "The position of each token.", "t", optional="0, 1, 2 and so on"),
]


def _entry(name: str, meaning: str, symbol: str) -> ValueSpec:
    return ValueSpec(name, "token d", "... n d", meaning, symbol, transposed_by="layout")


@operation(
    (
        _entry("angles", "The rotation angle of each coordinate's pair; 0 if it is not rotated.", r"\theta"),
        _entry("cosines", "The cosines of the angles.", "c"),
        _entry("sines", "The sines of the angles.", "s"),
        _entry("output", "The tokens with their pairs rotated.", "Y"),
    )
)
def rotary_embedding(
    x: Annotated[Value, Input("... n d", "Queries or keys.", "X", transposed_by="layout")],
    positions: Positions = None,
    *,
    pairing: Annotated[
        Pairing,
        Attribute(
            "The pairs of coordinates. interleaved: 2i and 2i + 1; half_split: i and i + r/2, for r rotated"
            " coordinates."
        ),
    ] = "interleaved",
    rotary_dimension: Annotated[
        int | None,
        Attribute(
            "The number of rotated coordinates, from the first on; an even number. Default: all.",
            minimum=2,
        ),
    ] = None,
    base: Base = 10000,
    layout: Layout = "rows",
) -> Value:
    """Rotary position embedding: each pair of coordinates is rotated by position times frequency.

    (a, b) becomes (a cos - b sin, a sin + b cos), so that the dot product of a query and a key depends
    on their positions only through the difference. Every coordinate has its own entry in the angles; those
    of a pair are equal.

    Source: Su et al., RoFormer (2021), equations 15 and 34; half_split as in Wolf et al., Transformers
    (2020), for LLaMA; partial dimensions as in Black et al., GPT-NeoX-20B (2022), section 2.1.1.
    """
    graph, rows = x.graph, layout == "rows"
    token_axis, width_axis = (-2, -1) if rows else (-1, -2)
    tokens, width = x.shape[token_axis], x.shape[width_axis]
    rotated = _rotated_width(width, rotary_dimension)
    if positions is not None:
        check_positions(positions, x, "positions")
    else:
        positions = apply("positions", graph=graph, count=tokens, first=0)
    power = parse_frequency_base(graph, "base", base)
    frequencies = apply("frequencies", graph=graph, pairs=divide(rotated, 2), width=rotated, expression=power)
    per_column = apply("spread_pairs", frequencies, pairing=pairing, rotated=rotated, width=width)
    angles = apply("expand_dims", positions, axis=width_axis) * apply(
        "expand_dims", per_column, axis=token_axis
    )
    angles = angles.named("angles")
    cosines, sines = apply("cos", angles).named("cosines"), apply("sin", angles).named("sines")
    swapped = apply("turn_pairs", x, pairing=pairing, rotated=rotated, axis=width_axis)
    return (x * cosines + swapped * sines).named("output")


def check_positions(positions: Value, x: Value, field: str) -> None:
    """Raise QuestionError unless the batch axes of positions broadcast to those of the tokens."""
    outer = x.shape[:-2]
    try:
        fits = broadcast(positions.shape[:-1], outer) == outer
    except ShapeError:
        fits = False
    if not fits:
        raise QuestionError(
            (field,),
            "the batch axes do not fit those of the tokens",
            f"batch axes that broadcast to {show(outer)}",
            f"shape {show(positions.shape)}",
        )


def _rotated_width(width: Size, rotary_dimension: int | None) -> Size:
    """Return the number of rotated coordinates. Raises QuestionError if it is odd or above the width."""
    rotated = width if rotary_dimension is None else rotary_dimension
    if isinstance(rotated, int) and (rotated % 2 or (isinstance(width, int) and rotated > width)):
        raise QuestionError(
            ("rotary_dimension",),
            f"{rotated} of {width} coordinates cannot be rotated in pairs",
            f"an even number from 2 to {width - width % 2 if isinstance(width, int) else width}",
            f"{rotated}",
        )
    return rotated
