"""Notes on numeric masks that look boolean."""

from collections.abc import Mapping

import numpy as np

from compute.arithmetic.namespace import Array
from compute.graph.graph import Graph, nearest_names
from compute.readings.notes.note import Note

MESSAGE = (
    "its numbers 0 and 1 are added to the scores, and take no key out; booleans do, true where a query may"
    " attend, and so does -Infinity"
)


def mask_notes(graph: Graph, values: Mapping[int, Array]) -> list[Note]:
    """Return a note for each mask of zeros and ones that is added to scores."""
    return [
        Note("numeric_mask", nearest_names(mask)[0], MESSAGE)
        for mask in graph.added_masks
        if mask.index in values and _looks_boolean(values[mask.index])
    ]


def _looks_boolean(mask: Array) -> bool:
    """Return whether all entries are 0 or 1, and some are 1."""
    ones = np.asarray(mask == 1, dtype=bool)
    return bool(ones.any() and (ones | np.asarray(mask == 0, dtype=bool)).all())
