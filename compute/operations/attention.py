"""Scaled dot-product attention over queries, keys and values as they come."""

from typing import Annotated

from compute.named import Named
from compute.operations.declaration import Input, operation
from compute.operations.scoring import (
    Causal,
    Layout,
    Mask,
    Orientation,
    Scale,
    Scoring,
    Softcap,
    Window,
    attend,
    mix,
    shared_heads,
    stages,
)
from compute.value import Value


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
    window: Window = None,
    softcap: Softcap = None,
    orientation: Orientation = "query_key",
    layout: Layout = "rows",
) -> Value:
    """Scaled dot-product attention: softmax(scale Q K^T) V.

    Leading axes are batch axes and broadcast. Where the third-last axis holds heads, fewer key and
    value heads than query heads are shared by consecutive groups of queries (grouped-query
    attention). The stages follow one another as scores, scale, softcap, mask, softmax. With a window
    only the scores inside it are computed.

    Source: Vaswani et al., Attention Is All You Need (2017), equation 1; Ainslie et al., GQA (2023);
    the softcap is that of Gemma Team, Gemma 2 (2024), section 2; the window that of Beltagy et al.,
    Longformer (2020), section 3.1.
    """
    how = Scoring(scale, causal, window, softcap, orientation, layout)
    shared_key = shared_heads(key, query, "key")
    shared_value = shared_heads(value, query, "value")
    weights = attend(query, shared_key, mask, how)
    return mix(weights, shared_value, how).named("output")
