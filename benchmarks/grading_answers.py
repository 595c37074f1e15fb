"""Answers of students, made by plain NumPy: right, rounded, slipped, mistaken, and noise.

Each family is a function that works a question out by hand, forward and backward, and passes every result
through `put`, which may put another one in its place. So a slip is followed by everything after it, and a
mistake is the value that another formula gives.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Name = tuple[str, str]
Put = Callable[[str, str, Array], Array]
SEEDS = 36


@dataclass(frozen=True)
class Case:
    """One answer. slip: the item that is wrong; code: the mistake that was made."""

    kind: str
    family: str
    request: dict[str, Any]
    slip: Name = ("", "")
    code: str = ""


class Work(NamedTuple):
    """A question, and the function that works it out by hand.

    mistakes: for each code, the item that it is made at, and its value from the results before it.
    """

    question: dict[str, Any]
    solve: Callable[[Put], None]
    mistakes: dict[str, tuple[Name, Callable[[dict[Name, Array]], Array]]]


def softmax(scores: Array, axis: int = -1) -> Array:
    """Return the softmax along an axis."""
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def attention(rng: np.random.Generator) -> Work:
    """Self-attention of one head."""
    n, d, width = int(rng.integers(3, 6)), 4, 3
    x = rng.normal(size=(n, d))
    w_q, w_k, w_v = (rng.normal(size=(d, width)) for _ in range(3))
    g = rng.normal(size=(n, width))

    def solve(put: Put) -> None:
        query, key = put("value", "query", x @ w_q), put("value", "key", x @ w_k)
        value = put("value", "value", x @ w_v)
        scores = put("value", "scores", query @ key.T)
        scaled = put("value", "scaled_scores", scores / np.sqrt(width))
        weights = put("value", "weights", softmax(scaled))
        put("value", "output", weights @ value)
        to_weights = put("gradient", "weights", g @ value.T)
        put("gradient", "w_v", x.T @ put("gradient", "value", weights.T @ g))
        inner = weights * (to_weights - (to_weights * weights).sum(axis=-1, keepdims=True))
        to_scores = put("gradient", "scores", put("gradient", "scaled_scores", inner) / np.sqrt(width))
        put("gradient", "w_q", x.T @ put("gradient", "query", to_scores @ key))
        put("gradient", "w_k", x.T @ put("gradient", "key", to_scores.T @ query))

    value = "value"
    scaled, weights = (value, "scaled_scores"), (value, "weights")
    return Work(
        {"operation": "self_attention", "x": x.tolist(), "w_q": w_q.tolist(), "w_k": w_k.tolist(),
         "w_v": w_v.tolist(), "upstream": {"output": g.tolist()}},
        solve,
        {
            "attention.scale_by_d": (scaled, lambda made: made[value, "scores"] / width),
            "attention.scale_inverted": (scaled, lambda made: made[value, "scores"] * np.sqrt(width)),
            "attention.no_scale": (scaled, lambda made: made[value, "scores"]),
            "attention.sign_of_scale": (scaled, lambda made: -made[value, "scores"] / np.sqrt(width)),
            "attention.softmax_over_queries": (weights, lambda made: softmax(made[scaled], 0)),
            "attention.no_softmax": (weights, lambda made: made[scaled]),
            "attention.exp_not_normalized": (weights, lambda made: np.exp(made[scaled])),
            "attention.query_key_swapped": (
                (value, "scores"), lambda made: made[value, "key"] @ made[value, "query"].T
            ),
            "attention.weights_transposed": (
                (value, "output"), lambda made: made[weights].T @ made[value, "value"]
            ),
            "attention.value_is_key": ((value, "output"), lambda made: made[weights] @ made[value, "key"]),
        },
    )  # fmt: skip


def network(rng: np.random.Generator) -> Work:
    """A network of two layers with a squared error, as a program."""
    n, d, h = 4, 3, 3
    x, w_1, b_1 = rng.normal(size=(n, d)), rng.normal(size=(d, h)), rng.normal(size=h)
    w_2, t = rng.normal(size=(h, 2)), rng.normal(size=(n, 2))

    def solve(put: Put) -> None:
        z = put("value", "z", x @ w_1 + b_1)
        a = put("value", "a", 1 / (1 + np.exp(-z)))
        y = put("value", "y", a @ w_2)
        put("value", "loss", np.asarray(np.mean((y - t) ** 2)))
        to_y = put("gradient", "y", 2 * (y - t) / y.size)
        put("gradient", "w_2", a.T @ to_y)
        to_z = put("gradient", "z", put("gradient", "a", to_y @ w_2.T) * a * (1 - a))
        put("gradient", "w_1", x.T @ to_z)
        put("gradient", "b_1", to_z.sum(axis=0))

    z, y, back = ("gradient", "z"), ("gradient", "y"), ("gradient", "a")
    return Work(
        {"operation": "graph",
         "program": ["z = x @ w_1 + b_1", "a = sigmoid(z)", "y = a @ w_2", "loss = mse(y, t)"],
         "inputs": {"x": x.tolist(), "w_1": w_1.tolist(), "b_1": b_1.tolist(), "w_2": w_2.tolist(),
                    "t": t.tolist()},
         "upstream": {"loss": 1}},
        solve,
        {
            "activation.gradient_at_preactivation": (
                z, lambda made: made[back] * made["value", "z"] * (1 - made["value", "z"])
            ),
            "activation.gradient_cut_at_output": (z, lambda made: made[back]),
            "activation.gradient_upstream_ignored": (
                z, lambda made: made["value", "a"] * (1 - made["value", "a"])
            ),
            "loss.gradient_sign": (y, lambda made: -2 * (made["value", "y"] - t) / t.size),
            "loss.gradient_not_averaged": (y, lambda made: 2 * (made["value", "y"] - t)),
            "linear.bias_left_out": (("value", "z"), lambda made: x @ w_1),
            "linear.gradient_bias_averaged": (("gradient", "b_1"), lambda made: made[z].mean(axis=0)),
        },
    )  # fmt: skip


def normalization(rng: np.random.Generator) -> Work:
    """A layer norm with a gain."""
    x, gain, g = rng.normal(size=(4, 5)) + 1, rng.normal(size=5), rng.normal(size=(4, 5))
    epsilon = 0.1

    def solve(put: Put) -> None:
        mean = put("value", "mean", x.mean(axis=-1))[:, None]
        variance = put("value", "variance", ((x - mean) ** 2).mean(axis=-1))[:, None]
        normalized = put("value", "normalized", (x - mean) / np.sqrt(variance + epsilon))
        put("value", "output", normalized * gain)
        put("gradient", "gain", (g * normalized).sum(axis=0))

    variance, normalized = ("value", "variance"), ("value", "normalized")
    mean = ("value", "mean")

    def centered(made: dict[Name, Array]) -> Array:
        return np.asarray(x - made[mean][:, None])

    return Work(
        {"operation": "layer_norm", "x": x.tolist(), "gain": gain.tolist(), "epsilon": epsilon,
         "upstream": {"output": g.tolist()}},
        solve,
        {
            "norm.sample_variance": (variance, lambda made: (centered(made) ** 2).sum(axis=-1) / 4),
            "norm.variance_about_zero": (variance, lambda made: (x**2).mean(axis=-1)),
            "norm.divided_by_variance": (
                normalized, lambda made: centered(made) / (made[variance][:, None] + epsilon)
            ),
            "norm.epsilon_outside_root": (
                normalized, lambda made: centered(made) / (np.sqrt(made[variance][:, None]) + epsilon)
            ),
            "norm.mean_not_subtracted": (
                normalized, lambda made: x / np.sqrt(made[variance][:, None] + epsilon)
            ),
        },
    )  # fmt: skip


def optimizer(rng: np.random.Generator) -> Work:
    """Momentum on a quadratic in two unknowns."""
    slopes, start = rng.uniform(0.5, 3, size=2), rng.normal(size=2)
    rate, momentum = 0.1, 0.6

    def solve(put: Put) -> None:
        x, velocity = start, np.zeros(2)
        for step in range(1, 4):
            gradient = put("value", f"trace[{step}].gradient.x", slopes * x)
            velocity = put("value", f"trace[{step}].state.x.velocity", momentum * velocity + gradient)
            x = put("value", f"trace[{step}].parameters.x", x - rate * velocity)

    first, second = ("value", "trace[1].parameters.x"), ("value", "trace[2].state.x.velocity")
    return Work(
        {"operation": "optimizer/trace", "program": ["f = 0.5 * sum(a * x**2)"], "loss": "f", "steps": 3,
         "start": {"x": start.tolist()}, "inputs": {"a": slopes.tolist()},
         "optimizer": {"name": "momentum", "learning_rate": rate, "momentum": momentum}},
        solve,
        {
            "optimizer.sign": (first, lambda made: start + rate * made["value", "trace[1].state.x.velocity"]),
            "momentum.forgotten": (second, lambda made: made["value", "trace[2].gradient.x"]),
        },
    )  # fmt: skip


FAMILIES: dict[str, Callable[[np.random.Generator], Work]] = {
    "attention": attention, "network": network, "normalization": normalization, "optimizer": optimizer,
}  # fmt: skip


def make_cases() -> Iterator[Case]:
    """Yield every answer, the same ones each time."""
    for family, build in FAMILIES.items():
        for seed in range(SEEDS):
            rng = np.random.default_rng([seed, len(family)])
            work = build(rng)
            right = _work_out(work)
            yield Case("right", family, _request(work, right))
            for digits in (3, 4):
                yield Case("rounded", family, _request(work, _work_out(work, digits=digits)))
                shown = {name: _round(array, digits) for name, array in right.items()}
                yield Case("rounded", family, _request(work, shown))
            for name in right:
                if seed % 4 == 0 and name[1] != "loss":
                    yield Case(
                        "slip", family, _request(work, _work_out(work, {name: _slip(right[name], rng)})), name
                    )
            for code, (name, wrong) in work.mistakes.items():
                yield Case("mistake", family, _request(work, _work_out(work, {}, {name: wrong})), name, code)
            noise = {
                name: rng.normal(size=np.shape(array)) * 3 * (1 + np.abs(array).max())
                for name, array in right.items()
            }
            yield Case("noise", family, _request(work, noise))


def _slip(right: Array, rng: np.random.Generator) -> Array:
    """Return an array with one wrong entry."""
    wrong = np.array(right, dtype=float)
    place = tuple(int(rng.integers(size)) for size in wrong.shape)
    wrong[place] += 0.5 + abs(wrong[place])
    return wrong


def _work_out(
    work: Work,
    changed: dict[Name, Array] | None = None,
    mistaken: dict[Name, Callable[[dict[Name, Array]], Array]] | None = None,
    digits: int | None = None,
) -> dict[Name, Array]:
    made: dict[Name, Array] = {}

    def put(of: str, name: str, computed: Array) -> Array:
        key = of, name
        if mistaken and key in mistaken:
            computed = mistaken[key](made)
        result = np.asarray(computed if not changed or key not in changed else changed[key])
        made[key] = result if digits is None else _round(result, digits)
        return made[key]

    work.solve(put)
    return made


def _round(array: Array, digits: int) -> Array:
    return np.asarray(np.vectorize(lambda entry: float(f"{entry:.{digits}g}"))(array))


def _request(work: Work, made: dict[Name, Array]) -> dict[str, Any]:
    return {
        "question": work.question,
        "answer": {name: array.tolist() for (of, name), array in made.items() if of == "value"},
        "gradients": {name: array.tolist() for (of, name), array in made.items() if of == "gradient"},
    }
