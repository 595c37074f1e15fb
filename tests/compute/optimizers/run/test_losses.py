"""Traces of the catalogue's losses against the same losses in NumPy."""

import itertools
import re
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from compute.optimizers.run.objective import Batches
from tests.compute.optimizers.asking import steps_of
from tests.compute.optimizers.objectives import flat, shaped, slopes
from tests.compute.optimizers.rules.test_rules import record_of

RNG = np.random.default_rng(41)
X, W = RNG.standard_normal((6, 3)), RNG.standard_normal((3, 4))
CLASSES = np.array([0.0, 3, 1, 1, 2, 0])
YES = np.array([[0.0], [1], [1], [0], [1], [0]])
TARGETS, MATES = RNG.standard_normal((6, 1)), RNG.standard_normal((6, 4))


def log_softmax(z: Any) -> Any:
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def log_likelihood(z: Any) -> Any:
    return log_softmax(z)[np.arange(6), CLASSES.astype(int)]


def similarity(a: Any, b: Any) -> Any:
    return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def huber(e: Any) -> Any:
    return np.where(abs(e) > 0.5, 0.5 * (abs(e) - 0.25), e * e / 2)


# The lines of a program, its start, and the same loss in NumPy.
EXAMPLES: dict[str, tuple[tuple[str, ...], dict[str, Any], Any]] = {
    "cross_entropy": (
        ("z = linear(x, w)", "L = cross_entropy(z, y)"), {"w": W}, lambda w: -log_likelihood(X @ w).mean(),
    ),
    "smoothed": (
        ("L = cross_entropy(x @ w, y, label_smoothing=0.2, reduction='sum')",), {"w": W},
        lambda w: -(0.8 * log_likelihood(X @ w) + 0.05 * log_softmax(X @ w).sum(-1)).sum(),
    ),
    "nll": (
        ("L = nll(log_softmax(x @ w), y)",), {"w": W}, lambda w: -log_likelihood(X @ w).mean(),
    ),
    "binary_of_logits": (
        ("L = binary_cross_entropy(logits=x @ v, target=t)",), {"v": W[:, :1]},
        lambda v: np.mean(np.log(1 + np.exp(X @ v)) - YES * (X @ v)),
    ),
    "binary_of_probabilities": (
        ("p = sigmoid(x @ v)", "L = binary_cross_entropy(p, t)"), {"v": W[:, :1]},
        lambda v: np.mean(np.log(1 + np.exp(X @ v)) - YES * (X @ v)),
    ),
    "huber": (
        ("L = huber(x @ v, r, delta=0.5)",), {"v": W[:, :1]}, lambda v: huber(X @ v - TARGETS).mean(),
    ),
    "mae": (("L = mae(x @ v, r)",), {"v": W[:, :1]}, lambda v: abs(X @ v - TARGETS).mean()),
    "mse_of_one_number": (("L = mse(a * 2, 3)",), {"a": 0.5}, lambda a: float((2 * a - 3) ** 2)),
    "kl_divergence": (
        ("L = kl_divergence(softmax(u), q, reduction='sum')",), {"u": W[0]},
        lambda u: float(np.sum(0.25 * (np.log(0.25) - log_softmax(u)))),
    ),
    "hinge": (
        ("L = hinge(x @ v, 2 * t - 1)",), {"v": W[:, :1]},
        lambda v: np.maximum(0, 1 - (2 * YES - 1) * (X @ v)).mean(),
    ),
    "cosine": (
        ("L = cosine(x @ w, m)",), {"w": W}, lambda w: (1 - similarity(X @ w, MATES)).mean(),
    ),
    "embedding": (
        ("L = cross_entropy(embedding(y, w), y)",), {"w": np.vstack([W, W[:1] / 2])},
        lambda w: -log_likelihood(w[CLASSES.astype(int)]).mean(),
    ),
}  # fmt: skip
DATA = {"x": X, "y": CLASSES, "t": YES, "r": TARGETS, "q": np.full(4, 0.25), "m": MATES}


def data_of(program: tuple[str, ...]) -> dict[str, Any]:
    words = set(re.findall(r"[a-z_]+", " ".join(program)))
    return {name: one for name, one in DATA.items() if name in words}


