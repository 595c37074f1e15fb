"""What operations promise to name: the declaration of one value."""

from collections.abc import Iterable
from typing import NamedTuple

POSITIONS = frozenset({"n", "m", "t", "tokens"})  # dimension names of tokens and steps


class ValueSpec(NamedTuple):
    """A value that an operation promises to name.

    axes: what the last axes run over, as people read it; dims: the same in dimension names, as inputs
    declare theirs; turns: as for inputs; meaning: one sentence for people; symbol: its LaTeX;
    counts_comparisons: each entry is one comparison of a query with a key;
    may_be_infinite: -infinity is meant there and worth no remark; banded: the attribute that, where it is
    set, puts a band of keys in the place of all (see `compute.primitives.bands`); on_request: it is
    computed only where it is asked for by name; has_batch: whether any axes before these are batch axes,
    since what came in has an axis of its own for tokens or steps.
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

    def beside(self, has_positions: bool) -> "ValueSpec":
        """The same in an operation with or without an axis of positions."""
        dims = [axis for axis in self.dims.partition("|")[0].split() if axis != "..."]
        return self._replace(has_batch=has_positions or len(self.axes.split()) > len(dims))


def has_positions(declared: Iterable[str]) -> bool:
    """Return whether any of these dims has an axis of positions, so that axes before it are batch axes."""
    return any(not POSITIONS.isdisjoint(dims.split()) for dims in declared)
