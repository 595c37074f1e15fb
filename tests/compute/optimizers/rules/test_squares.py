"""Rules on squares beyond the range of floats, against the same rules in 60 digits."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT32, FLOAT64
from compute.optimizers.rules.squares import Square, maximum, overflows, root, square, unwrap
from compute.optimizers.run.formulas import step_formulas
from tests.compute.optimizers.asking import prepare, steps_of

NUMBERS = {"float64": (1e-13, (1e155, 1e200, 1e300, 1e-170)), "float32": (3e-5, (1e20, 1e30, 1e-25))}
RULES: list[dict[str, Any]] = [
    {"name": "adagrad", "epsilon": 0},
    {"name": "adadelta", "epsilon": 1e-6},
    {"name": "rmsprop", "epsilon": 0},
    {"name": "rmsprop", "epsilon": 0, "centered": True, "rho": 0.75, "momentum": 0.5},
    {"name": "adam", "epsilon": 0},
    {"name": "adam", "epsilon": 0, "epsilon_form": "uncorrected", "beta_2": 0.5},
    {"name": "adam", "epsilon": 0, "bias_correction": False, "beta_2": 0},
    {"name": "amsgrad", "epsilon": 0, "beta_2": 0.5},
    {"name": "nadam", "epsilon": 0},
    {"name": "radam", "epsilon": 0, "beta_2": 0.9},
]
SHARES = (3.0, -1.0, 0.5, 0.25, 2.0, -4.0, 1.0, 1.0)


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("optimizer", RULES, ids=str)
def test_rules_on_gradients_whose_squares_overflow(optimizer: dict[str, Any], numbers: str) -> None:
    """Without epsilon steps do not depend on the size of gradients."""
    tolerance, sizes = NUMBERS[numbers]
    adadelta = optimizer["name"] == "adadelta"
    for size in sizes[: -1 if adadelta else None]:
        for start in (0.0, [0.0, 0.0]):
            gradients = [{"x": share * size if start == 0 else [share * size, size]} for share in SHARES]
            settings = {**optimizer, "learning_rate": 1 if adadelta else 0.5}
            *_, last = steps_of(settings, {"x": start}, gradients=gradients, numbers=numbers)
            expected = [in_many_digits(settings, [share * size for share in shares])
                        for shares in (SHARES, [1.0] * len(SHARES))]  # fmt: skip
            found = np.ravel(last.parameters["x"]).astype(float)
            if optimizer["name"] == "radam":  # its first steps are proportional to the gradients
                found, expected = found / size, [one / size for one in expected]
            np.testing.assert_allclose(found, expected[: found.size], rtol=tolerance)


def in_many_digits(optimizer: dict[str, Any], gradients: list[float]) -> float:
    """Follow a rule from 0, in 60 digits and with exponents of any size."""
    with mpmath.workdps(60):
        return float(_followed(optimizer, [mpmath.mpf(one) for one in gradients]))


def _followed(settings: dict[str, Any], gradients: list[Any]) -> Any:
    name, epsilon, rate = settings["name"], settings["epsilon"], settings["learning_rate"]
    x = m = v = u = b = largest = mpmath.mpf(0)
    product = mpmath.mpf(1)
    rho = mpmath.mpf(settings.get("rho", 0.99 if name == "rmsprop" else 0.9))
    beta_1, beta_2 = mpmath.mpf(0.9), mpmath.mpf(settings.get("beta_2", 0.999))
    for t, g in enumerate(gradients, 1):
        if name == "adagrad":
            v += g**2
            x -= rate * g / mpmath.sqrt(v)
        elif name == "adadelta":
            v = rho * v + (1 - rho) * g**2
            step = mpmath.sqrt(u + epsilon) / mpmath.sqrt(v + epsilon) * g
            u = rho * u + (1 - rho) * step**2
            x -= rate * step
        elif name == "rmsprop":
            v, m = rho * v + (1 - rho) * g**2, rho * m + (1 - rho) * g
            b = settings.get("momentum", 0) * b + g / mpmath.sqrt(v - m**2 if settings.get("centered") else v)
            x -= rate * b
        else:
            m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
            mean, spread = m / (1 - beta_1**t), mpmath.sqrt(v / (1 - beta_2**t))
            if name == "amsgrad":
                largest = max(largest, v)
                spread = mpmath.sqrt(largest / (1 - beta_2**t))
            elif not settings.get("bias_correction", True):
                mean, spread = m, mpmath.sqrt(v)
            elif name == "nadam":
                now, ahead = (
                    beta_1 * (1 - mpmath.mpf("0.96") ** (k * mpmath.mpf(0.004)) / 2) for k in (t, t + 1)
                )
                product *= now
                mean = (1 - now) / (1 - product) * g + ahead / (1 - product * ahead) * m
            elif name == "radam":
                longest = 2 / (1 - beta_2) - 1
                length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
                if length > 5:
                    ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
                    mean *= mpmath.sqrt(ratio)
                else:
                    spread = mpmath.mpf(1)
            x -= rate * mean / spread
    return x


@pytest.mark.parametrize(("numbers", "tolerance"), [("float64", 1e-13), ("float32", 1e-4)])
@pytest.mark.parametrize(("rho", "steps"), [(0.5, 60), (0.9, 400), (0.99, 20)])
def test_the_variance_of_equal_gradients(rho: float, steps: int, numbers: str, tolerance: float) -> None:
    """After t gradients g it is rho^t (1 - rho^t) g^2; a difference of means would lose its digits."""
    gradients = [{"x": 3.3}] * steps
    optimizer = {"name": "rmsprop", "centered": True, "rho": rho}
    for numbered, step in enumerate(
        steps_of(optimizer, {"x": 0.0}, gradients=gradients, numbers=numbers)[1:], 1
    ):
        with mpmath.workdps(50):
            left = mpmath.mpf(float(np.float32(rho)) if numbers == "float32" else rho) ** numbered
            g = mpmath.mpf(float(np.float32(3.3)) if numbers == "float32" else 3.3)
            expected = float(left * (1 - left) * g**2)
        if expected > (1e-30 if numbers == "float32" else 1e-290):
            # Once the mean is within rounding of the gradient, the variance stays at that level.
            least = (3.3 * (1e-6 if numbers == "float32" else 1e-15)) ** 2
            assert float(step.state["x"]["variance"]) == pytest.approx(
                expected, rel=100 * tolerance, abs=least
            )
        assert math.isfinite(float(step.parameters["x"]))


def test_centered_rmsprop_of_equal_gradients() -> None:
    """Sixty gradients of 3.3 in 60 digits: in floats the difference of means would turn negative."""
    *_, last = steps_of(
        {"name": "rmsprop", "centered": True, "rho": 0.5}, {"x": 0.0}, gradients=[{"x": 3.3}] * 60
    )
    with mpmath.workdps(60):
        x, g, epsilon = mpmath.mpf(0), mpmath.mpf(3.3), mpmath.mpf(1e-8)
        for t in range(1, 61):
            left = mpmath.mpf(2) ** -t
            x -= mpmath.mpf(0.01) * g / (g * mpmath.sqrt(left * (1 - left)) + epsilon)
    assert float(last.parameters["x"]) == pytest.approx(float(x), rel=1e-12)


def test_the_variance_in_exact_numbers_is_that_of_the_means() -> None:
    *_, last = steps_of(
        {"name": "rmsprop", "centered": True, "rho": "1/3"}, {"x": 0}, numbers="exact",
        gradients=[{"x": one} for one in (2, -1, "1/2", "1/2")],
    )  # fmt: skip
    kept = {name: one[()] for name, one in last.state["x"].items()}
    assert kept["variance"] == kept["mean_of_squares"] - kept["mean_gradient"] ** 2 > 0


def test_a_buffer_beyond_floats_is_noted_once_and_written_by_its_root() -> None:
    prepared = prepare({"name": "adam"}, {"x": 1.0}, gradients=[{"x": 1e10}, {"x": 4e200}, {"x": 4e200}])
    *_, last = prepared.trace.shown_steps()
    [note] = prepared.trace.notes
    assert (note.code, note.at) == ("overflow", "x")
    assert "second_moment of x is beyond float64 at step 2" in note.message
    assert float(np.asarray(last.state["x"]["second_moment"])) == math.inf
    lines = step_formulas(prepared.trace.run, last)["x"]
    assert lines["second_moment"].endswith(r"= \left(1.78841 \cdot 10^{199}\right)^{2}")
    assert r"\infty" not in "".join(lines.values())


def test_squares_become_floats_again_and_underflow_is_not_noted() -> None:
    gradients = [{"x": 1e200}, *({"x": 1.0},) * 1400]
    prepared = prepare({"name": "rmsprop", "rho": 0.5}, {"x": 1.0}, gradients=gradients)
    *_, last = prepared.trace.shown_steps()
    assert not isinstance(last.state["x"]["mean_of_squares"], Square)
    assert float(last.state["x"]["mean_of_squares"]) == pytest.approx(1, abs=1e-12)
    prepared = prepare({"name": "rmsprop", "rho": 0.5}, {"x": 1.0}, gradients=[{"x": 1e-200}])
    assert [
        float(np.asarray(one.state["x"]["mean_of_squares"]))
        for one in prepared.trace.shown_steps()
        if one.record
    ] == [0]
    assert prepared.trace.notes == []


def test_steps_of_rprop_grow_for_tiny_gradients() -> None:
    *_, last = steps_of({"name": "rprop", "learning_rate": 1}, {"x": 0.0}, gradients=[{"x": 1e-200}] * 2)
    assert float(last.parameters["x"]) == pytest.approx(-2.2, rel=1e-15)


@pytest.mark.parametrize("xp", [FLOAT64, FLOAT32])
@np.errstate(over="ignore")  # as traces do
def test_plain_squares_stay_plain(xp: Any) -> None:
    for a in (np.array([3.0, 0.0, -2.0], xp.dtype), np.array([np.inf, 1.0, np.nan], xp.dtype)):
        np.testing.assert_array_equal(square(xp, a), a * a)
    far = square(xp, np.array([1e30, 0.0] if xp is FLOAT32 else [1e300, 0.0], xp.dtype))
    assert isinstance(far, Square) and overflows(far) and far.root.dtype == xp.dtype
    np.testing.assert_array_equal(root(xp, far), far.root)
    assert not overflows(np.array(np.inf))
    assert not isinstance(unwrap(far * 0), Square)


def test_sums_and_maxima_of_squares_and_plain_numbers() -> None:
    far = Square(np.array([3e200, 0.0]))
    np.testing.assert_allclose((far + Square(np.array([4e200, 1.0]))).root, [5e200, 1], rtol=1e-15)
    np.testing.assert_allclose((0.25 * (far + 4) / 9).root, [5e199, 1 / 3], rtol=1e-15)
    np.testing.assert_array_equal(maximum(FLOAT64, far, np.array([1.0, 4.0])).root, [3e200, 2])
    np.testing.assert_array_equal(far[0,].root, 3e200)
