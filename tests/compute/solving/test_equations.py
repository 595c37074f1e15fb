"""All real solutions of equations for hyperparameters."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import sympy
from sympy import Abs, CRootOf, Eq, Max, Min, Piecewise, Rational, sqrt

from compute.solving.constants import to_float
from compute.solving.equations import Family, SolutionSet, solve
from compute.solving.floats import compile_floats
from compute.solving.scanning import scan_roots
from compute.solving.solutions import Expr

eta, beta, a, b = sympy.symbols("eta beta a b", real=True)


def solve_for(*equations: Expr, unknowns: tuple[Expr, ...] = (eta,)) -> SolutionSet:
    return solve(equations, unknowns, lambda found: None)


def values(found: SolutionSet, name: str = "eta") -> list[Expr]:
    return [one.values[name] for one in found.solutions]


def quadratic_steps(steps: int, move: Callable[[Expr, Any], tuple[Expr, Any]], state: Any) -> Expr:
    x = sympy.Integer(1)
    for _ in range(steps):
        x, state = move(x, state)
    return x


def test_one_step_of_gradient_descent() -> None:
    found = solve_for(1 - eta / 2)
    assert found.kind == "finite" and found.complete
    assert values(found) == [2]
    assert found.solutions[0].multiplicity == 1 and found.solutions[0].exact


def test_two_steps_with_momentum() -> None:
    def move(x: Expr, velocity: Expr) -> tuple[Expr, Expr]:
        velocity = beta * velocity + x / 2
        return x - velocity, velocity

    found = solve_for(quadratic_steps(2, move, 0), unknowns=(beta,))
    assert values(found, "beta") == [Rational(1, 2)]


def test_multiplicity() -> None:
    found = solve_for((eta - 1) ** 2 * (eta - 2))
    assert [(one.values["eta"], one.multiplicity) for one in found.solutions] == [(1, 2), (2, 1)]


def test_several_equations_share_roots() -> None:
    found = solve_for(eta**2 - 1, (eta - 1) ** 2 * (eta + 3))
    assert [(one.values["eta"], one.multiplicity) for one in found.solutions] == [(1, 1)]
    assert solve_for(eta - 1, eta - 2).kind == "none"


def test_denominators_are_not_zero() -> None:
    assert values(solve_for((eta**2 - 1) / (eta - 1))) == [-1]
    assert values(solve_for(1 / (1 / eta + 1) - 2 * eta)) == [Rational(-1, 2)]
    assert solve_for(1 / eta).kind == "none"


def test_no_solution_with_its_reason() -> None:
    found = solve_for((eta + 1) ** 2 - eta**2 - 2 * eta - Rational(3, 4))
    assert found.kind == "none" and found.complete
    assert "1/4 whatever eta is" in found.how
    assert "1/4 whatever eta is" in solve_for(Rational(1, 4)).how
    assert solve_for(sympy.nan).kind == "none"
    assert solve_for(eta**2 + 1) == SolutionSet((), (), (), True, solve_for(eta**2 + 1).how)


def test_every_value() -> None:
    found = solve_for((eta + 1) ** 2 - eta**2 - 2 * eta - 1)
    assert found.kind == "infinite" and found.complete
    assert found.families == solve_for().families == (Family((), ("eta",)),)


def test_roots_in_radicals_and_as_roots_of_polynomials() -> None:
    assert values(solve_for(eta**2 - 2)) == [-sqrt(2), sqrt(2)]
    assert values(solve_for(eta**3 - 2)) == [sympy.cbrt(2)]
    assert values(solve_for(eta**3 + 2)) == [-sympy.cbrt(2)]
    assert values(solve_for(eta**4 - 10 * eta**2 + 1)) == [
        -sqrt(2) - sqrt(3), sqrt(2) - sqrt(3), sqrt(3) - sqrt(2), sqrt(2) + sqrt(3)
    ]  # fmt: skip
    (root,) = values(solve_for(eta**5 - eta - 1))
    assert isinstance(root, CRootOf)
    assert to_float(root) == pytest.approx(1.1673039782614187)


def test_irrational_constants() -> None:
    (root,) = values(solve_for(sqrt(2) * eta**3 - eta - 1))
    worth = to_float(root)
    assert worth is not None and math.sqrt(2) * worth**3 - worth - 1 == pytest.approx(0)
    assert values(solve_for(sympy.pi * eta - 1)) == [1 / sympy.pi]
    found = solve_for(sympy.pi * eta**3 - eta - 1)
    assert not found.complete and "constants" in found.how
    assert [one.exact for one in found.solutions] == [False]


def test_equations_with_roots() -> None:
    assert values(solve_for(sqrt(eta) - 2)) == [4]
    assert solve_for(sqrt(eta) + 2).kind == "none"
    assert values(solve_for(sqrt((1 - eta) ** 2 + 1) - 2)) == [1 - sqrt(3), 1 + sqrt(3)]
    assert values(solve_for(sqrt(eta + sqrt(eta)) - sqrt(6))) == [4]


def adam(rate: Expr, beta_1: Expr, beta_2: Expr, steps: int) -> Expr:
    x, first, second = sympy.Integer(1), sympy.S.Zero, sympy.S.Zero
    for step in range(1, steps + 1):
        gradient = x / 2
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * gradient**2
        x = x - rate * (first / (1 - beta_1**step)) / sqrt(second / (1 - beta_2**step))
    return x


@pytest.mark.parametrize(
    ("equation", "unknown"),
    [
        (adam(eta, Rational(9, 10), Rational(99, 100), 2) - Rational(1, 4), eta),
        (adam(Rational(1, 10), beta, Rational(9, 10), 2) - Rational(81, 100), beta),
        (adam(Rational(1, 10), Rational(9, 10), beta, 2) - Rational(8, 10), beta),
        (adam(eta, Rational(1, 2), Rational(3, 4), 3) - Rational(1, 4), eta),
    ],
)
def test_two_and_three_steps_of_adam(equation: Expr, unknown: Expr) -> None:
    found = solve([equation], [unknown], lambda one: None)
    assert found.complete and found.kind == "finite"
    for one in found.solutions:
        worth = one.values[unknown.name].evalf(60)
        assert abs(equation.xreplace({unknown: worth}).evalf(30)) < 1e-25
    exact = [to_float(one) for one in values(found, unknown.name)]
    function = sympy.lambdify(unknown, equation, "math")
    assert scan_roots(lambda x: [function(x)]).roots == pytest.approx(exact)


def test_absolute_values_signs_and_cases() -> None:
    assert values(solve_for(Abs(eta - 1) - 2)) == [-1, 3]
    assert values(solve_for(Abs(Abs(eta) - 2) - 1)) == [-3, -1, 1, 3]
    assert values(solve_for(Max(eta, 2 * eta, 1) - 3)) == [Rational(3, 2)]
    assert values(solve_for(Min(eta, 1) + 2)) == [-2]
    assert values(solve_for(sympy.sign(eta - 1))) == [1]
    assert values(solve_for(Piecewise((eta - 1, eta > 0), (eta + 2, True)))) == [-2, 1]
    assert values(solve_for(Piecewise((eta - 1, eta > 2), (eta + 2, True)))) == [-2]
    assert values(solve_for(eta * Piecewise((eta - 5, eta**2 > 4), (eta + 1, True)))) == [-1, 0, 5]


def test_equations_that_hold_in_part() -> None:
    found = solve_for(sympy.sign(eta - 1) - 1)
    assert found.kind == "infinite" and found.complete
    assert found.families == (Family((sympy.Lt(1, eta, evaluate=False),), ("eta",)),)
    (family,) = solve_for(Max(eta, 1) - 1).families
    assert family.relations == (sympy.Le(eta, 1),)
    both = solve_for((eta - Abs(eta)) * (eta + 3) * (eta - 2))
    assert both.kind == "infinite" and values(both) == [-3]


def test_exponentials() -> None:
    assert values(solve_for(sympy.exp(eta) - 3)) == [sympy.log(3)]
    assert values(solve_for(sympy.exp(-2 * eta) + sympy.exp(-eta) - 2)) == [0]
    assert values(solve_for(sympy.tanh(eta) - Rational(1, 2))) == [sympy.log(3) / 2]
    assert values(solve_for(Rational(96, 100) ** eta - Rational(1, 2)))[0].evalf() == pytest.approx(
        math.log(0.5) / math.log(0.96)
    )
    found = solve_for(eta * sympy.exp(eta) - 1)
    assert not found.complete and float(values(found)[0]) == pytest.approx(0.5671432904097838)


def test_other_symbols_stay() -> None:
    (linear,) = solve_for(a * eta - b).solutions
    assert linear.values["eta"] == b / a and linear.conditions == (sympy.Ne(a, 0),)
    squares = solve_for(eta**2 - a)
    assert set(values(squares)) == {sqrt(a), -sqrt(a)}
    assert squares.solutions[0].conditions == (sympy.Le(0, a, evaluate=False),)
    (root,) = solve_for(sqrt(eta) - a).solutions
    assert root.values["eta"] == a**2 and root.conditions == (sympy.Le(0, a, evaluate=False),)
    found = solve_for(eta**3 + a * eta + 1)
    assert not found.complete and "degree 3" in found.how


def test_assumptions_filter() -> None:
    positive = sympy.Symbol("eta", positive=True)
    whole = sympy.Symbol("eta", integer=True)
    below = sympy.Symbol("eta", nonpositive=True)
    assert values(solve_for((positive - 1) * (positive + 2), unknowns=(positive,))) == [1]
    assert values(solve_for((whole - 1) * (2 * whole + 1), unknowns=(whole,))) == [1]
    assert values(solve_for(below * (below - 1), unknowns=(below,))) == [0]
    assert values(solve_for(positive * (positive**5 - positive - 1), unknowns=(positive,)))[0].is_positive


def test_too_large_a_degree_leaves_floats() -> None:
    offered: list[SolutionSet] = []
    equation = eta**70 - 2 * eta - 3
    found = solve([equation], [eta], offered.append)
    assert not found.complete and "60" in found.how
    assert [float(one) for one in values(found)] == pytest.approx([-1, 1.0233944879455026])
    assert [one.exact for one in found.solutions] == [False, False]
    assert len(offered) == 1 and not offered[0].complete
    assert "not found in time" in offered[0].how


def test_floats_are_offered_before() -> None:
    offered: list[SolutionSet] = []
    solve([(eta - 1) ** 2 * (eta - 3)], [eta], offered.append)
    assert [float(one) for one in values(offered[0])] == pytest.approx([1, 3])


def test_several_unknowns() -> None:
    found = solve_for(eta + beta - 3, eta * beta - 2, unknowns=(eta, beta))
    assert {(one.values["eta"], one.values["beta"]) for one in found.solutions} == {(1, 2), (2, 1)}
    circle = solve_for(eta**2 + beta**2 - 1, eta**2 - beta, unknowns=(eta, beta))
    assert len(circle.solutions) == 2 and circle.complete
    cubic = solve_for(eta**3 + beta**2 - 2, beta**3 - eta**2 + eta - 1, unknowns=(eta, beta))
    assert cubic.complete
    for one in cubic.solutions:
        put = {eta: one.values["eta"].evalf(40), beta: one.values["beta"].evalf(40)}
        assert abs((eta**3 + beta**2 - 2).xreplace(put)) < 1e-30
    points = solve_for(eta**2 + beta**2, unknowns=(eta, beta))
    assert [dict(one.values) for one in points.solutions] == [{"eta": 0, "beta": 0}]
    assert solve_for(eta**2 + beta**2 + 1, unknowns=(eta, beta)).kind == "none"


def test_families() -> None:
    found = solve_for((eta - 1) * (beta - 2), unknowns=(eta, beta))
    assert found.kind == "infinite" and found.complete
    assert set(found.families) == {
        Family((Eq(eta, 1, evaluate=False),), ("beta",)),
        Family((Eq(beta, 2, evaluate=False),), ("eta",)),
    }
    assert found.factored == ((eta - 1) * (beta - 2),)
    (curve,) = solve_for(eta * beta - 1, unknowns=(eta, beta)).families
    assert curve.relations == (Eq(eta, 1 / beta), sympy.Ne(beta, 0)) and curve.free == ("beta",)
    (root,) = solve_for(sqrt(beta + eta) - eta, unknowns=(eta, beta)).families
    assert root.relations == (Eq(beta, eta * (eta - 1)), sympy.Le(0, eta, evaluate=False))
    absolute = solve_for(Abs(eta) - beta, unknowns=(eta, beta))
    assert {one.relations[0] for one in absolute.families} == {Eq(eta, beta), Eq(eta, -beta)}


def test_random_polynomials_with_known_roots() -> None:
    draw = random.Random(5)
    for _ in range(15):
        roots = [Rational(draw.randint(-30, 30), draw.randint(1, 9)) for _ in range(draw.randint(1, 5))]
        polynomial = sympy.prod(eta - one for one in roots) * (eta**2 + draw.randint(1, 9))
        found = solve_for(sympy.expand(polynomial))
        assert found.complete
        assert {(one.values["eta"], one.multiplicity) for one in found.solutions} == {
            (one, roots.count(one)) for one in roots
        }


def test_random_equations_against_floats() -> None:
    draw = random.Random(9)

    def number() -> Expr:
        return Rational(draw.randint(-12, 12), draw.randint(1, 5))

    def part(depth: int) -> Expr:
        line = number() * eta + number()
        if not depth:
            return line
        inner = part(depth - 1)
        kinds = [
            Abs(inner), Max(inner, line), sqrt(inner**2 + 1), inner * line,
            Piecewise((inner, line > 0), (line + 1, True)),
        ]  # fmt: skip
        return draw.choice(kinds)

    for _ in range(8):
        equation = part(2) + part(1)
        if not equation.has(eta):
            continue
        found = solve_for(equation)
        assert found.complete, found.how
        roots = scan_roots(compile_floats((equation,), eta)).roots
        exact = [to_float(one) for one in values(found)]
        for root in roots:
            assert any(root == pytest.approx(one, rel=1e-5, abs=1e-5) for one in exact) or found.families
        for one in values(found):
            assert abs(equation.xreplace({eta: one.evalf(40)}).evalf(20)) < 1e-15
