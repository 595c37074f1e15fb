"""Filled contours, against the function itself."""

import numpy as np

from service.pages.pictures.contours import find_levels, trace_regions

X, Y = np.linspace(-2.0, 2.0, 41), np.linspace(-1.0, 1.0, 21)


def contains(rings: list[list[tuple[float, float]]], x: float, y: float) -> bool:
    """Return whether a point is inside, by even-odd."""
    crossings = 0
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                crossings += 1
    return crossings % 2 == 1


def check(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", levels: list[float]) -> None:
    regions = [*trace_regions(X, Y, values, levels)]
    assert len(regions) == len(levels)
    for rings, level in zip(regions, sorted(levels, reverse=True), strict=True):
        for i in range(1, 40, 3):
            for j in range(1, 20, 3):
                if values[i, j] != level:
                    inside = contains(rings, X[i] + 1e-9, Y[j] + 1e-9)
                    assert inside == (np.isfinite(values[i, j]) and values[i, j] < level), (i, j)


def test_a_bowl() -> None:
    values = np.add.outer(X**2, 4 * Y**2)
    check(values, [0.3, 1.03, 3.9])


def test_a_saddle_and_a_region_with_a_hole() -> None:
    check(np.multiply.outer(X, Y) + 0.01, [-0.5, 0.0, 0.5])
    ring = -((np.hypot(*np.meshgrid(X, Y, indexing="ij")) - 0.7) ** 2)
    check(ring, [-0.2, -0.05])


def test_places_without_a_number_are_in_no_region() -> None:
    with np.errstate(all="ignore"):
        check(np.add.outer(np.log(X), Y), [-0.5, 0.4])


def test_contours_of_a_bowl_have_its_radius() -> None:
    values = np.add.outer(X**2, Y**2)
    [[ring]] = trace_regions(X, Y, values, [0.64])
    np.testing.assert_allclose(np.hypot(*np.array(ring).T), 0.8, atol=0.005)


def test_levels_part_the_numbers_evenly() -> None:
    values = np.exp(np.linspace(0, 10, 800)).reshape(20, 40)
    levels = find_levels(values)
    assert levels == sorted(levels)
    counts = np.histogram(values, [0, *levels, np.inf])[0]
    assert counts.min() > 80
    assert find_levels(np.ones((3, 3))) == []
    assert find_levels(np.full((2, 2), np.nan)) == []
