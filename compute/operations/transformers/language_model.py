"""Language models: embeddings of tokens, a stack of transformer layers, and logits over the vocabulary."""

from typing import Annotated, Any, Literal, TypeAlias

from compute.dimensions import Size
from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.attention.masking import clear_padding, padding_input
from compute.operations.attention.positional_encoding import positional_encoding
from compute.operations.attention.scoring import Mask
from compute.operations.framework.build import call
from compute.operations.framework.declaration import Attribute, Input, SettingsOf, Sublayer, operation
from compute.operations.framework.shape_checks import require_batch_axes
from compute.operations.framework.signature import SymbolicSize, sizes_from_settings
from compute.operations.framework.submodules import Submodule
from compute.operations.layers.embedding import embedding
from compute.operations.layers.linear import linear
from compute.operations.transformers.classification import first_token, name_predictions, tanh_layer
from compute.operations.transformers.encoder import encoder_part
from compute.operations.transformers.residual import NORM_SETTINGS, Bias, Blocks, Norm, Placement, norm_part

Count: TypeAlias = Size | None


def size_setting(meaning: str) -> Attribute:
    return Attribute(f"{meaning}; weights that are sent determine it.", minimum=1)


def table_part(of: str) -> Sublayer:
    """Declare an embedding whose indices are provided and whose table is sent."""
    return Sublayer((embedding,), f"The table of {of}.", ("indices",))


