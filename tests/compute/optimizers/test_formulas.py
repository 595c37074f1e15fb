"""Formulas with numbers put in, read back: each side is worth what the step says."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from compute.optimizers.formulas import formulas
from compute.optimizers.trace import TraceStep
from tests.compute.optimizers.asking import QUADRATIC, START, prepared, with_rate
from tests.compute.optimizers.latex import Function, evaluate, sides
from tests.compute.optimizers.test_rules import GRADIENTS, SETS, VARIANTS, made
from tests.compute.optimizers.test_rules import START as VECTORS
from tests.oracles.textbook_optimizers import clipped
from tests.test_oracles_optimizers import flat

WRITTEN = 2e-5  # relative: six digits
PUT_IN = 2e-3  # the same after what is lost where numbers of six digits nearly cancel


def test_the_reader_reads() -> None:
    text = r"-\frac{0.5 \cdot \left(-2\right)}{\sqrt{4}} + 2^{3} - \max\left(1, \left|-3\right|\right)"
    assert evaluate(text) == 0.5 + 8 - 3
    assert evaluate(r"1.5 \cdot 10^{-3}") == 0.0015
    assert evaluate(r"-\operatorname{sign}\left(-2\right) - 1 - 1") == -1
    assert sides("x_{1} = 1 - 2 = -1") == ("x_{1}", "1 - 2", "-1")
    assert sides("x_{1} = 5") == ("x_{1}", "5", "5")


def lines_of(found: dict[str, Any], step: TraceStep) -> Iterator[tuple[str, str, str, float]]:
    """(parameter, name, line, what it is to be worth) for each entry."""
    for parameter, lines in found.items():
        worth = {"update": made(step).update, "parameter": step.parameters, "used_gradient": made(step).used}
        for name, nested in lines.items():
            array = worth[name][parameter] if name in worth else step.state[parameter][name]
            written = np.array(nested, dtype=object)
            assert written.shape == np.shape(array)
            yield from (
                (parameter, name, line, float(entry))
                for line, entry in zip(written.flat, np.ravel(array), strict=True)
            )


def clip_of(optimizer: dict[str, Any], step: TraceStep) -> Function:
    """What clipping does to an entry of this step's gradient."""
    whole = flat(made(step).gradient)
    pairs = list(zip(whole, clipped(optimizer, whole), strict=True))
    return lambda entry: next(after for before, after in pairs if abs(before - entry) < 1e-4)


def check(optimizer: dict[str, Any], step: TraceStep, found: dict[str, Any], kept: set[str]) -> None:
    functions = {r"\operatorname{clip}": clip_of(optimizer, step)}
    seen = set()
    largest = max(abs(entry) for *_, entry in lines_of(found, step)) * 1e-6
    for parameter, name, line, entry in lines_of(found, step):
        _, how, worth = sides(line)
        assert evaluate(worth) == pytest.approx(entry, rel=WRITTEN, abs=1e-12), line
        assert evaluate(how, functions) == pytest.approx(entry, rel=PUT_IN, abs=largest), line
        seen.add((parameter, name))
    assert seen == {(parameter, name) for parameter in step.parameters for name in kept}


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_numbers_of_a_scalar(optimizer: dict[str, Any]) -> None:
    optimizer = with_rate(optimizer)
    trace = prepared(optimizer, {"x": 1.5, "y": -1.0}, QUADRATIC, steps=7).trace
    used = {"used_gradient"} if trace.course.uses_another_gradient else set()
    for step in trace.run():
        if step.number:
            kept = {"update", "parameter"} | used | set(step.state["x"])
            check(optimizer, step, formulas(trace.course, step), kept)


@pytest.mark.parametrize("optimizer", VARIANTS, ids=str)
def test_numbers_of_matrices(optimizer: dict[str, Any]) -> None:
    assert len(GRADIENTS) >= 48
    trace = prepared(with_rate(optimizer), VECTORS, gradients=SETS[:3]).trace
    used = {"used_gradient"} if trace.course.uses_another_gradient else set()
    for step in trace.run():
        if step.number in (1, 3):
            kept = {"update", "parameter"} | used | set(step.state["w"])
            check(optimizer, step, formulas(trace.course, step), kept)


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


