"""Positional encodings, and the rotation that shifts sinusoidal ones."""

from typing import Annotated, Literal

from compute.arithmetic.expressions import Expression
from compute.dimensions import Size, divide
from compute.errors import QuestionError, describe
from compute.graph.graph import Graph, Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import parse_constant, parse_frequency_base
from compute.operations.framework.declaration import Attribute, Constant, operation
from compute.operations.framework.rules import rule


@operation(
    (
        ValueSpec("positions", "position", "length", "The positions.", "t"),
        ValueSpec(
            "frequencies", "pair", "pairs", "The angular frequency of each pair of columns.", r"\omega"
        ),
        ValueSpec("angles", "position pair", "length pairs", "Position times frequency.", r"\theta"),
        ValueSpec("output", "position column", "length dimension", "The encoding of each position.", "P"),
        ValueSpec(
            "rotation",
            "column column",
            "dimension dimension",
            "The matrix that maps the encoding of t to that of t + relative_shift: p(t + s) = R p(t).",
            "R",
        ),
        ValueSpec(
            "shifted",
            "position column",
            "... dimension",
            "The rotated encoding of each position whose shifted position exists.",
            r"\tilde{P}",
        ),
        ValueSpec(
            "shift_error",
            "position column",
            "... dimension",
            "The shifted encoding minus the true one.",
            "E",
        ),
    ),
    rules=(
        rule("base", {"kind": ("sinusoidal",)}),
        rule("relative_shift", {"kind": ("sinusoidal",)}),
    ),
)
def positional_encoding(
    graph: Graph,
    *,
    length: Annotated[int, Attribute("The number of positions.", minimum=1, dimension=True)],
    dimension: Annotated[
        int, Attribute("The number of columns of the encoding.", minimum=1, dimension=True)
    ] = 1,
    kind: Annotated[
        Literal["sinusoidal", "integer", "normalized"],
        Attribute(
            "sinusoidal: alternating sines and cosines, positions from 0. integer: 1, 2, 3, ... in every"
            " column. normalized: the same divided by the length."
        ),
    ] = "sinusoidal",
    base: Annotated[
        Constant | None,
        Attribute("For sinusoidal: the base of the frequencies. Default: 10000."),
    ] = None,
    relative_shift: Annotated[
        int | None,
        Attribute(
            "s: requests the rotation that maps position t to t + s, the same for every t, and its error."
            " Only for sinusoidal encodings of even dimension."
        ),
    ] = None,
) -> Value:
    """Positional encodings: sinusoidal, integer or normalized.

    Sinusoidal: column 2i is sin(t / base^(2i/dimension)) and column 2i + 1 its cosine. The other two kinds
    are absolute: a shift by s is not a linear map of them.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.5.
    """
    if relative_shift is not None:
        _check_shift(relative_shift, kind, length, dimension)
    if kind != "sinusoidal":
        if base is not None:
            raise QuestionError(
                ("base",),
                f"{kind} encodings have no frequencies",
                "kind sinusoidal, or no base",
                describe(base),
            )
        positions = apply("positions", graph=graph, count=length, first=1).named("positions")
        column = apply("expand_dims", positions, axis=-1)
        if kind == "normalized":
            symbol = Expression("symbol", text="length")
            column = column / apply("constant", graph=graph, expression=symbol, sizes={"length": length})
        return apply("broadcast_to", column, to=(length, dimension)).named("output")
    positions = apply("positions", graph=graph, count=length, first=0).named("positions")
    pairs = _pair_count(dimension)
    graph.conventions["base"] = 10000 if base is None else base
    power = parse_frequency_base(graph, "base", graph.conventions["base"])
    frequencies = apply("frequencies", graph=graph, pairs=pairs, width=dimension, expression=power)
    frequencies = frequencies.named("frequencies")
    angles = (apply("expand_dims", positions, axis=-1) * frequencies).named("angles")
    output = apply("interleave", apply("sin", angles), apply("cos", angles), width=dimension)
    output = output.named("output")
    if relative_shift is not None:
        _name_shift(output, frequencies, relative_shift, length)
    return output


def _pair_count(dimension: Size) -> Size:
    """Return the number of pairs of a sine and a cosine; with an odd dimension the last has no cosine."""
    return -(-dimension // 2) if isinstance(dimension, int) else divide(dimension, 2)


def _name_shift(output: Value, frequencies: Value, shift: int, length: Size) -> None:
    """Name the rotation, the shifted encodings, and their error."""
    constant = parse_constant(output.graph, "relative_shift", shift)
    angles = apply("constant", graph=output.graph, **constant) * frequencies
    rotation = apply("block_rotation", apply("cos", angles), apply("sin", angles)).named("rotation")
    first, second = (0, shift) if shift >= 0 else (-shift, 0)
    count = length + -abs(shift)
    shifted = (apply("rows", output, start=first, stop=first + count) @ rotation.T).named("shifted")
    truth = apply("rows", output, start=second, stop=second + count)
    (shifted - truth).named("shift_error")


def _check_shift(shift: int, kind: str, length: Size, dimension: Size) -> None:
    if kind != "sinusoidal":
        raise QuestionError(
            ("relative_shift",),
            f"{kind} encodings are shifted by adding, not by a rotation",
            "kind sinusoidal, or no relative_shift",
            f"kind {kind}",
        )
    if isinstance(dimension, int) and dimension % 2:
        raise QuestionError(
            ("dimension",),
            "the last column has no partner for a rotation",
            "an even dimension if relative_shift is set",
            f"dimension {dimension}",
        )
    if isinstance(length, int) and abs(shift) >= length:
        raise QuestionError(
            ("relative_shift",),
            "the shift leads past every position",
            f"a whole number from {1 - length} to {length - 1}",
            f"a shift of {shift}",
        )
