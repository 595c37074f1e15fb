"""The kinds of numbers that a question can use, by name."""

from collections.abc import Collection, Mapping, Sequence

from compute.arithmetic.floating import FLOAT32, FLOAT64, Floating
from compute.arithmetic.namespace import Arithmetic

FLOATING: dict[str, Floating] = {one.name: one for one in (FLOAT64, FLOAT32)}
EXACT = "exact"


def get_arithmetic(
    name: str, assumptions: Mapping[str, Sequence[str]] | None = None, abbreviated: Collection[str] = ()
) -> Arithmetic:
    """Return the arithmetic of this name. assumptions, abbreviated: for exact numbers, see `Exact`."""
    if name != EXACT:
        return FLOATING[name]
    # SymPy takes half a second to load, and questions about floats do not need it.
    from compute.arithmetic.exact.namespace import Exact  # noqa: PLC0415 - loads SymPy

    return Exact(assumptions, abbreviated)
