"""Reproducible random questions about activations and softmaxes, whose answers were recorded from PyTorch."""

from typing import Any

import numpy as np

from tests.oracles.cases import Array, Case

SOFTMAXES = ("softmax", "softmin", "log_softmax")
# Settings by function, each of which is tried on TENSORS tensors.
FUNCTIONS: dict[str, list[dict[str, Any]]] = {
    "relu": [{}],
    "leaky_relu": [{}, {"slope": 0.3}, {"slope": -0.5}],
    "prelu": [{}],
    "rrelu": [{}, {"lower": 0.1, "upper": 0.4}],
    "relu6": [{}],
    "elu": [{}, {"alpha": 0.7}, {"alpha": 2.5}],
    "selu": [{}],
    "celu": [{}, {"alpha": 0.4}, {"alpha": 3}],
    "gelu": [{}, {"approximate": "tanh"}],
    "silu": [{}],
    "mish": [{}],
    "hardswish": [{}],
    "hardsigmoid": [{}],
    "hardtanh": [{}, {"min_val": -2, "max_val": 0.5}],
    "softplus": [{}, {"beta": 2.5}, {"beta": -1}, {"beta": 0.5, "threshold": 1}],
    "softsign": [{}],
    "threshold": [{"threshold": 0.5, "value": -3}, {"threshold": -1, "value": 20}],
    "hardshrink": [{}, {"lambd": 1.25}],
    "softshrink": [{}, {"lambd": 1.25}],
    "tanhshrink": [{}],
    "tanh": [{}],
    "sigmoid": [{}],
    "log_sigmoid": [{}],
    "erf": [{}],
    "exp": [{}],
    "log": [{}],
    "sqrt": [{}],
    "square": [{}],
    "abs": [{}],
    "sin": [{}],
    "cos": [{}],
    "identity": [{}],
}
SETTINGS = [(name, choice) for name, choices in FUNCTIONS.items() for choice in choices]
TENSORS = 20  # of each function with each of its settings
POSITIVE = ("log", "sqrt")
KINKS = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, -2.0, 1.25, -1.25])
GLUS, ROWS = 30, 60


def activation(index: int, seed: int) -> Case:
    """Return a question on ordinary entries, large ones, and some at kinks and next to them."""
    name, settings = SETTINGS[index]
    rng = np.random.default_rng([300, index, seed])
    shape = tuple(int(one) for one in rng.integers(1, 5, rng.integers(0, 4)))
    x = rng.standard_normal(shape) * [0.3, 2, 10, 300][seed % 4]
    kinked = rng.choice(KINKS, shape) + rng.choice([0.0, 1e-9, -1e-9], shape)
    x = np.where(rng.random(shape) < 0.3, kinked, x)
    if name in POSITIVE:
        x = np.abs(x) + 1e-3
    inputs: dict[str, Array] = {"x": np.asarray(x)}
    settings = dict(settings)
    if name == "prelu":
        inputs["slope"] = rng.standard_normal([(), shape[-1:]][seed % 2] if shape else ())
    if "slope" in settings:
        inputs["slope"] = np.array(float(settings.pop("slope")))
    return Case("activation", inputs, {"function": name, **settings}, rng.standard_normal(shape))


def rows(operation: str, seed: int) -> Case:
    """Return a question on rows of scores, some of them large and some -infinity."""
    rng = np.random.default_rng([301, SOFTMAXES.index(operation), seed])
    shape = tuple(int(one) for one in rng.integers(1, 6, rng.integers(1, 5)))
    x = rng.standard_normal(shape) * [1, 5, 100, 1e4][seed % 4]
    settings: dict[str, Any] = {"axis": int(rng.integers(-len(shape), len(shape)))}
    if operation == "softmax":
        if rng.random() < 0.5:
            settings["scale"] = float(rng.uniform(-2, 3))
        elif rng.random() < 0.5:
            # Never a whole row, and never with a scale, which might flip the sign.
            hidden = rng.random(shape) < 0.2
            np.put_along_axis(hidden, np.zeros([1] * len(shape), dtype=int), False, settings["axis"])
            x = np.where(hidden & ~hidden.all(axis=settings["axis"], keepdims=True), -np.inf, x)
    return Case(operation, {"x": x}, settings, rng.standard_normal(shape))


def gated(seed: int) -> Case:
    rng = np.random.default_rng([302, seed])
    shape = (*(int(one) for one in rng.integers(1, 4, rng.integers(0, 3))), 2 * int(rng.integers(1, 5)))
    x = rng.standard_normal(shape) * 2
    name = ["sigmoid", "relu", "gelu", "silu", "identity", "tanh"][seed % 6]
    settings = {} if name == "sigmoid" else {"function": name}
    return Case("glu", {"x": x}, settings, rng.standard_normal((*shape[:-1], shape[-1] // 2)))


def all_questions() -> list[Case]:
    """Return every question, in the order of the recording."""
    return [
        *(activation(index, seed) for index in range(len(SETTINGS)) for seed in range(TENSORS)),
        *(rows(operation, seed) for operation in SOFTMAXES for seed in range(ROWS)),
        *(gated(seed) for seed in range(GLUS)),
    ]
