"""Self-attention: queries, keys and values are projections of the same tokens."""

from typing import Annotated

from compute.graph.graph import Value
from compute.operations.attention.masking import (
    DropoutRate,
    Masks,
    clear_padding,
    dropout_input,
    padding_input,
)
from compute.operations.attention.projections import (
    ROTARY_RULES,
    STORED,
    Heads,
    KeyValueHeads,
    Projection,
    Rotary,
    RotaryBase,
    RotaryDimension,
    Rotation,
    bias,
    multi_head,
    projected_values,
    token_value,
    weights,
)
from compute.operations.attention.rotary_embedding import Positions
from compute.operations.attention.scoring import (
    ALIGNMENT_RULES,
    Alignment,
    AttentionSettings,
    Causal,
    Layout,
    Mask,
    Orientation,
    Scale,
    Softcap,
    Window,
)
from compute.operations.framework.declaration import Input, operation
from compute.operations.framework.rules import SENT, rule


@operation(
    (
        token_value("input", "token d", "... n d", "The tokens with their positions added.", "X'"),
        *projected_values("n"),
    ),
    stored=STORED,
    rules=(
        *ALIGNMENT_RULES,
        *ROTARY_RULES,
        rule("positions", {"rotary": SENT}),
        rule("dropout_mask", {"dropout_rate": SENT}),
        rule("dropout_rate", {"dropout_mask": SENT}),
    ),
)
def self_attention(
    x: Annotated[Value, Input("... n d", "The tokens.", "X", transposed_by="layout")],
    w_q: Annotated[
        Value,
        weights("d heads*d_k | heads d d_k", "The query weights, heads concatenated or stacked.", "W_{Q}"),
    ],
    w_k: Annotated[Value, weights("d kv_heads*d_k | kv_heads d d_k", "The key weights.", "W_{K}")],
    w_v: Annotated[
        Value | None,
        weights("d kv_heads*d_v | kv_heads d d_v", "The value weights.", "W_{V}",
                optional="the identity: the values are the tokens"),
    ] = None,
    w_o: Annotated[
        Value | None,
        weights("heads*d_v d_o | heads d_v d_o", "The output weights.", "W_{O}",
                optional="the concatenated outputs of the heads are the output"),
    ] = None,
    b_q: Annotated[Value | None, bias("heads*d_k | heads d_k", "The query bias.", "b_{Q}")] = None,
    b_k: Annotated[Value | None, bias("kv_heads*d_k | kv_heads d_k", "The key bias.", "b_{K}")] = None,
    b_v: Annotated[Value | None, bias("kv_heads*d_v | kv_heads d_v", "The value bias.", "b_{V}")] = None,
    b_o: Annotated[Value | None, bias("d_o", "The output bias.", "b_{O}")] = None,
    positional_encoding: Annotated[
        Value | None,
        Input("... n d", "Added to the tokens.", "P", transposed_by="layout", optional="none"),
    ] = None,
    positions: Positions = None,
    mask: Mask = None,
    key_padding_mask: Annotated[Value | None, padding_input("... n")] = None,
    dropout_mask: Annotated[Value | None, dropout_input("... n n", "weights", "orientation")] = None,
    *,
    heads: Heads = 1,
    kv_heads: KeyValueHeads = None,
    scale: Scale = "1/sqrt(d_k)",
    causal: Causal = False,
    causal_alignment: Alignment = None,
    window: Window = None,
    softcap: Softcap = None,
    dropout_rate: DropoutRate = None,
    rotary: Rotary = None,
    rotary_dimension: RotaryDimension = None,
    rotary_base: RotaryBase = None,
    orientation: Orientation = "query_key",
    layout: Layout = "rows",
) -> Value:  # fmt: skip
    """Self-attention: queries, keys and values are projections of the same tokens.

    With one head: Q = X W_Q, K = X W_K, V = X W_V, and the output is softmax(scale Q K^T) V. Several
    heads split the projected axis, attend separately, and are concatenated before W_O. With more than one
    head, or stacked weights, intermediate values have a heads axis before the last two.

    Source: Vaswani et al., Attention Is All You Need (2017), sections 3.2.1 and 3.2.2; rotary as in Su
    et al., RoFormer (2021), equation 16.
    """
    tokens = x if positional_encoding is None else x + positional_encoding
    tokens = clear_padding(tokens.named("input"), key_padding_mask, rows=layout == "rows")
    shared = heads if kv_heads is None else kv_heads
    return multi_head(
        Projection(tokens, w_q, b_q, heads),
        Projection(tokens, w_k, b_k, shared),
        Projection(tokens, w_v, b_v, shared),
        w_o,
        b_o,
        Masks(mask, key_padding_mask, dropout_mask, dropout_rate),
        Rotation(rotary, rotary_dimension, rotary_base, positions, positions),
        AttentionSettings(scale, causal, window, softcap, orientation, layout, causal_alignment),
    )
