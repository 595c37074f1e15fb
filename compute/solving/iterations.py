"""One step of a rule on a parabola as a matrix, and the conditions for its powers to vanish."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from compute.solving.constants import sign, simplest_form, truth
from compute.solving.regions import where_holds
from compute.solving.solutions import Condition, Expr, Unsolved

StepFunction: TypeAlias = Callable[[Expr, dict[str, Expr], Expr], tuple[Expr, dict[str, Expr]]]
"""One step, not the first, on a x^2 / 2: maps x, buffers and a to x and buffers after the step."""


@dataclass(frozen=True)
class Iteration:
    """A step as a matrix on the parameter and the buffers that affect it.

    names: `x` and those buffers.
    trace, determinant: of the matrix, which has one or two rows. With one row the second eigenvalue counts as
        0.
    """

    names: tuple[str, ...]
    matrix: sympy.Matrix
    trace: Expr
    determinant: Expr

    def polynomial(self, variable: Expr) -> Expr:
        """Return the characteristic polynomial."""
        if len(self.names) == 1:
            return variable - self.trace
        return variable**2 - self.trace * variable + self.determinant

    @property
    def gap(self) -> Expr:
        """The characteristic polynomial at 1; positive if a constant offset dies out."""
        return simplest_form(sympy.expand(1 - self.trace + self.determinant))

    def at(self, values: dict[Expr, Expr]) -> "Iteration":
        """Return the iteration with values substituted for symbols."""
        matrix = self.matrix.applyfunc(lambda entry: simplest_form(entry.xreplace(values)))
        return Iteration(
            self.names,
            matrix,
            simplest_form(self.trace.xreplace(values)),
            simplest_form(self.determinant.xreplace(values)),
        )

    def conditions(self) -> tuple[Condition, ...]:
        """Return the conditions for all eigenvalues to be less than 1 in magnitude.

        True conditions are dropped; if one is false, it is the only one.

        Source: Jury, On the roots of a real polynomial inside the unit circle and a stability criterion for
        linear discrete systems (1963), for degree 2: |D| < 1 and |T| < 1 + D, here with 1 - T + D between 0
        and 2 (1 + D).
        """
        if len(self.names) == 1:
            required = [sympy.Lt(sympy.Abs(self.trace, evaluate=False), 1, evaluate=False)]
        else:
            gap, bound = self.gap, simplest_form(sympy.expand(2 + 2 * self.determinant))
            required = [sympy.Gt(gap, 0, evaluate=False), sympy.Lt(gap, bound, evaluate=False)]
            if self.determinant != 0:
                required.insert(0, sympy.Lt(sympy.Abs(self.determinant), 1, evaluate=False))
        undecided = []
        for condition in required:
            holds = truth(condition)
            if holds is False:
                return (sympy.false,)
            if holds is None:
                undecided.append(condition)
        return tuple(undecided)

    def spectral_radius(self) -> Expr:
        """Return the spectral radius, the factor by which errors shrink per step in the long run."""
        if self.determinant == 0:
            return sympy.Abs(self.trace)
        discriminant = simplest_form(sympy.expand(self.trace**2 - 4 * self.determinant))
        real = (sympy.Abs(self.trace) + sympy.sqrt(discriminant)) / 2
        if discriminant.free_symbols:
            is_complex = sympy.Lt(discriminant, 0, evaluate=False)
            return sympy.Piecewise((sympy.sqrt(self.determinant), is_complex), (real, True), evaluate=False)
        return sympy.sqrt(self.determinant) if sign(discriminant) == -1 else sympy.sqrtdenest(real)


def linearize(move: StepFunction, curvature: Expr) -> Iteration:
    """Return the matrix of a rule, by differentiating one step on symbols.

    Raises Unsolved if a step is not linear in the parameter and its buffers, or depends on more than one
    buffer.
    """
    x = sympy.Symbol("#x", real=True)
    _, buffers = move(x, {}, curvature)
    symbols = {name: sympy.Symbol(f"#{name}", real=True) for name in buffers}
    x_after, buffers_after = move(x, dict(symbols), curvature)
    state = {"x": x, **symbols}
    state_after = {"x": x_after, **buffers_after}
    expressions = (value for value in state_after.values() if isinstance(value, sympy.Expr))
    if not all(expression.is_polynomial(*state.values()) for expression in expressions):
        raise Unsolved("a step of this rule is not linear in the parameter and its buffers")
    needed = _needed_state(state_after, state)
    order = [name for name in state if name in needed]
    matrix = sympy.Matrix([[_slope(state_after[row], state[column]) for column in order] for row in order])
    for row_index, name in enumerate(order):
        expected = sum((matrix[row_index, j] * state[other] for j, other in enumerate(order)), sympy.S.Zero)
        slopes_vary = any(matrix[row_index, j].free_symbols & set(state.values()) for j in range(len(order)))
        if slopes_vary or sympy.cancel(state_after[name] - expected) != 0:
            raise Unsolved("a step of this rule is not linear in the parameter and its buffers")
    if len(order) > 2:
        raise Unsolved("a step of this rule depends on more than one buffer")
    if len(order) == 1:
        return Iteration(tuple(order), matrix, simplest_form(matrix[0, 0]), sympy.S.Zero)
    trace, determinant = matrix.trace(), sympy.expand(matrix.det())
    return Iteration(tuple(order), matrix, simplest_form(sympy.expand(trace)), simplest_form(determinant))


def _needed_state(state_after: dict[str, Expr], state: dict[str, Expr]) -> set[str]:
    """Return the names of the state on which the parameter depends, directly or through buffers."""
    needed, pending = {"x"}, ["x"]
    while pending:
        expression = sympy.cancel(state_after[pending.pop()])
        for name, symbol in state.items():
            if name not in needed and expression.has(symbol):
                needed.add(name)
                pending.append(name)
    return needed


def _slope(expression: Expr, symbol: Expr) -> Expr:
    if expression.has(sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise):
        raise Unsolved("a step of this rule is not linear in the parameter and its buffers")
    return simplest_form(sympy.cancel(expression.diff(symbol)))


def _split_absolute(condition: Condition) -> tuple[Condition, ...]:
    """Split |a| < b into two conditions; return others unchanged."""
    if not isinstance(condition, sympy.core.relational.Relational) or not isinstance(
        condition.lhs, sympy.Abs
    ):
        return (condition,)
    [argument] = condition.lhs.args
    return sympy.Lt(argument, condition.rhs, evaluate=False), sympy.Gt(
        argument, -condition.rhs, evaluate=False
    )


def solve_conditions(conditions: tuple[Condition, ...], symbol: Expr) -> Condition | None:
    """Solve conditions for a symbol; None if the signs of other symbols leave it undecided."""
    conjunction = sympy.And(*conditions)
    if not conjunction.has(symbol):
        return None
    if conjunction.free_symbols == {symbol}:
        return where_holds(conjunction, symbol)
    solved = []
    for condition in (part for unsplit in conditions for part in _split_absolute(unsplit)):
        if not condition.has(symbol):
            solved.append(condition)
            continue
        difference = sympy.expand(condition.gts - condition.lts)
        slope = sympy.cancel(difference.diff(symbol)) if not difference.has(sympy.Abs) else symbol
        if slope.has(symbol) or not (slope.is_positive or slope.is_negative):
            return None
        bound = simplest_form(sympy.cancel(-difference.xreplace({symbol: sympy.S.Zero}) / slope))
        relation = sympy.Lt if slope.is_positive else sympy.Gt
        solved.append(relation(bound, symbol, evaluate=False))
    return sympy.And(*solved)
