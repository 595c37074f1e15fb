"""Integrals over normal and uniform numbers, against closed forms and SciPy-free sums."""

import math
from functools import partial

import numpy as np
import pytest

import compute.operations  # noqa: F401 - declares the primitives
from compute.arithmetic.expressions import parse
from compute.graph.primitive import REGISTRY, Application
from compute.primitives.activations.declaration import ACTIVATIONS
from compute.readings.moments.functions import evaluate_function, evaluate_slope, integrate

THIRD = parse("1/3")


def function(name: str, **attributes: object) -> Application:
    return Application(REGISTRY[name], ((4,),), attributes)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (0.4, 2.5), (-1.0, 0.01)])
def test_normal_integrals_have_their_closed_forms(mean: float, variance: float) -> None:
    deviation = math.sqrt(variance)
    ratio = mean / deviation
    below = 0.5 * (1 + math.erf(ratio / math.sqrt(2)))
    density = math.exp(-ratio * ratio / 2) / math.sqrt(2 * math.pi)
    rectified = mean * below + deviation * density
    square = (mean * mean + variance) * below + mean * deviation * density
    cases = {
        "relu": (rectified, square),
        "exp": (math.exp(mean + variance / 2), math.exp(2 * mean + 2 * variance)),
        "square": (mean**2 + variance, mean**4 + 6 * mean**2 * variance + 3 * variance**2),
        "sin": (
            math.sin(mean) * math.exp(-variance / 2),
            0.5 - 0.5 * math.cos(2 * mean) * math.exp(-2 * variance),
        ),
    }
    for name, expected in cases.items():
        applied = function(name)
        found = integrate(partial(evaluate_function, applied), mean, variance, "normal", {})
        assert found == pytest.approx(expected, rel=1e-9)


def test_uniform_integrals_have_their_closed_forms() -> None:
    applied = function("square")
    found = integrate(lambda a: evaluate_function(applied, a), 0.5, 1 / 12, "uniform", {})
    assert found == pytest.approx((1 / 3, 1 / 5), rel=1e-12)


def test_jumps_at_settings_are_exact() -> None:
    """The slope of hardshrink is 1 beyond lambda: its mean is the probability of that."""
    applied = function("hardshrink", lambd=THIRD)
    found = integrate(lambda a: evaluate_slope(applied, a), 0.0, 1.0, "normal", applied.attributes)
    assert found[0] == pytest.approx(1 - math.erf(1 / 3 / math.sqrt(2)), rel=1e-10)


def test_slopes_are_derivatives() -> None:
    points, h = np.array([-2.1, -0.4, 0.3, 1.7]), 1e-6
    for name in ("tanh", "sigmoid", "gelu", "silu", "softplus", "elu", "mish", "erf", "exp"):
        attributes = {} if name not in ACTIVATIONS else dict(_defaults(name))
        applied = function(ACTIVATIONS[name].primitive if name in ACTIVATIONS else name, **attributes)
        above, below = evaluate_function(applied, points + h), evaluate_function(applied, points - h)
        np.testing.assert_allclose(evaluate_slope(applied, points), (above - below) / (2 * h), rtol=1e-6)


def _defaults(name: str) -> dict[str, object]:
    declared = ACTIVATIONS[name]
    settings = {
        key: value if value is None or key in declared.words else parse(str(value))
        for key, value in declared.settings.items()
    }
    return dict(declared.attributes(settings))