@operation(
    (
        ValueSpec(
            "sequence",
            "token d",
            "... n d",
            "The input of the first layer: embeddings of tokens, positions and segments.",
            "Z_{0}",
        ),
        ValueSpec(
            "representation",
            "token d",
            "... n d",
            "The tokens after the last layer and the final norm.",
            "Y",
        ),
        ValueSpec("pooled", "d", "... d", "With pooling: tanh of a linear layer of the first token.", "p"),
        ValueSpec(
            "logits",
            "token vocabulary",
            "... n v",
            "At each position, the logit of each token of the vocabulary.",
            "L",
        ),
        ValueSpec("probabilities", "token vocabulary", "... n v", "The softmax of the logits.", "P"),
        ValueSpec(
            "output",
            "token vocabulary",
            "... n v",
            "The logits; without logits, the representation.",
            r"\hat{Y}",
        ),
    )
)
def language_model(
    tokens: Annotated[Value, Input("... n", "The index of each token in the vocabulary, from 0.", "t")],
    segments: Annotated[
        Value | None,
        Input("... n", "The segment of each token, from 0.", "s", optional="there are no segments"),
    ] = None,
    mask: Mask = None,
    key_padding_mask: Annotated[Value | None, padding_input("... n", "tokens")] = None,
    *,
    token_embedding: Annotated[Submodule, table_part("tokens")],
    position_embedding: Annotated[Submodule, table_part("learned positions")],
    segment_embedding: Annotated[Submodule, table_part("segments")],
    embedding_norm: Annotated[Submodule, norm_part("the embeddings, with norm_embeddings")],
    encoder: Annotated[
        Submodule, encoder_part("The layers. With norms before the sublayers there is a final norm.")
    ],
    pooler: Annotated[Submodule, Sublayer((linear,), "With pooling: the layer of the first token.")],
    head: Annotated[Submodule, Sublayer((linear,), "With head_weights own: the layer of the logits.")],
    vocabulary: Annotated[Count, size_setting("The number of tokens in the vocabulary")] = None,
    d_model: Annotated[Count, size_setting("The width of a token")] = None,
    context: Annotated[Count, size_setting("With learned positions: the number of positions")] = None,
    segment_types: Annotated[Count, size_setting("The number of segments in the table")] = None,
    position_kind: Annotated[
        Literal["learned", "sinusoidal", "none"],
        Attribute("The encoding of positions: from a table, as in positional_encoding, or none."),
    ] = "learned",
    embedding_scale: Annotated[
        bool, Attribute("Whether embeddings of tokens are multiplied by sqrt(d), as in the paper.")
    ] = False,
    norm_embeddings: Annotated[
        bool, Attribute("Whether embeddings go through a norm before the first layer, as in BERT.")
    ] = False,
    pooling: Annotated[
        bool, Attribute("Whether the first token goes through a layer with tanh, as in BERT.")
    ] = False,
    head_weights: Annotated[
        Literal["tied", "own", "none"],
        Attribute(
            "The weights of the logits: the transposed table of tokens; a layer of their own; or no logits."
        ),
    ] = "tied",
    norm: Norm = "layer_norm",
    norm_placement: Placement = "post",
    bias: Bias = None,
    **settings: Annotated[Any, SettingsOf(exclude=NORM_SETTINGS, sublayers=("embedding_norm", "encoder"))],
) -> Value:
    """A language model: GPT with causal and norms before the sublayers, BERT without.

    Embeddings of tokens, positions and segments are added and go through the layers of `encoder`; logits are
    the result times the transposed table of tokens. Weights are sent by sublayer: `token_embedding.weights`,
    `position_embedding.weights`, `encoder.layer[0].attention.w_q`, or nested.

    Source: Radford et al., Language Models are Unsupervised Multitask Learners (2019), section 2.3; Devlin et
    al., BERT (2019), section 3 and figure 2; Vaswani et al., Attention Is All You Need (2017), section 3.4.
    """
    blocks, graph = Blocks(settings, norm, norm_placement, bias), tokens.graph
    if position_kind != "learned":
        _check_unused("context", context, "learned positions")
    if segments is None:
        _check_unused("segment_types", segment_types, "segments")
    embedded = token_embedding(
        {},
        sizes=sizes_from_settings(d=("d_model", d_model), vocabulary=("vocabulary", vocabulary)),
        indices=tokens,
        scale="sqrt(d)" if embedding_scale else None,
    )
    width, count = embedded.shape[-1], tokens.shape[-1]
    same_width = {"d": (width, "the tokens' embeddings")}
    if position_kind == "learned":
        positions = apply("positions", graph=graph, count=count, first=0)
        positions.axes = tokens.axes[-1:]
        embedded = embedded + position_embedding(
            {},
            sizes=same_width | sizes_from_settings(vocabulary=("context", context)),
            assumed={"vocabulary": SymbolicSize("context")},
            indices=positions,
        )
        _check_positions(position_embedding.value("weights"), count)
    elif position_kind == "sinusoidal":
        encoding = call(positional_encoding, "positional_encoding", graph, length=count, dimension=width)
        embedded = embedded + encoding
    if segments is not None:
        require_batch_axes(segments, "segments", tokens, "the tokens", axes=1)
        embedded = embedded + segment_embedding(
            {},
            sizes=same_width | sizes_from_settings(vocabulary=("segment_types", segment_types)),
            assumed={"vocabulary": SymbolicSize("segment_types")},
            indices=segments,
        )
    embedded = clear_padding(embedded, key_padding_mask)
    if norm_embeddings:
        embedded = blocks.normalize(embedded, embedding_norm)
    more: dict[str, Any] = {}
    if settings.get("has_final_norm") is None and not encoder.has_sent("final_norm"):
        more["has_final_norm"] = norm_placement == "pre"  # as in GPT-2 and its successors
    encoded = encoder(
        blocks.layer_settings,
        x=embedded.named("sequence"),
        mask=mask,
        key_padding_mask=key_padding_mask,
        **more,
    ).named("representation")
    if pooling:
        same_width = {"d_out": (width, "the tokens")}
        tanh_layer(first_token(encoded), pooler, bias, sizes=same_width).named("pooled")
    if head_weights == "none":
        return encoded.named("output")
    table = token_embedding.value("weights")
    if head_weights == "tied":
        return name_predictions(encoded @ table.T)
    return name_predictions(
        head(
            {},
            biases=bias,
            sizes={"d_out": (table.shape[0], "the rows of token_embedding.weights")},
            x=encoded,
        )
    )


def _check_unused(name: str, size: Size | None, without: str) -> None:
    """Raise QuestionError for the size of a table that does not exist."""
    if size is not None:
        raise QuestionError(
            (name,), f"{name} has no use without {without}", f"{without}, or nothing here", describe(size)
        )


def _check_positions(positions: Value, count: Size) -> None:
    known = positions.shape[0]
    if isinstance(known, int) and isinstance(count, int) and count > known:
        raise QuestionError(
            ("tokens",), f"there are {count} tokens, but {known} positions in position_embedding.weights",
            f"at most {known} tokens", f"{count} tokens",
        )  # fmt: skip
