"""Regression losses: at their kinks, in symbols, and refusals."""

from typing import Any

import numpy as np
import pytest
import sympy

from compute.errors import QuestionErrors
from tests.compute.asking import answer

RNG = np.random.default_rng(34)
DEFINITIONS: dict[str, Any] = {
    "mse": lambda e: e**2,
    "mae": abs,
    "huber": lambda e: e**2 / 2 if abs(e) <= 0.7 else 0.7 * (abs(e) - 0.35),
    "smooth_l1": lambda e: e**2 / 1.4 if abs(e) <= 0.7 else abs(e) - 0.35,
}
SETTINGS: dict[str, Any] = {"huber": {"delta": 0.7}, "smooth_l1": {"beta": 0.7}}


@pytest.mark.parametrize("operation", DEFINITIONS)
@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 2)])
def test_by_loops(operation: str, shape: tuple[int, ...]) -> None:
    inputs = {name: np.asarray(RNG.standard_normal(shape)) for name in ("prediction", "target")}
    errors = [one - other for one, other in zip(*(array.flat for array in inputs.values()), strict=True)]
    losses = [DEFINITIONS[operation](one) for one in errors]
    settings = SETTINGS.get(operation, {})
    for reduction, wanted in (("mean", sum(losses) / len(losses)), ("sum", sum(losses)), ("none", losses)):
        found = answer(operation, inputs, {**settings, "reduction": reduction}).values
        np.testing.assert_allclose(found["error"].ravel(), errors, rtol=1e-15)
        np.testing.assert_allclose(found["losses"].ravel(), losses, rtol=1e-13)
        np.testing.assert_allclose(found["output"].ravel(), np.ravel(wanted), rtol=1e-13)
        assert found["output"].shape == (shape if reduction == "none" else ())


@pytest.mark.parametrize(
    ("operation", "settings", "error", "slope"),
    [
        ("mae", {}, 0, 0), ("huber", {}, 1, 1), ("huber", {}, -1, -1), ("huber", {"delta": 2}, -5, -2),
        ("smooth_l1", {"beta": 0}, 0, 0), ("smooth_l1", {"beta": 0}, -3, -1),
        ("smooth_l1", {"beta": 2}, 2, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("arithmetic", ["float64", "exact"])
def test_kinks(operation: str, settings: dict[str, Any], error: int, slope: int, arithmetic: str) -> None:
    found = answer(operation, {"prediction": error, "target": 0}, settings, upstream={"output": 1},
                   arithmetic=arithmetic)  # fmt: skip
    assert float(found.gradients["prediction"][()]) == slope == -float(found.gradients["target"][()])


@pytest.mark.parametrize(("operation", "setting"), [("huber", "delta"), ("smooth_l1", "beta")])
def test_symbols(operation: str, setting: str) -> None:
    found = answer(operation, {"prediction": "a", "target": "b"}, {setting: "k"}, upstream={"output": 1},
                   arithmetic="exact")  # fmt: skip
    output: Any = found.values["output"][()]
    gradient: Any = found.gradients["prediction"][()]
    a, b, k = sympy.symbols("a b k", real=True)
    error = a - b
    loss = sympy.Piecewise((k * (abs(error) - k / 2), abs(error) > k), (error**2 / 2, True))
    loss = loss if operation == "huber" else loss / k
    for point in ({a: 5, b: 1, k: 2}, {a: -5, b: 1, k: 2}, {a: 1, b: sympy.Rational(1, 2), k: 3}):
        assert sympy.simplify(output.subs(point) - loss.subs(point)) == 0
        assert sympy.simplify(gradient.subs(point) - loss.diff(a).subs(point)) == 0


def test_squares_in_symbols() -> None:
    found = answer("mse", {"prediction": ["a", "b"], "target": ["c", 0]}, upstream={"output": 1},
                   arithmetic="exact")  # fmt: skip
    a, b, c = sympy.symbols("a b c", real=True)
    assert sympy.expand(found.values["output"][()] - ((a - c) ** 2 + b**2) / 2) == 0
    assert [sympy.expand(one) for one in found.gradients["prediction"]] == [a - c, b]


@pytest.mark.parametrize(
    ("operation", "settings", "target", "field"),
    [
        ("mse", {}, [1], "target"),
        ("mae", {}, [[1, 2]], "target"),
        ("huber", {"delta": 0}, [1, 2], "delta"),
        ("huber", {"delta": "-1/2"}, [1, 2], "delta"),
        ("huber", {"delta": "d"}, [1, 2], "delta"),
        ("smooth_l1", {"beta": -1}, [1, 2], "beta"),
    ],
)
def test_what_is_refused(operation: str, settings: dict[str, Any], target: Any, field: str) -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer(operation, {"prediction": [1, 2], "target": target}, settings)
    assert [error.path for error in caught.value.errors] == [(field,)]


def test_the_jacobian_of_one_exact_number_by_another() -> None:
    inputs = {"prediction": "a", "target": 0}
    found = (
        answer("mse", inputs, jacobian=[("output", "prediction")], arithmetic="exact")
        .parts["jacobians"][0]
        .value
    )
    assert found.shape == ()
    assert found[()] == 2 * sympy.Symbol("a", real=True)


def test_a_given_error_needs_no_prediction() -> None:
    found = answer("mse", {}, given={"error": [1, 2]}, upstream={"output": 1})
    assert found.values["output"] == 2.5
    np.testing.assert_array_equal(found.gradients["error"], [1, 2])


def test_what_a_constant_may_use_is_said_where_there_is_something() -> None:
    with pytest.raises(QuestionErrors) as caught:
        answer("huber", {"prediction": [1], "target": [2]}, {"delta": "q"})
    [error] = caught.value.errors
    assert (error.expected, error.received) == ("a finite constant above zero", "text of 1 character")
    with pytest.raises(QuestionErrors) as caught:
        answer("cosine", {"x1": [[1]], "x2": [[2]], "target": [1]}, {"margin": "qq"})
    [error] = caught.value.errors
    assert (error.expected, error.received) == ("a finite constant, which may use d", "text of 2 characters")
