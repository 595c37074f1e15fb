"""Whether values solve equations: every candidate is put into them, and into what has to be defined there."""

import random

import sympy
from sympy.core.relational import Relational

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.zero import shown_zero
from compute.solving.case_split import Branch
from compute.solving.constants import PROVED, in_digits, plainest, sign, truth
from compute.solving.regions import put, where_holds
from compute.solving.solutions import Condition, Expr

POINTS = 24


def conditions_on(
    values: dict[Expr, Expr],
    branch: Branch,
    unknowns: set[Expr],
    *,
    known_zero: bool = False,
    given: tuple[Condition, ...] = (),
) -> tuple[Condition, ...] | None:
    """The conditions on free symbols under which values solve a branch; None where they never do.

    Raises Unsolved where a number is too long. known_zero: whether the equations are known to be zero where
    they are defined; given: what else holds of free symbols.
    """
    values = {symbol: in_digits(value) for symbol, value in values.items()}
    asked = [one for symbol, value in values.items() for one in _assumed(symbol, value)]
    for equation in branch.equations:
        asked += _domain(equation, unknowns)
    found: dict[Condition, None] = {}
    for one in (*asked, *branch.conditions):
        condition = decided(put(one, values))
        if condition is sympy.false:
            return None
        if condition is not sympy.true:
            found[condition] = None
    if known_zero:
        return tuple(found)
    for equation in branch.equations:
        condition = decided(_zero(equation.xreplace(values), [*given, *found]))
        if condition is sympy.false:
            return None
        if condition is not sympy.true:
            found[condition] = None
    return tuple(found)


def _assumed(symbol: Expr, value: Expr) -> list[Condition]:
    """What is assumed of a symbol, of its value."""
    found: list[Condition] = []
    for name, relation in (
        ("is_nonnegative", sympy.Ge),
        ("is_nonpositive", sympy.Le),
        ("is_nonzero", sympy.Ne),
    ):
        if getattr(symbol, name):
            found.append(relation(value, 0, evaluate=False))
    kinds = ("is_integer", "is_rational")
    if any(getattr(symbol, name) and getattr(value, name) is False for name in kinds):
        found.append(sympy.false)
    return found


def _domain(equation: Expr, unknowns: set[Expr]) -> list[Condition]:
    """What has to hold for an equation to have a value: of denominators, roots and logarithms."""
    found: list[Condition] = []
    for one in equation.atoms(sympy.Pow, sympy.log):
        inside = one.args[0]
        if not inside.free_symbols & unknowns:
            continue
        if isinstance(one, sympy.log):
            found.append(sympy.Gt(inside, 0, evaluate=False))
        elif not one.exp.is_integer:
            relation = sympy.Gt if one.exp.is_negative else sympy.Ge
            found.append(relation(inside, 0, evaluate=False))
        elif one.exp.is_negative:
            found.append(sympy.Ne(inside, 0, evaluate=False))
    return found


def decided(condition: Condition) -> Condition:
    """A condition as true or false where that is known, solved for its one symbol, or else in short."""
    found = truth(condition)
    if found is not None:
        return sympy.sympify(found)
    free = condition.free_symbols
    if len(free) == 1 and size(condition) < PROVED:
        solved = where_holds(condition, next(iter(free)))
        if solved is not None:
            return solved
    if isinstance(condition, Relational):
        difference = plainest(condition.lhs - condition.rhs)
        if difference is sympy.nan:
            return sympy.false
        # A positive factor says nothing.
        short = condition.func(difference.as_content_primitive()[1], 0)
        above, below = sympy.fraction(difference)
        if isinstance(short, sympy.Ne) and (below.is_nonzero or below.is_Number):
            short = sympy.Ne(above, 0)
        return short
    return condition


def joined(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Conditions with those on the same single symbol put together."""
    found: dict[Condition, None] = {}
    for one in conditions:
        same = [each for each in conditions if each.free_symbols == one.free_symbols]
        solved = None
        if len(same) > 1 and len(one.free_symbols) == 1:
            solved = where_holds(sympy.And(*same), next(iter(one.free_symbols)))
        found[one if solved is None else solved] = None
    return tuple(found)


def _zero(worth: Expr, conditions: list[Condition]) -> Condition:
    """Whether an expression is zero: true, false, or the equation where symbols decide."""
    if worth.has(sympy.nan, sympy.zoo):
        return sympy.false
    if not worth.free_symbols:
        return sympy.sympify(sign(worth) == 0)
    if size(worth) < 20 * PROVED and shown_zero(worth) is not None:
        return sympy.true
    verdicts = [sign(worth.xreplace(point)) for point in _points(worth, conditions)]
    zeros = [found == 0 for found in verdicts if found is not None]
    if not any(zeros):
        return sympy.false
    return sympy.true if all(zeros) else sympy.Eq(worth, 0, evaluate=False)


def _points(worth: Expr, conditions: list[Condition]) -> list[dict[Expr, Expr]]:
    """Fractions for the symbols, the same every time, that fulfil the conditions."""
    free = worth.free_symbols.union(*(one.free_symbols for one in conditions))
    symbols = sorted(free, key=lambda one: one.name)
    draw = random.Random(11)  # noqa: S311 - points of a test, and no secret
    found = []
    for _ in range(4 * POINTS):
        point = {}
        for symbol in symbols:
            number = sympy.Rational(draw.randint(1, 40), draw.choice((7, 9, 11)))
            either = not symbol.is_nonnegative and (symbol.is_nonpositive or draw.random() < 0.5)
            point[symbol] = -number if either else number
        if all(truth(put(one, point)) for one in conditions):
            found.append(point)
        if len(found) == POINTS:
            break
    return found
