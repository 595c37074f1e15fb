"""The catalogue: every operation there is, listed by hand."""

import compute.primitives  # noqa: F401 - operations apply primitives by name
from compute.operations.attention import attention
from compute.operations.declaration import Operation
from compute.operations.self_attention import self_attention

CATALOGUE: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        attention,
        self_attention,
    )
}

__all__ = ["CATALOGUE"]
