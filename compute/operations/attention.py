"""Scaled dot-product attention: its stages, and the operation that they make."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from compute.arithmetic.expressions import ExpressionError, evaluate, number, parse
from compute.dimensions import ShapeError, broadcast, divide, show
from compute.errors import QuestionError
from compute.graph import Graph, Named, Value, apply
from compute.operations.declaration import Attribute, Constant, Input, operation

Scale: TypeAlias = Annotated[
    Constant,
    Attribute(
        "What scores are multiplied by before the softmax (the beta of softargmax). A number or a"
        " constant expression in the dimension names, such as 1/sqrt(d). 0 attends evenly, a large"
        " scale picks the maximum, a negative one the minimum."
    ),
]
Causal: TypeAlias = Annotated[
    bool,
    Attribute("Whether a query attends only to keys no later than itself, counted from the first."),
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
Mask: TypeAlias = Annotated[
    Value | None,
    Input(
        "... n m",
        "Of booleans: true where the query may attend to the key. Of numbers: added to the scores.",
        "M",
        turns="orientation",
        mask=True,
        broadcast=True,
        optional="every query may attend to every key",
    ),
]


def stages(keys: str) -> tuple[Named, ...]:
    """The named stages from queries and keys to weights; keys: the dimension name of how many there are."""

    def stage(name: str, meaning: str, symbol: str, **more: bool) -> Named:
        return Named(name, "query key", f"... n {keys}", meaning, symbol, turns="orientation", **more)

    return (
        stage("scores", "The dot product of every query with every key.", "S", counts_comparisons=True),
        stage("scaled_scores", "The scores times the scale.", r"S_{\text{scaled}}"),
        stage("capped_scores", "The scaled scores, softly capped.", r"S_{\text{capped}}"),
        stage(
            "masked_scores",
            "The scores that the softmax sees: -infinity where attending is not allowed.",
            r"S_{\text{masked}}",
            may_be_infinite=True,
        ),
        stage(
            "weights",
            "The attention weights: for each query a distribution over the keys; zeros where it may attend"
            " to nothing.",
            "A",
        ),
    )


@operation(
    (
        *stages("m"),
        Named("output", "query d_v", "... n d_v", "The weighted sums of the values.", "Y", turns="layout"),
    )
)
def attention(
    query: Annotated[Value, Input("... n d_k", "The queries.", "Q", turns="layout")],
    key: Annotated[Value, Input("... m d_k", "The keys.", "K", turns="layout")],
    value: Annotated[Value, Input("... m d_v", "The values.", "V", turns="layout")],
    mask: Mask = None,
    *,
    scale: Scale = "1/sqrt(d_k)",
    causal: Causal = False,
    softcap: Softcap = None,
    orientation: Orientation = "query_key",
    layout: Layout = "rows",
) -> Value:
    """Scaled dot-product attention: softmax(scale Q K^T) V.

    Leading axes are batch axes and broadcast. Where the third-last axis holds heads, fewer key and
    value heads than query heads are shared by consecutive groups of queries (grouped-query
    attention). The stages follow one another as scores, scale, softcap, mask, softmax.

    Source: Vaswani et al., Attention Is All You Need (2017), equation 1; Ainslie et al., GQA (2023);
    the softcap is that of Gemma Team, Gemma 2 (2024), section 2.
    """
    arranged = Arrangement(orientation, layout)
    shared_key = shared_heads(key, query, "key")
    shared_value = shared_heads(value, query, "value")
    weights = attend(query, shared_key, mask, scale, causal, softcap, arranged)
    return mix(weights, shared_value, arranged).named("output")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which way round matrices are written, and the labels of the axes before them."""

    orientation: str
    layout: str
    leading: tuple[str, ...] = ()

    @property
    def key_first(self) -> bool:
        return self.orientation == "key_query"

    @property
    def rows(self) -> bool:
        return self.layout == "rows"

    def named(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.leading)


def attend(
    query: Value,
    key: Value,
    mask: Value | None,
    scale: Constant,
    causal: bool,
    softcap: Constant | None,
    arranged: Arrangement,
) -> Value:
    """The stages from queries and keys to weights, each named."""
    graph, named = query.graph, arranged.named
    left, right = (key, query) if arranged.key_first else (query, key)
    product = left @ right.T if arranged.rows else left.T @ right
    scores = named(product, "scores")
    factor = _constant(graph, "scale", scale)
    scores = named(factor * scores, "scaled_scores")
    if softcap is not None:
        cap = _constant(graph, "softcap", softcap, positive=True)
        scores = named(cap * apply("tanh", scores / cap), "capped_scores")
    else:
        named(scores, "capped_scores")
    scores = named(_masked(scores, mask, causal, arranged), "masked_scores")
    graph.conventions["softmax_over"] = "key"
    weights = apply("softmax", scores, axis=-2 if arranged.key_first else -1)
    return named(weights, "weights")


def mix(weights: Value, value: Value, arranged: Arrangement) -> Value:
    """The weighted sums of the values."""
    if arranged.rows:
        return (weights.T if arranged.key_first else weights) @ value
    return value @ (weights if arranged.key_first else weights.T)


def _masked(scores: Value, mask: Value | None, causal: bool, arranged: Arrangement) -> Value:
    graph = scores.graph
    if mask is not None:
        _check_mask(mask, scores)
        graph.conventions["mask"] = "true may attend" if mask.kind == "boolean" else "added to the scores"
        hides = mask.kind == "boolean"
        scores = apply("masked_fill", scores, mask) if hides else scores + mask
    if causal:
        trailing = scores.shape[-2:]
        keys, queries = trailing if arranged.key_first else trailing[::-1]
        allowed = apply("causal_mask", graph=graph, queries=queries, keys=keys, key_first=arranged.key_first)
        scores = apply("masked_fill", scores, allowed)
    return scores


def _check_mask(mask: Value, scores: Value) -> None:
    try:
        fits = broadcast(mask.shape, scores.shape) == scores.shape
    except ShapeError:
        fits = False
    if not fits:
        labels = zip(scores.axes, scores.shape, strict=True)
        raise QuestionError(
            ("mask",),
            "the shape of the mask does not fit the scores",
            f"a shape that broadcasts to {show(scores.shape)}: "
            + ", ".join(f"{label} = {size}" for label, size in labels),
            f"shape {show(mask.shape)}",
        )


def _constant(graph: Graph, attribute: str, constant: Constant, *, positive: bool = False) -> Value:
    """A constant that may use dimension names, refused at its attribute where it has no use."""
    try:
        expression = parse(constant) if isinstance(constant, str) else number(constant)
        names = expression.symbols()
        sizes = {name: size for name, size in graph.dimensions.items() if name in names}
        if all(isinstance(size, int) for size in sizes.values()):
            worth = evaluate(expression, graph.dimensions)
            if positive and worth <= 0:
                raise ExpressionError("is not above zero")
    except ExpressionError as error:
        known = ", ".join(sorted(graph.dimensions))
        kind = "finite constant above zero" if positive else "finite constant"
        came = f"text of {len(constant)} characters" if isinstance(constant, str) else "a number"
        raise QuestionError(
            (attribute,), f"the expression {error}", f"a {kind}, which may use {known}", came
        ) from None
    return apply("constant", graph=graph, expression=expression, sizes=sizes)


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