def last_of(optimizer: dict[str, Any], start: Any = None, **more: Any) -> dict[str, Any]:
    start, program = start or {"x": 1.5, "y": -1.0}, more.pop("program", QUADRATIC)
    trace = prepared(optimizer, start, program, steps=more.pop("steps", 1), **more).trace
    *_, last = trace.run()
    return formulas(trace.course, last)


def test_what_a_step_of_momentum_looks_like() -> None:
    optimizer = {"name": "momentum", "learning_rate": 0.1}
    assert last_of(optimizer, steps=2)["x"] == {
        "velocity": r"V_{2} = 0.9 \cdot 0.5 + 1.3 = 1.75",
        "update": r"\Delta x_{2} = -0.1 \cdot 1.75 = -0.175",
        "parameter": "x_{2} = 1.45 - 0.175 = 1.275",
    }


def test_what_exact_steps_look_like() -> None:
    optimizer = {"name": "gradient_descent", "learning_rate": "eta"}
    lines = last_of(optimizer, {"x": 1}, program=("f = x**2/4",), numbers="exact")["x"]
    assert lines["update"] == r"\Delta x_{1} = -\eta \cdot \frac{1}{2} = - \frac{\eta}{2}"
    assert lines["parameter"].startswith(r"x_{1} = 1 - \frac{\eta}{2}")


def test_exact_rationals_are_read_back() -> None:
    optimizer = {"name": "nesterov", "learning_rate": "1/10", "weight_decay": "1/7", "decay": "post"}
    trace = prepared(optimizer, START, QUADRATIC, steps=3, numbers="exact").trace
    for step in trace.run():
        if step.number:
            for _, _, line, entry in lines_of(formulas(trace.course, step), step):
                _, how, worth = sides(line)
                assert evaluate(worth) == pytest.approx(entry, rel=1e-12)
                assert evaluate(how) == pytest.approx(entry, rel=1e-12)


def test_powers_of_fractions_have_parentheses() -> None:
    lines = last_of({"name": "adam", "beta_1": "3/5"}, START, numbers="exact", steps=2)["x"]
    assert r"\left(\frac{3}{5}\right)^{2}" in lines["update"]
    assert r"\frac{3}{5}^{2}" not in lines["update"]


def test_bounds_of_rprop_are_a_maximum_and_a_minimum() -> None:
    lines = last_of({"name": "rprop", "learning_rate": 0.1}, steps=2)["x"]
    assert r"-\max\left(-\max" not in lines["step_size"]


def test_newton_is_written_with_its_matrix() -> None:
    lines = last_of({"name": "newton"})["all parameters"]
    assert set(lines) == {"hessian", "update", "parameter"}
    assert r"\begin{pmatrix} 1 & 1 \\ 1 & 10 \end{pmatrix}^{-1}" in lines["update"]
    damped = last_of({"name": "newton", "damping": 2})["all parameters"]
    _, how, worth = sides(damped["update"])
    assert how.startswith((r"-\left(", r"-\begin{pmatrix} 3 & 1 \\ 1 & 12 \end{pmatrix}^{-1}")), how
    assert worth == r"\begin{pmatrix} -0.414286 \\ 0.742857 \end{pmatrix}"
    assert last_of({"name": "newton"}, {"v": [1.0] * 5}, program=("f = sum(v**2)",)) == {}


def test_large_parameters_are_left_out() -> None:
    program = ("f = sum(v**2) + sum(w**2)",)
    found = last_of({"name": "adam"}, {"v": [1.0] * 17, "w": [1.0] * 16}, program=program)
    assert set(found) == {"w"}
    assert np.shape(found["w"]["update"]) == (16,)


def test_numbers_that_are_not_finite_are_written() -> None:
    lines = last_of({"name": "gradient_descent", "learning_rate": 1e300}, {"x": 1e100}, program=("f = x**2",))
    assert r"-\infty" in lines["x"]["update"]


def test_clipping_is_written_with_its_numbers() -> None:
    """The bound has to stand in the formula: without it nobody can follow the step by hand."""
    lines = last_of({"name": "gradient_descent", "clip_value": 0.25})["x"]
    assert "0.25" in lines["used_gradient"].partition("=")[2].rpartition("=")[0]
