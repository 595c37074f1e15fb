"""Attention between projected tokens, in heads: what self- and cross-attention share."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias

from compute.dimensions import Size
from compute.errors import QuestionError, describe
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.attention.attending import attend, mask_for_scores, repeat_shared_heads, weighted_sums
from compute.operations.attention.masking import DROPOUT_MASK, Masks
from compute.operations.attention.rotary_embedding import check_positions, rotary_embedding
from compute.operations.attention.scoring import AttentionSettings, stages, weights_value
from compute.operations.framework.build import call
from compute.operations.framework.constants import parse_frequency_base
from compute.operations.framework.declaration import Attribute, Constant, Input, StoredTensor
from compute.operations.framework.rules import SENT, rule

Heads: TypeAlias = Annotated[
    int,
    Attribute("The number of heads; stacked weights say it themselves.", minimum=1, dimension=True),
]
KeyValueHeads: TypeAlias = Annotated[
    int | None,
    Attribute("The number of key and value heads, each shared by heads/kv_heads query heads;"
              " as many as heads if not said.", minimum=1, dimension=True, follows="heads"),
]  # fmt: skip
Rotary: TypeAlias = Annotated[
    Literal["interleaved", "half_split"] | None,
    Attribute("Whether queries and keys are turned by their positions (see rotary_embedding), and which"
              " coordinates are a pair; they are not if not said."),
]  # fmt: skip
RotaryDimension: TypeAlias = Annotated[
    int | None,
    Attribute(
        "With rotary: how many coordinates are turned, an even number of them, from the first on; all if not"
        " said.",
        minimum=2,
    ),
]
RotaryBase: TypeAlias = Annotated[
    Constant | None, Attribute("With rotary: what the frequencies are powers of; 10000 if not said.")
]

ROTARY_RULES = tuple(rule(name, {"rotary": SENT}) for name in ("rotary_dimension", "rotary_base"))

STORED = (  # of PyTorch's MultiheadAttention; and as timm names the same
    StoredTensor("in_proj_weight", ("w_q", "w_k", "w_v"), transposed=True),
    StoredTensor("q_proj_weight", ("w_q",), transposed=True),
    StoredTensor("k_proj_weight", ("w_k",), transposed=True),
    StoredTensor("v_proj_weight", ("w_v",), transposed=True),
    StoredTensor("in_proj_bias", ("b_q", "b_k", "b_v")),
    StoredTensor("out_proj.weight", ("w_o",), transposed=True),
    StoredTensor("out_proj.bias", ("b_o",)),
    StoredTensor("qkv.weight", ("w_q", "w_k", "w_v"), transposed=True),
    StoredTensor("qkv.bias", ("b_q", "b_k", "b_v")),
    StoredTensor("proj.weight", ("w_o",), transposed=True),
    StoredTensor("proj.bias", ("b_o",)),
)


def weights(dims: str, meaning: str, symbol: str, optional: str = "") -> Input:
    """A weight matrix, fused or stacked head by head."""
    return Input(dims, meaning, symbol, transposed_by="layout", parameter=True, optional=optional)


def bias(dims: str, meaning: str, symbol: str) -> Input:
    """A bias, for all heads in a row or stacked."""
    return Input(dims, meaning, symbol, parameter=True, optional="none", is_bias=True)


def token_value(name: str, axes: str, dims: str, meaning: str, symbol: str) -> ValueSpec:
    """A value that stands as the tokens stand."""
    return ValueSpec(name, axes, dims, meaning, symbol, transposed_by="layout")


def projected_values(keys: str) -> tuple[ValueSpec, ...]:
    """What is named from the projections to the output; keys: the dimension name of how many there are."""
    return (
        token_value("query", "query d_k", "... n d_k", "The queries.", "Q"),
        token_value("key", "key d_k", f"... {keys} d_k", "The keys.", "K"),
        token_value("value", "key d_v", f"... {keys} d_v", "The values.", "V"),
        token_value(
            "rotated_query", "query d_k", "... n d_k", "The queries turned by their positions.", "Q'"
        ),
        token_value("rotated_key", "key d_k", f"... {keys} d_k", "The keys turned by their positions.", "K'"),
        *stages(keys),
        weights_value(
            "dropped_weights",
            keys,
            "The weights that are kept, divided by 1 - dropout_rate.",
            r"A_{\text{kept}}",
        ),
        token_value(
            "head_outputs", "query d_v", "... n d_v", "The weighted sums of the values, head by head.", "H"
        ),
        token_value(
            "output",
            "query d_o",
            "... n d_o",
            "The heads side by side, through the output projection where there is one.",
            "Y",
        ),
    )


@dataclass(frozen=True, slots=True)
class Projection:
    """How tokens become queries, keys or values: weights, bias and how many heads they are cut into."""

    tokens: Value
    weights: Value | None
    bias: Value | None
    heads: Size

    @property
    def is_stacked(self) -> bool:
        return self.weights is not None and self.weights.rank == 3


@dataclass(frozen=True, slots=True)
class Rotation:
    """Whether and how queries and keys are turned by their positions."""

    pairing: str | None
    rotary_dimension: int | None
    base: Constant | None
    query_positions: Value | None
    key_positions: Value | None
    key_field: str = "positions"

    def check(self) -> None:
        """Refuse what would be ignored."""
        if self.pairing is None:
            settings = {
                "rotary_dimension": self.rotary_dimension,
                "rotary_base": self.base,
                "positions": self.query_positions,
                "context_positions": self.key_positions,
            }
            for name, setting in settings.items():
                if setting is not None:
                    raise QuestionError(
                        (name,),
                        f"{name} has no use without rotary",
                        "rotary, or nothing here",
                        describe(setting),
                    )


def multi_head(
    queries: Projection,
    keys: Projection,
    values: Projection,
    w_o: Value | None,
    b_o: Value | None,
    masks: Masks,
    rotation: Rotation,
    how: AttentionSettings,
) -> Value:
    """Project, turn, attend head by head, lay the heads side by side, and project back."""
    stacked = any(one.is_stacked for one in (queries, keys, values))
    has_heads = stacked or queries.heads != 1
    rotation.check()
    how = replace(how, leading=("heads",) if has_heads else ())
    multiply = "guarded_matmul" if masks.removes_keys or how.causal or how.window is not None else "matmul"
    query = _project("query", queries, stacked, has_heads, how, multiply)
    key = _project("key", keys, stacked, has_heads, how, multiply)
    value = _project("value", values, stacked, has_heads, how, multiply)
    query = _rotate("query", query, rotation.query_positions, rotation, how)
    key = _rotate("key", key, rotation.key_positions, rotation, how)
    if has_heads:
        key, value = repeat_shared_heads(key, query, "w_k"), repeat_shared_heads(value, query, "w_v")
    padding = masks.allowed(-1 if how.key_first else -2, in_heads=has_heads)
    weights, allowed = attend(query, key, masks.mask, how, padding)
    if masks.kept is not None:
        kept = mask_for_scores(masks.kept, DROPOUT_MASK, weights, how.pairs(query, key), how)
        masks = replace(masks, kept=kept)
    output = weighted_sums(masks.dropped(weights), value, how, [*allowed, *masks.kept_weights()])
    changes = has_heads or w_o is not None or b_o is not None
    if changes:
        output = how.named(output, "head_outputs")
    if has_heads:
        output = apply("merge_axis", output, axis=-1 if how.rows else -2)
    if w_o is not None:
        fused = _merge_heads(w_o, -2 if how.rows else -1)
        output = output @ fused if how.rows else fused @ output
    if b_o is not None:
        output = output + _bias_over_heads(b_o, how)
    output = output.named("output")
    return output if changes else output.named("head_outputs")


def _project(
    name: str, projection: Projection, stacked: bool, has_heads: bool, how: AttentionSettings, multiply: str
) -> Value:
    """Queries, keys or values, cut into heads where there are several. multiply: a matrix product."""
    tokens, weights = projection.tokens, projection.weights
    projected = tokens
    if weights is not None:
        fused = _merge_heads(weights, -1 if how.rows else -2)
        projected = apply(multiply, tokens, fused) if how.rows else apply(multiply, fused, tokens)
    if projection.bias is not None:
        projected = projected + _bias_over_heads(projection.bias, how)
    if weights is None and stacked:  # the identity, in each head
        projected = apply("expand", projected, axis=-3)
    elif has_heads:
        projected = apply("split_axis", projected, parts=projection.heads, axis=-1 if how.rows else -2)
    elif projected is tokens:
        projected = apply("identity", projected)
    projected.is_assumed = weights is None
    return how.named(projected, name)


def _rotate(
    name: str, value: Value, positions: Value | None, rotation: Rotation, how: AttentionSettings
) -> Value:
    """Queries or keys turned by their positions, where they are to be."""
    if rotation.pairing is None:
        return how.named(value, f"rotated_{name}")
    if positions is not None and positions.rank > 1 and how.leading:
        positions = apply("expand", positions, axis=-2)  # the same in every head
    if positions is not None:
        check_positions(positions, value, "positions" if name == "query" else rotation.key_field)
    base = 10000 if rotation.base is None else rotation.base
    value.graph.conventions["rotary_base"] = base
    parse_frequency_base(value.graph, "rotary_base", base)  # refused by the name it has here
    turned = call(
        rotary_embedding,
        f"{name}_rotation",
        x=value,
        positions=positions,
        pairing=rotation.pairing,
        rotary_dimension=rotation.rotary_dimension,
        base=base,
        layout=how.layout,
    )
    return how.named(turned, f"rotated_{name}")


def _merge_heads(weights: Value, axis: int) -> Value:
    """Stacked per-head weights side by side; fused ones as they are."""
    return apply("merge_axis", weights, axis=axis) if weights.rank == 3 else weights


def _bias_over_heads(bias: Value, how: AttentionSettings) -> Value:
    """A bias over all heads, standing as the tokens stand."""
    flat = apply("join_axes", bias) if bias.rank == 2 else bias
    return flat if how.rows else apply("expand", flat, axis=-1)
