"""Where conditions on one real symbol hold: as intervals with exact ends."""

from typing import Any

import sympy
from sympy.core.relational import Relational

from compute.solving.case_split import CASES, Algebra, branches, eliminated
from compute.solving.constants import approximate, ordered, sign, truth
from compute.solving.roots import real_roots
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_ENDS = 60


def where_holds(condition: Condition, symbol: Expr) -> Condition | None:
    """A condition on one symbol, solved for it: true, false, or intervals joined by `or`.

    The ends of intervals are roots of what is compared, so between two of them a single point tells. What is
    assumed of the symbol holds in addition and is not repeated. None where a comparison is not of quotients
    of polynomials in the symbol alone, or too large.
    """
    if condition in (sympy.true, sympy.false):
        return condition
    try:
        ends = _ends(condition, symbol)
    except Unsolved:
        return None
    if any(sign(one) is None for one in ends):
        return None
    ends = ordered([*ends, *([sympy.S.Zero] if _is_signed(symbol) else [])])
    if len(ends) > MAX_ENDS:
        return None
    cells: list[tuple[Any, Any]] = []  # open intervals and the points between them, in turn
    samples: list[Expr] = []
    for at, end in enumerate([*ends, None]):
        before = ends[at - 1] if at else None
        cells.append((before, end))
        samples.append(_between(before, end))
        if end is not None:
            cells.append((end, end))
            samples.append(end)
    held = [_possible(symbol, one) and _held(condition, symbol, one) for one in samples]
    asked = [bool(_possible(symbol, one)) for one in samples]
    if all(one for one, matters in zip(held, asked, strict=True) if matters):
        return sympy.true
    missing = [cell for cell, one in zip(cells, held, strict=True) if not one]
    if all(low is not None and low == high for low, high in missing):
        return sympy.And(*(sympy.Ne(symbol, low, evaluate=False) for low, _ in missing))
    return sympy.Or(*_intervals(cells, [bool(one) for one in held], symbol))


def _ends(condition: Condition, symbol: Expr) -> list[Expr]:
    """Where a comparison may turn: zeros of numerators and of denominators. Raises Unsolved."""
    compared = {one.lhs - one.rhs for one in condition.atoms(Relational)}
    for one in list(compared):
        for branch in branches((one,), {symbol}):
            compared.update(branch.equations)
            inner = (each for part in branch.conditions for each in part.atoms(Relational))
            compared.update(each.lhs - each.rhs for each in inner)
    found: list[Expr] = []
    for one in compared:
        if not one.has(*CASES):
            found += _zeros(one, symbol)
    return found


def _zeros(one: Expr, symbol: Expr) -> list[Expr]:
    algebra = Algebra({symbol})
    quotient = sympy.together(algebra.convert(one))
    if quotient.free_symbols - {symbol, *algebra.opaque, *(root[0] for root in algebra.roots)}:
        raise Unsolved("a comparison is of more than one symbol")
    parts = [*sympy.fraction(quotient), *(root[2] for root in algebra.roots)]
    found: list[Expr] = []
    for part in (side for one in parts for side in sympy.fraction(sympy.together(one))):
        for without in eliminated(sympy.expand(part), symbol, algebra.roots):
            roots = real_roots(without, symbol, algebra.back)
            if roots.left:
                raise Unsolved("the ends of an interval have no form that is written")
            found += [root.value for root in roots.found]
    return found


def _held(condition: Condition, symbol: Expr, worth: Expr) -> bool | None:
    return truth(put(condition, {symbol: worth}))


def put(condition: Condition, values: dict[Expr, Expr]) -> Condition:
    """A condition with values in the place of symbols, not evaluated further; what is none does not hold."""
    if isinstance(condition, Relational):
        sides = [one.xreplace(values) for one in condition.args]
        if any(one.has(sympy.nan, sympy.zoo) for one in sides):
            return sympy.false
        return condition.func(*sides, evaluate=False)
    if condition.args:
        return condition.func(*(put(one, values) for one in condition.args))
    return condition


def _is_signed(symbol: Expr) -> bool:
    return bool(symbol.is_nonnegative or symbol.is_nonpositive)


def _possible(symbol: Expr, worth: Expr) -> bool:
    """Whether what is assumed of a symbol allows a value."""
    if (symbol.is_nonnegative and worth.is_negative) or (symbol.is_nonpositive and worth.is_positive):
        return False
    return not (symbol.is_nonzero and worth.is_zero)


def _between(low: Expr | None, high: Expr | None) -> Expr:
    """A fraction between two constants."""
    if low is None or high is None:
        end, direction = (high, -1) if low is None else (low, 1)
        worth = 0.0 if end is None else approximate(end) or 0.0
        return sympy.Integer(int(worth)) + direction * 2
    middle = (low + high) / 2
    if middle.is_Rational:
        return middle
    for digits in (15, 40):
        found = sympy.Rational(str(middle.evalf(digits)))
        if (low < found) == sympy.true and (found < high) == sympy.true:
            return found
    return middle


def _intervals(cells: list[tuple[Any, Any]], held: list[bool], symbol: Expr) -> list[Condition]:
    """Cells that hold, neighbours put together."""
    found: list[Condition] = []
    at = 0
    while at < len(cells):
        if not held[at]:
            at += 1
            continue
        last = at
        while last + 1 < len(cells) and held[last + 1]:
            last += 1
        (low, low_end), (high_start, high) = cells[at], cells[last]
        if at == last and low is not None and low == low_end:
            found.append(sympy.Eq(symbol, low, evaluate=False))
        else:
            sides = []
            if low is not None:
                relation = sympy.Le if low == low_end else sympy.Lt
                sides.append(relation(low, symbol, evaluate=False))
            if high is not None:
                relation = sympy.Le if high_start == high else sympy.Lt
                sides.append(relation(symbol, high, evaluate=False))
            found.append(sympy.And(*sides))
        at = last + 1
    return found
