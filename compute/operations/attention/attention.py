"""Scaled dot-product attention over queries, keys and values."""

from typing import Annotated, TypeAlias

from compute.dimensions import Size
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.attention.attending import attend, repeat_shared_heads, weighted_sums
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
    stages,
)
from compute.operations.framework.declaration import Attribute, Input, operation
from compute.operations.framework.rules import SENT, rule

Heads: TypeAlias = Annotated[
    int,
    Attribute(
        "The number of heads into which the features of queries are split; 1 if heads are an axis of the"
        " inputs.",
        minimum=1,
        dimension=True,
    ),
]
KeyValueHeads: TypeAlias = Annotated[
    int | None,
    Attribute(
        "The number of heads into which keys and values are split, each shared by heads/kv_heads query heads."
        " Default: heads.",
        minimum=1,
        dimension=True,
        follows="heads",
    ),
]


FEATURES = ("heads*d_k", "kv_heads*d_k", "kv_heads*d_v", "d_v")


def _head_value(name: str, axes: str, dims: str, meaning: str, symbol: str) -> ValueSpec:
    return ValueSpec(name, axes, dims, f"{meaning}; if heads is not 1.", symbol, transposed_by="layout")


@operation(
    (
        _head_value("head_query", "query d_k", "... n d_k", "The queries, head by head", r"Q_{\text{heads}}"),
        _head_value("head_key", "key d_k", "... m d_k", "The keys, head by head", r"K_{\text{heads}}"),
        _head_value("head_value", "key d_v", "... m d_v", "The values, head by head", r"V_{\text{heads}}"),
        *stages("m"),
        _head_value(
            "head_outputs", "query d_v", "... n d_v", "The weighted sums of the values, head by head", "H"
        ),
        ValueSpec(
            "output",
            "query d_v",
            "... n heads*d_v",
            "The weighted sums of the values; those of several heads are concatenated.",
            "Y",
            transposed_by="layout",
        ),
    ),
    rules=(
        *ALIGNMENT_RULES,
        rule("dropout_mask", {"dropout_rate": SENT}),
        rule("dropout_rate", {"dropout_mask": SENT}),
    ),
)
def attention(
    query: Annotated[Value, Input("... n heads*d_k", "The queries.", "Q", transposed_by="layout")],
    key: Annotated[Value, Input("... m kv_heads*d_k", "The keys.", "K", transposed_by="layout")],
    value: Annotated[Value, Input("... m kv_heads*d_v", "The values.", "V", transposed_by="layout")],
    mask: Mask = None,
    *,
    heads: Heads = 1,
    kv_heads: KeyValueHeads = None,
    scale: Scale = "1/sqrt(d_k)",
    causal: Causal = False,
    causal_alignment: Alignment = None,
    window: Window = None,
    softcap: Softcap = None,
    orientation: Orientation = "query_key",
    layout: Layout = "rows",
) -> Value:
    """Scaled dot-product attention: softmax(scale Q K^T) V.

    Leading axes are batch axes and broadcast. Heads are the third-last axis of every input, or are
    concatenated along the features with the setting heads; intermediate values then have a heads axis before
    the last two. Fewer key and value heads than query heads are shared by consecutive groups of queries
    (grouped-query attention). The order of stages is scores, scale, softcap, mask, softmax. With a window
    only the scores inside it are computed.

    Source: Vaswani et al., Attention Is All You Need (2017), equation 1; Ainslie et al., GQA (2023);
    the softcap is that of Gemma Team, Gemma 2 (2024), section 2; the window that of Beltagy et al.,
    Longformer (2020), section 3.1.
    """
    shared = heads if kv_heads is None else kv_heads
    has_heads = heads != 1 or shared != 1
    leading = ("heads",) if has_heads else ()
    settings = AttentionSettings(
        scale, causal, window, softcap, orientation, layout, causal_alignment, leading
    )
    if has_heads:
        query = _split_heads(query, "head_query", heads, settings)
        key = _split_heads(key, "head_key", shared, settings)
        value = _split_heads(value, "head_value", shared, settings)
    else:
        for tensor, label in ((query, "d_k"), (key, "d_k"), (value, "d_v")):
            _label_features(tensor, label, settings)
    query.graph.add_key_values(key, value, settings.token_axis)
    shared_key = repeat_shared_heads(key, query, "key")
    shared_value = repeat_shared_heads(value, query, "value")
    weights, allowed = attend(query, shared_key, mask, settings)
    output = weighted_sums(weights, shared_value, settings, allowed)
    if has_heads:
        output = apply("merge_axis", settings.named(output, "head_outputs"), axis=settings.feature_axis)
    output = output.named("output")
    if has_heads:
        _label_features(output, "heads*d_v", settings)
    return output


def _split_heads(value: Value, name: str, heads: Size, settings: AttentionSettings) -> Value:
    """Split heads along the features into an axis of their own before the last two."""
    return settings.named(apply("split_axis", value, parts=heads, axis=settings.feature_axis), name)


def _label_features(value: Value, label: str, settings: AttentionSettings) -> None:
    """Label the feature axis, whose declared label is for any number of heads."""
    axes = list(value.axes)
    if value.name is not None and axes[settings.feature_axis] in FEATURES:  # not a line of a program
        axes[settings.feature_axis] = label
        value.axes = tuple(axes)
