"""Filled contours of numbers on a grid: for each level the regions below it, as closed rings."""

from collections.abc import Iterator, Sequence

import numpy as np

from service.pages.pictures.charts import Numbers

BANDS = 8  # of about equal area

Point = tuple[float, float]
Edge = tuple[int, int, int]
"""An edge of a padded grid: its first corner, and 0 along the first axis or 1 along the second."""


def find_levels(values: Numbers) -> list[float]:
    """Return levels in increasing order, between which there are about as many numbers each."""
    finite = np.sort(values[np.isfinite(values)])
    if not finite.size or finite[0] == finite[-1]:
        return []
    found = [float(f"{finite[(len(finite) - 1) * band // BANDS]:.2g}") for band in range(1, BANDS)]
    return sorted({level for level in found if finite[0] < level < finite[-1]})


def trace_regions(
    x: Numbers, y: Numbers, values: Numbers, levels: Sequence[float]
) -> Iterator[list[list[Point]]]:
    """Yield, from the greatest level, the rings around all points below it, to be filled by even-odd.

    x, y: the places of the grid's lines. values: (lines of x, lines of y). A border on the same places whose
    numbers are not below any level closes rings at the edge.
    """
    across, down = np.pad(x, 1, mode="edge").tolist(), np.pad(y, 1, mode="edge").tolist()
    filled = np.where(np.isfinite(values), values, np.inf)
    padded = np.pad(filled, 1, constant_values=np.inf)
    for level in sorted(levels, reverse=True):
        yield _trace_level(across, down, padded, level)


def _trace_level(x: list[float], y: list[float], values: Numbers, level: float) -> list[list[Point]]:
    below = values < level
    follows: dict[Edge, Edge] = {}
    corners = below[:-1, :-1] * 1 + below[1:, :-1] * 2 + below[1:, 1:] * 4 + below[:-1, 1:] * 8
    for i, j in np.argwhere((corners != 0) & (corners != 15)).tolist():
        sides: tuple[Edge, Edge, Edge, Edge] = ((i, j, 0), (i + 1, j, 1), (i, j + 1, 0), (i, j, 1))
        for start, end in CASES[int(corners[i, j])]:
            follows[sides[start]] = sides[end]
    rings = []
    while follows:
        first = next(iter(follows))
        ring, edge = [], first
        while True:
            ring.append(_cross(x, y, values, level, edge))
            edge = follows.pop(edge)
            if edge == first:
                break
        rings.append(_drop_repeated(ring))
    return [ring for ring in rings if len(ring) > 2]


def _list_cases() -> list[list[tuple[int, int]]]:
    """Return, for each set of corners that are below, the pairs of sides that a contour goes between.

    Corner k lies between sides k - 1 and k. The corners below are to the left of each pair's direction.
    """
    cases = []
    for corners in range(16):
        is_below = [bool(corners >> corner & 1) for corner in range(4)]
        enters = [side for side in range(4) if is_below[side] and not is_below[(side + 1) % 4]]
        pairs = []
        for side in enters:
            corner = side  # the run of corners below that ends at this side begins behind another side
            while is_below[corner]:
                corner = (corner - 1) % 4
            pairs.append((side, corner))
        cases.append(pairs)
    return cases


CASES = _list_cases()


def _cross(x: list[float], y: list[float], values: Numbers, level: float, edge: Edge) -> Point:
    """Return the point of an edge at which the function has a level, between two corners."""
    i, j, axis = edge
    other = (i + 1, j) if axis == 0 else (i, j + 1)
    first, second = float(values[i, j]), float(values[other])
    if np.isinf(first) or np.isinf(second):
        share = 0.0 if np.isinf(second) else 1.0
    else:
        share = (level - first) / (second - first)
    return x[i] + share * (x[other[0]] - x[i]), y[j] + share * (y[other[1]] - y[j])


def _drop_repeated(ring: list[Point]) -> list[Point]:
    return [point for place, point in enumerate(ring) if point != ring[place - 1]]
