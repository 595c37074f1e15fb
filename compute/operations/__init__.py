"""The catalogue: every operation there is, listed by hand."""

import compute.primitives  # noqa: F401 - operations apply primitives by name
from compute.operations.attention import attention
from compute.operations.cross_attention import cross_attention
from compute.operations.declaration import Operation
from compute.operations.positional_encoding import positional_encoding
from compute.operations.rotary_embedding import rotary_embedding
from compute.operations.self_attention import self_attention

CATALOGUE: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        attention,
        self_attention,
        cross_attention,
        positional_encoding,
        rotary_embedding,
    )
}

__all__ = ["CATALOGUE"]
