"""One layer of a transformer's encoder."""

from typing import Annotated, Any

from compute.graph.graph import Value
from compute.graph.spec import ValueSpec
from compute.operations.attention.masking import DropoutRate, clear_padding, padding_input
from compute.operations.attention.rotary_embedding import Positions
from compute.operations.attention.scoring import Mask
from compute.operations.attention.self_attention import self_attention
from compute.operations.framework.declaration import Input, SettingsOf, Sublayer, operation
from compute.operations.framework.submodules import Submodule
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

PROVIDED = ("x", "mask", "key_padding_mask", "positions", "positional_encoding")


@operation(
    (
        *block_values("attention", "attn"),
        *block_values("feed_forward", "ff"),
        ValueSpec("output", "token d", "... n d", "The tokens after both blocks.", "Y"),
    )
)
def encoder_layer(
    x: Annotated[Value, Input("... n d", "The tokens.", "X")],
    mask: Mask = None,
    key_padding_mask: Annotated[Value | None, padding_input("... n", "tokens")] = None,
    positions: Positions = None,
    attention_dropout_mask: Annotated[Value | None, block_dropout("attention")] = None,
    feed_forward_dropout_mask: Annotated[Value | None, block_dropout("feed-forward sublayer")] = None,
    *,
    attention: Annotated[
        Submodule,
        Sublayer(
            (self_attention,),
            "The self-attention sublayer.",
            PROVIDED,
            stored=("self_attn", "self_attention", "attn"),
        ),
    ],
    attention_norm: Annotated[Submodule, norm_part("the attention block", "norm1", "ln_1")],
    feed_forward: Annotated[Submodule, feed_forward_part()],
    feed_forward_norm: Annotated[Submodule, norm_part("the feed-forward block", "norm2", "ln_2")],
    norm: Norm = "layer_norm",
    norm_placement: Placement = "post",
    bias: Bias = None,
    dropout_rate: DropoutRate = None,
    **settings: Annotated[Any, SettingsOf(exclude=("layout", "causal_alignment", *NORM_SETTINGS))],
) -> Value:
    """A layer of a transformer's encoder: self-attention and a feed-forward network, with residual paths.

    Weights are sent by sublayer: `attention`, `attention_norm`, `feed_forward`, `feed_forward_norm`; biases
    may be left out. Or as `state_dict` with the names of PyTorch's TransformerEncoderLayer, whose norm_first
    is norm_placement pre. The gradient of the tokens has a contribution of the residual path
    (`attention_residual`) and one of the block (`attention_branch`). With causal it is a decoder-only layer,
    as in GPT.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.1; norms before the sublayers as in
    Xiong et al., On Layer Normalization in the Transformer Architecture (2020), table 1.
    """  # fmt: skip
    blocks = Blocks(settings, norm, norm_placement, bias, dropout_rate)
    masks = {"mask": mask, "key_padding_mask": key_padding_mask, "positions": positions}
    x = clear_padding(x, key_padding_mask)
    x = blocks.attention_block(x, attention, attention_norm, attention_dropout_mask, **masks)
    x = blocks.feed_forward_block(x, feed_forward, feed_forward_norm, feed_forward_dropout_mask)
    return blocks.output(x)
