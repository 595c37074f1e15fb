"""Reproducible random dropouts, whose answers were recorded from PyTorch."""

import math
from typing import Any

import numpy as np

from tests.oracles.cases import Case

COUNT = 80
RATES = (0, 0.1, 0.25, 0.5, 2 / 3, 0.9)


def case(seed: int) -> Case:
    """Return activations without zeros, perhaps followed by a dense layer; PyTorch draws the mask."""
    rng = np.random.default_rng([300, seed])
    rank = int(rng.integers(0, 5))
    shape = tuple(int(one) for one in rng.integers(1, 5, rank))
    settings: dict[str, Any] = {"rate": RATES[rng.integers(len(RATES))]}
    if rng.random() < 0.2:
        settings["training"] = False
    inputs = {"x": np.asarray(rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape))}
    if shape and rng.random() < 0.6:
        outputs = int(rng.integers(1, 5))
        inputs["w"] = rng.standard_normal((shape[-1], outputs))
        if rng.random() < 0.5:
            inputs["b"] = rng.standard_normal(outputs)
    return Case("dropout", inputs, settings, np.zeros(0))


def loss_weights(shape: tuple[int, ...]) -> Any:
    """Return upstream gradients of any shape that need no recording."""
    return (np.arange(math.prod(shape)) % 7 - 3.0).reshape(shape)
