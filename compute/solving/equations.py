"""Solving for what makes an optimizer arrive where it should: all real solutions, exactly.

Equations are expressions that have to be zero. Absolute values, signs, maxima and cases are taken apart into
systems without them; roots become unknowns of their own, or are removed by resultants; what remains are
polynomials, which are factored. Every candidate is put into the equations and into what has to hold for them
to be defined. Work is bounded at every stage: what is beyond a bound is said, and floats stand in its place.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sympy
from sympy.polys.polyerrors import BasePolynomialError

from compute.arithmetic.exact.bounds import size
from compute.errors import QuestionErrors
from compute.readings.closed_forms import write_text
from compute.solving.case_split import MAX_SIZE, Branch, branches
from compute.solving.checking import conditions_on, decided, joined
from compute.solving.constants import approximate, sign, truth
from compute.solving.floats import evaluated
from compute.solving.multivariate import several
from compute.solving.regions import put, where_holds
from compute.solving.scanning import MAX_ROOTS, Function, RootScan, scan
from compute.solving.solutions import Expr, Family, Found, Solution, Unsolved
from compute.solving.univariate import candidates

__all__ = ["Family", "Found", "Solution", "solve", "solve_in_floats"]

Offer = Callable[[Found], None]
SHOWN = 60  # operations of what stands in a sentence


def solve(equations: Sequence[Expr], unknowns: Sequence[Expr], offer: Offer) -> Found:
    """All real values of unknowns at which all equations are zero.

    equations: in real symbols; those that are no unknowns stay symbols in the solutions, which hold for all
    but special values of them; what is assumed of unknowns has to hold of solutions. offer: called with what
    is found in floats before anything exact is tried, for the case that this takes too long. Never raises for
    what cannot be solved: the answer says so.
    """
    came = tuple(map(sympy.sympify, equations))
    came = tuple(one for one in came if one != 0) or came  # what always holds asks for nothing
    scanned = None
    if len(unknowns) == 1:
        scanned = _scanned(came, unknowns[0])
        if scanned is not None:
            offer(_in_floats(scanned, unknowns[0], "exact solutions were not found in time"))
    try:
        found = _exact(came, unknowns)
    except Unsolved as reason:
        if scanned is not None:
            return _in_floats(scanned, unknowns[0], str(reason))
        return Found((), (), (), False, f"No solution was found: {reason}.")
    found = _decided(found)
    if len(came) > 1 and any(map(_constants, came)):
        # Factors that equations have in common are sought without what constants such as sqrt(3) fulfil.
        found = replace(found, complete=False)
    return found if scanned is None else _completed(found, scanned, unknowns[0], came)


def _constants(expression: Expr) -> set[Expr]:
    """The parts that are irrational constants."""
    parts = expression.atoms(sympy.Pow, sympy.exp, sympy.NumberSymbol)
    return {one for one in parts if not one.free_symbols and not one.is_rational}


def _decided(found: Found) -> Found:
    """The solutions whose conditions on constants hold, each once."""
    kept: dict[Any, Solution] = {}
    for one in found.solutions:
        conditions = [each if each.free_symbols else sympy.sympify(each).doit() for each in one.conditions]
        if sympy.false in conditions:
            continue
        rest = tuple(each for each in conditions if each is not sympy.true)
        key = tuple(one.values.items())
        if key not in kept or not rest:
            kept[key] = replace(one, conditions=rest)
    return replace(found, solutions=tuple(kept.values()))


def _exact(equations: tuple[Expr, ...], unknowns: Sequence[Expr]) -> Found:
    """What is found exactly. Raises Unsolved."""
    try:
        found = _early(equations, unknowns)
        if found is not None:
            return found
        if len(unknowns) == 1:
            return _single(equations, unknowns[0])
        return several(equations, tuple(unknowns))
    except QuestionErrors as error:
        raise Unsolved(error.errors[0].message) from None
    except (NotImplementedError, BasePolynomialError, RecursionError):
        raise Unsolved("the equations are of a kind that cannot be worked with") from None


def solve_in_floats(sides: Function, unknown: Expr, reason: str) -> Found:
    """What a scan finds of equations whose left sides are known in floats alone; reason: why, for people."""
    return _in_floats(_scan(sides, unknown), unknown, reason)


def _early(equations: tuple[Expr, ...], unknowns: Sequence[Expr]) -> Found | None:
    """The answer where some equation holds no unknown, or there is no equation."""
    names = tuple(one.name for one in unknowns)
    said = " and ".join(names)
    for at, one in enumerate(equations):
        if one.free_symbols & set(unknowns):
            continue
        if one.has(sympy.nan, sympy.zoo) or one.is_infinite:
            return Found((), (), (), True, f"Equation {at + 1} has no value, whatever {said} is.")
        if one.free_symbols and sympy.expand(one) != 0:
            how = f"Equation {at + 1} does not hold {said} at all: it asks for {_short(one)} = 0."
            return Found((), (), (), True, how)
        if not one.free_symbols and sign(one) != 0:
            return _never(at, one, said)
    if not any(one.free_symbols & set(unknowns) for one in equations):
        how = f"The equations hold whatever {said} is."
        return Found((), (Family((), names),), (), True, how)
    return None


def _never(at: int, constant: Expr, said: str) -> Found:
    how = f"The left side of equation {at + 1} is {_short(constant)} whatever {said} is, so it is never 0."
    return Found((), (), (), True, how)


def _short(one: Expr) -> str:
    return str(write_text(one)) if size(one) <= SHOWN else "an expression"


def _single(equations: tuple[Expr, ...], unknown: Expr) -> Found:
    """All solutions in one unknown. Raises Unsolved."""
    solutions: list[Solution] = []
    families: list[Family] = []
    gaps: dict[str, None] = {}
    parts = branches(equations, {unknown})
    for branch in parts:
        try:
            found = candidates(branch, unknown)
        except Unsolved as reason:
            gaps[str(reason)] = None
            continue
        gaps.update(dict.fromkeys(found.gaps))
        if found.constant is not None and len(parts) == 1 and not found.constant.free_symbols:
            return _never(0, found.constant, unknown.name)
        if found.everywhere:
            families += _everywhere(branch, unknown)
            continue
        for root in found.roots:
            try:
                asked = conditions_on({unknown: root.value}, branch, {unknown}, known_zero=found.certain)
            except Unsolved as reason:
                gaps[str(reason)] = None
                continue
            if asked is not None:
                conditions = joined(tuple(dict.fromkeys((*map(decided, root.conditions), *asked))))
                if sympy.false in conditions:
                    continue
                many = root.multiplicity if len(parts) == 1 and root.multiplicity else None
                solutions.append(Solution({unknown.name: root.value}, many, True, conditions))
    solutions = _different(solutions, unknown, families)
    return _said(solutions, families, list(gaps), unknown, len(parts))


def _everywhere(branch: Branch, unknown: Expr) -> list[Family]:
    """Where a branch stands for the equations, all of which it fulfils."""
    asked = conditions_on({}, branch, {unknown}, known_zero=True)
    if asked is None:
        return []
    condition = sympy.And(*asked)
    solved = where_holds(condition, unknown)
    if solved is sympy.false:
        return []
    if solved is not None and isinstance(solved, sympy.Eq):
        return [Family((solved,), ())]
    relations = asked if solved is None else () if solved is sympy.true else (solved,)
    return [Family(tuple(relations), (unknown.name,))]


def _different(solutions: list[Solution], unknown: Expr, families: list[Family]) -> list[Solution]:
    """Solutions in order, each once, without those that families hold, and with points that families are."""
    points = [one.relations[0].rhs for one in families if not one.free]
    families[:] = [one for one in families if one.free]
    found: list[Solution] = []
    for one in (*solutions, *(Solution({unknown.name: worth}, None, True) for worth in points)):
        value = one.values[unknown.name]
        same = (
            at
            for at, other in enumerate(found)
            if _equal(other.values[unknown.name], value) and (one.conditions == other.conditions)
        )
        if (at := next(same, None)) is not None:
            found[at] = min(found[at], one, key=lambda each: size(each.values[unknown.name]))
        elif not any(_holds(family, unknown, value) for family in families):
            found.append(one)
    return sorted(found, key=lambda one: approximate(one.values[unknown.name]) or 0.0)


def _equal(a: Expr, b: Expr) -> bool:
    return bool(a == b) or (not (a - b).free_symbols and sign(a - b) == 0)


def _holds(family: Family, unknown: Expr, value: Expr) -> bool:
    return all(truth(put(one, {unknown: value})) for one in family.relations)


def _said(
    solutions: list[Solution], families: list[Family], gaps: list[str], unknown: Expr, cases: int
) -> Found:
    taken = f", in each of {cases} cases" if cases > 1 else ""
    if gaps:
        how = f"These may not be all solutions: {gaps[0]}."
    elif families and not families[0].relations:
        how = f"The equations hold whatever {unknown.name} is."
    elif families:
        how = f"The equations hold identically in part of the values of {unknown.name}{taken}."
    elif solutions:
        how = f"The equations were brought to polynomials and factored{taken}, and every root checked."
    else:
        how = f"No real value of {unknown.name} that is allowed solves the equations{taken}."
    return Found(tuple(solutions), tuple(families), (), not gaps, how)


def _scanned(equations: tuple[Expr, ...], unknown: Expr) -> RootScan | None:
    """Roots in floats; None where symbols are free."""
    if not equations or any(one.free_symbols - {unknown} for one in equations):
        return None
    if sum(map(size, equations)) > MAX_SIZE:
        return None
    try:
        return _scan(evaluated(equations, unknown), unknown)
    except Unsolved:
        return None


def _scan(sides: Function, unknown: Expr) -> RootScan:
    return scan(sides, negative=not unknown.is_nonnegative, positive=not unknown.is_nonpositive)


def _in_floats(scanned: RootScan, unknown: Expr, reason: str) -> Found:
    if scanned.everywhere:
        how = f"The equations are zero to rounding at all values tried; {reason}."
        return Found((), (Family((), (unknown.name,)),), (), False, how)
    values = [sympy.Float(root, 17) for root in scanned.roots]
    solutions = tuple(Solution({unknown.name: one}, None, False) for one in values if _allowed(unknown, one))
    families = tuple(
        Family((sympy.And(sympy.Le(low, unknown), sympy.Le(unknown, high)),), (unknown.name,))
        for low, high in scanned.plateaus
    )
    most = f", of which {MAX_ROOTS} are listed at most" if len(values) == MAX_ROOTS else ""
    how = f"Found in floats by changes of sign between 1e-6 and 1e6 in magnitude{most}; {reason}."
    return Found(solutions, families, (), False, how)


def _allowed(unknown: Expr, value: Expr) -> bool:
    whole = abs(value - round(value)) < 1e-9 * max(1, abs(value))
    return not (unknown.is_nonzero and value == 0) and (whole or not unknown.is_integer)


def _completed(found: Found, scanned: RootScan, unknown: Expr, equations: tuple[Expr, ...]) -> Found:
    """What was found exactly, with what is known in floats beyond it.

    Where exact work says that it is complete, only changes of sign that are certain speak against it.
    """
    known = [approximate(one.values[unknown.name]) for one in found.solutions]
    more = []
    for root in scanned.roots:
        near = (one is not None and abs(one - root) <= 1e-6 * max(abs(root), 1e-3) for one in known)
        within = any(_holds(one, unknown, sympy.Rational(root)) for one in found.families)
        missed = not any(near) and not within and _allowed(unknown, sympy.Float(root))
        if missed and (not found.complete or _changes_sign(equations, unknown, root)):
            more.append(Solution({unknown.name: sympy.Float(root, 17)}, None, False))
    if not more:
        return found
    solutions = (*found.solutions, *more)
    how = found.how[:-1] + "; some are found in floats."
    return replace(found, solutions=solutions, complete=False, how=how)


def _changes_sign(equations: tuple[Expr, ...], unknown: Expr, root: float) -> bool:
    """Whether the one equation has different signs on both sides of a place."""
    if len(equations) > 1 or equations[0].free_symbols != {unknown}:
        return False
    near = abs(root) / 10**6 + 1e-9
    try:
        sides = [sign(equations[0].xreplace({unknown: sympy.Rational(root + one)})) for one in (-near, near)]
    except Unsolved:
        return False
    return sides in ([1, -1], [-1, 1])
