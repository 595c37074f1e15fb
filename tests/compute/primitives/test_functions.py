"""Elementwise functions at points at which their derivative needs care."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.namespace import Exact
from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.arithmetic.kinds import EXACT
from compute.graph.primitive import REGISTRY
from tests.compute.asking import answer
from tests.compute.optimizers.asking import steps_of

SURPRISE = REGISTRY["entropy_term"]
ARITHMETICS = ["float64", "float32", EXACT]


def gradient_of(line: str, x: list[Any], arithmetic: str, **asked: Any) -> Any:
    result = answer(
        "graph", {"x": np.asarray(x) if arithmetic != EXACT else x}, program=(line,),
        upstream={"y": [1] * len(x)}, arithmetic=arithmetic, **asked,
    )  # fmt: skip
    assert not result.notes
    return result.gradients["x"]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = x**0", [0, 0, 0]),
        ("y = power(x, exponent=0)", [0, 0, 0]),
        ("y = x**(1 - 1)", [0, 0, 0]),
        ("y = 3*x**0 + 2*x + x**2", [2, 6, -4]),
        ("y = x**1", [1, 1, 1]),
        ("y = x**2", [0, 4, -6]),
        ("y = x**3", [0, 12, 27]),
    ],
)
def test_a_polynomial_has_its_derivative_at_0(line: str, expected: list[int], arithmetic: str) -> None:
    assert [float(entry) for entry in gradient_of(line, [0, 2, -3], arithmetic)] == expected


def test_a_constant_power_of_infinity_or_nan_has_no_slope() -> None:
    result = answer("graph", {"x": np.array([np.inf, -np.inf, np.nan])}, program=("y = x**0",),
                   upstream={"y": np.ones(3)})  # fmt: skip
    np.testing.assert_array_equal(result.values["y"], [1, 1, 1])
    np.testing.assert_array_equal(result.gradients["x"], [0, 0, 0])


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_jacobian_of_a_constant_power_is_0(arithmetic: str) -> None:
    result = answer("graph", {"x": np.array([0, 2])}, program=("y = x**0 + x",), jacobian=[("y", "x")],
                   arithmetic=arithmetic)  # fmt: skip
    [jacobian] = result.parts["jacobians"]
    np.testing.assert_array_equal(jacobian.value.astype(float), np.eye(2))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("y = x**-1", "0 has no negative power"),
        ("y = x**-0.5", "A negative number has no root, and 0 no negative power"),
    ],
)
def test_only_a_fractional_power_is_said_to_need_a_root(line: str, reason: str) -> None:
    [note] = answer("graph", {"x": np.array([0.0])}, program=(line,)).notes
    assert reason.lower() in note.message.lower()
    assert ("root" in note.message) == ("root" in reason)


@pytest.mark.parametrize("numbers", ARITHMETICS)
@pytest.mark.parametrize("name", ["gradient_descent", "adam", "newton"])
def test_an_optimizer_starts_at_0_of_a_polynomial(name: str, numbers: str) -> None:
    steps = steps_of({"name": name}, {"x": 0}, ("f = 3*x**0 + 2*x + x**2",), steps=3, numbers=numbers)
    assert next(float(step.gradient["x"]) for step in steps if step.gradient) == 2
    assert all(np.isfinite(float(step.parameters["x"])) for step in steps)
    assert float(steps[-1].parameters["x"]) < 0


@pytest.mark.parametrize("arithmetic", [FLOAT64, FLOAT32], ids=lambda arithmetic: arithmetic.name)
def test_an_outcome_of_weight_0_adds_nothing_and_passes_no_gradient(arithmetic: Any) -> None:
    """0 log 0 = 0, and the derivative -1 - log 0 would be infinite."""
    weights = np.array([0, 0.5, 1, -0.0], dtype=arithmetic.dtype)
    g = np.array([3, 2, -1, np.inf], dtype=arithmetic.dtype)
    with np.errstate(invalid="ignore"):
        [rule] = SURPRISE.rules_of(1)
        assert rule is not None
        result = rule.function(arithmetic, g, weights)
    expected = [0, 2 * (np.log(2) - 1), 1, 0]
    np.testing.assert_allclose(result, expected, rtol=4 * np.finfo(arithmetic.dtype).eps)
    np.testing.assert_allclose(
        SURPRISE.forward(arithmetic, weights), [0, np.log(2) / 2, 0, 0], rtol=1e-6, atol=0
    )


def test_the_entropy_of_exact_weights_of_0_has_no_gradient_there() -> None:
    weights = np.array([sympy.S.Zero, sympy.Rational(1, 2), sympy.S.One], dtype=object)
    [rule] = SURPRISE.rules_of(1)
    assert rule is not None
    result = rule.function(Exact(), np.array([sympy.Symbol("g", real=True)] * 3, dtype=object), weights)
    g = sympy.Symbol("g", real=True)
    assert [sympy.simplify(entry) for entry in result] == [0, sympy.simplify(g * (sympy.log(2) - 1)), -g]


def test_the_entropy_of_attention_to_a_masked_key() -> None:
    """The entropy and its gradients are those of attention without this key."""
    query, key, value = np.array([[1.0, 2]]), np.array([[0.5, -1], [1, 1], [0, 2]]), np.eye(3)
    mask = np.array([[True, False, True]])
    asked: Any = {"upstream": {"entropy": np.ones(1)}, "select": ["entropy", "query", "key", "weights"]}
    masked = answer("attention", {"query": query, "key": key, "value": value, "mask": mask}, **asked)
    kept = [0, 2]
    fewer = answer("attention", {"query": query, "key": key[kept], "value": value[kept]}, **asked)
    np.testing.assert_allclose(masked.values["entropy"], fewer.values["entropy"], rtol=1e-15)
    np.testing.assert_allclose(masked.gradients["query"], fewer.gradients["query"], rtol=1e-14)
    np.testing.assert_allclose(masked.gradients["key"][kept], fewer.gradients["key"], rtol=1e-14)
    assert not masked.gradients["key"][1].any()
    assert masked.gradients["weights"][0, 1] == 0
