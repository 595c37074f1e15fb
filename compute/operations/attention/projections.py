"""Multi-head attention between projected tokens, shared by self- and cross-attention."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias

from compute.dimensions import Size
from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
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
    Attribute("The number of heads; stacked weights determine it.", minimum=1, dimension=True),
]
KeyValueHeads: TypeAlias = Annotated[
    int | None,
    Attribute("The number of key and value heads, each shared by heads/kv_heads query heads."
              " Default: heads.", minimum=1, dimension=True, follows="heads"),
]  # fmt: skip
Rotary: TypeAlias = Annotated[
    Literal["interleaved", "half_split"] | None,
    Attribute("Rotate queries and keys by their positions (see rotary_embedding), with these pairs of"
              " coordinates. By default they are not rotated."),
]  # fmt: skip
RotaryDimension: TypeAlias = Annotated[
    int | None,
    Attribute(
        "With rotary: the number of rotated coordinates, from the first on; an even number. Default: all.",
        minimum=2,
    ),
]
RotaryBase: TypeAlias = Annotated[
    Constant | None, Attribute("With rotary: the base of the frequencies. Default: 10000.")
]

ROTARY_RULES = tuple(rule(name, {"rotary": SENT}) for name in ("rotary_dimension", "rotary_base"))

STORED = (  # PyTorch's MultiheadAttention, then timm's names
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
    """Declare a weight matrix whose heads are concatenated or stacked."""
    return Input(dims, meaning, symbol, transposed_by="layout", parameter=True, optional=optional)


def bias(dims: str, meaning: str, symbol: str) -> Input:
    """Declare a bias whose heads are concatenated or stacked."""
    return Input(dims, meaning, symbol, parameter=True, optional="none", is_bias=True)


def token_value(name: str, axes: str, dims: str, meaning: str, symbol: str) -> ValueSpec:
    """Declare a value in the layout of the tokens."""
    return ValueSpec(name, axes, dims, meaning, symbol, transposed_by="layout")


def projected_values(keys: str) -> tuple[ValueSpec, ...]:
    """Declare the values from the projections to the output. keys: the dimension name of the keys' number."""
    return (
        token_value("query", "query d_k", "... n d_k", "The queries.", "Q"),
        token_value("key", "key d_k", f"... {keys} d_k", "The keys.", "K"),
        token_value("value", "key d_v", f"... {keys} d_v", "The values.", "V"),
        token_value(
            "rotated_query", "query d_k", "... n d_k", "The queries rotated by their positions.", "Q'"
        ),
        token_value(
            "rotated_key", "key d_k", f"... {keys} d_k", "The keys rotated by their positions.", "K'"
        ),
        *stages(keys),
        weights_value(
            "dropped_weights",
            keys,
            "The kept weights, divided by 1 - dropout_rate.",
            r"A_{\text{kept}}",
        ),
        token_value(
            "head_outputs", "query d_v", "... n d_v", "The weighted sums of the values, head by head.", "H"
        ),
        token_value(
            "output",
            "query d_o",
            "... n d_o",
            "The concatenated heads, through the output projection if there is one.",
            "Y",
        ),
    )


@dataclass(frozen=True, slots=True)
class Projection:
    """The projection of tokens to queries, keys or values. heads: the number of heads it is split into."""

    tokens: Value
    weights: Value | None
    bias: Value | None
    heads: Size

    @property
    def is_stacked(self) -> bool:
        return self.weights is not None and self.weights.rank == 3


