"""The reading that says how many numbers an answer sends back, and for which names."""

from collections import Counter
from collections.abc import Iterable, Iterator

from compute.dimensions import Shape, Size
from compute.graph.graph import Graph
from compute.readings.reverse_mode import Differentiation
from compute.readings.selection import pattern_of

MOST_NAMED = 5


def sent_arrays(
    graph: Graph,
    returned: Iterable[str],
    differentiation: Differentiation | None,
    differentiated: Iterable[str],
) -> Iterator[tuple[str, Shape]]:
    """Each array that is sent back for a value, its gradient or a part of it, with the value's name."""
    names = graph.names
    for name in returned:
        yield name, names[name].shape
    if differentiation is not None:
        for name in differentiated:
            value = names[name]
            parts = [
                slot for slot in differentiation.cotangents[value.index].sources.values() if slot is not None
            ]
            for _ in range(1 + len(parts) if len(parts) > 1 else 1):  # one part alone is the whole
                yield name, value.shape


def number(size: Size) -> int:
    """A size that must be a number by now; what is unknown is not computed and counts nothing."""
    return size if isinstance(size, int) else 0


def largest(sent: Iterable[tuple[str, int]]) -> str:
    """What the most numbers come with, as patterns that select takes: `layer[*].scores (96 for 2 names)`."""
    counts: Counter[str] = Counter()
    names: dict[str, set[str]] = {}
    for name, entries in sent:
        pattern = pattern_of(name)
        counts[pattern] += entries
        names.setdefault(pattern, set()).add(name)
    several = {pattern: f" for {len(held)} names" if len(held) > 1 else "" for pattern, held in names.items()}
    return ", ".join(
        f"{pattern} ({entries:,}{several[pattern]})" for pattern, entries in counts.most_common(MOST_NAMED)
    )
