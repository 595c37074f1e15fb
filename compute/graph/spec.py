"""The declaration of one value that an operation promises to name."""

from collections.abc import Iterable
from typing import NamedTuple

POSITIONS = frozenset({"n", "m", "t", "tokens"})  # dimension names of tokens and steps


class ValueSpec(NamedTuple):
    """A value that an operation promises to name.

    axes: labels of the last axes, for people.
    dims: the same in dimension names, as inputs declare theirs.
    meaning: one sentence for people.
    symbol: its LaTeX.
    turns: as for inputs.
    counts_comparisons: whether each entry is one comparison of a query with a key.
    may_be_infinite: whether -infinity is intended and needs no note.
    banded: the attribute that, if set, replaces all keys by a band of keys (see `compute.primitives.bands`).
    on_request: whether it is computed only if it is asked for by name.
    has_batch: whether any axes before these are batch axes, since the inputs have an axis of their own for
        tokens or steps.
    """

    name: str
    axes: str
    dims: str
    meaning: str
    symbol: str
    turns: str = ""
    counts_comparisons: bool = False
    may_be_infinite: bool = False
    banded: str = ""
    on_request: bool = False
    has_batch: bool = False

    def with_batch(self, has_positions: bool) -> "ValueSpec":
        """Return the declaration with `has_batch` set, for an operation with or without a position axis."""
        dims = [axis for axis in self.dims.partition("|")[0].split() if axis != "..."]
        return self._replace(has_batch=has_positions or len(self.axes.split()) > len(dims))


def has_positions(declared: Iterable[str]) -> bool:
    """Return whether any of these dims has a position axis, so that axes before it are batch axes."""
    return any(not POSITIONS.isdisjoint(dims.split()) for dims in declared)
