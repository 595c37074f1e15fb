"""One layer of a transformer's decoder."""

from typing import Annotated, Any

from compute.graph.graph import Value
from compute.graph.spec import ValueSpec
from compute.operations.attention.cross_attention import cross_attention
from compute.operations.attention.masking import DropoutRate, clear_padding, padding_input
from compute.operations.attention.projections import Rotary, RotaryBase, RotaryDimension
from compute.operations.attention.rotary_embedding import Positions
from compute.operations.attention.scoring import Mask, Window, mask_input
from compute.operations.attention.self_attention import self_attention
from compute.operations.framework.declaration import Attribute, Input, SettingsOf, Sublayer, operation
from compute.operations.framework.submodules import Submodule
from compute.operations.transformers.encoder_layer import PROVIDED
from compute.operations.transformers.residual import (
    NORM_SETTINGS,
    Bias,
    Blocks,
    Norm,
    Placement,
    block_dropout,
    block_values,
    feed_forward_part,
    norm_part,
)

CAUSAL = "in the decoder's self-attention query i attends to keys 0 to i"
CONTEXT = ("context", "context_positional_encoding", "context_positions")


@operation(
    (
        *block_values("self_attention", "self"),
        *block_values("cross_attention", "cross"),
        *block_values("feed_forward", "ff"),
        ValueSpec("output", "token d", "... n d", "The tokens after the three blocks.", "Y"),
    )
)
def decoder_layer(
    x: Annotated[Value, Input("... n d", "The tokens so far.", "X")],
    memory: Annotated[Value, Input("... m d_c", "The encoder's output.", "C")],
    mask: Annotated[Value | None, mask_input("... n n")] = None,
    key_padding_mask: Annotated[Value | None, padding_input("... n", "tokens")] = None,
    memory_mask: Mask = None,
    memory_key_padding_mask: Annotated[Value | None, padding_input("... m", "tokens of the memory")] = None,
    positions: Positions = None,
    self_attention_dropout_mask: Annotated[Value | None, block_dropout("self-attention")] = None,
    cross_attention_dropout_mask: Annotated[Value | None, block_dropout("cross-attention")] = None,
    feed_forward_dropout_mask: Annotated[Value | None, block_dropout("feed-forward sublayer")] = None,
    *,
    self_attention: Annotated[
        Submodule, Sublayer((self_attention,), "The masked self-attention.", PROVIDED, stored=("self_attn",))
    ],
    self_attention_norm: Annotated[Submodule, norm_part("the self-attention block", "norm1")],
    cross_attention: Annotated[
        Submodule,
        Sublayer(
            (cross_attention,),
            "The attention to the memory.",
            (*PROVIDED, *CONTEXT),
            stored=("multihead_attn",),
        ),
    ],
    cross_attention_norm: Annotated[Submodule, norm_part("the cross-attention block", "norm2")],
    feed_forward: Annotated[Submodule, feed_forward_part()],
    feed_forward_norm: Annotated[Submodule, norm_part("the feed-forward block", "norm3")],
    causal: Annotated[
        bool, Attribute("Whether self-attention is masked: a token does not attend to later tokens.")
    ] = True,
    window: Window = None,
    rotary: Rotary = None,
    rotary_dimension: RotaryDimension = None,
    rotary_base: RotaryBase = None,
    norm: Norm = "layer_norm",
    norm_placement: Placement = "post",
    bias: Bias = None,
    dropout_rate: DropoutRate = None,
    **settings: Annotated[Any, SettingsOf(exclude=("layout", "causal_alignment", *NORM_SETTINGS))],
) -> Value:
    """A layer of a transformer's decoder: masked self-attention, cross-attention, a feed-forward network.

    Weights are sent by sublayer, as for encoder_layer; or as `state_dict` with the names of PyTorch's
    TransformerDecoderLayer. causal, window and rotary apply to the self-attention only.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.1; norms before the sublayers as in
    Xiong et al., On Layer Normalization in the Transformer Architecture (2020), table 1.
    """
    conventions = x.graph.conventions
    blocks = Blocks(settings, norm, norm_placement, bias, dropout_rate)
    to_itself: dict[str, Any] = {
        "causal": causal, "window": window, "rotary": rotary, "rotary_dimension": rotary_dimension,
        "rotary_base": rotary_base, "positions": positions, "mask": mask,
        "key_padding_mask": key_padding_mask,
    }  # fmt: skip
    to_memory: dict[str, Any] = {
        "context": memory,
        "mask": memory_mask,
        "key_padding_mask": memory_key_padding_mask,
    }
    x = clear_padding(x, key_padding_mask)
    x = blocks.attention_block(
        x, self_attention, self_attention_norm, self_attention_dropout_mask, **to_itself
    )
    if "causal" in conventions:
        conventions["causal"] = CAUSAL
    x = blocks.attention_block(
        x, cross_attention, cross_attention_norm, cross_attention_dropout_mask, **to_memory
    )
    x = blocks.feed_forward_block(x, feed_forward, feed_forward_norm, feed_forward_dropout_mask)
    return blocks.output(x)
