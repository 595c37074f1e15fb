"""Hyperparameters and start values that reach a target, against traces in floats and known answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy

from compute.arithmetic.exact.algebra import Symbols
from compute.arithmetic.kinds import EXACT, get_arithmetic
from compute.errors import QuestionErrors
from compute.optimizers.run.question import TraceQuestion
from compute.optimizers.run.solver import SolutionAnswer, SolutionQuestion, Solver
from tests.compute.asking import arrays
from tests.compute.optimizers.asking import optimizer_config, steps_of

HALVES = ("f = x**2 / 4",)


def question(
    optimizer: dict[str, Any],
    unknown: Sequence[str] = (),
    target: dict[str, Any] | None = None,
    steps: int | None = 1,
    start: dict[str, Any] | None = None,
    program: Sequence[str] = HALVES,
    data: dict[str, Any] | None = None,
) -> SolutionQuestion:
    symbols = Symbols()
    sent = [arrays(one, EXACT, symbols) for one in (start or {"x": 1}, data or {}, target or {})]
    trace = TraceQuestion(
        optimizer_config(optimizer), sent[0], get_arithmetic(EXACT), tuple(program), data=sent[1], steps=steps
    )
    return SolutionQuestion(trace, tuple(unknown), sent[2])


def solve(*fields: Any, **more: Any) -> SolutionAnswer:
    return Solver(question(*fields, **more)).answer(lambda near: None)


def values(found: SolutionAnswer, name: str) -> list[Any]:
    return [one.solution.values[name] for one in found.solutions]


def error_of(*fields: Any, **more: Any) -> Any:
    with pytest.raises(QuestionErrors) as caught:
        solve(*fields, **more)
    return caught.value.errors[0]


DESCENT = {"name": "gradient_descent", "learning_rate": "eta"}


def test_the_learning_rate_of_the_exam() -> None:
    found = solve(DESCENT, ["eta"], {"x": 0})
    assert values(found, "eta") == [2]
    assert found.solution_set is not None and found.solution_set.complete
    [one] = found.solutions
    assert one.arrives and one.is_exact and [step.number for step in one.steps] == [0, 1]
    [equation] = found.equations
    assert equation.expression == 1 - sympy.Symbol("eta", real=True) / 2


def test_the_momentum_of_the_exam() -> None:
    rule = {"name": "momentum", "learning_rate": 1, "momentum": "beta"}
    assert values(solve(rule, ["beta"], {"x": 0}, 2), "beta") == [sympy.Rational(1, 2)]


@pytest.mark.parametrize("steps", [2, 5, 12])
def test_powers_keep_their_roots(steps: int) -> None:
    found = solve(DESCENT, ["eta"], {"x": "1/2"}, steps)
    root = sympy.Rational(1, 2) ** sympy.Rational(1, steps)
    wanted = [2 - 2 * root, 2 + 2 * root] if steps % 2 == 0 else [2 - 2 * root]
    assert [sympy.N(one - other) for one, other in zip(values(found, "eta"), wanted, strict=True)] == (
        pytest.approx([0] * len(wanted), abs=1e-12)
    )
    assert all(one.arrives for one in found.solutions)


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "momentum", "learning_rate": "eta", "form": "average"},
        {"name": "nesterov", "learning_rate": "eta", "momentum": "1/2"},
        {"name": "nesterov_lookahead", "learning_rate": "eta", "momentum": "1/2"},
        {"name": "adam", "learning_rate": "eta"},
        {"name": "adagrad", "learning_rate": "eta"},
        {"name": "lion", "learning_rate": "eta"},
        {"name": "newton", "learning_rate": "eta"},
        {"name": "gradient_descent", "learning_rate": "eta", "weight_decay": "1/10", "decay": "decoupled"},
        {"name": "gradient_descent", "learning_rate": "1/10", "weight_decay": "eta"},
        {"name": "gradient_descent", "schedule": ["1/2", "eta"]},
    ],
    ids=str,
)
def test_solutions_arrive_in_floats(rule: dict[str, Any]) -> None:
    found = solve(rule, ["eta"], {"x": 0}, 2)
    assert found.solutions
    for one in found.solutions:
        value = float(one.solution.values["eta"])
        numbers = {
            name: [value if part == "eta" else part for part in setting]
            if isinstance(setting, list)
            else setting
            for name, setting in rule.items()
        }
        numbers = {name: value if setting == "eta" else setting for name, setting in numbers.items()}
        if value >= 0:
            last = steps_of(numbers, {"x": 1.0}, HALVES, steps=2)[-1]
            assert float(last.parameters["x"]) == pytest.approx(0, abs=1e-7)
        assert one.arrives


def test_start_values_and_data_may_be_unknown() -> None:
    fixed = {"name": "gradient_descent", "learning_rate": "1/2"}
    assert values(solve(fixed, ["a"], {"x": 9}, 2, {"x": "a"}), "a") == [16]
    found = solve(fixed, ["k"], {"x": 0}, 1, program=("f = k * x**2",), data={"k": "k"})
    assert values(found, "k") == [1] and found.solutions[0].arrives


def test_vectors_have_an_equation_for_each_entry() -> None:
    rule, start = {"name": "gradient_descent", "learning_rate": "eta"}, {"v": [1, "a"]}
    found = solve(rule, ["eta", "a"], {"v": [0, 3]}, 1, start, ("f = sum(v**2)",))
    assert found.solution_set is not None and found.solution_set.kind == "none"
    found = solve(rule, ["eta", "a"], {"v": ["1/2", 3]}, 1, start, ("f = sum(v**2)",))
    assert (values(found, "eta"), values(found, "a")) == ([sympy.Rational(1, 4)], [6])
    assert [one.at for one in found.equations] == [(0,), (1,)]


def test_no_solution_and_infinitely_many() -> None:
    found = solve(DESCENT, ["eta"], {"x": 0, "y": 0}, 1, {"x": 1, "y": 1}, ("f = x**2/4 + y**2",))
    assert found.solution_set is not None and (found.solution_set.kind, found.solution_set.complete) == (
        "none",
        True,
    )
    both = {"name": "momentum", "learning_rate": "eta", "momentum": "beta"}
    found = solve(both, ["beta", "eta"], {"x": 0}, 2)
    assert found.solution_set is not None and found.solution_set.kind == "infinite" and not found.solutions
    [family] = found.solution_set.families
    beta, eta = (sympy.Symbol(one, real=True) for one in ("beta", "eta"))
    relation = next(one for one in family.relations if isinstance(one, sympy.Eq))
    assert sympy.simplify(relation.rhs - (eta - 2) ** 2 / (2 * eta)) == 0 and relation.lhs == beta
    still = solve({"name": "gradient_descent", "learning_rate": 0}, ["a"], {"x": "a"}, 1, {"x": "a"})
    assert still.solution_set is not None and still.solution_set.kind == "infinite"


def test_values_outside_the_range_of_rules_are_remarked() -> None:
    found = solve(DESCENT, ["eta"], {"x": 2})
    assert values(found, "eta") == [-2] and "uphill" in found.solutions[0].remarks[0]
    rule = {"name": "momentum", "learning_rate": 1, "momentum": "beta"}
    found = solve(rule, ["beta"], {"x": 1}, 2)
    assert "momentum is below 0" in found.solutions[0].remarks[0]


def test_long_traces_are_scanned_in_floats() -> None:
    found = solve(DESCENT, ["eta"], {"x": "1/2"}, 9, {"x": 2}, ("f = x**4/4 - x**2",))
    assert (
        found.solution_set is not None
        and not found.solution_set.complete
        and "in floats" in found.solution_set.how
    )
    assert found.solutions and not any(one.solution.exact for one in found.solutions)
    for one in found.solutions:
        rule = {"name": "gradient_descent", "learning_rate": float(one.solution.values["eta"])}
        last = steps_of(rule, {"x": 2.0}, ("f = x**4/4 - x**2",), steps=9)[-1]
        assert float(last.parameters["x"]) == pytest.approx(0.5, abs=1e-5)
    rule = {"name": "momentum", "learning_rate": "eta", "momentum": "beta"}
    error = error_of(rule, ["eta", "beta"], {"x": 0}, 25, program=("f = x**4/4 - x**2",))
    assert error.path == ("steps",) and "fewer steps" in error.message


def test_floats_are_offered_first() -> None:
    offered: list[SolutionAnswer] = []
    Solver(question(DESCENT, ["eta"], {"x": "1/3"}, 3)).answer(offered.append)
    near, whole = offered  # the second lacks only convergence
    assert (
        whole.solution_set is not None
        and whole.solution_set.complete
        and whole.why == "it was not found in time"
    )
    assert near.solution_set is not None and not near.solution_set.complete
    assert float(values(near, "eta")[0]) == pytest.approx(2 - 2 * 3 ** (-1 / 3))


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"unknown": ["q"], "target": {"x": 0}}, ("unknown", 0)),
        ({"unknown": ["eta", "eta"], "target": {"x": 0}}, ("unknown", 1)),
        ({"unknown": ["eta"]}, ("target",)),
        ({"target": {"x": 0}}, ("unknown",)),
        ({"unknown": ["eta"], "target": {"y": 0}}, ("target", "y")),
        ({"unknown": ["eta"], "target": {"x": [0]}}, ("target", "x")),
        ({"unknown": ["eta"], "target": {"x": 0}, "steps": None}, ("steps",)),
        ({"steps": 3}, ("steps",)),
    ],
)
def test_invalid_questions_are_refused(more: dict[str, Any], path: tuple[Any, ...]) -> None:
    assert error_of(DESCENT, **more).path == path


def test_convergence_needs_no_target() -> None:
    program = ("f = x**2 / 2 + 2 * y**2 + x*y",)
    found = solve(DESCENT, start={"x": 1, "y": 1}, program=program, steps=None)
    assert found.solution_set is None and found.convergence is not None
    curvatures = np.linalg.eigvalsh([[1, 1], [1, 4]])
    least, most = (float(one.eigenvalue) for one in found.convergence.directions)
    assert sorted([least, most]) == pytest.approx(list(curvatures))
    best = found.convergence.best
    assert best is not None
    assert float(best.rate) == pytest.approx(2 / curvatures.sum())
    assert float(best.factor) == pytest.approx((curvatures[1] - curvatures[0]) / curvatures.sum())


@pytest.mark.parametrize(
    ("rule", "program", "why"),
    [
        (DESCENT, ("f = x**4",), "not quadratic"),
        ({"name": "adam", "learning_rate": "eta"}, HALVES, "not linear"),
        (DESCENT | {"clip_norm": 1}, HALVES, "bounds"),
        ({"name": "gradient_descent", "schedule": [1, "eta"]}, HALVES, "constant learning rate"),
        (DESCENT, ("f = relu(x) + x**2",), "not quadratic"),
        ({"name": "radam", "beta_2": "1/2"}, HALVES, "depends on the number"),
        ({"name": "radam", "learning_rate": 1}, HALVES, "not linear"),
        ({"name": "nadam", "learning_rate": 1}, HALVES, "not linear"),
        (DESCENT, ("f = 3*x",), "no least value"),
    ],
)
def test_reasons_for_unknown_convergence(rule: Any, program: Any, why: str) -> None:
    found = solve(rule, program=program, steps=None)
    assert found.convergence is None and found.why is not None and why in found.why


def test_contraction_factors_agree_with_traces() -> None:
    """In late steps errors shrink by the contraction factor."""
    for rule in (
        {"name": "gradient_descent", "learning_rate": 0.3},
        {"name": "momentum", "learning_rate": 0.1, "momentum": 0.2},
        {"name": "nesterov", "learning_rate": 0.1, "momentum": 0.2},
        {"name": "nesterov_lookahead", "learning_rate": 0.1, "momentum": 0.2},
        {"name": "gradient_descent", "learning_rate": 0.3, "weight_decay": 0.5},
        {
            "name": "momentum",
            "learning_rate": 0.1,
            "momentum": 0.2,
            "weight_decay": 0.5,
            "decay": "decoupled",
        },
    ):
        found = solve(rule, program=("f = x**2",), steps=None)
        assert found.convergence is not None and found.convergence.converges
        steps = steps_of(rule, {"x": 1.0}, ("f = x**2",), steps=40)
        ratio = float(steps[40].parameters["x"] / steps[39].parameters["x"])
        assert abs(ratio) == pytest.approx(float(sympy.N(found.convergence.factor)), rel=1e-6)


def test_symbols_that_are_named_like_those_of_answers() -> None:
    """The curvature is called a unless that symbol is in use."""
    rule = DESCENT | {"weight_decay": "a"}
    found = solve(rule, program=("f = x**2 / 2",), steps=None).convergence
    assert found is not None and found.best is not None and str(found.curvature) != "a"
    eta, a = (sympy.Symbol(one, real=True) for one in ("eta", "a"))
    [condition] = found.conditions
    assert sympy.expand(condition.lhs.args[0] - (1 - eta * (1 + a))) == 0
    assert sympy.simplify(found.best.rate - 1 / (1 + a)) == 0


def test_decay_is_in_the_second_derivatives_too() -> None:
    rule = {"name": "newton", "weight_decay": 1}
    last = steps_of(rule, {"x": 1.0}, ("f = (x - 4)**2 / 2",), steps=1)[-1]
    assert float(last.parameters["x"]) == pytest.approx(2)  # where (x - 4)^2 / 2 + x^2 / 2 is least
    found = solve(rule, program=("f = x**2 / 2",), steps=None).convergence
    assert found is not None and found.factor == 0


def test_equations_with_irrational_constants_lose_no_root() -> None:
    found = solve(
        DESCENT, ["eta"], {"x": "(1 - sqrt(3))**2", "y": "7/4 - sqrt(3)"}, 2, {"x": 1, "y": 1},
        ("f = x**2/2 + y**2/4",),
    )  # fmt: skip
    assert found.solution_set is not None and not found.solution_set.complete
    assert [float(one) for one in values(found, "eta")] == [pytest.approx(3**0.5)]


def test_equations_that_always_hold_are_dropped() -> None:
    rule = {"name": "momentum", "learning_rate": "eta", "momentum": "beta"}
    found = solve(rule, ["beta", "eta"], {"x": 0, "y": 0}, 2, {"x": 1, "y": 0}, ("f = x**2/4 + y**2",))
    assert (
        found.solution_set is not None
        and found.solution_set.kind == "infinite"
        and found.solution_set.complete
    )


def test_rectifiers_leave_one_solution_without_conditions() -> None:
    found = solve(DESCENT, ["eta"], {"x": 0}, 3, program=("f = relu(x)**2",))
    assert values(found, "eta") == [sympy.Rational(1, 2)]
    assert not found.solutions[0].solution.conditions and found.solutions[0].arrives


def test_the_multiplicity_of_a_root_at_zero() -> None:
    found = solve(
        {"name": "gradient_descent", "learning_rate": 1}, ["a"], {"x": "a"}, 1, {"x": "a"}, ("f = x**3/3",)
    )
    [one] = found.solutions
    assert one.solution.values["a"] == 0 and type(one.solution.multiplicity) is int
