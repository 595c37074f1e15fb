"""The transformer: an encoder, and a decoder that attends to the encoder's output."""

from typing import Annotated, Any

from compute.graph.graph import Value
from compute.graph.spec import ValueSpec
from compute.operations.attention.masking import padding_input
from compute.operations.attention.scoring import mask_input
from compute.operations.framework.declaration import Attribute, Input, SettingsOf, Sublayer, operation
from compute.operations.framework.shape_checks import require_batch_axes
from compute.operations.framework.submodules import Submodule
from compute.operations.transformers.decoder import PROVIDED, decoder
from compute.operations.transformers.encoder import encoder_part
from compute.operations.transformers.layer_stack import Layers


@operation((ValueSpec("output", "token d", "... m d", "The decoder's output.", "Y"),))
def transformer(
    source: Annotated[Value, Input("... n d_c", "The tokens of the source, with their positions.", "X")],
    target: Annotated[Value, Input("... m d", "The tokens of the target so far, with their positions.", "T")],
    source_mask: Annotated[Value | None, mask_input("... n n")] = None,
    target_mask: Annotated[Value | None, mask_input("... m m")] = None,
    memory_mask: Annotated[Value | None, mask_input("... m n")] = None,
    source_key_padding_mask: Annotated[Value | None, padding_input("... n", "tokens of the source")] = None,
    target_key_padding_mask: Annotated[Value | None, padding_input("... m", "tokens of the target")] = None,
    memory_key_padding_mask: Annotated[
        Value | None, padding_input("... n", "tokens of the encoder's output")
    ] = None,
    *,
    encoder: Annotated[Submodule, encoder_part("The encoder.", "encoder")],
    decoder: Annotated[Submodule, Sublayer((decoder,), "The decoder.", PROVIDED, stored=("decoder",))],
    encoder_layers: Layers = None,
    decoder_layers: Layers = None,
    causal: Annotated[
        bool,
        Attribute("Whether the decoder's self-attention is masked: a token does not attend to later tokens."),
    ] = True,
    **settings: Annotated[
        Any, SettingsOf(exclude=("layers", "window", "rotary", "rotary_dimension", "rotary_base"))
    ],
) -> Value:
    """A transformer: the encoder's output is the memory that the decoder attends to.

    Weights are sent by sublayer, `encoder.layer[0].attention.w_q` or nested; or as `state_dict` with the
    names of PyTorch's Transformer. Padding of the source and of the memory are sent separately, as in
    PyTorch.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.1 and figure 1.
    """  # fmt: skip
    require_batch_axes(target, "target", source, "the source")
    conventions = source.graph.conventions
    memory = encoder(
        settings,
        setting_names={"layers": "encoder_layers"},
        layers=encoder_layers,
        x=source,
        mask=source_mask,
        key_padding_mask=source_key_padding_mask,
    )
    conventions["encoder_layers"] = conventions.pop("layers")
    output = decoder(
        settings,
        setting_names={"layers": "decoder_layers"},
        layers=decoder_layers,
        causal=causal,
        x=target,
        memory=memory,
        mask=target_mask,
        key_padding_mask=target_key_padding_mask,
        memory_mask=memory_mask,
        memory_key_padding_mask=memory_key_padding_mask,
    )
    conventions["decoder_layers"] = conventions.pop("layers")
    return output.named("output")
