"""Cross-attention: queries from one sequence, keys and values from another."""

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
from compute.operations.framework.shape_checks import require_batch_axes


@operation(
    (
        token_value("input", "token d", "... n d", "The tokens with their positions added.", "X'"),
        token_value("context_input", "token d_c", "... m d_c", "The context with its positions added.", "C'"),
        *projected_values("m"),
    ),
    stored=STORED,
    rules=(
        *ALIGNMENT_RULES,
        *ROTARY_RULES,
        rule("positions", {"rotary": SENT}),
        rule("dropout_mask", {"dropout_rate": SENT}),
        rule("dropout_rate", {"dropout_mask": SENT}),
        rule("context_positions", {"rotary": SENT}),
    ),
)
def cross_attention(
    x: Annotated[Value, Input("... n d", "The tokens of the queries.", "X", transposed_by="layout")],
    context: Annotated[
        Value, Input("... m d_c", "The tokens of the keys and values.", "C", transposed_by="layout")
    ],
    w_q: Annotated[
        Value,
        weights("d heads*d_k | heads d d_k", "The query weights, heads concatenated or stacked.", "W_{Q}"),
    ],
    w_k: Annotated[Value, weights("d_c kv_heads*d_k | kv_heads d_c d_k", "The key weights.", "W_{K}")],
    w_v: Annotated[
        Value | None,
        weights("d_c kv_heads*d_v | kv_heads d_c d_v", "The value weights.", "W_{V}",
                optional="the identity: the values are the context"),
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
    context_positional_encoding: Annotated[
        Value | None,
        Input("... m d_c", "Added to the context.", "P_{C}", transposed_by="layout", optional="none"),
    ] = None,
    positions: Positions = None,
    context_positions: Annotated[
        Value | None,
        Input("... m", "The position of each token of the context.", "t_{C}", optional="0, 1, 2 and so on"),
    ] = None,
    mask: Mask = None,
    key_padding_mask: Annotated[Value | None, padding_input("... m")] = None,
    dropout_mask: Annotated[Value | None, dropout_input("... n m", "weights", "orientation")] = None,
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
    """Cross-attention: queries from the tokens, keys and values from a context.

    Q = X W_Q, K = C W_K, V = C W_V; the rest is self-attention. The context may have another length and
    width. With causal or a window, query i is aligned with key i, or with causal_alignment lower_right the
    last query with the last key.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.3, encoder-decoder attention.
    """
    require_batch_axes(context, "context", x, "the tokens")
    tokens = x if positional_encoding is None else x + positional_encoding
    tokens = tokens.named("input")
    source = context if context_positional_encoding is None else context + context_positional_encoding
    source = clear_padding(source.named("context_input"), key_padding_mask, rows=layout == "rows")
    shared = heads if kv_heads is None else kv_heads
    return multi_head(
        Projection(tokens, w_q, b_q, heads),
        Projection(source, w_k, b_k, shared),
        Projection(source, w_v, b_v, shared),
        w_o,
        b_o,
        Masks(mask, key_padding_mask, dropout_mask, dropout_rate),
        Rotation(rotary, rotary_dimension, rotary_base, positions, context_positions, "context_positions"),
        AttentionSettings(scale, causal, window, softcap, orientation, layout, causal_alignment),
    )
