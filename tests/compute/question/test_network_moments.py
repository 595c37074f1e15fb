"""Moments of networks, against averages over drawn networks, and against the formulas of the papers."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from compute.dimensions import Polynomial
from compute.errors import QuestionErrors
from compute.graph.spec import Tensor
from compute.question.network_moments import (
    NamedDistribution,
    NetworkMoments,
    moments_of_program,
    write_moment,
)
from compute.readings.moments.propagation import Row
from compute.readings.moments.quantities import Number, Quantity

Array = Any
UNIT = {"mean": 0, "variance": 1}
ERRORS = 5  # standard errors by which an average may differ


def moments(
    *program: str,
    random: Mapping[str, str | dict[str, Any]],
    upstream: dict[str, Any] | None = None,
    linearize: bool = False,
    **shapes: tuple[int | str, ...],
) -> NetworkMoments:
    tensors = {
        name: Tensor(tuple(Polynomial.symbol(size) if isinstance(size, str) else size for size in shape))
        for name, shape in shapes.items()
    }
    return moments_of_program(
        program,
        tensors,
        {name: read(one) for name, one in random.items()},
        None if upstream is None else read(upstream),
        linearize,
    )


def read(sent: str | dict[str, Any]) -> NamedDistribution:
    if isinstance(sent, str):
        return NamedDistribution(sent, {})
    fields = {name: one for name, one in sent.items() if name not in ("distribution", "mode")}
    return NamedDistribution(sent.get("distribution", "unknown"), fields, sent.get("mode", ""))


def rows(found: list[Row]) -> dict[str, tuple[Any, Any, Any]]:
    return {
        row.name: (write_moment(row.mean), write_moment(row.variance), write_moment(row.second_moment))
        for row in found
    }


def number(moment: Number) -> float:
    """Return a moment that is not in letters."""
    assert isinstance(moment, float)
    return moment


def check_average(row: Row, draws: Array, exact: bool = True) -> None:
    """Compare the mean and the mean square of every entry with those of draws, along the first axis."""
    for power, expected in ((1, row.mean), (2, row.second_moment)):
        averages = (draws**power).reshape(len(draws), -1).mean(1)
        error = averages.std(ddof=1) / math.sqrt(len(draws))
        slack = 0.0 if exact else 0.03 * math.sqrt(number(row.second_moment)) ** power
        assert abs(averages.mean() - expected) <= ERRORS * error + slack, (row.name, power)


def draw_weights(rng: np.random.Generator, name: str, count: int, fan_in: int, fan_out: int) -> Array:
    """Return drawn weight matrices by the formulas of the papers."""
    scheme, family = name.split("_")
    variance = {"xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[scheme]
    if family == "normal":
        return rng.normal(0, math.sqrt(variance), (count, fan_in, fan_out))
    bound = math.sqrt(3 * variance)
    return rng.uniform(-bound, bound, (count, fan_in, fan_out))


@pytest.mark.parametrize(
    "name", ["xavier_normal", "xavier_uniform", "he_normal", "he_uniform", "lecun_normal"]
)
def test_a_network_with_relu_as_it_is_drawn(name: str) -> None:
    """Second moments are exact at any width: relu halves them, whatever the symmetric distribution."""
    n, d, m, k, count = 3, 4, 6, 5, 20_000
    found = moments(
        "a = x @ w1", "h = relu(a)", "y = h @ w2",
        random={"x": {"distribution": "normal", **UNIT}, "w1": name, "w2": name},
        x=(n, d), w1=(d, m), w2=(m, k),
    )  # fmt: skip
    rng = np.random.default_rng(7)
    x, w1, w2 = (
        rng.normal(size=(count, n, d)),
        *(draw_weights(rng, name, count, *fans) for fans in ((d, m), (m, k))),
    )
    a = x @ w1
    h = np.maximum(a, 0)
    y = h @ w2
    g = rng.normal(size=y.shape)
    dh = g @ w2.swapaxes(1, 2)
    da = dh * (a > 0)
    values = {row.name: row for row in found.values}
    for row, draws in ((values["a"], a), (values["y"], y), (values["w1"], w1), (values["w2"], w2)):
        check_average(row, draws)
    assert number(values["h"].second_moment) == pytest.approx(number(values["a"].variance) / 2)
    check_average(values["h"], h, exact=False)  # its mean is that of normal entries
    gradients = {row.name: row for row in found.gradients}
    assert list(gradients) == ["y", "h", "a", "w2", "w1", "x"]
    for row, draws in (
        (gradients["h"], dh), (gradients["a"], da), (gradients["w2"], h.swapaxes(1, 2) @ g),
        (gradients["w1"], x.swapaxes(1, 2) @ da), (gradients["x"], da @ w1.swapaxes(1, 2)),
    ):  # fmt: skip
        check_average(row, draws)


ACTIVATE: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "silu": lambda a: a / (1 + np.exp(-a)),
    "abs": np.abs,
    "leaky_relu": lambda a: np.where(a > 0, a, 0.01 * a),
    "exp": np.exp,
    "softplus": lambda a: np.log1p(np.exp(a)),
}


@pytest.mark.parametrize("name", list(ACTIVATE))
def test_activations_of_normal_entries_as_they_are_drawn(name: str) -> None:
    found = moments(f"y = {name}(x)", random={"x": {"distribution": "normal", **UNIT}}, x=(50,))
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 50))
    check_average(found.values[1], ACTIVATE[name](x))
    assert not found.values[1].assumptions
    step = 1e-6
    slope = (ACTIVATE[name](x + step) - ACTIVATE[name](x - step)) / (2 * step)
    [_, gradient] = found.gradients
    check_average(gradient, slope * rng.normal(size=x.shape))


@pytest.mark.parametrize("name", ["relu", "abs", "tanh"])
def test_activations_of_uniform_entries(name: str) -> None:
    low_high = {"distribution": "uniform", "low": -2, "high": 2}
    found = moments(f"y = {name}(x)", random={"x": low_high}, x=(50,))
    x = np.random.default_rng(4).uniform(-2, 2, (4000, 50))
    functions: dict[str, Callable[[Array], Array]] = {**ACTIVATE, "relu": lambda a: np.maximum(a, 0)}
    check_average(found.values[1], functions[name](x))
    assert not found.values[1].assumptions


def test_means_other_than_zero_as_they_are_drawn() -> None:
    n, d, m, count = 2, 4, 3, 40_000
    found = moments(
        "a = x @ w + b", "s = sum(x * 3 - 1)", "q = mean(w)", "y = a / 2 - 1",
        random={
            "x": {"distribution": "normal", "mean": 0.5, "std": 2},
            "w": {"distribution": "uniform", "low": -1, "high": 2},
            "b": {"distribution": "bernoulli", "probability": 0.3},
        },
        x=(n, d), w=(d, m), b=(m,),
    )  # fmt: skip
    rng = np.random.default_rng(11)
    x, w = rng.normal(0.5, 2, (count, n, d)), rng.uniform(-1, 2, (count, d, m))
    b = (rng.random((count, 1, m)) < 0.3).astype(float)
    a = x @ w + b
    values = {row.name: row for row in found.values}
    for name, draws in {
        "x": x, "w": w, "b": b, "a": a, "s": (x * 3 - 1).sum((1, 2)), "q": w.mean((1, 2)), "y": a / 2 - 1,
    }.items():  # fmt: skip
        check_average(values[name], draws)
        assert not values[name].assumptions


def test_dropout_and_a_residual_as_they_are_drawn() -> None:
    n, d, count = 2, 5, 40_000
    found = moments(
        "r = x + dropout(x @ w, rate=0.2, seed=1)",
        random={"x": {"distribution": "normal", **UNIT}, "w": "lecun_normal"}, x=(n, d), w=(d, d),
    )  # fmt: skip
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(count, n, d)), draw_weights(rng, "lecun_normal", count, d, d)
    kept = rng.random((count, n, d)) >= 0.2
    check_average(found.values[2], x + kept * (x @ w) / 0.8)
    assert not found.values[2].assumptions  # x and its product with w are certainly uncorrelated
    g = rng.normal(size=(count, n, d))
    through = kept * g / 0.8
    gradients = {row.name: row for row in found.gradients}
    check_average(gradients["x"], g + through @ w.swapaxes(1, 2))
    check_average(gradients["w"], x.swapaxes(1, 2) @ through)


def test_a_convolution_as_it_is_drawn() -> None:
    channels, filters, size, count = 3, 2, 5, 3000
    found = moments(
        "y = relu(conv2d(x, k, b))",
        random={
            "x": {"distribution": "normal", **UNIT},
            "k": "he_normal",
            "b": {"distribution": "constant", "value": 0},
        },
        x=(channels, size, size), k=(filters, channels, 3, 3), b=(filters,),
    )  # fmt: skip
    rng = np.random.default_rng(6)
    x = rng.normal(size=(count, channels, size, size))
    k = rng.normal(0, math.sqrt(2 / (9 * channels)), (count, filters, channels, 3, 3))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    a = np.einsum("zcijuv,zfcuv->zfij", windows, k)
    values = {row.name: row for row in found.values}
    assert number(values["k"].variance) == pytest.approx(2 / 27)
    check_average(values["y"], np.maximum(a, 0), exact=False)
    g = rng.normal(size=a.shape) * (a > 0)
    gradients = {row.name: row for row in found.gradients}
    check_average(gradients["k"], np.einsum("zcijuv,zfij->zfcuv", windows, g))
    check_average(gradients["b"], g.sum((2, 3)))
    dx = np.zeros_like(x)
    for row, column in np.ndindex(3, 3):
        dx[:, :, row : row + 3, column : column + 3] += np.einsum("zfij,zfc->zcij", g, k[..., row, column])
    check_average(gradients["x"], dx)


def test_glorot_and_bengio() -> None:
    """Understanding the difficulty of training deep feedforward neural networks (2010): with f'(0) = 1 the
    variance is multiplied by n_i Var[W] forward (equation 5) and by n_{i+1} Var[W] backward (equation 6), and
    the compromise is Var[W] = 2 / (n_i + n_{i+1}) (equation 12), uniform to sqrt(6 / (n_i + n_{i+1}))
    (equation 16).
    """
    shapes: Any = {"x": ("n", "d"), "w1": ("d", "m"), "w2": ("m", "k")}
    free = {name: {"distribution": "normal", "mean": 0, "variance": f"v_{name}"} for name in ("w1", "w2")}
    lines = ("h = tanh(x @ w1)", "y = tanh(h @ w2)")
    found = moments(*lines, random={"x": UNIT, **free}, linearize=True, **shapes)
    assert rows(found.values)["y"] == (0, "d*m*v_w1*v_w2", "d*m*v_w1*v_w2")
    assert rows(found.gradients)["x"][1] == "k*m*v_w1*v_w2"
    xavier = moments(
        *lines, random={"x": UNIT, "w1": "xavier_uniform", "w2": "glorot_normal"}, linearize=True, **shapes
    )
    assert rows(xavier.values)["w1"][1] == "2/(d + m)"
    assert rows(xavier.values)["h"][1] == "2*d/(d + m)"
    assert rows(xavier.gradients)["h"][1] == "2*k/(k + m)"


def test_he() -> None:
    """Delving deep into rectifiers (2015): forward n_l Var[w_l] / 2 = 1 (equation 10), backward
    n̂_l Var[w_l] / 2 = 1 (equation 14), and 2 / ((1 + a²) n_l) for leaky rectifiers (equation 15).
    """
    shapes: Any = {"x": ("n", "d"), "w1": ("d", "m"), "w2": ("m", "k")}
    lines = ("a = x @ w1", "y = relu(a) @ w2")
    found = moments(*lines, random={"x": UNIT, "w1": "he_normal", "w2": "kaiming_uniform"}, **shapes)
    assert [rows(found.values)[name][1] for name in ("w1", "a", "y")] == ["2/d", 2, 2]
    out = {"distribution": "he_normal", "mode": "fan_out"}
    back = moments("y = relu(x @ w1)", random={"x": UNIT, "w1": out}, x=("n", "d"), w1=("d", "m"))
    assert rows(back.values)["w1"][1] == "2/m"
    assert rows(back.gradients)["x"][1] == 1
    kernel = moments(
        "y = conv2d(x, k)", random={"x": UNIT, "k": out}, x=("C", "H", "W"), k=("F", "C", 3, 3)
    )  # fmt: skip
    assert rows(kernel.values)["k"][1] == "2/(9*F)"
    leaky = {"distribution": "normal", "variance": "2/((1 + 1/16)*d)"}
    slope = moments(
        "a = x @ w1",
        "h = leaky_relu(a, slope=0.25)",
        random={"x": UNIT, "w1": leaky},
        x=("n", "d"),
        w1=("d", "m"),
    )
    assert rows(slope.values)["h"][2] == 1
    mean = slope.values[-1].mean
    assert isinstance(mean, Quantity)
    assert mean.evaluate() == pytest.approx(0.75 * math.sqrt(32 / 17) / math.sqrt(2 * math.pi))


def test_lecun() -> None:
    """Efficient BackProp (1998), section 4.6: standard deviation fan_in^(-1/2) keeps the variance."""
    found = moments("y = x @ w", random={"x": UNIT, "w": "lecun_uniform"}, x=("n", "d"), w=("d", "m"))
    assert rows(found.values)["w"][1] == "1/d"
    assert rows(found.values)["y"] == (0, 1, 1)


def test_letters_have_roots_and_pi() -> None:
    found = moments("y = relu(x)", random={"x": {"distribution": "normal", "variance": "s**2"}}, x=("n",))
    assert rows(found.values)["y"] == ("sqrt(2)*s/(2*sqrt(pi))", "s**2/2 - s**2/(2*pi)", "s**2/2")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["y = x @ w", "z = softmax(y)"], "line 2: softmax has no rule"),
        (["y = x @ w", "z = y - mean(y)"], "correlation no rule knows"),
        (["z = x * x"], "twice the same random entries"),
        (["z = 1 / x"], "divides by random numbers"),
        (["a = sum(x @ w + b, axis=0)"], "copies of the same random numbers"),
        (["z = tanh(x @ w)"], "send numbers, or linearize"),
    ],
)
def test_steps_without_a_rule_are_refused(lines: list[str], words: str) -> None:
    random: dict[str, Any] = {"x": UNIT, "w": {"variance": "v"}, "b": UNIT}
    shapes: dict[str, Any] = {"x": (3, 4), "w": (4, 4), "b": (4,)}
    used = {
        name for name in shapes if any(name in line.partition("=")[2].replace("tanh", "") for line in lines)
    }
    used -= {"b"} if "b" not in "".join(lines) else set()
    with pytest.raises(QuestionErrors) as error:
        moments(
            *lines,
            random={name: one for name, one in random.items() if name in used},
            **{name: shape for name, shape in shapes.items() if name in used},
        )
    assert words in error.value.errors[0].message


def test_inputs_need_distributions() -> None:
    with pytest.raises(QuestionErrors) as error:
        moments("y = x @ w", random={"v": UNIT}, x=(2, 2), w=(2, 2))
    assert [one.path for one in error.value.errors] == [("random", "x"), ("random", "w"), ("random", "v")]
    unfit: list[dict[str, Any]] = [
        {"variance": -1},
        {"mean": "exp("},
        {"distribution": "uniform", "low": 2, "high": 1},
        {"distribution": "uniform", "low": 1},
        {"distribution": "bernoulli", "probability": 2},
    ]
    for fields in unfit:
        with pytest.raises(QuestionErrors):
            moments("y = x + 1", random={"x": fields}, x=(2, 2))
    with pytest.raises(QuestionErrors, match="in no product"):
        moments("y = x + 1", random={"x": "he_normal"}, x=(2, 2))


def test_a_single_number_starts_from_1() -> None:
    found = moments("L = sum(relu(x))", random={"x": {"distribution": "normal", **UNIT}}, x=(4, 3))
    assert rows(found.gradients) == {"L": (1, 0, 1), "x": (0.5, 0.25, 0.5)}
    sent = moments("L = sum(x)", random={"x": UNIT}, upstream={"variance": 3, "mean": 2}, x=(4,))
    assert rows(sent.gradients)["x"] == (2, 3, 7)


def test_draws_count_as_random() -> None:
    found = moments(
        "w = he_normal((4, 5), seed=1)", "h = relu(x @ w)", "u = random_uniform(3, -1, 3, seed=2)",
        "b = bernoulli(3, p=0.3, seed=3)",
        random={"x": {"distribution": "normal", **UNIT}}, x=(2, 4),
    )  # fmt: skip
    values = rows(found.values)
    assert values["w"] == pytest.approx((0, 0.5, 0.5))
    assert values["h"][2] == pytest.approx(1)
    assert values["u"] == pytest.approx((1, 16 / 12, 1 + 16 / 12))
    assert values["b"] == pytest.approx((0.3, 0.21, 0.3))
