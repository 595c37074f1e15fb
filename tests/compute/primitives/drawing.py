"""Random operands for tests of primitives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.graph.primitive import REGISTRY, GradientRule

Array = Any


def normal(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.standard_normal(shape)


def away_from_zero(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape)


def booleans(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.random(shape) < 0.6


def positive(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.uniform(0.1, 2, shape)


def spread(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.uniform(-6, 6, shape)


@dataclass
class Case:
    operands: list[Callable[[np.random.Generator], Array]]
    attributes: dict[str, Any] = field(default_factory=dict)

    def rules(self, name: str) -> tuple[GradientRule | None, ...]:
        return REGISTRY[name].rules_of(len(self.operands))


def places(below: int, *shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: np.asarray(rng.integers(0, below, shape))


def probabilities(*shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.uniform(0.05, 0.95, shape)


def all_run(rng: np.random.Generator) -> Array:
    return np.ones((1, 1), dtype=bool)


def ends(rng: np.random.Generator) -> Array:
    """Return the mask of running sequences: three sequences of 4, 1 and 3 of four steps."""
    return np.array([4, 1, 3])[:, None, None] > np.arange(4)[:, None]
