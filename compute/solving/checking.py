"""Checking candidates against equations and against the conditions for these to be defined."""

import random

import sympy
from sympy.core.relational import Relational

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.zero import shown_zero
from compute.solving.case_split import Branch
from compute.solving.constants import MAX_PROVED, sign, simplest_form, truth, with_digits
from compute.solving.regions import substitute, where_holds
from compute.solving.solutions import Condition, Expr

POINTS = 24


def find_conditions(
    values: dict[Expr, Expr],
    branch: Branch,
    unknowns: set[Expr],
    *,
    known_zero: bool = False,
    given: tuple[Condition, ...] = (),
) -> tuple[Condition, ...] | None:
    """Return the conditions on free symbols under which values solve a branch; None if they never do.

    Raises Unsolved if a number is too long.

    known_zero: whether the equations are known to be zero where they are defined.
    given: further conditions on free symbols.
    """
    values = {symbol: with_digits(value) for symbol, value in values.items()}
    required = [
        condition for symbol, value in values.items() for condition in _assumption_conditions(symbol, value)
    ]
    for equation in branch.equations:
        required += _domain_conditions(equation, unknowns)
    conditions: dict[Condition, None] = {}
    for unsubstituted in (*required, *branch.conditions):
        condition = simplify_condition(substitute(unsubstituted, values))
        if condition is sympy.false:
            return None
        if condition is not sympy.true:
            conditions[condition] = None
    if known_zero:
        return tuple(conditions)
    for equation in branch.equations:
        condition = simplify_condition(_zero_condition(equation.xreplace(values), [*given, *conditions]))
        if condition is sympy.false:
            return None
        if condition is not sympy.true:
            conditions[condition] = None
    return tuple(conditions)


def _assumption_conditions(symbol: Expr, value: Expr) -> list[Condition]:
    """Return the conditions on a value that follow from the assumptions on its symbol."""
    conditions: list[Condition] = []
    for name, relation in (
        ("is_nonnegative", sympy.Ge),
        ("is_nonpositive", sympy.Le),
        ("is_nonzero", sympy.Ne),
    ):
        if getattr(symbol, name):
            conditions.append(relation(value, 0, evaluate=False))
    kinds = ("is_integer", "is_rational")
    if any(getattr(symbol, name) and getattr(value, name) is False for name in kinds):
        conditions.append(sympy.false)
    return conditions


def _domain_conditions(equation: Expr, unknowns: set[Expr]) -> list[Condition]:
    """Return the conditions for an equation to be defined: on denominators, roots and logarithms."""
    conditions: list[Condition] = []
    for function in equation.atoms(sympy.Pow, sympy.log):
        argument = function.args[0]
        if not argument.free_symbols & unknowns:
            continue
        if isinstance(function, sympy.log):
            conditions.append(sympy.Gt(argument, 0, evaluate=False))
        elif not function.exp.is_integer:
            relation = sympy.Gt if function.exp.is_negative else sympy.Ge
            conditions.append(relation(argument, 0, evaluate=False))
        elif function.exp.is_negative:
            conditions.append(sympy.Ne(argument, 0, evaluate=False))
    return conditions


def simplify_condition(condition: Condition) -> Condition:
    """Return a condition as true or false if decided, else solved for its only symbol, else shortened."""
    decided = truth(condition)
    if decided is not None:
        return sympy.sympify(decided)
    free = condition.free_symbols
    if len(free) == 1 and size(condition) < MAX_PROVED:
        solved = where_holds(condition, next(iter(free)))
        if solved is not None:
            return solved
    if isinstance(condition, Relational):
        difference = simplest_form(condition.lhs - condition.rhs)
        if difference is sympy.nan:
            return sympy.false
        # Drop a positive factor.
        short = condition.func(difference.as_content_primitive()[1], 0)
        numerator, denominator = sympy.fraction(difference)
        if isinstance(short, sympy.Ne) and (denominator.is_nonzero or denominator.is_Number):
            short = sympy.Ne(numerator, 0)
        return short
    return condition


def merge_conditions(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Merge conditions on the same single symbol."""
    merged: dict[Condition, None] = {}
    for condition in conditions:
        same = [other for other in conditions if other.free_symbols == condition.free_symbols]
        solved = None
        if len(same) > 1 and len(condition.free_symbols) == 1:
            solved = where_holds(sympy.And(*same), next(iter(condition.free_symbols)))
        merged[condition if solved is None else solved] = None
    return tuple(merged)


def _zero_condition(value: Expr, conditions: list[Condition]) -> Condition:
    """Return whether an expression is zero: true, false, or an equation if it depends on symbols."""
    if value.has(sympy.nan, sympy.zoo):
        return sympy.false
    if not value.free_symbols:
        return sympy.sympify(sign(value) == 0)
    if size(value) < 20 * MAX_PROVED and shown_zero(value) is not None:
        return sympy.true
    verdicts = [sign(value.xreplace(point)) for point in _sample_points(value, conditions)]
    zeros = [verdict == 0 for verdict in verdicts if verdict is not None]
    if not any(zeros):
        return sympy.false
    return sympy.true if all(zeros) else sympy.Eq(value, 0, evaluate=False)


def _sample_points(value: Expr, conditions: list[Condition]) -> list[dict[Expr, Expr]]:
    """Return fractions for the symbols that fulfil the conditions, the same at every call."""
    free = value.free_symbols.union(*(condition.free_symbols for condition in conditions))
    symbols = sorted(free, key=lambda symbol: symbol.name)
    rng = random.Random(11)  # noqa: S311 - test points, not secrets
    points = []
    for _ in range(4 * POINTS):
        point = {}
        for symbol in symbols:
            number = sympy.Rational(rng.randint(1, 40), rng.choice((7, 9, 11)))
            is_negative = not symbol.is_nonnegative and (symbol.is_nonpositive or rng.random() < 0.5)
            point[symbol] = -number if is_negative else number
        if all(truth(substitute(condition, point)) for condition in conditions):
            points.append(point)
        if len(points) == POINTS:
            break
    return points
