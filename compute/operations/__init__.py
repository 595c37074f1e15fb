"""The catalogue: every operation there is, listed by hand."""

import compute.primitives  # noqa: F401 - operations apply primitives by name
from compute.operations.activation import activation
from compute.operations.attention import attention
from compute.operations.convolution import conv1d, conv2d
from compute.operations.cross_attention import cross_attention
from compute.operations.declaration import Operation
from compute.operations.gating import glu
from compute.operations.pooling import (
    average_pool1d,
    average_pool2d,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool2d,
    max_unpool2d,
)
from compute.operations.positional_encoding import positional_encoding
from compute.operations.rotary_embedding import rotary_embedding
from compute.operations.self_attention import self_attention
from compute.operations.softmax import hardmax, log_softmax, softmax, softmin
from compute.operations.transposed_convolution import conv_transpose1d, conv_transpose2d

CATALOGUE: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        attention,
        self_attention,
        cross_attention,
        positional_encoding,
        rotary_embedding,
        conv1d,
        conv2d,
        conv_transpose1d,
        conv_transpose2d,
        max_pool1d,
        max_pool2d,
        average_pool1d,
        average_pool2d,
        lp_pool1d,
        lp_pool2d,
        max_unpool2d,
        activation,
        glu,
        softmax,
        softmin,
        log_softmax,
        hardmax,
    )
}

__all__ = ["CATALOGUE"]