@dataclass(frozen=True, slots=True)
class Rotation:
    """The rotation of queries and keys by their positions, if any.

    pairing: the pairs of coordinates; None for no rotation.
    rotary_dimension: the number of rotated coordinates; None for all.
    base: the base of the frequencies; None for the default.
    query_positions, key_positions: None for 0, 1, 2 and so on.
    key_field: the request field of the keys' positions, for errors.
    """

    pairing: str | None
    rotary_dimension: int | None
    base: Constant | None
    query_positions: Value | None
    key_positions: Value | None
    key_field: str = "positions"

    def check(self) -> None:
        """Raise QuestionError for settings that would be ignored."""
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
    settings: AttentionSettings,
) -> Value:
    """Project, rotate, attend in each head, concatenate the heads, and project the result."""
    stacked = any(one.is_stacked for one in (queries, keys, values))
    has_heads = stacked or queries.heads != 1
    rotation.check()
    settings = replace(settings, leading=("heads",) if has_heads else ())
    multiply = (
        "guarded_matmul" if masks.removes_keys or settings.causal or settings.window is not None else "matmul"
    )
    query = _project("query", queries, stacked, has_heads, settings, multiply)
    key = _project("key", keys, stacked, has_heads, settings, multiply)
    value = _project("value", values, stacked, has_heads, settings, multiply)
    query = _rotate("query", query, rotation.query_positions, rotation, settings)
    key = _rotate("key", key, rotation.key_positions, rotation, settings)
    query.graph.add_key_values(key, value, settings.token_axis)
    if has_heads:
        key, value = repeat_shared_heads(key, query, "w_k"), repeat_shared_heads(value, query, "w_v")
    padding = masks.allowed_keys(-1 if settings.key_first else -2, in_heads=has_heads)
    weights, allowed = attend(query, key, masks.mask, settings, padding)
    if masks.kept is not None:
        kept = mask_for_scores(masks.kept, DROPOUT_MASK, weights, settings.pairs(query, key), settings)
        masks = replace(masks, kept=kept)
    weights = masks.drop_weights(weights)
    output = weighted_sums(weights, value, settings, [*allowed, *masks.kept_weights()])
    has_head_outputs = has_heads or w_o is not None or b_o is not None
    if has_head_outputs:
        output = settings.named(output, "head_outputs")
    if has_heads:
        output = apply("merge_axis", output, axis=-1 if settings.rows else -2)
    if w_o is not None:
        merged = _merge_heads(w_o, -2 if settings.rows else -1)
        output = output @ merged if settings.rows else merged @ output
    if b_o is not None:
        output = output + _bias_over_heads(b_o, settings)
    output = output.named("output")
    return output if has_head_outputs else output.named("head_outputs")


def _project(
    name: str,
    projection: Projection,
    stacked: bool,
    has_heads: bool,
    settings: AttentionSettings,
    multiply: str,
) -> Value:
    """Return queries, keys or values, split into heads. multiply: the primitive of the matrix product."""
    tokens, weights = projection.tokens, projection.weights
    projected = tokens
    if weights is not None:
        merged = _merge_heads(weights, -1 if settings.rows else -2)
        projected = apply(multiply, tokens, merged) if settings.rows else apply(multiply, merged, tokens)
    if projection.bias is not None:
        projected = projected + _bias_over_heads(projection.bias, settings)
    if weights is None and stacked:  # the identity, in each head
        projected = apply("expand_dims", projected, axis=-3)
    elif has_heads:
        projected = apply("split_axis", projected, parts=projection.heads, axis=-1 if settings.rows else -2)
    elif projected is tokens:
        projected = apply("identity", projected)
    projected.is_assumed = weights is None
    return settings.named(projected, name)


def _rotate(
    name: str, value: Value, positions: Value | None, rotation: Rotation, settings: AttentionSettings
) -> Value:
    """Return queries or keys, rotated by their positions if there is a rotation."""
    if rotation.pairing is None:
        return settings.named(value, f"rotated_{name}")
    if positions is not None and positions.rank > 1 and settings.leading:
        positions = apply("expand_dims", positions, axis=-2)  # the same in every head
    if positions is not None:
        check_positions(positions, value, "positions" if name == "query" else rotation.key_field)
    base = 10000 if rotation.base is None else rotation.base
    value.graph.conventions["rotary_base"] = base
    parse_frequency_base(value.graph, "rotary_base", base)  # so that an error has this name of it
    rotated = call(
        rotary_embedding,
        f"{name}_rotation",
        x=value,
        positions=positions,
        pairing=rotation.pairing,
        rotary_dimension=rotation.rotary_dimension,
        base=base,
        layout=settings.layout,
    )
    return settings.named(rotated, f"rotated_{name}")


def _merge_heads(weights: Value, axis: int) -> Value:
    """Concatenate stacked per-head weights; others stay as they are."""
    return apply("merge_axis", weights, axis=axis) if weights.rank == 3 else weights


def _bias_over_heads(bias: Value, settings: AttentionSettings) -> Value:
    """Return a bias of all heads that broadcasts to the tokens."""
    flat = apply("join_axes", bias) if bias.rank == 2 else bias
    return flat if settings.rows else apply("expand_dims", flat, axis=-1)
