"""Self-attention: projections of the same tokens, attending to one another."""

from typing import Annotated

from compute.dimensions import Size
from compute.graph import Named, Value, apply
from compute.operations.attention import (
    Arrangement,
    Causal,
    Layout,
    Mask,
    Orientation,
    Scale,
    Softcap,
    attend,
    mix,
    shared_heads,
    stages,
)
from compute.operations.declaration import Attribute, Input, operation


def _token_value(name: str, axes: str, dims: str, meaning: str, symbol: str) -> Named:
    return Named(name, axes, dims, meaning, symbol, turns="layout")


@operation(
    (
        _token_value("input", "token d", "... n d", "The tokens with their positions added.", "X'"),
        _token_value("query", "query d_k", "... n d_k", "The queries.", "Q"),
        _token_value("key", "key d_k", "... n d_k", "The keys.", "K"),
        _token_value("value", "key d_v", "... n d_v", "The values.", "V"),
        *stages("n"),
        _token_value(
            "head_outputs", "query d_v", "... n d_v", "The weighted sums of the values, head by head.", "H"
        ),
        _token_value(
            "output",
            "query d_o",
            "... n d_o",
            "The heads side by side, through the output projection where there is one.",
            "Y",
        ),
    )
)
def self_attention(
    x: Annotated[Value, Input("... n d", "The tokens.", "X", turns="layout")],
    w_q: Annotated[
        Value,
        Input("d heads*d_k | heads d d_k", "The query weights, heads side by side or stacked.",
              "W_{Q}", turns="layout", parameter=True),
    ],
    w_k: Annotated[
        Value,
        Input("d kv_heads*d_k | kv_heads d d_k", "The key weights.", "W_{K}",
              turns="layout", parameter=True),
    ],
    w_v: Annotated[
        Value | None,
        Input("d kv_heads*d_v | kv_heads d d_v", "The value weights.", "W_{V}",
              turns="layout", parameter=True,
              optional="the identity: the values are the tokens"),
    ] = None,
    w_o: Annotated[
        Value | None,
        Input("heads*d_v d_o | heads d_v d_o", "The output weights.", "W_{O}",
              turns="layout", parameter=True,
              optional="the heads' outputs side by side are the output"),
    ] = None,
    b_q: Annotated[
        Value | None,
        Input("heads*d_k | heads d_k", "The query bias.", "b_{Q}", parameter=True, optional="none"),
    ] = None,
    b_k: Annotated[
        Value | None,
        Input("kv_heads*d_k | kv_heads d_k", "The key bias.", "b_{K}", parameter=True,
              optional="none"),
    ] = None,
    b_v: Annotated[
        Value | None,
        Input("kv_heads*d_v | kv_heads d_v", "The value bias.", "b_{V}", parameter=True,
              optional="none"),
    ] = None,
    b_o: Annotated[
        Value | None, Input("d_o", "The output bias.", "b_{O}", parameter=True, optional="none")
    ] = None,
    positional_encoding: Annotated[
        Value | None,
        Input("... n d", "Added to the tokens.", "P", turns="layout", optional="none"),
    ] = None,
    mask: Mask = None,
    *,
    heads: Annotated[
        int,
        Attribute("The number of heads; stacked weights say it themselves.", minimum=1,
                  dimension=True),
    ] = 1,
    kv_heads: Annotated[
        int | None,
        Attribute("The number of key and value heads, each shared by heads/kv_heads query heads;"
                  " as many as heads if not said.", minimum=1, dimension=True, follows="heads"),
    ] = None,
    scale: Scale = "1/sqrt(d_k)",
    causal: Causal = False,
    softcap: Softcap = None,
    orientation: Orientation = "query_key",
    layout: Layout = "rows",
) -> Value:  # fmt: skip
    """Self-attention: queries, keys and values are projections of the same tokens.

    With one head: Q = X W_Q, K = X W_K, V = X W_V, and the output is softmax(scale Q K^T) V. Several
    heads split the projected axis, attend separately, and are laid side by side before W_O. With
    more than one head, or stacked weights, the values between have a heads axis before the last two.

    Source: Vaswani et al., Attention Is All You Need (2017), sections 3.2.1 and 3.2.2.
    """
    rows = layout == "rows"
    projections = (w_q, w_k, w_v)
    stacked = any(one is not None and one.rank == 3 for one in projections)
    has_heads = stacked or heads != 1
    arranged = Arrangement(orientation, layout, ("heads",) if has_heads else ())
    tokens = x if positional_encoding is None else x + positional_encoding
    tokens = tokens.named("input")

    def project(name: str, weights: Value | None, bias: Value | None, parts: Size) -> Value:
        projected = tokens
        if weights is not None:
            fused = _fused(weights, -1 if rows else -2)
            projected = tokens @ fused if rows else fused @ tokens
        if bias is not None:
            projected = projected + _bias(bias, layout)
        if weights is None and stacked:  # the identity, in each head
            projected = apply("expand", projected, axis=-3)
        elif has_heads:
            projected = apply("split_axis", projected, parts=parts, axis=-1 if rows else -2)
        elif projected is tokens:
            projected = apply("identity", projected)
        projected.is_assumed = weights is None
        return arranged.named(projected, name)

    shared = heads if kv_heads is None else kv_heads
    query = project("query", w_q, b_q, heads)
    key = project("key", w_k, b_k, shared)
    value = project("value", w_v, b_v, shared)
    if has_heads:
        key, value = shared_heads(key, query, "w_k"), shared_heads(value, query, "w_v")
    weights = attend(query, key, mask, scale, causal, softcap, arranged)
    output = mix(weights, value, arranged)
    changes = has_heads or w_o is not None or b_o is not None
    if changes:
        output = arranged.named(output, "head_outputs")
    if has_heads:
        output = apply("merge_axis", output, axis=-1 if rows else -2)
    if w_o is not None:
        fused = _fused(w_o, -2 if rows else -1)
        output = output @ fused if rows else fused @ output
    if b_o is not None:
        output = output + _bias(b_o, layout)
    output = output.named("output")
    return output if changes else output.named("head_outputs")


def _fused(weights: Value, axis: int) -> Value:
    """Stacked per-head weights side by side; fused ones as they are."""
    return apply("merge_axis", weights, axis=axis) if weights.rank == 3 else weights


def _bias(bias: Value, layout: str) -> Value:
    """A bias over all heads, standing as the tokens stand."""
    flat = apply("flatten", bias) if bias.rank == 2 else bias
    return flat if layout == "rows" else apply("expand", flat, axis=-1)