@pytest.mark.parametrize("name", EXAMPLES)
def test_traces_follow_the_loss_and_its_slopes(name: str) -> None:
    program, start, loss = EXAMPLES[name]
    steps = steps_of({"name": "momentum", "learning_rate": 0.05}, start, program, steps=4,
                     data=data_of(program))  # fmt: skip
    for before, step in itertools.pairwise(steps):
        assert float(step.loss or 0) == pytest.approx(float(loss(**step.parameters)), rel=1e-11)
        wanted = slopes(lambda at: loss(**shaped(at, start)), flat(before.parameters))
        np.testing.assert_allclose(flat(record_of(step).gradient), wanted, rtol=1e-6, atol=1e-8)
    assert float(steps[-1].loss or 0) < float(steps[0].loss or 0)


@pytest.mark.parametrize("name", ["cross_entropy", "smoothed", "binary_of_logits", "nll"])
def test_second_derivatives(name: str) -> None:
    """Newton's method converges with them."""
    program, start, loss = EXAMPLES[name]
    more = ("f = L + 5 * sum(w**2)",) if "w" in start else ("f = L + 5 * sum(v**2)",)
    steps = steps_of({"name": "newton", "learning_rate": 1}, start, (*program, *more), steps=6, loss="f",
                     data=data_of(program))  # fmt: skip
    key = next(iter(start))
    wanted = slopes(lambda at: loss(**shaped(at, start)) + 5 * np.sum(at**2), flat(steps[-1].parameters))
    np.testing.assert_allclose(wanted, np.zeros_like(wanted), atol=1e-7)
    assert key in steps[-1].parameters


def test_batches_of_classes() -> None:
    program, start, _ = EXAMPLES["cross_entropy"]
    rows = ((0, 1), (2, 3, 5))
    steps = steps_of({"name": "gradient_descent", "learning_rate": 0.1}, start, program, steps=4,
                     data=data_of(program), batches=Batches(("x", "y"), rows))  # fmt: skip
    for before, step in itertools.pairwise(steps):
        seen = list(rows[(step.number - 1) % 2])
        logs = log_softmax(X[seen] @ before.parameters["w"])
        loss = -logs[np.arange(len(seen)), CLASSES[seen].astype(int)].mean()
        assert float(record_of(step).batch_loss or 0) == pytest.approx(float(loss), rel=1e-12)


def test_a_step_in_exact_numbers() -> None:
    """From zero weights every class has the same probability."""
    program = ("L = cross_entropy(w, y)",)
    steps = steps_of({"name": "gradient_descent", "learning_rate": 3}, {"w": [0, 0, 0]}, program, steps=1,
                     numbers="exact", data={"y": 1})  # fmt: skip
    assert steps[0].loss is not None
    assert steps[0].loss[()] == sympy.log(3)
    assert [str(one) for one in record_of(steps[1]).gradient["w"]] == ["1/3", "-2/3", "1/3"]
    assert [str(one) for one in steps[1].parameters["w"]] == ["-1", "2", "-1"]


@pytest.mark.parametrize(
    ("program", "start", "data", "path"),
    [
        ("L = cross_entropy(w, y)", {"w": [0.0, 0]}, {"y": 2.0}, ("inputs", "y")),
        ("L = cross_entropy(w, y)", {"w": [0.0, 0]}, {"y": -100.0}, ("inputs", "y")),
        ("L = binary_cross_entropy(w, y)", {"w": [0.5, 2]}, {"y": [0.0, 1]}, ("start", "w")),
        ("L = cross_entropy(w, y, reduction='none')", {"w": [[0.0, 0]]}, {"y": [1.0]}, ("loss",)),
    ],
)
def test_invalid_entries_are_refused(program: str, start: Any, data: Any, path: Any) -> None:
    with pytest.raises(QuestionErrors) as caught:
        steps_of({"name": "adam"}, start, (program,), steps=2, data=data)
    assert caught.value.errors[0].path[:2] == path


def test_an_invalid_computed_value_is_named() -> None:
    program = ("p = 4 * w", "L = binary_cross_entropy(p, y)")
    with pytest.raises(QuestionErrors) as caught:
        steps_of({"name": "adam"}, {"w": [0.5]}, program, steps=2, data={"y": [0.0]})
    [error] = caught.value.errors
    assert error.path == ("program", 1)
    assert error.message.startswith("line 2, column 5: p holds a number that is not a probability")
