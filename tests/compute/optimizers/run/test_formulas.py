"""Formulas with numbers substituted, parsed and evaluated: both sides have the values of the step."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from compute.optimizers.run.formulas import step_formulas
from compute.optimizers.run.trace import TraceStep
from tests.compute.optimizers.asking import QUADRATIC, START, prepare, with_rate
from tests.compute.optimizers.rules.test_rules import GRADIENTS, SETS, VARIANTS, record_of
from tests.compute.optimizers.rules.test_rules import START as VECTORS
from tests.compute.optimizers.run.latex import Function, evaluate, sides
from tests.oracles.textbook_optimizers import clip
from tests.test_oracles_optimizers import flat

VALUE_TOLERANCE = 2e-5  # relative, of six digits
EXPRESSION_TOLERANCE = 2e-3  # relative, with cancellation of numbers of six digits


def test_the_reader_reads() -> None:
    text = r"-\frac{0.5 \cdot \left(-2\right)}{\sqrt{4}} + 2^{3} - \max\left(1, \left|-3\right|\right)"
    assert evaluate(text) == 0.5 + 8 - 3
    assert evaluate(r"1.5 \cdot 10^{-3}") == 0.0015
    assert evaluate(r"-\operatorname{sign}\left(-2\right) - 1 - 1") == -1
    assert sides("x_{1} = 1 - 2 = -1") == ("x_{1}", "1 - 2", "-1")
    assert sides("x_{1} = 5") == ("x_{1}", "5", "5")


def lines_of(found: dict[str, Any], step: TraceStep) -> Iterator[tuple[str, str, str, float]]:
    """Yield (parameter, name, line, expected value) for each entry."""
    for parameter, lines in found.items():
        worth = {
            "update": record_of(step).update,
            "parameter": step.parameters,
            "used_gradient": record_of(step).used_gradient,
        }
        for name, nested in lines.items():
            array = worth[name][parameter] if name in worth else step.state[parameter][name]
            written = np.array(nested, dtype=object)
            assert written.shape == np.shape(array)
            yield from (
                (parameter, name, line, float(entry))
                for line, entry in zip(written.flat, np.ravel(array), strict=True)
            )


def clip_function(optimizer: dict[str, Any], step: TraceStep) -> Function:
    """Return the clipping of an entry of this step's gradient as a function."""
    whole = flat(record_of(step).gradient)
    pairs = list(zip(whole, clip(optimizer, whole), strict=True))
    return lambda entry: next(after for before, after in pairs if abs(before - entry) < 1e-4)


def check(optimizer: dict[str, Any], step: TraceStep, found: dict[str, Any], kept: set[str]) -> None:
    functions = {r"\operatorname{clip}": clip_function(optimizer, step)}
    seen = set()
    largest = max(abs(entry) for *_, entry in lines_of(found, step)) * 1e-6
    for parameter, name, line, entry in lines_of(found, step):
        _, how, worth = sides(line)
        assert evaluate(worth) == pytest.approx(entry, rel=VALUE_TOLERANCE, abs=1e-12), line
        assert evaluate(how, functions) == pytest.approx(entry, rel=EXPRESSION_TOLERANCE, abs=largest), line
        seen.add((parameter, name))
    assert seen == {(parameter, name) for parameter in step.parameters for name in kept}


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_numbers_of_a_scalar(optimizer: dict[str, Any]) -> None:
    optimizer = with_rate(optimizer)
    trace = prepare(optimizer, {"x": 1.5, "y": -1.0}, QUADRATIC, steps=7).trace
    used = {"used_gradient"} if trace.run.changes_gradient else set()
    for step in trace.shown_steps():
        if step.number:
            kept = {"update", "parameter"} | used | set(step.state["x"])
            check(optimizer, step, step_formulas(trace.run, step), kept)


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_numbers_of_matrices(optimizer: dict[str, Any]) -> None:
    assert len(GRADIENTS) >= 48
    trace = prepare(with_rate(optimizer), VECTORS, gradients=SETS[:3]).trace
    used = {"used_gradient"} if trace.run.changes_gradient else set()
    for step in trace.shown_steps():
        if step.number in (1, 3):
            kept = {"update", "parameter"} | used | set(step.state["w"])
            check(optimizer, step, step_formulas(trace.run, step), kept)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "adam", "beta_2": 0.9999999},
        {"name": "adam", "beta_1": 0.99999999},
        {"name": "momentum", "dampening": 0.99999999},
        {"name": "adagrad", "epsilon": 1.23456789},
        {"name": "rmsprop", "rho": 0.99999995},
    ],
    ids=str,
)
def test_settings_are_written_with_all_their_digits(optimizer: dict[str, Any]) -> None:
    test_numbers_of_a_scalar(optimizer)


