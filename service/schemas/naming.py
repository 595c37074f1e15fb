"""Names of schemas, and the text of declared dimensions."""

from collections.abc import Container

from compute.operations.framework.declaration import Input
from compute.operations.framework.unification import transposed_dims


def camel_case(name: str) -> str:
    """Return a snake_case name in CamelCase: `SelfAttention` for `self_attention`."""
    return "".join(part.capitalize() for part in name.split("_"))


def format_dims(declared: Input, settings: Container[str] | None = None) -> str:
    """Return the dimensions of an input for readers, such as `(n, d) or (d)`.

    settings: the operation's settings, if it may lack the one that transposes the input.
    """

    def format_alternatives(dims: str) -> str:
        return " or ".join(f"({', '.join(names.split())})" for names in dims.split("|"))

    text = format_alternatives(declared.dims)
    setting = declared.transposed_by
    if not setting or (settings is not None and setting not in settings):
        return text
    return f"{text}; transposed by {setting}: {format_alternatives(transposed_dims(declared.dims))}"
