"""Likelihoods of numbers: against the densities that they are the logarithms of."""

import math
from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(40)


def test_the_full_loss_is_the_logarithm_of_the_density() -> None:
    prediction, target, variance = RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3)), [0.5, 1, 2]
    inputs = {"prediction": prediction, "target": target, "variance": variance}
    found = answer("gaussian_nll", inputs, {"full": True}).values
    for i, j in np.ndindex(2, 3):
        z = (prediction[i, j] - target[i, j]) / math.sqrt(variance[j])
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi * variance[j])
        assert found["losses"][i, j] == pytest.approx(-math.log(density), rel=1e-12)
    short = answer("gaussian_nll", inputs).values["losses"]
    np.testing.assert_allclose(found["losses"] - short, math.log(2 * math.pi) / 2, rtol=1e-12)


@pytest.mark.parametrize("is_log", [False, True])
def test_the_loss_of_counts_is_the_logarithm_of_their_probability(is_log: bool) -> None:
    rates, counts = RNG.uniform(0.2, 3, 5), [0.0, 1, 2, 3, 5]
    inputs = {"prediction": np.log(rates) if is_log else rates, "target": counts}
    found = answer("poisson_nll", inputs, {"prediction_is_log": is_log}).values
    for loss, rate, count in zip(found["losses"], rates, counts, strict=True):
        probability = rate**count * math.exp(-rate) / math.factorial(int(count))
        assert loss == pytest.approx(-math.log(probability) - math.lgamma(count + 1), rel=1e-11)


def test_nothing_expected_and_nothing_seen() -> None:
    inputs = {"prediction": [0.0, 1], "target": [0.0, 0]}
    found = answer("poisson_nll", inputs, {"prediction_is_log": False}, upstream={"losses": [1, 1]})
    np.testing.assert_array_equal(found.values["losses"], [0, 1])
    np.testing.assert_array_equal(found.gradients["prediction"], [1, 1])


def test_symbols() -> None:
    inputs = {"prediction": "m", "target": "x", "variance": "v"}
    found = answer("gaussian_nll", inputs, {"full": True}, upstream={"output": 1}, arithmetic="exact")
    m, x, v = sympy.symbols("m x v", real=True)
    loss = (sympy.log(v) + (m - x) ** 2 / v + sympy.log(2 * sympy.pi)) / 2
    assert sympy.simplify(sympy.expand_log(found.values["output"][()] - loss, force=True)) == 0
    for name, symbol in (("prediction", m), ("target", x), ("variance", v)):
        assert sympy.simplify(found.gradients[name][()] - loss.diff(symbol)) == 0
    found = answer("poisson_nll", {"prediction": "s", "target": "k"}, upstream={"output": 1},
                   arithmetic="exact")  # fmt: skip
    assert str(found.gradients["prediction"][()]) in ("-k + exp(s)", "exp(s) - k")


@pytest.mark.parametrize(
    ("operation", "inputs", "settings", "field"),
    [
        ("gaussian_nll", {"variance": [1, 0]}, {}, "variance"),
        ("gaussian_nll", {"variance": [1, -1]}, {}, "variance"),
        ("gaussian_nll", {"variance": [1, 1, 1]}, {}, "variance"),
        ("gaussian_nll", {"target": [1], "variance": 1}, {}, "target"),
        ("poisson_nll", {"target": [1, -1]}, {}, "target"),
        ("poisson_nll", {"prediction": [1, -1]}, {"prediction_is_log": False}, "prediction"),
        ("poisson_nll", {}, {"epsilon": -1}, "epsilon"),
        ("poisson_nll", {}, {"epsilon": 1e-8}, "epsilon"),
        ("poisson_nll", {}, {"epsilon": 1e-8, "prediction_is_log": True}, "epsilon"),
    ],
)
def test_what_is_refused(operation: str, inputs: Any, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer(operation, {"prediction": [1, 2], "target": [1, 2], **inputs}, settings)
    assert [error.path for error in caught.value.errors] == [(field,)]
