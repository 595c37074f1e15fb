"""Entries far smaller than their neighbours, bends far narrower than steps, and slopes without a second one:
smooth functions have no kink, true kinks are told, and wrong rules are caught.
"""

from typing import Any

import numpy as np
import pytest

from compute.graph.primitive import REGISTRY
from compute.readings.verification.evidence import Check
from compute.readings.verification.smoothness import SMOOTH
from tests.compute.asking import plan
from tests.compute.readings.verification.test_gradients import evidence, of_program, wrong

TOO_FAST = "the slope changes faster than the steps of differences can follow"
UNSETTLED = "no step is small enough: differences do not settle"
UNDERFLOW = "numbers are so small that they underflow"
NEAR = "a kink is so near that rounding decides on which side of it the value is"


def check_of(line: str, x: list[float], **more: Any) -> Check:
    shape: Any = plan("graph", {"x": x}, program=(f"y = {line}",)).graph.names["y"].shape
    return of_program((f"y = {line}",), {"x": x}, {"y": np.ones(shape)}, **more)["x"]


SHARP: list[tuple[str, list[float], str]] = [
    ("softplus(1e8 * x)", [10.0, -1e-9], "softplus"),
    ("silu(1e8 * x)", [1e-15, 10.0], "silu"),
    ("log_sigmoid(2e8 * x)", [-2.7, -10.0, -1e-9], "log_sigmoid"),
    ("silu(1e20 * x)", [1e-150, 1.0], "silu"),
    ("tanh(1e9 * x)", [1e-15, 10.0], "tanh"),
]


@pytest.mark.parametrize(("line", "x", "rule"), SHARP)
def test_a_bend_beside_a_tiny_entry_is_no_kink(line: str, x: list[float], rule: str) -> None:
    assert check_of(line, x).verdict == "agrees"
    found = evidence("graph", {"x": x}, program=(f"y = {line}",), jacobian=[("y", "x")]).jacobians
    assert [one.check.verdict for one in found] == ["agrees"]
    with wrong(rule, "a", lambda g: g * 1.01):
        # The rounding of another output, of 1e20, is above all that steps of 1e-150 change.
        assert check_of(line, x).verdict == ("inconclusive" if "1e20" in line else "disagrees")


@pytest.mark.parametrize(("line", "x"), [
    ("sin(x * x)", [130000.0]), ("sin(x**2)", [130000.0, 1.0]), ("silu(1e20 * x)", [0.0, 1.0]),
])  # fmt: skip
def test_what_steps_cannot_follow_is_no_kink_either(line: str, x: list[float]) -> None:
    check = check_of(line, x)
    assert (check.verdict, check.at) == ("inconclusive", [0])
    assert check.reason == (TOO_FAST if "silu" in line else UNSETTLED)


@pytest.mark.parametrize("line", ["abs(sin(x * x))", "sin(x * x) + relu(x)"])
def test_nor_where_a_step_on_the_way_has_kinks_elsewhere(line: str) -> None:
    check = check_of(line, [130000.0])
    assert check.verdict == "inconclusive"
    assert check.reason is not None and "kink" not in check.reason


@pytest.mark.parametrize("x", [1e-13, -1e-13, 1e-200])
@pytest.mark.parametrize("line", ["relu(x)", "abs(x)", "leaky_relu(1e8 * x)", "silu(x) + abs(x)"])
def test_a_kink_as_near_as_a_tiny_entry_is_told(line: str, x: float) -> None:
    check = check_of(line, [1.0, x])
    assert (check.verdict, check.reason, check.at) == ("inconclusive", NEAR, [1])
    assert check_of(line, [1.0, 1e-3]).verdict == "agrees"


@pytest.mark.parametrize("line", ["relu(x)", "abs(x)", "relu(x) + silu(x)", "sqrt(x * x)"])
def test_kinks_are_kinks(line: str) -> None:
    check = check_of(line, [0.0, 1.0])
    assert (check.verdict, check.at, check.inconclusive) == ("inconclusive", [0], 1)
    assert check.reason is not None
    assert "a kink" in check.reason or ("sqrt" in line and "not finite" in check.reason)


@pytest.mark.parametrize("x", [[0.0], [0.0, 1.0], [-0.0, -2.0]])
@pytest.mark.parametrize(("line", "rule"), [
    ("relu(x)**2", "power"), ("abs(x) * x", "multiply"), ("3 * x + relu(x)**2 * exp(x)", "exp"),
])  # fmt: skip
def test_a_slope_without_a_second_one_agrees(line: str, rule: str, x: list[float]) -> None:
    assert check_of(line, x).verdict == "agrees"
    with wrong(rule, "a", lambda g: g + 1e-4):
        assert check_of(line, [0.3, *x]).verdict == "disagrees"


def test_what_does_not_settle_is_no_cancellation() -> None:
    check = check_of("relu(x)**1.5", [0.0])
    assert (check.verdict, check.reason) == ("inconclusive", UNSETTLED)


@pytest.mark.parametrize(("line", "x"), [("x**3", 1e-120), ("x**2", 1e-170), ("x * x * x", -1e-110)])
def test_underflow_is_no_cancellation(line: str, x: float) -> None:
    check = check_of(line, [x])
    assert (check.verdict, check.reason) == ("inconclusive", UNDERFLOW)


def test_cancellation_is_no_underflow() -> None:
    for line in ("(1 + x) - 1", "1 - cos(x)"):
        check = check_of(line, [1e-17])
        assert (check.verdict, check.reason) == ("inconclusive", "cancellation: rounding hides the slope")


@pytest.mark.parametrize(("base", "x"), [
    ("1e8", [1e-50, -1e-6]), ("1e7", [-2.7e-05, 9.999999999999999e-06, 1e-98]),
    ("1e3", [2.7e-16, -3.3e-157]), ("1e6", [3.3e-58, 3.3e-05, -3.3e-56]), ("1e4", [1e-123, 1e-147, 1e-80]),
])  # fmt: skip
def test_no_right_gradient_is_wrong_that_rounds_where_steps_are_too_large(base: str, x: list[float]) -> None:
    line = f"x * log(x * x) / softmax(({base} + x)**1.5)"
    assert check_of(line, x).verdict != "disagrees"
    with wrong("log", "a", lambda g: g + 100):
        assert check_of(f"x * log(1 + x * x) / softmax(({base} + x)**1.5)", [*x, 0.01]).verdict != "agrees"


def test_a_complex_step_does_not_absolve_more_than_rounding() -> None:
    line = "x * log(x * x) / softmax((1e8 + x)**1.5)"
    with wrong("log", "a", lambda g: g * 3):
        assert check_of(line, [1e-50, -1e-6]).verdict == "disagrees"


def test_smooth_steps_are_steps() -> None:
    assert REGISTRY.keys() >= SMOOTH
    assert not SMOOTH & {"absolute", "relu", "norm_root", "max_pool", "power", "elu", "positive_part"}
