"""Solving for values at which an optimizer reaches its target: all real solutions, exactly.

Equations are expressions to be zero. Absolute values, signs, maxima and cases are split into systems without
them; roots become unknowns of their own, or are eliminated by resultants; the remaining polynomials are
factored. Every candidate is substituted into the equations and into the conditions for them to be defined.
Work is bounded at every stage; beyond a bound the answer names it, and floats are used instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sympy
from sympy.polys.polyerrors import BasePolynomialError

from compute.arithmetic.exact.bounds import size
from compute.errors import QuestionErrors
from compute.readings.closed_forms import write_text
from compute.solving.case_split import MAX_SIZE, Branch, split_cases
from compute.solving.checking import find_conditions, merge_conditions, simplify_condition
from compute.solving.constants import sign, to_float, truth
from compute.solving.floats import compile_floats
from compute.solving.multivariate import solve_multivariate
from compute.solving.regions import substitute, where_holds
from compute.solving.scanning import MAX_ROOTS, Function, RootScan, scan_roots
from compute.solving.solutions import Expr, Family, Solution, SolutionSet, Unsolved
from compute.solving.univariate import find_candidates

__all__ = ["Family", "Solution", "SolutionSet", "solve", "solve_in_floats"]

Offer = Callable[[SolutionSet], None]
MAX_QUOTED = 60  # operations of an expression that is quoted in a sentence


def solve(equations: Sequence[Expr], unknowns: Sequence[Expr], offer: Offer) -> SolutionSet:
    """Return all real values of unknowns at which all equations are zero.

    Unsolvable equations raise nothing: the answer gives the reason.

    equations: in real symbols. Symbols that are not unknowns stay in the solutions, which hold for all but
        special values of them. Solutions fulfil the assumptions on unknowns.
    offer: called with solutions found in floats before anything exact is tried, in case that takes too long.
    """
    expressions = tuple(map(sympy.sympify, equations))
    expressions = tuple(one for one in expressions if one != 0) or expressions  # 0 = 0 always holds
    scanned = None
    if len(unknowns) == 1:
        scanned = _scan_equations(expressions, unknowns[0])
        if scanned is not None:
            offer(_float_solutions(scanned, unknowns[0], "exact solutions were not found in time"))
    try:
        solutions = _solve_exactly(expressions, unknowns)
    except Unsolved as reason:
        if scanned is not None:
            return _float_solutions(scanned, unknowns[0], str(reason))
        return SolutionSet((), (), (), False, f"No solution was found: {reason}.")
    solutions = _drop_false(solutions)
    if len(expressions) > 1 and any(map(_irrational_constants, expressions)):
        # Common factors are sought as if constants such as sqrt(3) were independent symbols.
        solutions = replace(solutions, complete=False)
    return solutions if scanned is None else _add_float_roots(solutions, scanned, unknowns[0], expressions)


def _irrational_constants(expression: Expr) -> set[Expr]:
    """Return the parts that are irrational constants."""
    parts = expression.atoms(sympy.Pow, sympy.exp, sympy.NumberSymbol)
    return {part for part in parts if not part.free_symbols and not part.is_rational}


def _drop_false(solution_set: SolutionSet) -> SolutionSet:
    """Drop duplicates and solutions whose conditions on constants are false."""
    kept: dict[Any, Solution] = {}
    for solution in solution_set.solutions:
        conditions = [
            condition if condition.free_symbols else sympy.sympify(condition).doit()
            for condition in solution.conditions
        ]
        if sympy.false in conditions:
            continue
        undecided = tuple(condition for condition in conditions if condition is not sympy.true)
        key = tuple(solution.values.items())
        if key not in kept or not undecided:
            kept[key] = replace(solution, conditions=undecided)
    return replace(solution_set, solutions=tuple(kept.values()))


def _solve_exactly(equations: tuple[Expr, ...], unknowns: Sequence[Expr]) -> SolutionSet:
    """Return the exact solutions. Raises Unsolved."""
    try:
        solutions = _solve_trivial(equations, unknowns)
        if solutions is not None:
            return solutions
        if len(unknowns) == 1:
            return _solve_univariate(equations, unknowns[0])
        return solve_multivariate(equations, tuple(unknowns))
    except QuestionErrors as error:
        raise Unsolved(error.errors[0].message) from None
    except (NotImplementedError, BasePolynomialError, RecursionError):
        raise Unsolved("the equations are of a kind that is not supported") from None


def solve_in_floats(sides: Function, unknown: Expr, reason: str) -> SolutionSet:
    """Solve equations whose left sides are known in floats only, by a scan. reason: why, for the answer."""
    return _float_solutions(_scan(sides, unknown), unknown, reason)


def _solve_trivial(equations: tuple[Expr, ...], unknowns: Sequence[Expr]) -> SolutionSet | None:
    """Return the answer if some equation has no unknown, or there is no equation."""
    names = tuple(unknown.name for unknown in unknowns)
    names_text = " and ".join(names)
    for index, equation in enumerate(equations):
        if equation.free_symbols & set(unknowns):
            continue
        if equation.has(sympy.nan, sympy.zoo) or equation.is_infinite:
            how = f"Equation {index + 1} has no value, whatever {names_text} is."
            return SolutionSet((), (), (), True, how)
        if equation.free_symbols and sympy.expand(equation) != 0:
            how = f"Equation {index + 1} does not contain {names_text}: it requires {_shorten(equation)} = 0."
            return SolutionSet((), (), (), True, how)
        if not equation.free_symbols and sign(equation) != 0:
            return _no_solution(index, equation, names_text)
    if not any(equation.free_symbols & set(unknowns) for equation in equations):
        how = f"The equations hold whatever {names_text} is."
        return SolutionSet((), (Family((), names),), (), True, how)
    return None


def _no_solution(index: int, constant: Expr, names_text: str) -> SolutionSet:
    value = _shorten(constant)
    how = f"The left side of equation {index + 1} is {value} whatever {names_text} is, so it is never 0."
    return SolutionSet((), (), (), True, how)


def _shorten(expression: Expr) -> str:
    return str(write_text(expression)) if size(expression) <= MAX_QUOTED else "an expression"


def _solve_univariate(equations: tuple[Expr, ...], unknown: Expr) -> SolutionSet:
    """Return all solutions in one unknown. Raises Unsolved."""
    solutions: list[Solution] = []
    families: list[Family] = []
    gaps: dict[str, None] = {}
    all_branches = split_cases(equations, {unknown})
    for branch in all_branches:
        try:
            result = find_candidates(branch, unknown)
        except Unsolved as reason:
            gaps[str(reason)] = None
            continue
        gaps.update(dict.fromkeys(result.gaps))
        if result.constant is not None and len(all_branches) == 1 and not result.constant.free_symbols:
            return _no_solution(0, result.constant, unknown.name)
        if result.everywhere:
            families += _branch_families(branch, unknown)
            continue
        for root in result.roots:
            try:
                required = find_conditions(
                    {unknown: root.value}, branch, {unknown}, known_zero=result.certain
                )
            except Unsolved as reason:
                gaps[str(reason)] = None
                continue
            if required is not None:
                conditions = merge_conditions(
                    tuple(dict.fromkeys((*map(simplify_condition, root.conditions), *required)))
                )
                if sympy.false in conditions:
                    continue
                multiplicity = root.multiplicity if len(all_branches) == 1 and root.multiplicity else None
                solutions.append(Solution({unknown.name: root.value}, multiplicity, True, conditions))
    solutions = _merge_solutions(solutions, unknown, families)
    return _describe(solutions, families, list(gaps), unknown, len(all_branches))


def _branch_families(branch: Branch, unknown: Expr) -> list[Family]:
    """Return the family of values for which a branch applies, if all of them fulfil its equations."""
    required = find_conditions({}, branch, {unknown}, known_zero=True)
    if required is None:
        return []
    condition = sympy.And(*required)
    solved = where_holds(condition, unknown)
    if solved is sympy.false:
        return []
    if solved is not None and isinstance(solved, sympy.Eq):
        return [Family((solved,), ())]
    relations = required if solved is None else () if solved is sympy.true else (solved,)
    return [Family(tuple(relations), (unknown.name,))]


def _merge_solutions(solutions: list[Solution], unknown: Expr, families: list[Family]) -> list[Solution]:
    """Sort solutions and drop duplicates and members of families; families of one point become solutions."""
    points = [family.relations[0].rhs for family in families if not family.free]
    families[:] = [family for family in families if family.free]
    merged: list[Solution] = []
    for solution in (*solutions, *(Solution({unknown.name: point}, None, True) for point in points)):
        value = solution.values[unknown.name]
        same = (
            index
            for index, other in enumerate(merged)
            if _are_equal(other.values[unknown.name], value) and solution.conditions == other.conditions
        )
        if (index := next(same, None)) is not None:
            shortest = min(merged[index], solution, key=lambda item: size(item.values[unknown.name]))
            merged[index] = shortest
        elif not any(_is_member(family, unknown, value) for family in families):
            merged.append(solution)
    return sorted(merged, key=lambda solution: to_float(solution.values[unknown.name]) or 0.0)


def _are_equal(a: Expr, b: Expr) -> bool:
    return bool(a == b) or (not (a - b).free_symbols and sign(a - b) == 0)


def _is_member(family: Family, unknown: Expr, value: Expr) -> bool:
    return all(truth(substitute(relation, {unknown: value})) for relation in family.relations)


def _describe(
    solutions: list[Solution], families: list[Family], gaps: list[str], unknown: Expr, cases: int
) -> SolutionSet:
    in_cases = f", in each of {cases} cases" if cases > 1 else ""
    if gaps:
        how = f"These may not be all solutions: {gaps[0]}."
    elif families and not families[0].relations:
        how = f"The equations hold whatever {unknown.name} is."
    elif families:
        how = f"The equations hold identically in part of the values of {unknown.name}{in_cases}."
    elif solutions:
        how = f"The equations were reduced to polynomials and factored{in_cases}, and every root checked."
    else:
        how = f"No real value of {unknown.name} that is allowed solves the equations{in_cases}."
    return SolutionSet(tuple(solutions), tuple(families), (), not gaps, how)


def _scan_equations(equations: tuple[Expr, ...], unknown: Expr) -> RootScan | None:
    """Scan for roots in floats; None if other symbols are free."""
    if not equations or any(equation.free_symbols - {unknown} for equation in equations):
        return None
    if sum(map(size, equations)) > MAX_SIZE:
        return None
    try:
        return _scan(compile_floats(equations, unknown), unknown)
    except Unsolved:
        return None


def _scan(sides: Function, unknown: Expr) -> RootScan:
    return scan_roots(sides, negative=not unknown.is_nonnegative, positive=not unknown.is_nonpositive)


def _float_solutions(scanned: RootScan, unknown: Expr, reason: str) -> SolutionSet:
    if scanned.everywhere:
        how = f"The equations are zero up to rounding at all values tried; {reason}."
        return SolutionSet((), (Family((), (unknown.name,)),), (), False, how)
    values = [sympy.Float(root, 17) for root in scanned.roots]
    solutions = tuple(
        Solution({unknown.name: value}, None, False)
        for value in values
        if _satisfies_assumptions(unknown, value)
    )
    families = tuple(
        Family((sympy.And(sympy.Le(low, unknown), sympy.Le(unknown, high)),), (unknown.name,))
        for low, high in scanned.plateaus
    )
    most = f", of which {MAX_ROOTS} are listed at most" if len(values) == MAX_ROOTS else ""
    how = f"Found in floats by changes of sign between 1e-6 and 1e6 in magnitude{most}; {reason}."
    return SolutionSet(solutions, families, (), False, how)


def _satisfies_assumptions(unknown: Expr, value: Expr) -> bool:
    is_whole = abs(value - round(value)) < 1e-9 * max(1, abs(value))
    return not (unknown.is_nonzero and value == 0) and (is_whole or not unknown.is_integer)


def _add_float_roots(
    exact: SolutionSet, scanned: RootScan, unknown: Expr, equations: tuple[Expr, ...]
) -> SolutionSet:
    """Add roots found in floats to exact solutions.

    If the exact solutions are complete, only certain changes of sign add to them.
    """
    known = [to_float(solution.values[unknown.name]) for solution in exact.solutions]
    extra = []
    for root in scanned.roots:
        near = (value is not None and abs(value - root) <= 1e-6 * max(abs(root), 1e-3) for value in known)
        in_family = any(_is_member(family, unknown, sympy.Rational(root)) for family in exact.families)
        missed = not any(near) and not in_family and _satisfies_assumptions(unknown, sympy.Float(root))
        if missed and (not exact.complete or _changes_sign(equations, unknown, root)):
            extra.append(Solution({unknown.name: sympy.Float(root, 17)}, None, False))
    if not extra:
        return exact
    solutions = (*exact.solutions, *extra)
    how = exact.how[:-1] + "; some are found in floats."
    return replace(exact, solutions=solutions, complete=False, how=how)


def _changes_sign(equations: tuple[Expr, ...], unknown: Expr, root: float) -> bool:
    """Return whether the only equation has different signs on both sides of a point."""
    if len(equations) > 1 or equations[0].free_symbols != {unknown}:
        return False
    distance = abs(root) / 10**6 + 1e-9
    try:
        sides = [
            sign(equations[0].xreplace({unknown: sympy.Rational(root + offset)}))
            for offset in (-distance, distance)
        ]
    except Unsolved:
        return False
    return sides in ([1, -1], [-1, 1])
