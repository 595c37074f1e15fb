"""Convolutions, pools, dropout, embeddings, losses and networks, each with its gradients."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.grading_corpus.attention import softmax
from benchmarks.grading_corpus.sheets import Array, Formula, Mistake, Sheet, Step, gradient, value

Rng = np.random.Generator
Lookup = dict[str, Array]


def at_value(name: str, formula: Formula) -> Mistake:
    return Mistake({value(name): formula})


def at_gradient(name: str, formula: Formula) -> Mistake:
    return Mistake({gradient(name): formula})


def question(operation: str, known: Lookup, upstream: Lookup, **settings: Any) -> dict[str, Any]:
    sent = {name: array.tolist() for name, array in known.items()}
    back = {name: array.tolist() for name, array in upstream.items()}
    return {"operation": operation, **sent, **settings, "upstream": back}


def windows(x: Array, size: int, stride: int, padding: int = 0) -> Array:
    """Return the square windows of the last two axes: (..., rows, columns, size, size)."""
    x = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)
    rows = range(0, x.shape[-2] - size + 1, stride)
    columns = range(0, x.shape[-1] - size + 1, stride)
    return np.stack(
        [np.stack([x[..., r : r + size, c : c + size] for c in columns], -3) for r in rows], -4
    )  # fmt: skip


def spread(parts: Array, shape: tuple[int, ...], stride: int, padding: int = 0) -> Array:
    """Add the entries of windows where they came from: the transpose of `windows`."""
    size = parts.shape[-1]
    padded = np.zeros((*shape[:-2], shape[-2] + 2 * padding, shape[-1] + 2 * padding))
    for i in range(parts.shape[-4]):
        for j in range(parts.shape[-3]):
            rows, columns = slice(i * stride, i * stride + size), slice(j * stride, j * stride + size)
            padded[..., rows, columns] += parts[..., i, j, :, :]
    return padded[..., padding : padded.shape[-2] - padding, padding : padded.shape[-1] - padding]


# Both are the true convolution, in part; the last two agree where windows are as many as taps.
CONVOLVED = (
    {"conv.gradient_kernel_flipped", "conv.gradient_input_kernel_flipped"},
    {"conv.kernel_flipped", "conv.gradient_kernel_flipped"},
    {"conv.kernel_flipped", "conv.gradient_input_kernel_flipped"},
    {"conv.divided_by_taps", "conv.gradient_kernel_averaged"},
)
# A mistaken loss and its own gradient.
LOSSES = (
    {"loss.not_averaged", "loss.gradient_not_averaged"},
    {"loss.minus_left_out", "loss.gradient_sign"},
    {"loss.averaged_over_samples", "loss.gradient_averaged_over_samples"},
    {"loss.half_added", "loss.gradient_two_left_out"},
)


def conv2d(rng: Rng, channels: int, filters: int, side: int, size: int, stride: int, padding: int) -> Sheet:
    known = {
        "x": rng.standard_normal((channels, side, side)),
        "kernel": rng.standard_normal((filters, channels, size, size)),
        "bias": rng.standard_normal(filters),
    }

    def slide(v: Lookup, kernel: Array) -> Array:
        return np.einsum("cijrs,fcrs->fij", windows(v["x"], size, stride, padding), kernel)

    def forward(v: Lookup, g: Lookup) -> Array:
        return slide(v, v["kernel"]) + v["bias"][:, None, None]

    def to_x(v: Lookup, kernel: Array, g: Lookup) -> Array:
        return spread(np.einsum("fij,fcrs->cijrs", g["output"], kernel), v["x"].shape, stride, padding)

    def to_kernel(v: Lookup, g: Lookup) -> Array:
        return np.einsum("fij,cijrs->fcrs", g["output"], windows(v["x"], size, stride, padding))

    places = windows(known["x"], size, stride, padding).shape[1] ** 2
    taps = channels * size * size
    upstream = {"output": rng.standard_normal(forward(known, {}).shape)}
    mistakes = {
        "conv.kernel_flipped": at_value(
            "output", lambda v, g: slide(v, v["kernel"][..., ::-1, ::-1]) + v["bias"][:, None, None]
        ),
        "conv.bias_left_out": at_value("output", lambda v, g: slide(v, v["kernel"])),
        "conv.bias_per_tap": at_value(
            "output", lambda v, g: slide(v, v["kernel"]) + taps * v["bias"][:, None, None]
        ),
        "conv.divided_by_taps": at_value(
            "output", lambda v, g: slide(v, v["kernel"]) / taps + v["bias"][:, None, None]
        ),
        "conv.gradient_input_kernel_flipped": at_gradient(
            "x", lambda v, g: to_x(v, v["kernel"][..., ::-1, ::-1], g)
        ),
        "conv.gradient_kernel_flipped": at_gradient(
            "kernel", lambda v, g: to_kernel(v, g)[..., ::-1, ::-1]
        ),
        "conv.gradient_kernel_averaged": at_gradient("kernel", lambda v, g: to_kernel(v, g) / places),
        "conv.gradient_bias_averaged": at_gradient("bias", lambda v, g: g["output"].mean((1, 2))),
    }  # fmt: skip
    if channels > 1:
        mistakes["conv.first_channel_only"] = at_value(
            "output",
            lambda v, g: (
                slide({"x": v["x"][:1]}, v["kernel"][:, :1]) + v["bias"][:, None, None]
            ),
        )  # fmt: skip
        mistakes["conv.channels_averaged"] = at_value(
            "output", lambda v, g: slide(v, v["kernel"]) / channels + v["bias"][:, None, None]
        )
    steps = (
        Step(value("output"), forward),
        Step(gradient("kernel"), to_kernel),
        Step(gradient("bias"), lambda v, g: g["output"].sum((1, 2))),
        Step(gradient("x"), lambda v, g: to_x(v, v["kernel"], g)),
    )
    body = question("conv2d", known, upstream, stride=stride, padding=padding)
    return Sheet("conv2d", body, known, upstream, steps, mistakes=mistakes, consistent=CONVOLVED)


def conv1d(rng: Rng, channels: int, filters: int, length: int, size: int, stride: int) -> Sheet:
    known = {
        "x": rng.standard_normal((channels, length)),
        "kernel": rng.standard_normal((filters, channels, size)),
        "bias": rng.standard_normal(filters),
    }
    starts = range(0, length - size + 1, stride)

    def cut(x: Array) -> Array:
        return np.stack([x[:, s : s + size] for s in starts], 1)

    def slide(v: Lookup, kernel: Array) -> Array:
        return np.einsum("cir,fcr->fi", cut(v["x"]), kernel)

    def to_kernel(v: Lookup, g: Lookup) -> Array:
        return np.einsum("fi,cir->fcr", g["output"], cut(v["x"]))

    def to_x(v: Lookup, kernel: Array, g: Lookup) -> Array:
        found = np.zeros_like(v["x"])
        for i, s in enumerate(starts):
            found[:, s : s + size] += np.einsum("f,fcr->cr", g["output"][:, i], kernel)
        return found

    upstream = {"output": rng.standard_normal((filters, len(starts)))}
    mistakes = {
        "conv.kernel_flipped": at_value(
            "output", lambda v, g: slide(v, v["kernel"][..., ::-1]) + v["bias"][:, None]
        ),
        "conv.bias_left_out": at_value("output", lambda v, g: slide(v, v["kernel"])),
        "conv.gradient_input_kernel_flipped": at_gradient(
            "x", lambda v, g: to_x(v, v["kernel"][..., ::-1], g)
        ),
        "conv.gradient_kernel_flipped": at_gradient("kernel", lambda v, g: to_kernel(v, g)[..., ::-1]),
        "conv.gradient_kernel_averaged": at_gradient("kernel", lambda v, g: to_kernel(v, g) / len(starts)),
        "conv.gradient_bias_averaged": at_gradient("bias", lambda v, g: g["output"].mean(1)),
    }  # fmt: skip
    steps = (
        Step(value("output"), lambda v, g: slide(v, v["kernel"]) + v["bias"][:, None]),
        Step(gradient("kernel"), to_kernel),
        Step(gradient("bias"), lambda v, g: g["output"].sum(1)),
        Step(gradient("x"), lambda v, g: to_x(v, v["kernel"], g)),
    )
    return Sheet(
        "conv1d", question("conv1d", known, upstream, stride=stride), known, upstream, steps,
        mistakes=mistakes,
        consistent=CONVOLVED,
    )  # fmt: skip


def max_pool(rng: Rng, side: int, size: int, stride: int) -> Sheet:
    known = {"x": rng.permutation(side * side).reshape(side, side) / 4.0 - 2}
    shape = known["x"].shape

    def largest(x: Array) -> Array:
        return windows(x, size, stride).max((-1, -2))

    def chosen(v: Lookup) -> Array:
        parts = windows(v["x"], size, stride)
        return (parts == parts.max((-1, -2), keepdims=True)).astype(float)

    def overwritten(v: Lookup, g: Lookup) -> Array:
        found, marks = np.zeros(shape), chosen(v)
        for i, j in np.ndindex(g["output"].shape):
            r, c = np.argwhere(marks[i, j])[0]
            found[i * stride + r, j * stride + c] = g["output"][i, j]
        return found

    upstream = {"output": rng.standard_normal(largest(known["x"]).shape)}
    steps = (
        Step(value("output"), lambda v, g: largest(v["x"])),
        Step(gradient("x"), lambda v, g: spread(chosen(v) * g["output"][..., None, None], shape, stride)),
    )
    mistakes = {
        "pool.average_for_max": at_value("output", lambda v, g: windows(v["x"], size, stride).mean((-1, -2))),
        "pool.gradient_to_all": at_gradient(
            "x", lambda v, g: spread(np.ones_like(chosen(v)) * g["output"][..., None, None], shape, stride)
        ),
        "pool.gradient_split_evenly": at_gradient(
            "x",
            lambda v, g: spread(
                np.ones_like(chosen(v)) * g["output"][..., None, None] / size**2, shape, stride
            ),
        ),
    }  # fmt: skip
    if stride < size:
        mistakes["pool.gradient_overwritten"] = at_gradient("x", overwritten)
    body = question("max_pool2d", known, upstream, size=size, stride=stride)
    together = ({"pool.average_for_max", "pool.gradient_split_evenly"},)
    return Sheet("max_pool2d", body, known, upstream, steps, mistakes=mistakes, consistent=together)


def average_pool(rng: Rng, side: int, size: int, stride: int) -> Sheet:
    known = {"x": rng.standard_normal((side, side))}
    shape = known["x"].shape

    def back(g: Lookup) -> Array:
        return spread(np.tile(g["output"][..., None, None], (1, 1, size, size)), shape, stride)

    upstream = {"output": rng.standard_normal(windows(known["x"], size, stride).shape[:2])}
    steps = (
        Step(value("output"), lambda v, g: windows(v["x"], size, stride).mean((-1, -2))),
        Step(gradient("x"), lambda v, g: back(g) / size**2),
    )
    mistakes = {
        "pool.max_for_average": at_value("output", lambda v, g: windows(v["x"], size, stride).max((-1, -2))),
        "pool.sum_for_average": at_value("output", lambda v, g: windows(v["x"], size, stride).sum((-1, -2))),
        "pool.gradient_not_divided": at_gradient("x", lambda v, g: back(g)),
    }
    body = question("average_pool2d", known, upstream, size=size, stride=stride)
    together = ({"pool.sum_for_average", "pool.gradient_not_divided"},)
    return Sheet("average_pool2d", body, known, upstream, steps, mistakes=mistakes, consistent=together)


def dropout(rng: Rng, n: int, d: int, rate: float) -> Sheet:
    mask = rng.random((n, d)) > 0.4
    mask[0, :2] = [True, False]
    known, keep = {"x": rng.standard_normal((n, d))}, 1 - rate
    upstream = {"output": rng.standard_normal((n, d))}
    steps = (
        Step(value("output"), lambda v, g: v["x"] * mask / keep),
        Step(gradient("x"), lambda v, g: g["output"] * mask / keep),
    )
    forward = {
        "dropout.scaled_by_rate": lambda v, g: v["x"] * mask / rate,
        "dropout.not_scaled": lambda v, g: v["x"] * mask,
        "dropout.multiplied_by_keep": lambda v, g: v["x"] * mask * keep,
    }
    backward = {
        "dropout.gradient_not_scaled": lambda v, g: g["output"] * mask,
        "dropout.gradient_not_masked": lambda v, g: g["output"] / keep,
    }
    return Sheet(
        "dropout",
        question("dropout", known, upstream, mask=mask.tolist(), rate=rate),
        known,
        upstream,
        steps,
        mistakes={code: at_value("output", make) for code, make in forward.items()}
        | {code: at_gradient("x", make) for code, make in backward.items()},
        consistent=({"dropout.not_scaled", "dropout.gradient_not_scaled"},),
    )


def embedding(rng: Rng, words: int, d: int, count: int) -> Sheet:
    known = {"weights": rng.standard_normal((words, d))}
    upstream = {"output": rng.standard_normal((count, d))}
    indices = rng.integers(words, size=count)
    indices[-1] = indices[0]  # one row is looked up twice

    def back(v: Lookup, g: Lookup) -> Array:
        found = np.zeros((words, d))
        np.add.at(found, indices, g["output"])
        return found

    steps = (Step(value("output"), lambda v, g: v["weights"][indices]), Step(gradient("weights"), back))
    body = question("embedding", known, upstream, indices=indices.tolist())
    return Sheet("embedding", body, known, upstream, steps)


def positions(n: int, d: int) -> Sheet:
    row, column = np.arange(n)[:, None], np.arange(d)[None, :]

    def table(power: Array, first: int = 0, turn: int = 0) -> Array:
        angles = (row + first) / 10000.0**power
        return np.where((column + turn) % 2 == 0, np.sin(angles), np.cos(angles))

    pair = 2 * (column // 2) / d
    steps = (Step(value("output"), lambda v, g: table(pair)),)
    mistakes = {
        "positions.exponent_by_column": at_value("output", lambda v, g: table(2 * column / d)),
        "positions.exponent_doubled": at_value("output", lambda v, g: table(2 * pair)),
        "positions.frequency_inverted": at_value("output", lambda v, g: table(-pair)),
        "positions.counted_from_one": at_value("output", lambda v, g: table(pair, 1)),
        "positions.sine_and_cosine_swapped": at_value("output", lambda v, g: table(pair, 0, 1)),
    }
    body = {"operation": "positional_encoding", "length": n, "dimension": d}
    return Sheet("positional_encoding", body, {}, {}, steps, mistakes=mistakes)


def cross_entropy(rng: Rng, n: int, classes: int) -> Sheet:
    target = rng.integers(classes, size=n)
    hot = np.eye(classes)[target]
    known = {"logits": rng.standard_normal((n, classes))}
    upstream = {"output": np.array(1.0)}

    def logs(z: Array) -> Array:
        return np.log(softmax(z))

    steps = (
        Step(value("log_probabilities"), lambda v, g: logs(v["logits"])),
        Step(value("losses"), lambda v, g: -(hot * v["log_probabilities"]).sum(1)),
        Step(value("output"), lambda v, g: v["losses"].mean()),
        Step(gradient("logits"), lambda v, g: (np.exp(v["log_probabilities"]) - hot) / n),
    )
    mistakes = {
        "softmax.twice": at_value("log_probabilities", lambda v, g: logs(softmax(v["logits"]))),
        "loss.minus_left_out": at_value("losses", lambda v, g: (hot * v["log_probabilities"]).sum(1)),
        "loss.base_two": at_value("losses", lambda v, g: -(hot * v["log_probabilities"]).sum(1) / np.log(2)),
        "loss.not_averaged": at_value("output", lambda v, g: v["losses"].sum()),
        "loss.gradient_not_averaged": at_gradient(
            "logits", lambda v, g: np.exp(v["log_probabilities"]) - hot
        ),
        "loss.gradient_sign": at_gradient(
            "logits", lambda v, g: (hot - np.exp(v["log_probabilities"])) / n
        ),
        "loss.divided_by_all": at_gradient(
            "logits", lambda v, g: (np.exp(v["log_probabilities"]) - hot) / n / classes
        ),
    }  # fmt: skip
    body = question("cross_entropy", known, upstream, target=target.tolist())
    return Sheet("cross_entropy", body, known, upstream, steps, mistakes=mistakes, consistent=LOSSES)


def binary_cross_entropy(rng: Rng, n: int) -> Sheet:
    target = np.arange(n) % 2 * 1.0
    known = {"logits": rng.standard_normal(n)}
    upstream = {"output": np.array(1.0)}

    def log_sigmoid(z: Array) -> Array:
        return -np.log1p(np.exp(-z))

    def back(v: Lookup, g: Lookup) -> Array:
        return (1 / (1 + np.exp(-v["logits"])) - target) / n

    steps = (
        Step(value("log_probabilities"), lambda v, g: log_sigmoid(v["logits"])),
        Step(value("log_complements"), lambda v, g: log_sigmoid(-v["logits"])),
        Step(
            value("losses"),
            lambda v, g: -target * v["log_probabilities"] - (1 - target) * v["log_complements"],
        ),
        Step(value("output"), lambda v, g: v["losses"].mean()),
        Step(gradient("logits"), back),
    )
    mistakes = {
        "loss.complement_left_out": at_value("losses", lambda v, g: -target * v["log_probabilities"]),
        "loss.not_averaged": at_value("output", lambda v, g: v["losses"].sum()),
        "loss.gradient_not_averaged": at_gradient("logits", lambda v, g: n * back(v, g)),
        "loss.gradient_sign": at_gradient("logits", lambda v, g: -back(v, g)),
    }
    body = question("binary_cross_entropy", known, upstream, target=target.tolist())
    return Sheet("binary_cross_entropy", body, known, upstream, steps, mistakes=mistakes, consistent=LOSSES)


def mse(rng: Rng, n: int, d: int) -> Sheet:
    known = {"prediction": rng.standard_normal((n, d)), "target": rng.standard_normal((n, d))}
    upstream = {"output": np.array(1.0)}
    steps = (
        Step(value("error"), lambda v, g: v["prediction"] - v["target"]),
        Step(value("losses"), lambda v, g: v["error"] ** 2),
        Step(value("output"), lambda v, g: v["losses"].mean()),
        Step(gradient("prediction"), lambda v, g: 2 * v["error"] / (n * d)),
    )
    mistakes = {
        "loss.half_added": at_value("losses", lambda v, g: v["error"] ** 2 / 2),
        "loss.absolute_for_square": at_value("losses", lambda v, g: np.abs(v["error"])),
        "loss.root_taken": at_value("output", lambda v, g: np.sqrt(v["losses"].mean())),
        "loss.not_averaged": at_value("output", lambda v, g: v["losses"].sum()),
        "loss.averaged_over_samples": at_value("output", lambda v, g: v["losses"].sum() / n),
        "loss.gradient_not_averaged": at_gradient("prediction", lambda v, g: 2 * v["error"]),
        "loss.gradient_sign": at_gradient("prediction", lambda v, g: -2 * v["error"] / (n * d)),
        "loss.gradient_two_left_out": at_gradient("prediction", lambda v, g: v["error"] / (n * d)),
        "loss.gradient_averaged_over_samples": at_gradient("prediction", lambda v, g: 2 * v["error"] / n),
    }
    body = question("mse", known, upstream)
    return Sheet("mse", body, known, upstream, steps, mistakes=mistakes, consistent=LOSSES)


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0) * 1.0),
}


def network(rng: Rng, name: str, n: int, d: int, h: int, out: int) -> Sheet:
    """A program of two layers; a squared error, or with a relu the cross entropy of a softmax."""
    draw = rng.standard_normal
    known = {"x": draw((n, d)), "w_1": draw((d, h)), "b_1": draw(h), "w_2": draw((h, out)), "b_2": draw(out)}
    function, slope = ACTIVATIONS[name]
    if name == "relu":
        target = np.eye(out)[rng.integers(out, size=n)]
        last = ["p = softmax(y)", "loss = -sum(t * log(p)) / n"]
        loss = [
            Step(value("p"), lambda v, g: softmax(v["y"])),
            Step(value("loss"), lambda v, g: -np.sum(target * np.log(v["p"])) / n),
        ]

        def to_y(v: Any, g: Any) -> Any:
            return (v["p"] - target) / n
    else:
        target = draw((n, out))
        last = ["loss = mse(y, t)"]
        loss = [Step(value("loss"), lambda v, g: np.mean((v["y"] - target) ** 2))]

        def to_y(v: Any, g: Any) -> Any:
            return 2 * (v["y"] - target) / (n * out)

    steps = (
        Step(value("z"), lambda v, g: v["x"] @ v["w_1"] + v["b_1"]),
        Step(value("a"), lambda v, g: function(v["z"])),
        Step(value("y"), lambda v, g: v["a"] @ v["w_2"] + v["b_2"]),
        *loss,
        Step(gradient("y"), to_y),
        Step(gradient("w_2"), lambda v, g: v["a"].T @ g["y"]),
        Step(gradient("b_2"), lambda v, g: g["y"].sum(0)),
        Step(gradient("a"), lambda v, g: g["y"] @ v["w_2"].T),
        Step(gradient("z"), lambda v, g: g["a"] * slope(v["z"], v["a"])),
        Step(gradient("w_1"), lambda v, g: v["x"].T @ g["z"]),
        Step(gradient("b_1"), lambda v, g: g["z"].sum(0)),
        Step(gradient("x"), lambda v, g: g["z"] @ v["w_1"].T),
    )
    mistakes = {
        "linear.bias_left_out": at_value("z", lambda v, g: v["x"] @ v["w_1"]),
        "activation.left_out": at_value("a", lambda v, g: v["z"]),
        "linear.gradient_bias_averaged": at_gradient("b_2", lambda v, g: g["y"].mean(0)),
        "linear.gradient_upstream_ignored": at_gradient("w_2", lambda v, g: v["a"].T @ np.ones((n, out))),
        "loss.gradient_sign": at_gradient("y", lambda v, g: -to_y(v, g)),
        "loss.gradient_not_averaged": at_gradient("y", lambda v, g: to_y(v, g) * target[:, :].size)
        if name != "relu"
        else at_gradient("y", lambda v, g: to_y(v, g) * n),
    }
    if h == out:
        mistakes["linear.weights_not_transposed"] = at_gradient("a", lambda v, g: g["y"] @ v["w_2"])
    if name == "relu":
        mistakes["rectifier.gradient_masked_by_gradient"] = at_gradient(
            "z", lambda v, g: g["a"] * (g["a"] > 0)
        )
        mistakes["rectifier.wrong_side"] = at_gradient("z", lambda v, g: g["a"] * (v["z"] < 0))
        del mistakes["activation.left_out"]
        mistakes["rectifier.left_out"] = at_value("a", lambda v, g: v["z"])
    else:
        mistakes["activation.gradient_at_preactivation"] = at_gradient(
            "z", lambda v, g: g["a"] * slope(function(v["z"]), v["z"])
        )
        mistakes["activation.gradient_of_output"] = at_gradient(
            "z", lambda v, g: g["a"] * slope(v["a"], function(v["a"]))
        )
        mistakes["activation.gradient_cut_at_output"] = at_gradient("z", lambda v, g: g["a"])
        mistakes["activation.gradient_upstream_ignored"] = at_gradient(
            "z", lambda v, g: slope(v["z"], v["a"])
        )
    sent = {key: array.tolist() for key, array in known.items()} | {"t": target.tolist()}
    if name == "relu":
        sent["n"] = n
    body = {
        "operation": "graph",
        "program": ["z = x @ w_1 + b_1", f"a = {name}(z)", "y = a @ w_2 + b_2", *last],
        "inputs": sent,
        "upstream": {"loss": 1},
    }
    return Sheet("network", body, known, {}, steps, mistakes=mistakes)


def sheets(rng: Rng) -> Iterator[Sheet]:
    yield conv2d(rng, 2, 2, 4, 2, 1, 0)
    yield conv2d(rng, 1, 2, 5, 3, 2, 1)
    yield conv1d(rng, 2, 2, 6, 3, 1)
    yield conv1d(rng, 1, 2, 7, 3, 2)
    yield max_pool(rng, 4, 2, 2)
    yield max_pool(rng, 4, 2, 1)
    yield average_pool(rng, 4, 2, 2)
    yield average_pool(rng, 5, 3, 1)
    yield dropout(rng, 2, 4, 0.2)
    yield embedding(rng, 4, 3, 5)
    yield positions(3, 4)
    yield cross_entropy(rng, 3, 4)
    yield binary_cross_entropy(rng, 4)
    yield mse(rng, 3, 2)
    for name, n, d, h, out in (("sigmoid", 3, 2, 3, 2), ("tanh", 4, 3, 2, 2), ("relu", 4, 3, 3, 3)):
        yield network(rng, name, n, d, h, out)
