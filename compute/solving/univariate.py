"""Equations in one unknown without cases: exact candidates for their real solutions."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.case_split import Algebra, Branch, eliminate_roots
from compute.solving.constants import sign
from compute.solving.roots import Root, Roots, real_roots, to_poly
from compute.solving.solutions import Expr, Unsolved

MAX_SOLVED = 80  # operations of an equation that is passed to SymPy's solver
_ALLOWED_FUNCTIONS = (sympy.exp, sympy.log, sympy.Abs, sympy.CRootOf)


@dataclass
class Candidates:
    """All candidates for solutions of the equations of a branch.

    everywhere: whether all equations hold identically.
    certain: whether candidates solve the equations wherever these are defined.
    constant: the value of a left side that does not depend on the unknown and is not zero.
    gaps: reasons why there may be more solutions.
    """

    roots: list[Root] = field(default_factory=list)
    everywhere: bool = False
    certain: bool = False
    constant: Expr | None = None
    gaps: list[str] = field(default_factory=list)


def find_candidates(branch: Branch, unknown: Expr) -> Candidates:
    """Return candidates for the solutions of a branch. Raises Unsolved."""
    try:
        return _algebraic_candidates(branch.equations, unknown)
    except Unsolved:
        rewritten = tuple(_as_exponentials(equation, unknown) for equation in branch.equations)
        if not any(_has_function_of(equation, unknown) for equation in rewritten):
            raise
    candidates = _exponential_candidates(rewritten, unknown)
    return candidates if candidates is not None else _solve_with_sympy(rewritten, unknown)


def _algebraic_candidates(equations: tuple[Expr, ...], unknown: Expr) -> Candidates:
    algebra = Algebra({unknown})
    numerators = []
    for equation in equations:
        numerator = algebra.numerator(equation)
        symbols = {unknown, *(root[0] for root in algebra.roots)}
        if numerator.free_symbols & symbols:
            numerators.append(numerator)
        elif not _is_zero(algebra.restore(numerator)):
            return Candidates(
                constant=equation if equation.free_symbols - {unknown} else _simplify_constant(equation)
            )
    if not numerators:
        return Candidates(everywhere=True)
    if algebra.roots:
        return _candidates_with_roots(numerators, unknown, algebra)
    common = numerators[0]
    to_poly(common, unknown)
    for other in numerators[1:]:
        to_poly(other, unknown)
        common = sympy.gcd(common, other)
    if not common.has(unknown):
        return Candidates()
    return _roots_to_candidates(real_roots(common, unknown, algebra.restore), unknown, algebra)


def _candidates_with_roots(numerators: list[Expr], unknown: Expr, algebra: Algebra) -> Candidates:
    """Eliminate roots from the equation that then has the lowest degree."""
    reasons, best = [], None
    for numerator in numerators:
        try:
            parts = eliminate_roots(numerator, unknown, algebra.roots)
        except Unsolved as reason:
            reasons.append(reason)
            continue
        degree = sum(sympy.Poly(part, unknown).degree() for part in parts)
        if best is None or degree < best[0]:
            best = degree, parts
    if best is None:
        raise reasons[0]
    candidates = Candidates()
    for part in best[1]:
        part_candidates = _roots_to_candidates(real_roots(part, unknown, algebra.restore), unknown, algebra)
        candidates.roots += [Root(root.value, 0, root.conditions) for root in part_candidates.roots]
        candidates.gaps += part_candidates.gaps
    return candidates


def _roots_to_candidates(roots: Roots, unknown: Expr, algebra: Algebra) -> Candidates:
    """Return roots as candidates.

    Unsolved factors are retried with the roots in their coefficients eliminated.
    """
    candidates = Candidates(
        roots.roots, certain=not algebra.roots and not roots.unsolved and not algebra.opaque
    )
    for factor in roots.unsolved:
        constants = algebra.opaque_roots()
        others = factor.free_symbols - {unknown, *algebra.opaque}
        if constants is None or others:
            degree = sympy.Poly(factor, unknown).degree()
            kind = "symbols" if others else "constants"
            candidates.gaps.append(
                f"a factor of degree {degree} in {unknown} with {kind} in it is not solved"
            )
            continue
        for part in eliminate_roots(factor, unknown, constants):
            part_roots = real_roots(part, unknown)
            candidates.roots += [Root(root.value, 0, root.conditions) for root in part_roots.roots]
    return candidates


def _is_zero(constant: Expr) -> bool:
    if constant.free_symbols:
        return bool(sympy.expand(constant) == 0)
    return sign(constant) == 0


def _simplify_constant(equation: Expr) -> Expr:
    """Return an equation that does not depend on its unknown as a number."""
    cancelled = sympy.cancel(equation) if size(equation) < 2_000 else equation
    return equation if cancelled.free_symbols else cancelled


def _has_function_of(expression: Expr, unknown: Expr) -> bool:
    return any(
        part.has(unknown)
        for part in expression.atoms(sympy.Function, sympy.exp, sympy.Pow)
        if not part.is_Pow or part.exp.has(unknown)
    )


def _as_exponentials(equation: Expr, unknown: Expr) -> Expr:
    rewritten = equation.rewrite(sympy.exp) if equation.has(sympy.tanh) else equation
    powers = [
        power
        for power in rewritten.atoms(sympy.Pow)
        if power.exp.has(unknown) and power.base.is_positive and not power.base.has(unknown)
    ]
    substitution = {
        power: sympy.exp(power.exp * sympy.log(power.base)) for power in powers if power.base is not sympy.E
    }
    return rewritten.xreplace(substitution) if substitution else rewritten


def _exponential_candidates(equations: tuple[Expr, ...], unknown: Expr) -> Candidates | None:
    """Solve polynomials in one exponential of the unknown; None if the equations are not of this form."""
    exponentials = {part for equation in equations for part in equation.atoms(sympy.exp) if part.has(unknown)}
    slopes: dict[Expr, tuple[Expr, Expr]] = {}
    for exponential in exponentials:
        exponent = sympy.expand(exponential.args[0])
        slope = exponent.coeff(unknown)
        rest = sympy.expand(exponent - slope * unknown)
        if rest.has(unknown) or not slope:
            return None
        slopes[exponential] = slope, rest
    if not slopes:
        return None
    first = next(iter(slopes.values()))[0]
    ratios = [slope / first for slope, _ in slopes.values()]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    step = first / math.lcm(*(int(ratio.q) for ratio in ratios))
    power = sympy.Symbol("#power", positive=True)
    substitution = {
        exponential: sympy.exp(rest) * power ** (slope / step)
        for exponential, (slope, rest) in slopes.items()
    }
    polynomials = tuple(equation.xreplace(substitution) for equation in equations)
    if any(polynomial.has(unknown) for polynomial in polynomials):
        return None
    candidates = _algebraic_candidates(polynomials, power)
    positive = [root for root in candidates.roots if root.value.free_symbols or sign(root.value) == 1]
    candidates.roots = [
        Root(sympy.expand_log(sympy.log(root.value)) / step, root.multiplicity, root.conditions)
        for root in positive
    ]
    candidates.certain = False
    return candidates


def _solve_with_sympy(equations: tuple[Expr, ...], unknown: Expr) -> Candidates:
    """Solve the shortest equation with SymPy, if it is short. Raises Unsolved."""
    shortest = min(equations, key=size)
    if size(shortest) > MAX_SOLVED or shortest.free_symbols != {unknown}:
        raise Unsolved("an unknown is inside a function that is not supported")
    solutions = _suppress_errors(lambda: sympy.solveset(shortest, unknown, sympy.S.Reals))
    if solutions is sympy.S.EmptySet:
        return Candidates()
    if not isinstance(solutions, sympy.FiniteSet):
        raise Unsolved("an unknown is inside a function that is not supported")
    for value in solutions:
        if any(not isinstance(one, _ALLOWED_FUNCTIONS) for one in value.atoms(sympy.Function)):
            raise Unsolved("the solutions need functions that are not supported")
    return Candidates([Root(value, 0) for value in solutions])


def _suppress_errors(solve: Callable[[], Expr]) -> Expr:
    try:
        return solve()
    except (NotImplementedError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
        return None  # SymPy fails in many ways on equations that it cannot solve
