"""How schemas are named, and how declared dimensions read."""

from collections.abc import Container

from compute.operations.framework.declaration import Input
from compute.operations.framework.unification import transposed_dims


def camel(name: str) -> str:
    """Return `SelfAttention` for `self_attention`."""
    return "".join(part.capitalize() for part in name.split("_"))


def dims_text(declared: Input, turning: Container[str] | None = None) -> str:
    """Return the dimensions of an input as people write them.

    turning: the settings that may turn it; any if left out.
    """

    def shown(dims: str) -> str:
        return " or ".join(f"({', '.join(one.split())})" for one in dims.split("|"))

    if not declared.transposed_by or (turning is not None and declared.transposed_by not in turning):
        return shown(declared.dims)
    return (
        f"{shown(declared.dims)}; turned by {declared.transposed_by}: {shown(transposed_dims(declared.dims))}"
    )
