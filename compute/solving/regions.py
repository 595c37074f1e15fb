"""Regions of one real symbol in which conditions hold, as intervals with exact ends."""

from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.solving.case_split import CASES, Algebra, eliminate_roots, split_cases
from compute.solving.constants import sign, sort_distinct, to_float, truth
from compute.solving.roots import real_roots
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_ENDS = 60


def where_holds(condition: Condition, symbol: Expr) -> Condition | None:
    """Solve a condition for its symbol: true, false, or intervals joined by `or`.

    The ends of intervals are roots of the compared expressions, so one sample decides each interval.
    Assumptions on the symbol are not repeated. None if an expression is not a quotient of polynomials in the
    symbol alone, or is too large.
    """
    if condition in (sympy.true, sympy.false):
        return condition
    try:
        ends = _interval_ends(condition, symbol)
    except Unsolved:
        return None
    if any(sign(end) is None for end in ends):
        return None
    ends = sort_distinct([*ends, *([sympy.S.Zero] if _is_signed(symbol) else [])])
    if len(ends) > MAX_ENDS:
        return None
    cells: list[tuple[Any, Any]] = []  # open intervals, alternating with the points between them
    samples: list[Expr] = []
    for index, end in enumerate([*ends, None]):
        before = ends[index - 1] if index else None
        cells.append((before, end))
        samples.append(_sample_between(before, end))
        if end is not None:
            cells.append((end, end))
            samples.append(end)
    held = [_is_allowed(symbol, sample) and _holds_at(condition, symbol, sample) for sample in samples]
    allowed = [bool(_is_allowed(symbol, sample)) for sample in samples]
    if all(holds for holds, matters in zip(held, allowed, strict=True) if matters):
        return sympy.true
    missing = [cell for cell, holds in zip(cells, held, strict=True) if not holds]
    if all(low is not None and low == high for low, high in missing):
        return sympy.And(*(sympy.Ne(symbol, low, evaluate=False) for low, _ in missing))
    return sympy.Or(*_join_cells(cells, [bool(holds) for holds in held], symbol))


def _interval_ends(condition: Condition, symbol: Expr) -> list[Expr]:
    """Return where a comparison may change: zeros of numerators and denominators. Raises Unsolved."""
    differences = {relation.lhs - relation.rhs for relation in condition.atoms(Relational)}
    for difference in list(differences):
        for branch in split_cases((difference,), {symbol}):
            differences.update(branch.equations)
            inner = (relation for part in branch.conditions for relation in part.atoms(Relational))
            differences.update(relation.lhs - relation.rhs for relation in inner)
    ends: list[Expr] = []
    for difference in differences:
        if not difference.has(*CASES):
            ends += _zeros(difference, symbol)
    return ends


def _zeros(expression: Expr, symbol: Expr) -> list[Expr]:
    algebra = Algebra({symbol})
    quotient = sympy.together(algebra.convert(expression))
    if quotient.free_symbols - {symbol, *algebra.opaque, *(root[0] for root in algebra.roots)}:
        raise Unsolved("a comparison contains more than one symbol")
    parts = [*sympy.fraction(quotient), *(root[2] for root in algebra.roots)]
    zeros: list[Expr] = []
    for part in (side for unsplit in parts for side in sympy.fraction(sympy.together(unsplit))):
        for polynomial in eliminate_roots(sympy.expand(part), symbol, algebra.roots):
            roots = real_roots(polynomial, symbol, algebra.restore)
            if roots.unsolved:
                raise Unsolved("the ends of an interval have no closed form")
            zeros += [root.value for root in roots.roots]
    return zeros


def _holds_at(condition: Condition, symbol: Expr, value: Expr) -> bool | None:
    return truth(substitute(condition, {symbol: value}))


def substitute(condition: Condition, values: dict[Expr, Expr]) -> Condition:
    """Substitute values without further evaluation; relations with undefined sides become false."""
    if isinstance(condition, Relational):
        sides = [side.xreplace(values) for side in condition.args]
        if any(side.has(sympy.nan, sympy.zoo) for side in sides):
            return sympy.false
        return condition.func(*sides, evaluate=False)
    if condition.args:
        return condition.func(*(substitute(argument, values) for argument in condition.args))
    return condition


def _is_signed(symbol: Expr) -> bool:
    return bool(symbol.is_nonnegative or symbol.is_nonpositive)


def _is_allowed(symbol: Expr, value: Expr) -> bool:
    """Return whether the assumptions on a symbol allow a value."""
    if (symbol.is_nonnegative and value.is_negative) or (symbol.is_nonpositive and value.is_positive):
        return False
    return not (symbol.is_nonzero and value.is_zero)


def _sample_between(low: Expr | None, high: Expr | None) -> Expr:
    """Return a fraction between two constants, or beyond one."""
    if low is None or high is None:
        end, direction = (high, -1) if low is None else (low, 1)
        value = 0.0 if end is None else to_float(end) or 0.0
        return sympy.Integer(int(value)) + direction * 2
    middle = (low + high) / 2
    if middle.is_Rational:
        return middle
    for digits in (15, 40):
        sample = sympy.Rational(str(middle.evalf(digits)))
        if (low < sample) == sympy.true and (sample < high) == sympy.true:
            return sample
    return middle


def _join_cells(cells: list[tuple[Any, Any]], held: list[bool], symbol: Expr) -> list[Condition]:
    """Join neighbouring cells in which the condition holds to intervals."""
    intervals: list[Condition] = []
    first = 0
    while first < len(cells):
        if not held[first]:
            first += 1
            continue
        last = first
        while last + 1 < len(cells) and held[last + 1]:
            last += 1
        (low, low_end), (high_start, high) = cells[first], cells[last]
        if first == last and low is not None and low == low_end:
            intervals.append(sympy.Eq(symbol, low, evaluate=False))
        else:
            sides = []
            if low is not None:
                relation = sympy.Le if low == low_end else sympy.Lt
                sides.append(relation(low, symbol, evaluate=False))
            if high is not None:
                relation = sympy.Le if high_start == high else sympy.Lt
                sides.append(relation(symbol, high, evaluate=False))
            intervals.append(sympy.And(*sides))
        first = last + 1
    return intervals
