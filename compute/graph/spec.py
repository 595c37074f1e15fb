"""ValueSpec: the declaration of one value that an operation names."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from compute.dimensions import Shape

POSITIONS = frozenset({"n", "m", "t", "tokens"})  # dimension names of tokens and steps

Kind = Literal["real", "boolean", "index"]


class Tensor(NamedTuple):
    """Shape and kind of a tensor whose entries are not known yet."""

    shape: Shape
    kind: Kind = "real"


class ValueSpec(NamedTuple):
    """A value that an operation promises to name.

    name: its name in answers.
    axes: the labels of its last axes, for readers.
    dims: the same axes as dimension names, written as those of inputs.
    meaning: one sentence for readers.
    symbol: its LaTeX.
    transposed_by: the setting that swaps its last two axes, as for inputs.
    counts_comparisons: each entry is one comparison of a query with a key.
    may_be_infinite: -infinity is expected in it and needs no note.
    banded: the setting that replaces its axis of keys by a band (see `compute.primitives.bands`).
    on_request: it is computed only if it is requested by name.
    has_batch: whether axes before `axes` are batch axes, because tokens or steps have an axis of their own.
    """

    name: str
    axes: str
    dims: str
    meaning: str
    symbol: str
    transposed_by: str = ""
    counts_comparisons: bool = False
    may_be_infinite: bool = False
    banded: str = ""
    on_request: bool = False
    has_batch: bool = False

    def with_positions(self, has_positions: bool) -> "ValueSpec":
        """Return a copy for an operation with or without an axis of positions."""
        dims = [axis for axis in self.dims.partition("|")[0].split() if axis != "..."]
        return self._replace(has_batch=has_positions or len(self.axes.split()) > len(dims))


def has_positions(declared: Iterable[str]) -> bool:
    """Return whether any of these dims has a position axis, so that axes before it are batch axes."""
    return any(not POSITIONS.isdisjoint(dims.split()) for dims in declared)
