"""The decoder of a transformer."""

from typing import Annotated, Any

from compute.graph.graph import Value
from compute.operations.attention.masking import padding_input
from compute.operations.attention.rotary_embedding import Positions
from compute.operations.attention.scoring import Mask, mask_input
from compute.operations.framework.declaration import Input, SettingsOf, Sublayer, operation
from compute.operations.framework.submodules import Submodule
from compute.operations.transformers.decoder_layer import decoder_layer
from compute.operations.transformers.layer_stack import OUTPUT, FinalNorm, Layers, run_layers
from compute.operations.transformers.residual import NORM_SETTINGS, Bias, Blocks, Norm, Placement, norm_part

PROVIDED = (
    "x", "memory", "mask", "key_padding_mask", "memory_mask", "memory_key_padding_mask", "positions",
)  # fmt: skip
LAYER = Sublayer(
    (decoder_layer,), "The layers, from the first on.", PROVIDED, is_list=True, stored=("layers.{}",)
)


@operation((OUTPUT,))
def decoder(
    x: Annotated[Value, Input("... n d", "The tokens so far, with their positions.", "X")],
    memory: Annotated[Value, Input("... m d_c", "The encoder's output.", "C")],
    mask: Annotated[Value | None, mask_input("... n n")] = None,
    key_padding_mask: Annotated[Value | None, padding_input("... n", "tokens")] = None,
    memory_mask: Mask = None,
    memory_key_padding_mask: Annotated[Value | None, padding_input("... m", "tokens of the memory")] = None,
    positions: Positions = None,
    *,
    layer: Annotated[Submodule, LAYER],
    final_norm: Annotated[
        Submodule, norm_part("the last layer's output; none if nothing is sent for it", "norm")
    ],
    layers: Layers = None,
    norm: Norm = "layer_norm",
    norm_placement: Placement = "post",
    bias: Bias = None,
    has_final_norm: FinalNorm = None,
    **settings: Annotated[Any, SettingsOf(exclude=NORM_SETTINGS)],
) -> Value:
    """The decoder of a transformer: a stack of layers that also attend to the encoder's output.

    Weights are sent by layer, as for encoder; or as `state_dict` with the names of PyTorch's
    TransformerDecoder.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.1 and figure 1.
    """
    blocks = Blocks(settings, norm, norm_placement, bias)
    provided: dict[str, Any] = {
        "memory": memory, "mask": mask, "key_padding_mask": key_padding_mask, "memory_mask": memory_mask,
        "memory_key_padding_mask": memory_key_padding_mask, "positions": positions,
    }  # fmt: skip

    def run_layer(part: Submodule, tokens: Value) -> Value:
        return part(blocks.layer_settings, x=tokens, **provided)

    return run_layers(x, layer, layers, blocks, final_norm, run_layer, has_final_norm=has_final_norm)
