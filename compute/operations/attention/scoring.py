"""The settings of attention, and the stages that all operations that attend name."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import Size
from compute.graph.graph import Value
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute, Constant, Input, Sides
from compute.operations.framework.rules import SENT, rule
from compute.primitives.structure import CausalAlignment

Scale: TypeAlias = Annotated[
    Constant,
    Attribute(
        "The factor of the scores before the softmax (the beta of softargmax). A number or a constant"
        " expression such as 1/sqrt(d_k), which may use dimension names of the attention's inputs: d_k of"
        " queries and keys, d_v of values, n, m, and with projections d of the tokens. 0 attends evenly, a"
        " large scale picks the maximum, a negative one the minimum."
    ),
]
Causal: TypeAlias = Annotated[
    bool,
    Attribute(
        "Whether a query attends only to keys no later than itself. If there are more keys than queries, see"
        " causal_alignment."
    ),
]
Alignment: TypeAlias = Annotated[
    CausalAlignment | None,
    Attribute(
        "The alignment of queries with keys for causal and window, if their numbers differ. upper_left: query"
        " i with key i, as if both sequences began together; lower_right: the last query with the last key,"
        " as when decoding with a cache of earlier keys. Default: upper_left."
    ),
]
Window: TypeAlias = Annotated[
    Sides | None,
    Attribute(
        "Local attention: the number of keys before and after its own position that a query attends to, as"
        " one number or [before, after]; with causal none after. Only these are computed, and the stages hold"
        " a band instead of all keys: entry j of query i is for key i - before + j. Default: all keys.",
        minimum=0,
    ),
]
ALIGNMENT_RULES = (rule("causal_alignment", {"causal": (True,)}, {"window": SENT}),)
Softcap: TypeAlias = Annotated[
    Constant | None,
    Attribute("c of c*tanh(scaled_scores/c), above zero, applied before the mask; none by default."),
]
Orientation: TypeAlias = Annotated[
    Literal["query_key", "key_query"],
    Attribute(
        "The order of the last two axes of the scores, the mask and the weights. The softmax is over keys in"
        " both: over rows for query_key, over columns for key_query."
    ),
]
Layout: TypeAlias = Annotated[
    Literal["rows", "columns"],
    Attribute("Whether tokens are rows (Q = X W_Q) or columns (Q = W_Q X) of every matrix."),
]


def mask_input(dims: str = "... n m") -> Input:
    """Declare a mask of pairs of a query and a key."""
    return Input(
        dims,
        "Booleans: true where the query may attend to the key. Numbers: added to the scores.",
        "M",
        transposed_by="orientation",
        mask=True,
        broadcast=True,
        optional="every query may attend to every key",
    )


Mask: TypeAlias = Annotated[Value | None, mask_input()]


def weights_value(name: str, keys: str, meaning: str, symbol: str) -> ValueSpec:
    """Declare a number for each query and each key. keys: the dimension name of the keys' number."""
    dims = f"... n {keys}"
    return ValueSpec(name, "query key", dims, meaning, symbol, transposed_by="orientation", banded="window")


def stages(keys: str) -> tuple[ValueSpec, ...]:
    """Declare the stages from queries and keys to weights. keys: the dimension name of the keys' number."""

    def stage(name: str, meaning: str, symbol: str) -> ValueSpec:
        return weights_value(name, keys, meaning, symbol)

    return (
        stage("scores", "The dot product of every query with every key.", "S")._replace(
            counts_comparisons=True
        ),
        stage("scaled_scores", "The scores times the scale.", r"S_{\text{scaled}}"),
        stage("capped_scores", "The scaled scores after the softcap.", r"S_{\text{capped}}"),
        stage(
            "masked_scores",
            "The argument of the softmax: -infinity where attending is not allowed.",
            r"S_{\text{masked}}",
        )._replace(may_be_infinite=True),
        stage(
            "weights",
            "The attention weights: for each query a distribution over the keys; zeros if it may attend to no"
            " key.",
            "A",
        ),
        ValueSpec(
            "entropy",
            "query",
            "... n",
            "The entropy of each query's weights, in nats: 0 for a single key, log m for m equal weights. A"
            " weight of 0 adds nothing and passes no gradient.",
            r"H(A)",
            on_request=True,
        ),
        ValueSpec(
            "argmax",
            "query",
            "... n",
            "The key that each query attends to most, the first among equals; -1 if there is none.",
            "a^{*}",
            on_request=True,
        ),
    )


@dataclass(frozen=True, slots=True)
class AttentionSettings:
    """The settings of attention. leading: the labels of axes before those of its matrices."""

    scale: Constant
    causal: bool
    window: Sides | None
    softcap: Constant | None
    orientation: str
    layout: str
    alignment: CausalAlignment | None = None
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
    def token_axis(self) -> int:
        return -2 if self.rows else -1

    @property
    def key_axis(self) -> int:
        return -2 if self.key_first else -1

    @property
    def sides(self) -> tuple[Size, Size]:
        """The numbers of keys in the window before and after a query's own position."""
        assert self.window is not None
        left, right = self.window if isinstance(self.window, tuple) else (self.window, self.window)
        return left, 0 if self.causal else right

    def reach(self, queries: Size, keys: Size) -> dict[str, Any]:
        """Return the numbers of keys in the window before and after the key with the query's index."""
        left, right = self.sides
        if self.alignment == "lower_right" and queries != keys:
            left, right = left + queries - keys, right + keys - queries
        return {"left": left, "right": right}

    def named(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.leading)

    def pairs(self, query: Value, key: Value) -> tuple[Size, Size]:
        """Return the numbers of queries and keys."""
        return query.shape[self.token_axis], key.shape[self.token_axis]
