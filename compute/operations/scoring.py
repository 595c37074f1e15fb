"""From queries and keys to weights and sums: what every operation that attends shares."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import ShapeError, Size, broadcast, divide, show
from compute.errors import QuestionError
from compute.named import Named
from compute.operations.constants import constant
from compute.operations.declaration import Attribute, Constant, Input, Sides
from compute.value import Value, apply

Scale: TypeAlias = Annotated[
    Constant,
    Attribute(
        "What scores are multiplied by before the softmax (the beta of softargmax). A number or a"
        " constant expression such as 1/sqrt(d_k), which may use the dimension names of the inputs of the"
        " operation that attends: d_k of queries and keys, d_v of values, n, m, and with projections d of"
        " the tokens. 0 attends evenly, a large scale picks the maximum, a negative one the minimum."
    ),
]
Causal: TypeAlias = Annotated[
    bool,
    Attribute("Whether a query attends only to keys no later than itself, counted from the first."),
]
Window: TypeAlias = Annotated[
    Sides | None,
    Attribute(
        "Local attention: how many keys before and behind its own place a query attends to, as one number"
        " or [before, behind]; with causal none behind. Only those are computed, and the stages hold a"
        " band in place of all keys: entry j of query i is for key i - before + j. Not set: all keys.",
        minimum=0,
    ),
]
Softcap: TypeAlias = Annotated[
    Constant | None,
    Attribute("c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default."),
]
Orientation: TypeAlias = Annotated[
    Literal["query_key", "key_query"],
    Attribute(
        "Which axis of the scores, the mask and the weights comes first. The softmax is over keys"
        " either way: over rows for query_key, over columns for key_query."
    ),
]
Layout: TypeAlias = Annotated[
    Literal["rows", "columns"],
    Attribute("Whether tokens are rows (Q = X W_Q) or columns (Q = W_Q X) of every matrix."),
]


def mask_input(dims: str = "... n m") -> Input:
    """A mask of pairs of a query and a key."""
    return Input(
        dims,
        "Of booleans: true where the query may attend to the key. Of numbers: added to the scores.",
        "M",
        turns="orientation",
        mask=True,
        broadcast=True,
        optional="every query may attend to every key",
    )


Mask: TypeAlias = Annotated[Value | None, mask_input()]


def weights_value(name: str, keys: str, meaning: str, symbol: str) -> Named:
    """A number for each query and each key; keys: the dimension name of how many there are."""
    dims = f"... n {keys}"
    return Named(name, "query key", dims, meaning, symbol, turns="orientation", banded="window")


def stages(keys: str) -> tuple[Named, ...]:
    """The named stages from queries and keys to weights; keys: the dimension name of how many there are."""

    def stage(name: str, meaning: str, symbol: str) -> Named:
        return weights_value(name, keys, meaning, symbol)

    return (
        stage("scores", "The dot product of every query with every key.", "S")._replace(
            counts_comparisons=True
        ),
        stage("scaled_scores", "The scores times the scale.", r"S_{\text{scaled}}"),
        stage("capped_scores", "The scaled scores, softly capped.", r"S_{\text{capped}}"),
        stage(
            "masked_scores",
            "The scores that the softmax sees: -infinity where attending is not allowed.",
            r"S_{\text{masked}}",
        )._replace(may_be_infinite=True),
        stage(
            "weights",
            "The attention weights: for each query a distribution over the keys; zeros where it may attend"
            " to nothing.",
            "A",
        ),
        Named(
            "entropy",
            "query",
            "... n",
            "How spread each query's weights are, in nats: 0 for one key alone, log m for m keys evenly."
            " A weight of 0 adds nothing and passes no gradient.",
            r"H(A)",
            on_request=True,
        ),
        Named(
            "argmax",
            "query",
            "... n",
            "The key that each query attends to most, the first of equals; -1 if to none.",
            "a^{*}",
            on_request=True,
        ),
    )


@dataclass(frozen=True, slots=True)
class Scoring:
    """The settings of attention, and the labels of axes before those of its matrices."""

    scale: Constant
    causal: bool
    window: Sides | None
    softcap: Constant | None
    orientation: str
    layout: str
    leading: tuple[str, ...] = ()

    @property
    def key_first(self) -> bool:
        return self.orientation == "key_query"

    @property
    def rows(self) -> bool:
        return self.layout == "rows"

    @property
    def feature_axis(self) -> int:
        return -1 if self.rows else -2

    @property
    def key_axis(self) -> int:
        return -2 if self.key_first else -1

    @property
    def reach(self) -> dict[str, Any]:
        """How far the window reaches to the left and to the right."""
        assert self.window is not None
        left, right = self.window if isinstance(self.window, tuple) else (self.window, self.window)
        return {"left": left, "right": 0 if self.causal else right}

    def named(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.leading)

    def pairs(self, query: Value, key: Value) -> tuple[Size, Size]:
        """How many queries and keys there are."""
        token_axis = -2 if self.rows else -1
        return query.shape[token_axis], key.shape[token_axis]


def attend(query: Value, key: Value, mask: Value | None, how: Scoring, allowed: Value | None = None) -> Value:
    """The stages from queries and keys to weights, each named. allowed: keys that are no padding."""
    graph, named = query.graph, how.named
    pairs = how.pairs(query, key)
    scores = named(_scores(query, key, how), "scores")
    factor = constant(graph, "scale", how.scale)
    scores = named(factor * scores, "scaled_scores")
    if how.softcap is not None:
        cap = constant(graph, "softcap", how.softcap, positive=True)
        scores = named(cap * apply("tanh", scores / cap), "capped_scores")
    else:
        named(scores, "capped_scores")
    scores = named(_masked(scores, mask, allowed, pairs, how), "masked_scores")
    graph.conventions["softmax_over"] = "key"
    weights = named(apply("softmax", scores, axis=how.key_axis), "weights")
    named(apply("sum_over", apply("surprise", weights), axis=how.key_axis), "entropy")
    left = None if how.window is None else how.reach["left"]
    named(apply("largest_weight", weights, axis=how.key_axis, left=left), "argmax")
    return weights


def _scores(query: Value, key: Value, how: Scoring) -> Value:
    if how.window is None:
        left, right = (key, query) if how.key_first else (query, key)
        return left @ right.T if how.rows else left.T @ right
    if not how.rows:
        query, key = query.T, key.T
    query.graph.conventions["window"] = list(how.reach.values())
    scores = apply("banded_scores", query, key, **how.reach)
    return scores.T if how.key_first else scores


def mix(weights: Value, value: Value, how: Scoring) -> Value:
    """The weighted sums of the values."""
    if how.window is not None:
        if how.key_first:
            weights = weights.T
        sums = apply("banded_sum", weights, value if how.rows else value.T, **how.reach)
        return sums if how.rows else sums.T
    if how.rows:
        return (weights.T if how.key_first else weights) @ value
    return value @ (weights if how.key_first else weights.T)


def _masked(
    scores: Value, mask: Value | None, allowed: Value | None, pairs: tuple[Size, Size], how: Scoring
) -> Value:
    graph = scores.graph
    places: dict[str, Any] = {"queries": pairs[0], "keys": pairs[1], "key_first": how.key_first}
    if mask is not None:
        graph.conventions["mask"] = "true may attend" if mask.kind == "boolean" else "added to the scores"
    masks = [
        (one.kind == "boolean", beside(one, field, scores, pairs, how))
        for field, one in (("mask", mask), ("key_padding_mask", allowed))
        if one is not None
    ]
    for hides, one in masks:
        scores = apply("masked_fill", scores, one) if hides else scores + one
    if how.window is not None:
        scores = apply("masked_fill", scores, apply("band_mask", graph=graph, **places, **how.reach))
    elif how.causal:
        scores = apply("masked_fill", scores, apply("causal_mask", graph=graph, **places))
    return scores


def beside(mask: Value, field: str, scores: Value, pairs: tuple[Size, Size], how: Scoring) -> Value:
    """A mask of all pairs, as it stands beside scores or weights: with a window as a band.

    Raises QuestionError where it does not fit.
    """
    _check_mask(field, mask, scores, pairs, how)
    if how.window is None:
        return mask
    while mask.rank < 2:
        mask = apply("expand", mask, axis=-1 - mask.rank)
    queries, keys = pairs
    return apply("band", mask, queries=queries, keys=keys, key_first=how.key_first, **how.reach)


def _check_mask(field: str, mask: Value, scores: Value, pairs: tuple[Size, Size], how: Scoring) -> None:
    """A mask is over all pairs, with a window too."""
    named = list(zip((*scores.axes[:-2], "query", "key"), (*scores.shape[:-2], *pairs), strict=True))
    if how.key_first:
        named[-2:] = reversed(named[-2:])
    whole = tuple(size for _, size in named)
    # Where no tokens came, a mask may say of which batch they are.
    seen = mask.shape[-2:] if scores.has_open_batch else mask.shape
    try:
        fits = broadcast(seen, whole) == whole
    except ShapeError:
        fits = False
    if not fits:
        came = mask
        while field == "key_padding_mask" and came.name is None and came.inputs:
            came = came.inputs[0]  # before it was turned and put beside the scores
        raise QuestionError(
            (field,),
            "the shape of the mask does not fit the scores",
            f"a shape that broadcasts to {show(whole)}: "
            + ", ".join(f"{label} = {size}" for label, size in named),
            f"shape {show(came.shape)}",
        )


def shared_heads(shared: Value, query: Value, field: str) -> Value:
    """Key or value heads, each repeated for its group of query heads where there are fewer."""
    if shared.rank < 3 or query.rank < 3 or shared.shape[-3] in (1, query.shape[-3]):
        return shared
    try:
        times = divide(query.shape[-3], shared.shape[-3])
    except ShapeError:
        raise QuestionError(
            (field,),
            f"{shared.shape[-3]} key or value heads cannot be shared evenly by {query.shape[-3]} query heads",
            f"a number of heads that divides {query.shape[-3]}",
            f"{shared.shape[-3]} heads",
        ) from None
    if query.shape[-3] == 1:
        return shared
    return apply("repeat", shared, times=times)