def last_formulas(optimizer: dict[str, Any], start: Any = None, **more: Any) -> dict[str, Any]:
    start, program = start or {"x": 1.5, "y": -1.0}, more.pop("program", QUADRATIC)
    trace = prepare(optimizer, start, program, steps=more.pop("steps", 1), **more).trace
    *_, last = trace.shown_steps()
    return step_formulas(trace.run, last)


def test_the_formulas_of_a_momentum_step() -> None:
    optimizer = {"name": "momentum", "learning_rate": 0.1}
    assert last_formulas(optimizer, steps=2)["x"] == {
        "velocity": r"V_{2} = 0.9 \cdot 0.5 + 1.3 = 1.75",
        "update": r"\Delta x_{2} = -0.1 \cdot 1.75 = -0.175",
        "parameter": "x_{2} = 1.45 - 0.175 = 1.275",
    }


def test_the_formulas_of_an_exact_step() -> None:
    optimizer = {"name": "gradient_descent", "learning_rate": "eta"}
    lines = last_formulas(optimizer, {"x": 1}, program=("f = x**2/4",), numbers="exact")["x"]
    assert lines["update"] == r"\Delta x_{1} = -\eta \cdot \frac{1}{2} = - \frac{\eta}{2}"
    assert lines["parameter"].startswith(r"x_{1} = 1 - \frac{\eta}{2}")


def test_exact_rationals_are_read_back() -> None:
    optimizer = {"name": "nesterov", "learning_rate": "1/10", "weight_decay": "1/7", "decay": "post"}
    trace = prepare(optimizer, START, QUADRATIC, steps=3, numbers="exact").trace
    for step in trace.shown_steps():
        if step.number:
            for _, _, line, entry in lines_of(step_formulas(trace.run, step), step):
                _, how, worth = sides(line)
                assert evaluate(worth) == pytest.approx(entry, rel=1e-12)
                assert evaluate(how) == pytest.approx(entry, rel=1e-12)


def test_powers_of_fractions_have_parentheses() -> None:
    lines = last_formulas({"name": "adam", "beta_1": "3/5"}, START, numbers="exact", steps=2)["x"]
    assert r"\left(\frac{3}{5}\right)^{2}" in lines["update"]
    assert r"\frac{3}{5}^{2}" not in lines["update"]


def test_bounds_of_rprop_are_a_maximum_and_a_minimum() -> None:
    lines = last_formulas({"name": "rprop", "learning_rate": 0.1}, steps=2)["x"]
    assert r"-\max\left(-\max" not in lines["step_size"]


def test_newton_is_written_with_its_matrix() -> None:
    lines = last_formulas({"name": "newton"})["all parameters"]
    assert set(lines) == {"hessian", "update", "parameter"}
    assert r"\begin{pmatrix} 1 & 1 \\ 1 & 10 \end{pmatrix}^{-1}" in lines["update"]
    damped = last_formulas({"name": "newton", "damping": 2})["all parameters"]
    _, how, worth = sides(damped["update"])
    assert how.startswith((r"-\left(", r"-\begin{pmatrix} 3 & 1 \\ 1 & 12 \end{pmatrix}^{-1}")), how
    assert worth == r"\begin{pmatrix} -0.414286 \\ 0.742857 \end{pmatrix}"
    assert last_formulas({"name": "newton"}, {"v": [1.0] * 5}, program=("f = sum(v**2)",)) == {}


def test_large_parameters_are_left_out() -> None:
    program = ("f = sum(v**2) + sum(w**2)",)
    found = last_formulas({"name": "adam"}, {"v": [1.0] * 17, "w": [1.0] * 16}, program=program)
    assert set(found) == {"w"}
    assert np.shape(found["w"]["update"]) == (16,)


def test_numbers_that_are_not_finite_are_written() -> None:
    lines = last_formulas(
        {"name": "gradient_descent", "learning_rate": 1e300}, {"x": 1e100}, program=("f = x**2",)
    )
    assert r"-\infty" in lines["x"]["update"]


def test_clipping_is_written_with_its_numbers() -> None:
    """The bound is part of the formula, so that the step can be followed by hand."""
    lines = last_formulas({"name": "gradient_descent", "clip_value": 0.25})["x"]
    assert "0.25" in lines["used_gradient"].partition("=")[2].rpartition("=")[0]
