"""One step of a rule on a parabola as a matrix, and when its powers vanish."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from compute.solving.constants import plainest, sign, truth
from compute.solving.regions import where_holds
from compute.solving.solutions import Condition, Expr, Unsolved

Move: TypeAlias = Callable[[Expr, dict[str, Expr], Expr], tuple[Expr, dict[str, Expr]]]
"""One step, not the first, on a x^2 / 2: from x, buffers and a to x and buffers after."""


@dataclass(frozen=True)
class Iteration:
    """A step as a matrix on the parameter and the buffers that matter for it.

    names: `x` and those buffers; trace, determinant: of the matrix, which has one or two rows; of one row,
    the determinant stands for the product of two eigenvalues of which the other is 0.
    """

    names: tuple[str, ...]
    matrix: sympy.Matrix
    trace: Expr
    determinant: Expr

    def polynomial(self, variable: Expr) -> Expr:
        """The characteristic polynomial."""
        if len(self.names) == 1:
            return variable - self.trace
        return variable**2 - self.trace * variable + self.determinant

    @property
    def gap(self) -> Expr:
        """The characteristic polynomial at 1: what has to be positive for a constant course to die out."""
        return plainest(sympy.expand(1 - self.trace + self.determinant))

    def at(self, values: dict[Expr, Expr]) -> "Iteration":
        """The iteration with values in the place of symbols."""
        matrix = self.matrix.applyfunc(lambda one: plainest(one.xreplace(values)))
        return Iteration(
            self.names,
            matrix,
            plainest(self.trace.xreplace(values)),
            plainest(self.determinant.xreplace(values)),
        )

    def conditions(self) -> tuple[Condition, ...]:
        """When all eigenvalues are less than 1 in magnitude; true and false conditions are kept out and in.

        Source: Jury, On the roots of a real polynomial inside the unit circle and a stability criterion for
        linear discrete systems (1963), for degree 2: |D| < 1 and |T| < 1 + D, here with 1 - T + D between 0
        and 2 (1 + D).
        """
        if len(self.names) == 1:
            asked = [sympy.Lt(sympy.Abs(self.trace, evaluate=False), 1, evaluate=False)]
        else:
            gap, most = self.gap, plainest(sympy.expand(2 + 2 * self.determinant))
            asked = [sympy.Gt(gap, 0, evaluate=False), sympy.Lt(gap, most, evaluate=False)]
            if self.determinant != 0:
                asked.insert(0, sympy.Lt(sympy.Abs(self.determinant), 1, evaluate=False))
        kept = []
        for one in asked:
            known = truth(one)
            if known is False:
                return (sympy.false,)
            if known is None:
                kept.append(one)
        return tuple(kept)

    def factor(self) -> Expr:
        """The spectral radius: by what errors shrink with each step in the long run."""
        if self.determinant == 0:
            return sympy.Abs(self.trace)
        inside = plainest(sympy.expand(self.trace**2 - 4 * self.determinant))
        real = (sympy.Abs(self.trace) + sympy.sqrt(inside)) / 2
        if inside.free_symbols:
            complex_ones = sympy.Lt(inside, 0, evaluate=False)
            return sympy.Piecewise((sympy.sqrt(self.determinant), complex_ones), (real, True), evaluate=False)
        return sympy.sqrt(self.determinant) if sign(inside) == -1 else sympy.sqrtdenest(real)


def iteration(move: Move, curvature: Expr) -> Iteration:
    """The matrix of a rule, by taking derivatives of one step on symbols.

    Raises Unsolved where a step is not linear in the parameter and its buffers, or needs more than one
    buffer.
    """
    x = sympy.Symbol("#x", real=True)
    _, buffers = move(x, {}, curvature)
    symbols = {name: sympy.Symbol(f"#{name}", real=True) for name in buffers}
    after, kept = move(x, dict(symbols), curvature)
    state = {"x": x, **symbols}
    moved = {"x": after, **kept}
    expressions = (one for one in moved.values() if isinstance(one, sympy.Expr))
    if not all(one.is_polynomial(*state.values()) for one in expressions):
        raise Unsolved("a step of this rule is not linear in the parameter and its buffers")
    needed = _needed(moved, state)
    order = [name for name in state if name in needed]
    matrix = sympy.Matrix([[_slope(moved[row], state[column]) for column in order] for row in order])
    for at, name in enumerate(order):
        said = sum((matrix[at, j] * state[other] for j, other in enumerate(order)), sympy.S.Zero)
        slopes_vary = any(matrix[at, j].free_symbols & set(state.values()) for j in range(len(order)))
        if slopes_vary or sympy.cancel(moved[name] - said) != 0:
            raise Unsolved("a step of this rule is not linear in the parameter and its buffers")
    if len(order) > 2:
        raise Unsolved("a step of this rule depends on more than one buffer")
    if len(order) == 1:
        return Iteration(tuple(order), matrix, plainest(matrix[0, 0]), sympy.S.Zero)
    trace, determinant = matrix.trace(), sympy.expand(matrix.det())
    return Iteration(tuple(order), matrix, plainest(sympy.expand(trace)), plainest(determinant))


def _needed(moved: dict[str, Expr], state: dict[str, Expr]) -> set[str]:
    """The parts of the state on which the parameter comes to depend."""
    needed, pending = {"x"}, ["x"]
    while pending:
        one = sympy.cancel(moved[pending.pop()])
        for name, symbol in state.items():
            if name not in needed and one.has(symbol):
                needed.add(name)
                pending.append(name)
    return needed


def _slope(worth: Expr, symbol: Expr) -> Expr:
    if worth.has(sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise):
        raise Unsolved("a step of this rule is not linear in the parameter and its buffers")
    return plainest(sympy.cancel(worth.diff(symbol)))


def _apart(condition: Condition) -> tuple[Condition, ...]:
    """|a| < 1 as two conditions; others as they are."""
    if not isinstance(condition, sympy.core.relational.Relational) or not isinstance(
        condition.lhs, sympy.Abs
    ):
        return (condition,)
    [inside] = condition.lhs.args
    return sympy.Lt(inside, condition.rhs, evaluate=False), sympy.Gt(inside, -condition.rhs, evaluate=False)


def solved_for(conditions: tuple[Condition, ...], symbol: Expr) -> Condition | None:
    """Conditions solved for a symbol; None where the signs of other symbols leave it open."""
    joined = sympy.And(*conditions)
    if not joined.has(symbol):
        return None
    if joined.free_symbols == {symbol}:
        return where_holds(joined, symbol)
    solved = []
    for one in (each for both in conditions for each in _apart(both)):
        if not one.has(symbol):
            solved.append(one)
            continue
        difference = sympy.expand(one.gts - one.lts)
        slope = sympy.cancel(difference.diff(symbol)) if not difference.has(sympy.Abs) else symbol
        if slope.has(symbol) or not (slope.is_positive or slope.is_negative):
            return None
        bound = plainest(sympy.cancel(-difference.xreplace({symbol: sympy.S.Zero}) / slope))
        relation = sympy.Lt if slope.is_positive else sympy.Gt
        solved.append(relation(bound, symbol, evaluate=False))
    return sympy.And(*solved)
