"""The arrays that an answer returns: their names, shapes and numbers of entries."""

from collections import Counter
from collections.abc import Iterable, Iterator

from compute.dimensions import Shape, Size
from compute.graph.graph import Graph
from compute.readings.reverse_mode import Differentiation
from compute.readings.selection import pattern_of

MAX_PATTERNS = 5


def sent_arrays(
    graph: Graph,
    returned: Iterable[str],
    differentiation: Differentiation | None,
    differentiated: Iterable[str],
) -> Iterator[tuple[str, Shape]]:
    """Yield the name and shape of each returned array: values, gradients and contributions to gradients."""
    names = graph.names
    for name in returned:
        yield name, names[name].shape
    if differentiation is not None:
        for name in differentiated:
            value = names[name]
            yield name, value.shape
            sources = differentiation.cotangents[value.index].sources
            if len(sources) > 1:
                parts = [slot for slot in sources.values() if slot is not None]
                if len(parts) > 1:  # a single contribution is the gradient itself
                    yield from ((name, value.shape) for _ in parts)


def known_size(size: Size) -> int:
    """Return a size if it is a number; 0 for a symbolic size, whose value is not computed."""
    return size if isinstance(size, int) else 0


def describe_largest(sent: Iterable[tuple[str, int]]) -> str:
    """Describe the largest arrays as patterns for `select`, such as `layer[*].scores (96 for 2 names)`."""
    counts: Counter[str] = Counter()
    names: dict[str, set[str]] = {}
    for name, entries in sent:
        pattern = pattern_of(name)
        counts[pattern] += entries
        names.setdefault(pattern, set()).add(name)
    suffixes = {
        pattern: f" for {len(held)} names" if len(held) > 1 else "" for pattern, held in names.items()
    }
    return ", ".join(
        f"{pattern} ({entries:,}{suffixes[pattern]})" for pattern, entries in counts.most_common(MAX_PATTERNS)
    )
