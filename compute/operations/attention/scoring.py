"""The settings of attention, and the stages that every operation that attends names."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import Size
from compute.graph.spec import ValueSpec
from compute.graph.value import Value
from compute.operations.framework.declaration import Attribute, Constant, Input, Sides
from compute.operations.framework.rules import SENT, rule
from compute.primitives.structure import CausalAlignment

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
    Attribute(
        "Whether a query attends only to keys no later than itself; where there are more keys than queries"
        " see causal_alignment."
    ),
]
Alignment: TypeAlias = Annotated[
    CausalAlignment | None,
    Attribute(
        "Where queries stand among keys, for causal and window, if their numbers differ. upper_left: query i"
        " at the place of key i, as if both began together; lower_right: the last query at the place of the"
        " last key, as when decoding with a cache of earlier keys. upper_left if not said."
    ),
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
ALIGNMENT_RULES = (rule("causal_alignment", {"causal": (True,)}, {"window": SENT}),)
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
        transposed_by="orientation",
        mask=True,
        broadcast=True,
        optional="every query may attend to every key",
    )


Mask: TypeAlias = Annotated[Value | None, mask_input()]


def weights_value(name: str, keys: str, meaning: str, symbol: str) -> ValueSpec:
    """A number for each query and each key; keys: the dimension name of how many there are."""
    dims = f"... n {keys}"
    return ValueSpec(name, "query key", dims, meaning, symbol, transposed_by="orientation", banded="window")


def stages(keys: str) -> tuple[ValueSpec, ...]:
    """The named stages from queries and keys to weights; keys: the dimension name of how many there are."""

    def stage(name: str, meaning: str, symbol: str) -> ValueSpec:
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
        ValueSpec(
            "entropy",
            "query",
            "... n",
            "How spread each query's weights are, in nats: 0 for one key alone, log m for m keys evenly."
            " A weight of 0 adds nothing and passes no gradient.",
            r"H(A)",
            on_request=True,
        ),
        ValueSpec(
            "argmax",
            "query",
            "... n",
            "The key that each query attends to most, the first of equals; -1 if to none.",
            "a^{*}",
            on_request=True,
        ),
    )


@dataclass(frozen=True, slots=True)
class AttentionSettings:
    """The settings of attention, and the labels of axes before those of its matrices."""

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
        """The reach of the window before and behind a query's own place."""
        assert self.window is not None
        left, right = self.window if isinstance(self.window, tuple) else (self.window, self.window)
        return left, 0 if self.causal else right

    def reach(self, queries: Size, keys: Size) -> dict[str, Any]:
        """The reach of the window before and behind the key of a query's own number."""
        left, right = self.sides
        if self.alignment == "lower_right" and queries != keys:
            left, right = left + queries - keys, right + keys - queries
        return {"left": left, "right": right}

    def named(self, value: Value, name: str) -> Value:
        return value.named(name, leading=self.leading)

    def pairs(self, query: Value, key: Value) -> tuple[Size, Size]:
        """How many queries and keys there are."""
        return query.shape[self.token_axis], key.shape[self.token_axis]
