"""The encoder of a transformer."""

from typing import Annotated, Any

from compute.graph.graph import Value
from compute.operations.attention.masking import padding_input
from compute.operations.attention.rotary_embedding import Positions
from compute.operations.attention.scoring import Mask
from compute.operations.framework.declaration import Input, SettingsOf, Sublayer, operation
from compute.operations.framework.submodules import Submodule
from compute.operations.transformers.encoder_layer import encoder_layer
from compute.operations.transformers.layer_stack import OUTPUT, FinalNorm, Layers, run_layers
from compute.operations.transformers.residual import NORM_SETTINGS, Bias, Blocks, Norm, Placement, norm_part

PROVIDED = ("x", "mask", "key_padding_mask", "positions")
LAYER = Sublayer(
    (encoder_layer,),
    "The layers, from the first on.",
    PROVIDED,
    is_list=True,
    stored=("layers.{}", "layers.encoder_layer_{}", "blocks.{}"),
)


@operation((OUTPUT,))
def encoder(
    x: Annotated[Value, Input("... n d", "The tokens, with their positions.", "X")],
    mask: Mask = None,
    key_padding_mask: Annotated[Value | None, padding_input("... n", "tokens")] = None,
    positions: Positions = None,
    *,
    layer: Annotated[Submodule, LAYER],
    final_norm: Annotated[
        Submodule, norm_part("the last layer's output; none if nothing is sent for it", "norm", "ln")
    ],
    layers: Layers = None,
    norm: Norm = "layer_norm",
    norm_placement: Placement = "post",
    bias: Bias = None,
    has_final_norm: FinalNorm = None,
    **settings: Annotated[Any, SettingsOf(exclude=NORM_SETTINGS)],
) -> Value:
    """The encoder of a transformer: a stack of layers.

    Weights are sent by layer, `layer[0].attention.w_q` or nested lists; or as `state_dict` with the names of
    PyTorch's TransformerEncoder. With causal it is a decoder-only stack: its output at a position does not
    depend on later tokens.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.1 and figure 1.
    """  # fmt: skip
    blocks = Blocks(settings, norm, norm_placement, bias)

    def run_layer(part: Submodule, tokens: Value) -> Value:
        return part(
            blocks.layer_settings, x=tokens, mask=mask, key_padding_mask=key_padding_mask, positions=positions
        )

    return run_layers(x, layer, layers, blocks, final_norm, run_layer, has_final_norm=has_final_norm)


def encoder_part(meaning: str, *stored: str) -> Sublayer:
    """Declare the encoder of a larger model. stored: its names in PyTorch's state dicts."""
    return Sublayer((encoder,), meaning, PROVIDED, stored=stored)
