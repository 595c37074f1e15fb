"""Masks that layers made of several operations share: keys that are padding, and entries that are dropped."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from compute.dimensions import ShapeError, broadcast, show
from compute.errors import QuestionError
from compute.graph.graph import Graph
from compute.graph.value import Value, apply
from compute.operations.framework.declaration import Attribute, Constant, Input
from compute.operations.layers.dropout_moments import DropoutMoments, parse_rate

DropoutRate: TypeAlias = Annotated[
    Constant | None,
    Attribute(
        "p, where a dropout mask is sent, and only there: the probability that an entry is dropped, from 0 to"
        " below 1. What is kept is divided by 1 - p. In exact arithmetic it may be a symbol.",
        minimum=0,
        below=1,
    ),
]
DROPOUT_MASK = "dropout_mask"
KEY_PADDING_MASK = "key_padding_mask"


def dropout_input(dims: str, of: str, turns: str = "") -> Input:
    """A mask of what is kept; of: of what, in words; turns: as for `Input`."""
    return Input(
        dims,
        f"Which {of} are kept: booleans, or 1 for kept and 0 for dropped.",
        r"M_{\text{drop}}",
        transposed_by=turns,
        mask=True,
        boolean=True,
        broadcast=True,
        optional="nothing is dropped",
    )


def padding_input(dims: str, of: str = "keys") -> Input:
    """A mask of what is padding; of: of what, in words."""
    return Input(
        dims,
        f"Which {of} are padding, that no query attends to: booleans, true for padding.",
        r"M_{\text{pad}}",
        mask=True,
        boolean=True,
        optional="none is padding",
    )


@dataclass(frozen=True, slots=True)
class Masks:
    """What attention leaves out. mask: of pairs of a query and a key; padding: of keys; kept: of weights."""

    mask: Value | None
    padding: Value | None
    kept: Value | None
    rate: Constant | None

    @property
    def removes_keys(self) -> bool:
        """Return whether masks that came take keys out."""
        return self.mask is not None or self.padding is not None

    def allowed(self, query_axis: int, *, in_heads: bool) -> Value | None:
        """Which keys may be attended to, standing beside the scores, whose queries run along this axis."""
        if self.padding is None:
            return None
        self.padding.graph.conventions[KEY_PADDING_MASK] = "true is padding"
        found = apply("expand", apply("complement", self.padding), axis=query_axis)
        return apply("expand", found, axis=-3) if in_heads and found.rank > 2 else found

    def kept_weights(self) -> list[Value]:
        """Return the weights that are not dropped, as booleans; nothing without dropout."""
        return [] if self.kept is None else [apply("complement", apply("complement", self.kept))]

    def dropped(self, weights: Value) -> Value:
        """The weights that are kept, under a name of their own where any are dropped."""
        return apply_dropout(weights, self.kept, self.rate, "dropped_weights")


def clear_padding(tokens: Value, padding: Value | None, *, rows: bool = True) -> Value:
    """Tokens (..., n, d), where padding that holds NaN or infinity is read as zeros and gets no gradient.

    padding: (..., n), true for padding. rows: tokens are rows, and not columns. A mask that does not fit is
    refused where it stands beside the scores.
    """
    if padding is None:
        return tokens
    allowed = (
        apply("expand", apply("complement", padding), axis=-1 if rows else -2) if padding.rank else padding
    )
    try:
        fits = padding.rank > 0 and broadcast(allowed.shape, tokens.shape) == tokens.shape
    except ShapeError:
        fits = False
    return apply("clear_masked", tokens, allowed) if fits else tokens


def apply_dropout(
    value: Value, mask: Value | None, rate: Constant | None, name: str, field: str = DROPOUT_MASK
) -> Value:
    """What of a value is kept, divided by 1 - rate, under a name; the value itself where there is no mask.

    Raises QuestionError where one of mask and rate is without the other, or the mask does not fit.
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
            (field,), "the shape of the mask does not fit what it drops",
            f"a shape that broadcasts to {show(value.shape)}", f"shape {show(mask.shape)}",
        )  # fmt: skip
    graph = value.graph
    graph.conventions |= {"rate_is": "the probability of being dropped", DROPOUT_MASK: "true is kept"}
    drawn_at = parse_rate(graph, "dropout_rate", rate)
    dropping = DropoutMoments(value, drawn_at["expression"], drawn_at["sizes"], inverted=True)
    return dropping.applied(mask).named(name, leading=value.axes[:-2])  # names declare the last two axes


def check_rate(graph: Graph, rate: Constant | None) -> None:
    """Raise QuestionError for a rate where nothing was dropped so far, and the question has no mask for more.

    One layer of several may be the only one that drops something.
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
