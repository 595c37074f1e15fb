"""What operations promise to name: the declaration of one value."""

from typing import NamedTuple


class Named(NamedTuple):
    """A value that an operation promises to name.

    axes: what the last axes run over, as people read it; dims: the same in dimension names, as inputs
    declare theirs; turns: as for inputs; meaning: one sentence for people; symbol: its LaTeX;
    counts_comparisons: each entry is one comparison of a query with a key;
    may_be_infinite: -infinity is meant there and worth no remark; banded: the attribute that, where it is
    set, puts a band of keys in the place of all (see `compute.primitives.bands`); on_request: it is
    computed only where it is asked for by name.
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
