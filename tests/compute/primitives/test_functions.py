"""Functions of each entry alone, where their derivative needs care."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.kinds import EXACT
from tests.compute.asking import answer
from tests.compute.optimizers.asking import steps_of

ARITHMETICS = ["float64", "float32", EXACT]


def gradient_of(line: str, x: list[Any], arithmetic: str, **asked: Any) -> Any:
    found = answer(
        "graph", {"x": np.asarray(x) if arithmetic != EXACT else x}, program=(line,),
        upstream={"y": [1] * len(x)}, arithmetic=arithmetic, **asked,
    )  # fmt: skip
    assert not found.notes
    return found.gradients["x"]


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
    assert [float(one) for one in gradient_of(line, [0, 2, -3], arithmetic)] == expected


def test_a_constant_power_of_infinity_or_nan_has_no_slope() -> None:
    found = answer("graph", {"x": np.array([np.inf, -np.inf, np.nan])}, program=("y = x**0",),
                   upstream={"y": np.ones(3)})  # fmt: skip
    np.testing.assert_array_equal(found.values["y"], [1, 1, 1])
    np.testing.assert_array_equal(found.gradients["x"], [0, 0, 0])


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_jacobian_of_a_constant_power_is_0(arithmetic: str) -> None:
    found = answer("graph", {"x": np.array([0, 2])}, program=("y = x**0 + x",), jacobian=[("y", "x")],
                   arithmetic=arithmetic)  # fmt: skip
    [jacobian] = found.jacobians
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
