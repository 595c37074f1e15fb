"""Reproducible random recurrent layers, whose answers were recorded from PyTorch."""

from typing import Any

import numpy as np

from tests.oracles.cases import Array, Case

KINDS = {"rnn": 1, "lstm": 4, "gru": 3}
COUNT = 60  # of each kind
STATES = {"rnn": ("hidden",), "lstm": ("hidden", "cell"), "gru": ("hidden",)}


def upstream(shape: tuple[int, ...]) -> Array:
    """Return upstream gradients of any shape that need no recording."""
    return (np.arange(int(np.prod(shape))) % 7 - 3.0).reshape(shape)


def recurrent(kind: str, seed: int) -> Case:
    """Return one or several layers with PyTorch's gate order; tensors by their names on the wire."""
    rng = np.random.default_rng([list(KINDS).index(kind), 500, seed])
    gates, units, size, steps = (
        KINDS[kind],
        *(int(one) for one in rng.integers(1, 5, 2)),
        int(rng.integers(1, 7)),
    )
    layers = int(rng.choice([1, 1, 2, 3]))
    direction = str(rng.choice(["forward", "forward", "both"]))
    ways = 2 if direction == "both" else 1
    settings: dict[str, Any] = {"layers": layers, "direction": direction}
    settings["weights"] = str(rng.choice(["in_out", "out_in"]))
    if kind == "rnn":
        settings["activation"] = str(rng.choice(["tanh", "relu"]))
    batch: tuple[int, ...] = () if rng.random() < 0.4 else (int(rng.integers(1, 4)),)
    stack = (layers,) * (layers > 1) + (ways,) * (ways > 1)

    def matrix(*outer: int, rows: int) -> Array:
        shape = (rows, gates * units) if settings["weights"] == "in_out" else (gates * units, rows)
        return rng.standard_normal((*outer, *shape)) * 0.7

    inputs: dict[str, Array] = {
        "x": rng.standard_normal((*batch, steps, size)),
        "w_x": matrix(*(ways,) * (ways > 1), rows=size),
        "w_h": matrix(*stack, rows=units),
    }
    if layers > 1:
        inputs["w_x_upper"] = matrix(layers - 1, *(ways,) * (ways > 1), rows=ways * units)
    if rng.random() < 0.7:
        inputs |= {name: rng.standard_normal((*stack, gates * units)) for name in ("b", "b_h")}
    if rng.random() < 0.6:
        names = ("h_0", "c_0")[: len(STATES[kind])]
        inputs |= {name: rng.standard_normal((*batch, *stack, units)) for name in names}
    if batch and rng.random() < 0.6:
        inputs["lengths"] = rng.integers(1, steps + 1, batch).astype(float)
    return Case(kind, inputs, settings, np.zeros(0))


def differentiated(question: Case) -> list[str]:
    return [name for name in question.inputs if name != "lengths"]


def results(question: Case) -> list[str]:
    """Return the names of the output and of the last states."""
    return ["output", *(f"final_{one}" for one in STATES[question.operation])]
