"""Equations in one unknown without cases: candidates for their real solutions, exactly."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.case_split import Algebra, Branch, eliminated
from compute.solving.constants import sign
from compute.solving.roots import Root, Roots, checked, real_roots
from compute.solving.solutions import Expr, Unsolved

SHORT = 80  # operations of what SymPy is asked to solve
_KNOWN = (sympy.exp, sympy.log, sympy.Abs, sympy.CRootOf)


@dataclass
class Candidates:
    """What may solve the equations of a branch, and nothing else does.

    everywhere: whether all equations hold identically; certain: whether candidates solve the equations
    wherever these are defined; constant: the value of a left side that does not depend on the unknown and is
    not zero; gaps: why there may be more.
    """

    roots: list[Root] = field(default_factory=list)
    everywhere: bool = False
    certain: bool = False
    constant: Expr | None = None
    gaps: list[str] = field(default_factory=list)


def candidates(branch: Branch, unknown: Expr) -> Candidates:
    """Candidates for the solutions of a branch. Raises Unsolved."""
    try:
        return _algebraic(branch.equations, unknown)
    except Unsolved:
        rewritten = tuple(_as_exponentials(one, unknown) for one in branch.equations)
        if not any(_within_functions(one, unknown) for one in rewritten):
            raise
    found = _exponential(rewritten, unknown)
    return found if found is not None else _asked(rewritten, unknown)


def _algebraic(equations: tuple[Expr, ...], unknown: Expr) -> Candidates:
    algebra = Algebra({unknown})
    numerators = []
    for equation in equations:
        one = algebra.numerator(equation)
        symbols = {unknown, *(root[0] for root in algebra.roots)}
        if one.free_symbols & symbols:
            numerators.append(one)
        elif not _is_zero(algebra.back(one)):
            return Candidates(constant=equation if equation.free_symbols - {unknown} else _constant(equation))
    if not numerators:
        return Candidates(everywhere=True)
    if algebra.roots:
        return _with_roots(numerators, unknown, algebra)
    common = numerators[0]
    checked(common, unknown)
    for other in numerators[1:]:
        checked(other, unknown)
        common = sympy.gcd(common, other)
    if not common.has(unknown):
        return Candidates()
    return _solved(real_roots(common, unknown, algebra.back), unknown, algebra)


def _with_roots(numerators: list[Expr], unknown: Expr, algebra: Algebra) -> Candidates:
    """From the equation that roots are removed from, the one of the lowest degree if there are several."""
    reasons, best = [], None
    for one in numerators:
        try:
            parts = eliminated(one, unknown, algebra.roots)
        except Unsolved as reason:
            reasons.append(reason)
            continue
        degree = sum(sympy.Poly(part, unknown).degree() for part in parts)
        if best is None or degree < best[0]:
            best = degree, parts
    if best is None:
        raise reasons[0]
    found = Candidates()
    for part in best[1]:
        more = _solved(real_roots(part, unknown, algebra.back), unknown, algebra)
        found.roots += [Root(root.value, 0, root.conditions) for root in more.roots]
        found.gaps += more.gaps
    return found


def _solved(roots: Roots, unknown: Expr, algebra: Algebra) -> Candidates:
    """Roots as candidates; of factors that are left, coefficients with roots are made fractions."""
    found = Candidates(roots.found, certain=not algebra.roots and not roots.left and not algebra.opaque)
    for factor in roots.left:
        constants = algebra.opaque_roots()
        others = factor.free_symbols - {unknown, *algebra.opaque}
        if constants is None or others:
            degree = sympy.Poly(factor, unknown).degree()
            kind = "symbols" if others else "constants"
            found.gaps.append(f"a factor of degree {degree} in {unknown} with {kind} in it is not solved")
            continue
        for part in eliminated(factor, unknown, constants):
            more = real_roots(part, unknown)
            found.roots += [Root(root.value, 0, root.conditions) for root in more.found]
    return found


def _is_zero(constant: Expr) -> bool:
    if constant.free_symbols:
        return bool(sympy.expand(constant) == 0)
    return sign(constant) == 0


def _constant(equation: Expr) -> Expr:
    """An equation that does not depend on its unknown, as the number that it is."""
    cancelled = sympy.cancel(equation) if size(equation) < 2_000 else equation
    return equation if cancelled.free_symbols else cancelled


def _within_functions(expression: Expr, unknown: Expr) -> bool:
    return any(
        one.has(unknown)
        for one in expression.atoms(sympy.Function, sympy.exp, sympy.Pow)
        if not one.is_Pow or one.exp.has(unknown)
    )


def _as_exponentials(equation: Expr, unknown: Expr) -> Expr:
    found = equation.rewrite(sympy.exp) if equation.has(sympy.tanh) else equation
    powers = [
        one
        for one in found.atoms(sympy.Pow)
        if one.exp.has(unknown) and one.base.is_positive and not one.base.has(unknown)
    ]
    put = {one: sympy.exp(one.exp * sympy.log(one.base)) for one in powers if one.base is not sympy.E}
    return found.xreplace(put) if put else found


def _exponential(equations: tuple[Expr, ...], unknown: Expr) -> Candidates | None:
    """Polynomials in one exponential of the unknown; None where they are none."""
    exponentials = {one for equation in equations for one in equation.atoms(sympy.exp) if one.has(unknown)}
    slopes: dict[Expr, tuple[Expr, Expr]] = {}
    for one in exponentials:
        exponent = sympy.expand(one.args[0])
        slope = exponent.coeff(unknown)
        rest = sympy.expand(exponent - slope * unknown)
        if rest.has(unknown) or not slope:
            return None
        slopes[one] = slope, rest
    if not slopes:
        return None
    first = next(iter(slopes.values()))[0]
    ratios = [slope / first for slope, _ in slopes.values()]
    if not all(one.is_Rational for one in ratios):
        return None
    step = first / math.lcm(*(int(one.q) for one in ratios))
    power = sympy.Symbol("#power", positive=True)
    put = {one: sympy.exp(rest) * power ** (slope / step) for one, (slope, rest) in slopes.items()}
    written = tuple(one.xreplace(put) for one in equations)
    if any(one.has(unknown) for one in written):
        return None
    found = _algebraic(written, power)
    positive = [root for root in found.roots if root.value.free_symbols or sign(root.value) == 1]
    found.roots = [
        Root(sympy.expand_log(sympy.log(root.value)) / step, root.multiplicity, root.conditions)
        for root in positive
    ]
    found.certain = False
    return found


def _asked(equations: tuple[Expr, ...], unknown: Expr) -> Candidates:
    """What SymPy solves, for short equations. Raises Unsolved."""
    shortest = min(equations, key=size)
    if size(shortest) > SHORT or shortest.free_symbols != {unknown}:
        raise Unsolved("an unknown stands in a function that is not solved for")
    found = _quietly(lambda: sympy.solveset(shortest, unknown, sympy.S.Reals))
    if found is sympy.S.EmptySet:
        return Candidates()
    if not isinstance(found, sympy.FiniteSet):
        raise Unsolved("an unknown stands in a function that is not solved for")
    for value in found:
        if any(not isinstance(one, _KNOWN) for one in value.atoms(sympy.Function)):
            raise Unsolved("the solutions need functions that are not written")
    return Candidates([Root(value, 0) for value in found])


def _quietly(solve: Callable[[], Expr]) -> Expr:
    try:
        return solve()
    except (NotImplementedError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
        return None  # SymPy stumbles in many ways over what it cannot solve
