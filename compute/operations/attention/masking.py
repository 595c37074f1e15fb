"""Padding masks and dropout masks, shared by attention and the layers that contain it."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from compute.dimensions import ShapeError, broadcast, show
from compute.errors import QuestionError
from compute.graph.graph import Graph, Value, apply
from compute.operations.framework.declaration import Attribute, Constant, Input
from compute.operations.layers.dropout_moments import DropoutMoments, parse_rate

DropoutRate: TypeAlias = Annotated[
    Constant | None,
    Attribute(
        "p, required with a dropout mask and allowed only with it: the probability that an entry is dropped,"
        " from 0 to below 1. Kept entries are divided by 1 - p. In exact arithmetic it may be a symbol.",
        minimum=0,
        below=1,
    ),
]
DROPOUT_MASK = "dropout_mask"
KEY_PADDING_MASK = "key_padding_mask"


def dropout_input(dims: str, of: str, turns: str = "") -> Input:
    """Declare a dropout mask. of: the entries it is for, in words; transposed_by: as for `Input`."""
    return Input(
        dims,
        f"The {of} to keep: booleans, or 1 for kept and 0 for dropped.",
        r"M_{\text{drop}}",
        transposed_by=turns,
        mask=True,
        boolean=True,
        broadcast=True,
        optional="nothing is dropped",
    )


def padding_input(dims: str, of: str = "keys") -> Input:
    """Declare a padding mask. of: the tokens it is for, in words."""
    return Input(
        dims,
        f"The {of} that are padding, to which no query attends: booleans, true for padding.",
        r"M_{\text{pad}}",
        mask=True,
        boolean=True,
        optional="none is padding",
    )


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of attention.

    mask: of pairs of a query and a key.
    padding: of keys.
    kept: the dropout mask of weights.
    rate: the dropout rate.
    """

    mask: Value | None
    padding: Value | None
    kept: Value | None
    rate: Constant | None

    @property
    def removes_keys(self) -> bool:
        """True if any mask removes keys."""
        return self.mask is not None or self.padding is not None

    def allowed_keys(self, query_axis: int, *, in_heads: bool) -> Value | None:
        """Return the mask of keys that are not padding, with the axes of the scores; None without padding."""
        if self.padding is None:
            return None
        self.padding.graph.conventions[KEY_PADDING_MASK] = "true is padding"
        allowed = apply("expand_dims", apply("logical_not", self.padding), axis=query_axis)
        return apply("expand_dims", allowed, axis=-3) if in_heads and allowed.rank > 2 else allowed

    def kept_weights(self) -> list[Value]:
        """Return the mask of weights that are not dropped, in a list that is empty without dropout."""
        return [] if self.kept is None else [apply("logical_not", apply("logical_not", self.kept))]

    def drop_weights(self, weights: Value) -> Value:
        """Return the weights after dropout, named `dropped_weights` if there is a mask."""
        return apply_dropout(weights, self.kept, self.rate, "dropped_weights")


def clear_padding(tokens: Value, padding: Value | None, *, rows: bool = True) -> Value:
    """Replace NaN and infinity in tokens that are padding by zeros without gradient.

    tokens: (..., n, d).
    padding: (..., n), true for padding. A mask of another shape is ignored here and refused with the scores.
    rows: whether tokens are rows; otherwise they are columns.
    """
    if padding is None:
        return tokens
    allowed = (
        apply("expand_dims", apply("logical_not", padding), axis=-1 if rows else -2)
        if padding.rank
        else padding
    )
    try:
        fits = padding.rank > 0 and broadcast(allowed.shape, tokens.shape) == tokens.shape
    except ShapeError:
        fits = False
    return apply("clear_masked", tokens, allowed) if fits else tokens


def apply_dropout(
    value: Value, mask: Value | None, rate: Constant | None, name: str, field: str = DROPOUT_MASK
) -> Value:
    """Apply inverted dropout with a mask and name the result; without a mask return the value itself.

    Raises QuestionError if only one of mask and rate is sent, or the shape of the mask does not fit.
    """
    if mask is None:
        if rate is not None:
            raise _rate_without_mask(field)
        return value
    if rate is None:
        raise QuestionError(
            ("dropout_rate",), "dropout_rate is required with a dropout mask", "a number from 0 to below 1",
            "nothing",
        )  # fmt: skip
    try:
        fits = broadcast(mask.shape, value.shape) == value.shape
    except ShapeError:
        fits = False
    if not fits:
        raise QuestionError(
            (field,), "the shape of the mask does not fit the entries it drops",
            f"a shape that broadcasts to {show(value.shape)}", f"shape {show(mask.shape)}",
        )  # fmt: skip
    graph = value.graph
    graph.conventions |= {"rate_is": "the probability of being dropped", DROPOUT_MASK: "true is kept"}
    constant = parse_rate(graph, "dropout_rate", rate)
    dropout = DropoutMoments(value, constant["expression"], constant["sizes"], inverted=True)
    return dropout.apply_mask(mask).named(name, leading=value.axes[:-2])  # names declare the last two axes


def check_rate(graph: Graph, rate: Constant | None) -> None:
    """Raise QuestionError for a rate if nothing was dropped so far and the question has no dropout mask.

    One dropout mask in one of several layers is enough.
    """
    if rate is None or DROPOUT_MASK in graph.conventions:
        return
    if not any(name.endswith(DROPOUT_MASK) for name in graph.sent_inputs):
        raise _rate_without_mask("a dropout mask")


def _rate_without_mask(mask: str) -> QuestionError:
    return QuestionError(
        ("dropout_rate",), "dropout_rate has no use without a dropout mask", f"{mask}, or no rate",
        "a rate alone",
    )  # fmt: skip
