"""Extreme shapes: most of the entries in a few of the axes, axes of size 1, ranks from 0 to 8."""

import math
from typing import Any, NamedTuple

import numpy as np

Rng = np.random.Generator


class Extreme(NamedTuple):
    """Operands and attributes of one primitive."""

    operands: list[Any]
    attributes: dict[str, Any]


def sizes(rng: Rng, count: int, entries: int) -> list[int]:
    """Draw `count` sizes whose product is at most `entries`, most of it usually in a few of them."""
    shares: Any = rng.dirichlet([0.4] * count) if count else []
    return [max(1, int(entries**share)) for share in shares]


def shape(rng: Rng, entries: int, least: int = 0) -> tuple[int, ...]:
    return tuple(sizes(rng, int(rng.integers(least, 9)), entries))


def normal(rng: Rng, *axes: int) -> Any:
    """Draw normal entries; occasionally some are not finite."""
    array = rng.standard_normal(axes)
    if rng.random() < 0.2:
        array[rng.random(axes) < 0.3] = rng.choice([math.nan, math.inf, -math.inf])
    return array


def thinner(rng: Rng, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Draw a shape that broadcasts to `axes`."""
    thin = [size if rng.random() < 0.6 else 1 for size in axes]
    return tuple(thin[int(rng.integers(0, len(thin) + 1)) if rng.random() < 0.3 else 0 :])
