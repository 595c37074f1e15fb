"""Accuracy of activation functions and their derivatives against mpmath, at points of every size.

The error may be at most that of a change of the operand, or of the answer, by a few units in the last place:
functions that tend to 0, and derivatives of functions that saturate, stay accurate there.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from compute.arithmetic.expressions import parse
from compute.arithmetic.floating import FLOAT32, FLOAT64, Floating
from compute.graph.primitive import REGISTRY
from compute.primitives.activations.declaration import ACTIVATIONS

Number = Any
Function = Callable[[Number], Number]
UNITS = 32  # in the last place of the operand, or of the answer
# 1 - gate for a gate of nearly 1 has the gate's rounding error, times the slope of the cubic.
MORE = {("gelu tanh", 1): 160}

POINTS = sorted(
    sign * size
    for size in (
        *(1e-300, 1e-154, 1e-100, 1e-20, 1e-12, 1e-8, 1e-5, 1e-3, 0.1, 0.5, 0.99, 1, 1.5, 2, 3, 3.49, 3.51),
        *(4, 5, 5.5, 6, 7, 8, 9, 10, 12, 15, 17, 19, 20, 25, 30, 36, 37, 38, 50, 88, 89, 100, 103, 150, 355),
        *(400, 700, 708, 709.5, 720, 745, 800, 1e4, 1e8, 1e20, 1e100, 1e154, 1e155, 1e300),
    )
    for sign in (1, -1)
)  # fmt: skip


def sigmoid(x: Number) -> Number:
    return 1 / (1 + mpmath.exp(-x))


def sech_square(x: Number) -> Number:
    decay = mpmath.exp(-2 * abs(x))
    return 4 * decay / (1 + decay) ** 2


def cdf(x: Number) -> Number:
    return mpmath.ncdf(x) if abs(x) < 1e6 else mpmath.mpf(x > 0)


def density(x: Number) -> Number:
    return mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def cubic(x: Number) -> Number:
    return mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)


def cubic_slope(x: Number) -> Number:
    return mpmath.sqrt(2 / mpmath.pi) * (1 + 3 * mpmath.mpf("0.044715") * x**2)


def gate(x: Number, order: int) -> Number:
    """Return the gate of mish, tanh(log(1 + e^x)), or its derivative of this order."""
    e = mpmath.exp(x)
    size = 2 + 2 * e + e * e
    if order == 0:
        return e * (2 + e) / size
    if order == 1:
        return 4 * e * (1 + e) / size**2
    return 4 * e * ((1 + 2 * e) * size - 4 * e * (1 + e) ** 2) / size**3


def tanhshrink(x: Number) -> Number:
    return x**3 / 3 - 2 * x**5 / 15 if abs(x) < 1e-8 else x - mpmath.tanh(x)


def bell(x: Number) -> Number:
    """Return the derivative of the sigmoid."""
    return sigmoid(x) * sigmoid(-x)


def odd_bell(x: Number) -> Number:
    """Return the second derivative of the sigmoid."""
    return -bell(x) * mpmath.tanh(x / 2)


def gelu_tanh_second(x: Number) -> Number:
    u, slope = 2 * cubic(x), 2 * cubic_slope(x)
    curvature = 12 * mpmath.sqrt(2 / mpmath.pi) * mpmath.mpf("0.044715") * x
    return 2 * bell(u) * slope + x * (bell(u) * curvature + odd_bell(u) * slope**2)


def at_kink(x: Number, below: Number, above: Number) -> Number:
    return above if x > 0 else below


# Each function, its derivative and its second derivative, in closed forms without cancellation.
TRUTH: dict[str, tuple[Function, Function, Function]] = {
    "tanh": (mpmath.tanh, sech_square, lambda x: -2 * mpmath.tanh(x) * sech_square(x)),
    "sigmoid": (sigmoid, bell, odd_bell),
    "exp": (mpmath.exp, mpmath.exp, mpmath.exp),
    "erf": (
        mpmath.erf,
        lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
        lambda x: -4 * x / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x),
    ),
    "log_sigmoid": (
        lambda x: -mpmath.log1p(mpmath.exp(-x)), lambda x: sigmoid(-x), lambda x: -bell(x)
    ),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), sigmoid, bell),
    "softsign": (
        lambda x: x / (1 + abs(x)),
        lambda x: 1 / (1 + abs(x)) ** 2,
        lambda x: -2 * mpmath.sign(x) / (1 + abs(x)) ** 3,
    ),
    "tanhshrink": (
        tanhshrink, lambda x: mpmath.tanh(x) ** 2, lambda x: 2 * mpmath.tanh(x) * sech_square(x)
    ),
    "scaled_tanh": (mpmath.tanh, sech_square, lambda x: -2 * mpmath.tanh(x) * sech_square(x)),
    "silu": (
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),
        lambda x: bell(x) * (2 - x * mpmath.tanh(x / 2)),
    ),
    "gelu": (
        lambda x: x * cdf(x), lambda x: cdf(x) + x * density(x), lambda x: density(x) * (2 - x * x)
    ),
    "gelu tanh": (
        lambda x: x * sigmoid(2 * cubic(x)),
        lambda x: sigmoid(2 * cubic(x)) + 2 * x * bell(2 * cubic(x)) * cubic_slope(x),
        gelu_tanh_second,
    ),
    "mish": (
        lambda x: x * gate(x, 0),
        lambda x: gate(x, 0) + x * gate(x, 1),
        lambda x: 2 * gate(x, 1) + x * gate(x, 2),
    ),
    "elu": (
        lambda x: at_kink(x, mpmath.expm1(x), x),
        lambda x: at_kink(x, mpmath.exp(x), 1),
        lambda x: at_kink(x, mpmath.exp(x), 0),
    ),
    "hardswish": (
        lambda x: x * min(max(x / 6 + mpmath.mpf(1) / 2, 0), 1),
        lambda x: 0 if x < -3 else 1 if x > 3 else x / 3 + mpmath.mpf(1) / 2,
        lambda x: mpmath.mpf(1) / 3 if abs(x) < 3 else 0,
    ),
}  # fmt: skip
KINKS = {"softsign": (0.0,), "hardswish": (-3.0, 3.0)}  # of the derivative


def attributes_of(case: str) -> tuple[str, dict[str, Any]]:
    name, _, word = case.partition(" ")
    entry = ACTIVATIONS[name]
    settings = {
        key: setting if key in entry.words or setting is None else parse(str(setting))
        for key, setting in entry.settings.items()
    }
    if word:
        settings["approximate"] = word
    return name, dict(entry.attributes(settings))


def evaluate(xp: Floating, case: str, x: Any) -> tuple[Any, Any, Any]:
    """Return the function, its derivative and its second derivative."""
    name, attributes = attributes_of(case)
    entry, derivative = ACTIVATIONS[name], REGISTRY["derivative"]
    with np.errstate(all="ignore"):
        y = REGISTRY[entry.primitive].forward(xp, x, **attributes)
        slope = derivative.forward(xp, x, function=name, attributes=attributes)
        ones = np.ones(x.shape, x.dtype)
        second = derivative.gradients["a"](xp, ones, x, function=name, attributes=attributes)
    return y, slope, np.broadcast_to(second, x.shape)


def check(
    actual: Any, expected: Number, sensitivity: Number, xp: Floating, message: str, units: int = UNITS
) -> None:
    """Assert that an answer is as accurate as its dtype allows. sensitivity: x times the derivative at x."""
    limits = np.finfo(xp.dtype)
    if abs(expected) > float(limits.max):
        assert np.isinf(actual) and (actual > 0) == (expected > 0), message
        return
    allowed = units * float(limits.eps) * (abs(expected) + abs(sensitivity)) + float(limits.tiny)
    assert np.isfinite(actual), message
    error = abs(mpmath.mpf(float(actual)) - expected)
    assert error <= allowed, f"{message}, not {mpmath.nstr(expected, 17)}"


def sensitivity_of(function: Function, x: Number) -> Number:
    """Return x times the derivative of a function at x."""
    step = mpmath.mpf(10) ** -25
    return (function(x * (1 + step)) - function(x * (1 - step))) / (2 * step)


@pytest.mark.parametrize("xp", [FLOAT64, FLOAT32], ids=lambda xp: xp.name)
@pytest.mark.parametrize("case", TRUTH)
def test_no_digits_are_lost(case: str, xp: Floating) -> None:
    points = np.array([0.0, *POINTS])
    points = points[np.abs(points) < np.finfo(xp.dtype).max].astype(xp.dtype)
    answers = evaluate(xp, case, points)
    with mpmath.workdps(60):
        for place, point in enumerate(points):
            if case == "mish" and abs(float(point)) > 1e100:  # mpmath would compute all digits of e^x
                continue
            for order, function in enumerate(TRUTH[case]):
                if order == 2 and point in KINKS.get(case, ()):
                    continue
                x, answer = mpmath.mpf(float(point)), answers[order][place]
                message = f"{case}{order * chr(39)}({point}) = {answer}"
                units = MORE.get((case, order), UNITS)
                check(answer, mpmath.mpf(function(x)), sensitivity_of(function, x), xp, message, units)


LIMITS = {
    "tanh": (-1, 1, 0, 0), "sigmoid": (0, 1, 0, 0), "erf": (-1, 1, 0, 0), "log_sigmoid": (-np.inf, 0, 1, 0),
    "softplus": (0, np.inf, 0, 1), "softsign": (-1, 1, 0, 0), "tanhshrink": (-np.inf, np.inf, 1, 1),
    "scaled_tanh": (-1, 1, 0, 0), "silu": (0, np.inf, 0, 1), "gelu": (0, np.inf, 0, 1),
    "gelu tanh": (0, np.inf, 0, 1), "mish": (0, np.inf, 0, 1), "elu": (-1, np.inf, 0, 1),
    "hardswish": (0, np.inf, 0, 1), "exp": (0, np.inf, 0, np.inf), "relu": (0, np.inf, 0, 1),
    "hardsigmoid": (0, 1, 0, 0), "relu6": (0, 6, 0, 0), "square": (np.inf, np.inf, -np.inf, np.inf),
}  # fmt: skip


@pytest.mark.parametrize("xp", [FLOAT64, FLOAT32], ids=lambda xp: xp.name)
@pytest.mark.parametrize("case", LIMITS)
def test_infinities_give_limits_and_nan_stays(case: str, xp: Floating) -> None:
    y, slope, second = evaluate(xp, case, np.array([-np.inf, np.inf, np.nan], xp.dtype))
    np.testing.assert_array_equal([*y[:2], *slope[:2]], LIMITS[case])
    assert np.isnan(y[2])
    if case not in ("exp", "square"):
        np.testing.assert_array_equal(second[:2], 0)


def test_large_arrays_have_the_digits_of_small_ones() -> None:
    x = np.linspace(-40, 40, 40_001)
    for case in TRUTH:
        whole = evaluate(FLOAT64, case, x)
        parts = [evaluate(FLOAT64, case, x[at : at + 1]) for at in range(0, x.size, 997)]
        for order in range(2):
            np.testing.assert_allclose(
                whole[order][::997], [float(part[order][0]) for part in parts], rtol=3e-14, atol=1e-300
            )
