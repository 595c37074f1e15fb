"""Layer, root-mean-square and batch normalization."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.grading_corpus.sheets import Array, Convention, Formula, Mistake, Sheet, Step, gradient, value

EPSILON = 0.3  # large enough that leaving it out shows

Lookup = dict[str, Array]


def normal_steps(axis: int, extra: list[Step], x: str = "x", p: str = "", out: str = "output") -> list[Step]:
    """Mean, variance, normalized entries and output, forward and backward, over one axis of a matrix."""
    keep = axis == 1
    mean, variance, normalized = p + "mean", p + "variance", p + "normalized"

    def wide(a: Array) -> Array:
        return a[:, None] if keep else a[None, :]

    def centred(v: Lookup) -> Array:
        return v[x] - wide(v[mean])

    def root(v: Lookup) -> Array:
        return wide(np.sqrt(v[variance] + EPSILON))

    def to_x(v: Lookup, g: Lookup) -> Array:
        n = v[x].shape[axis]
        direct = g[normalized] / root(v)
        return direct + wide(g[variance]) * 2 * centred(v) / n + wide(g[mean]) / n

    def to_mean(v: Lookup, g: Lookup) -> Array:
        through_variance = g[variance] * (-2 * centred(v)).mean(axis)
        return -(g[normalized] / root(v)).sum(axis) + through_variance

    return [
        Step(value(mean), lambda v, g: v[x].mean(axis)),
        Step(value(variance), lambda v, g: (centred(v) ** 2).mean(axis)),
        *extra,
        Step(value(normalized), lambda v, g: centred(v) / root(v)),
        Step(value(out), lambda v, g: v[p + "gain"] * v[normalized] + v[p + "bias"]),
        Step(gradient(p + "gain"), lambda v, g: (g[out] * v[normalized]).sum(0)),
        Step(gradient(p + "bias"), lambda v, g: g[out].sum(0)),
        Step(gradient(normalized), lambda v, g: g[out] * v[p + "gain"]),
        Step(
            gradient(variance),
            lambda v, g: (g[normalized] * centred(v) * -0.5 / root(v) ** 3).sum(axis),
        ),
        Step(gradient(mean), to_mean),
        Step(gradient(x), to_x),
    ]


def normal_mistakes(axis: int) -> dict[str, Mistake]:
    keep = axis == 1

    def wide(a: Array) -> Array:
        return a[:, None] if keep else a[None, :]

    def centred(v: Lookup) -> Array:
        return v["x"] - wide(v["mean"])

    forward = tuple(value(name) for name in ("mean", "variance", "normalized", "output"))

    def only_forward(name: str, formula: Formula) -> Mistake:
        return Mistake({value(name): formula}, only=forward)

    found = {
        "norm.sample_variance": only_forward("variance", lambda v, g: v["x"].var(axis, ddof=1)),
        "norm.variance_about_zero": only_forward("variance", lambda v, g: (v["x"] ** 2).mean(axis)),
        "norm.squared_for_root": only_forward(
            "normalized", lambda v, g: centred(v) / wide((v["variance"] + EPSILON) ** 2)
        ),
        "norm.epsilon_left_out": only_forward(
            "normalized", lambda v, g: centred(v) / wide(np.sqrt(v["variance"]))
        ),
        "norm.epsilon_outside_root": only_forward(
            "normalized", lambda v, g: centred(v) / wide(np.sqrt(v["variance"]) + EPSILON)
        ),
        "norm.divided_by_variance": only_forward(
            "normalized", lambda v, g: centred(v) / wide(v["variance"] + EPSILON)
        ),
        "norm.mean_not_subtracted": only_forward(
            "normalized", lambda v, g: v["x"] / wide(np.sqrt(v["variance"] + EPSILON))
        ),
        "norm.gradient_statistics_constant": Mistake(
            {gradient("x"): lambda v, g: g["normalized"] / wide(np.sqrt(v["variance"] + EPSILON))},
            omitted=(gradient("mean"), gradient("variance")),
        ),
    }

    def standardized(v: Lookup, over: int | None) -> Array:
        x = v["x"]
        spread = x - x.mean(over, keepdims=True)
        return v["gain"] * spread / np.sqrt(x.var(over, keepdims=True) + EPSILON) + v["bias"]

    out = (value("output"),)
    found["norm.wrong_axis"] = Mistake({out[0]: lambda v, g: standardized(v, 1 - axis)}, only=out)
    found["norm.over_everything"] = Mistake({out[0]: lambda v, g: standardized(v, None)}, only=out)
    return found


def question(operation: str, known: Lookup, g: Array, **settings: Any) -> dict[str, Any]:
    sent = {name: array.tolist() for name, array in known.items()}
    return {
        "operation": operation,
        **sent,
        "epsilon": EPSILON,
        **settings,
        "upstream": {"output": g.tolist()},
    }


def layer_norm(rng: np.random.Generator, n: int, d: int) -> Sheet:
    draw = rng.standard_normal
    known = {"x": draw((n, d)) + 0.5, "gain": draw(d), "bias": draw(d)}
    upstream = {"output": draw((n, d))}
    return Sheet(
        "layer_norm", question("layer_norm", known, upstream["output"]), known, upstream,
        tuple(normal_steps(1, [])), mistakes=normal_mistakes(1),
    )  # fmt: skip


def batch_norm(rng: np.random.Generator, n: int, d: int, running: bool) -> Sheet:
    draw = rng.standard_normal
    known = {"x": draw((n, d)) + 0.5, "gain": draw(d), "bias": draw(d)}
    mistakes = normal_mistakes(0)
    conventions: tuple[Convention, ...] = ()
    extra: list[Step] = []
    settings: dict[str, Any] = {}
    if running:
        known |= {"running_mean": draw(d), "running_variance": rng.uniform(0.5, 2, d)}
        settings["momentum"] = 0.3
        extra = [
            Step(value("new_running_mean"), lambda v, g: 0.7 * v["running_mean"] + 0.3 * v["mean"]),
            Step(
                value("new_running_variance"),
                lambda v, g: 0.7 * v["running_variance"] + 0.3 * v["variance"] * n / (n - 1),
            ),
        ]
        other = Mistake(
            {
                value("new_running_mean"): lambda v, g: 0.3 * v["running_mean"] + 0.7 * v["mean"],
                value("new_running_variance"): lambda v, g: (
                    0.3 * v["running_variance"] + 0.7 * v["variance"] * n / (n - 1)
                ),
            }
        )
        biased = Mistake(
            {value("new_running_variance"): lambda v, g: 0.7 * v["running_variance"] + 0.3 * v["variance"]}
        )
        mistakes |= {"norm.running_variance_biased": biased, "norm.momentum_of_the_other": other}
        conventions = (
            Convention({"momentum_of": "running"}, other),
            Convention({"unbiased_running_variance": False}, biased),
        )
    upstream = {"output": draw((n, d))}
    return Sheet(
        "batch_norm", question("batch_norm", known, upstream["output"], **settings), known, upstream,
        tuple(normal_steps(0, extra)), mistakes=mistakes, conventions=conventions,
    )  # fmt: skip


def rms_norm(rng: np.random.Generator, n: int, d: int) -> Sheet:
    draw = rng.standard_normal
    known = {"x": draw((n, d)) + 0.5, "gain": draw(d)}
    upstream = {"output": draw((n, d))}
    work = (
        Step(value("mean_square"), lambda v, g: (v["x"] ** 2).mean(1)),
        Step(value("rms"), lambda v, g: np.sqrt(v["mean_square"] + EPSILON)),
        Step(value("normalized"), lambda v, g: v["x"] / v["rms"][:, None]),
        Step(value("output"), lambda v, g: v["gain"] * v["normalized"]),
        Step(gradient("gain"), lambda v, g: (g["output"] * v["normalized"]).sum(0)),
        Step(gradient("normalized"), lambda v, g: g["output"] * v["gain"]),
        Step(gradient("rms"), lambda v, g: -(g["normalized"] * v["x"]).sum(1) / v["rms"] ** 2),
        Step(gradient("mean_square"), lambda v, g: g["rms"] / (2 * v["rms"])),
        Step(
            gradient("x"),
            lambda v, g: g["normalized"] / v["rms"][:, None] + g["mean_square"][:, None] * 2 * v["x"] / d,
        ),
    )
    mistakes = {
        "norm.epsilon_left_out": Mistake(
            {
                value("rms"): lambda v, g: np.sqrt(v["mean_square"]),
            }
        ),
        "norm.gradient_statistics_constant": Mistake(
            {gradient("x"): lambda v, g: g["normalized"] / v["rms"][:, None]},
            omitted=(gradient("rms"), gradient("mean_square")),
        ),
    }
    return Sheet(
        "rms_norm", question("rms_norm", known, upstream["output"]), known, upstream, work, mistakes=mistakes
    )


def sheets(rng: np.random.Generator) -> Iterator[Sheet]:
    for n, d in ((2, 4), (3, 3)):
        yield layer_norm(rng, n, d)
    for n, d, running in ((5, 3, True), (4, 2, False)):
        yield batch_norm(rng, n, d, running)
    yield rms_norm(rng, 2, 4)
