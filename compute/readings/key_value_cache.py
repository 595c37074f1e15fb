"""Key-value caches: the numbers that attention keeps of earlier tokens when a sequence is decoded."""

from typing import NamedTuple

from compute.dimensions import Size, product, total
from compute.graph.graph import Graph
from compute.readings.selection import pattern_of


class KeyValueCache(NamedTuple):
    """The keys and values of attentions whose names differ only in their indices.

    name: their name; empty for an operation that is attention itself.
    times: the number of them.
    batch: the number of sequences; heads: the number of key and value heads; length: the number of tokens.
    numbers: all numbers together: times batch heads length (key_width + value_width).
    """

    name: str
    times: Size
    batch: Size
    heads: Size
    length: Size
    key_width: Size
    value_width: Size
    numbers: Size


def find_caches(graph: Graph) -> list[KeyValueCache]:
    """Return the keys and values of each attention, in order of computation."""
    caches: dict[tuple[str, tuple[Size, ...]], KeyValueCache] = {}
    for scope, key, value, token_axis in graph.key_values:
        *outer, heads = key.shape[:-2] or (1,)
        feature_axis = -3 - token_axis
        sizes = (
            product(outer), heads, key.shape[token_axis], key.shape[feature_axis],
            value.shape[feature_axis],
        )  # fmt: skip
        times = graph.multiplicity(key.index)
        name = pattern_of(scope or graph.line_of(key.index))
        before = caches.get((name, sizes))
        times = times if before is None else before.times + times
        batch, heads, length, *widths = sizes
        numbers = times * batch * heads * length * total(widths)
        caches[name, sizes] = KeyValueCache(name, times, *sizes, numbers)
    return list(caches.values())
