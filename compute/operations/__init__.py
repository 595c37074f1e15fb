"""The catalogue: every operation there is, listed by hand in families."""

from dataclasses import dataclass

from compute import primitives  # noqa: F401 - operations apply primitives by name
from compute.operations.attention.attention import attention
from compute.operations.attention.cross_attention import cross_attention
from compute.operations.attention.positional_encoding import positional_encoding
from compute.operations.attention.rotary_embedding import rotary_embedding
from compute.operations.attention.self_attention import self_attention
from compute.operations.convolution.convolution import conv1d, conv2d
from compute.operations.convolution.pooling import (
    average_pool1d,
    average_pool2d,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool2d,
    max_unpool2d,
)
from compute.operations.convolution.transposed_convolution import conv_transpose1d, conv_transpose2d
from compute.operations.framework.declaration import Operation
from compute.operations.layers.activation import activation
from compute.operations.layers.dropout import dropout
from compute.operations.layers.embedding import embedding
from compute.operations.layers.gating import glu
from compute.operations.layers.linear import linear
from compute.operations.layers.softmax import hardmax, log_softmax, softmax, softmin
from compute.operations.losses.binary_cross_entropy import binary_cross_entropy
from compute.operations.losses.cross_entropy import cross_entropy, nll
from compute.operations.losses.error_losses import huber, mae, mse, smooth_l1
from compute.operations.losses.kl_divergence import kl_divergence
from compute.operations.losses.likelihood_losses import gaussian_nll, poisson_nll
from compute.operations.losses.margin_losses import cosine, hinge, hinge_embedding, multi_margin
from compute.operations.losses.triplet import triplet
from compute.operations.normalization.channel_normalization import batch_norm, group_norm, instance_norm
from compute.operations.normalization.layer_normalization import layer_norm, rms_norm
from compute.operations.recurrent.recurrent import gru, lstm, rnn
from compute.operations.transformers.decoder import decoder
from compute.operations.transformers.decoder_layer import decoder_layer
from compute.operations.transformers.encoder import encoder
from compute.operations.transformers.encoder_layer import encoder_layer
from compute.operations.transformers.feed_forward import feed_forward
from compute.operations.transformers.language_model import language_model
from compute.operations.transformers.patch_embedding import patch_embedding
from compute.operations.transformers.transformer import transformer
from compute.operations.transformers.vision_transformer import vision_transformer


@dataclass(frozen=True, slots=True)
class Family:
    """Operations of one kind, listed together in the document and in the catalogue."""

    name: str
    meaning: str
    operations: tuple[Operation, ...]


FAMILIES = (
    Family(
        "attention",
        "Queries, keys and values: plain, within one sequence, and from one sequence to another.",
        (attention, self_attention, cross_attention),
    ),
    Family(
        "positions",
        "Encodings of token positions, added to tokens or rotating queries and keys.",
        (positional_encoding, rotary_embedding),
    ),
    Family(
        "convolution",
        "Convolutions in one and two dimensions, and their transposes.",
        (conv1d, conv2d, conv_transpose1d, conv_transpose2d),
    ),
    Family(
        "pooling",
        "Maxima, averages and p-norms over windows.",
        (
            max_pool1d,
            max_pool2d,
            average_pool1d,
            average_pool2d,
            lp_pool1d,
            lp_pool2d,
            max_unpool2d,
        ),
    ),
    Family("recurrent", "Recurrent layers, step by step.", (rnn, lstm, gru)),
    Family(
        "normalization",
        "Normalization over features, channels, groups or a batch.",
        (layer_norm, rms_norm, batch_norm, group_norm, instance_norm),
    ),
    Family(
        "activations",
        "Functions of each entry, gates, and the softmax family.",
        (activation, glu, softmax, softmin, log_softmax, hardmax),
    ),
    Family("layers", "Linear layers, embeddings and dropout.", (linear, embedding, dropout)),
    Family(
        "losses",
        "Losses for regression, classification, ranking and likelihoods.",
        (
            mse,
            mae,
            huber,
            smooth_l1,
            cross_entropy,
            nll,
            binary_cross_entropy,
            kl_divergence,
            hinge,
            hinge_embedding,
            multi_margin,
            cosine,
            triplet,
            gaussian_nll,
            poisson_nll,
        ),
    ),
    Family(
        "transformers",
        "Feed-forward blocks, encoder and decoder layers, and whole models made of them.",
        (
            feed_forward,
            encoder_layer,
            decoder_layer,
            encoder,
            decoder,
            transformer,
            language_model,
            patch_embedding,
            vision_transformer,
        ),
    ),
)

CATALOGUE: dict[str, Operation] = {
    operation.name: operation for family in FAMILIES for operation in family.operations
}

__all__ = ["CATALOGUE", "FAMILIES", "Family"]
