"""The real roots of a polynomial in one unknown, exactly."""

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.constants import plainest, sign
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_DEGREE = 60
SHORT = 60  # operations of constants whose denominators are rid of roots
MAX_TERMS = 1_500  # of a polynomial that is factored
MAX_BITS = 60_000  # of all coefficients together
MAX_SYMBOLS = 7, 60  # symbols in all, and terms, of what is factored with symbols in its coefficients
MAX_FACTORED = 400_000  # bits of all coefficients, times the degree
MAX_ISOLATED = 120_000  # bits of all coefficients, times the degree: roots are told apart in seconds
MAX_SYMBOLIC_DEGREE = 12  # in the unknown, of what is factored with symbols in its coefficients


@dataclass(frozen=True)
class Root:
    """A real root. conditions: on the symbols of the coefficients, under which it is one."""

    value: Expr
    multiplicity: int
    conditions: tuple[Condition, ...] = ()


@dataclass
class Roots:
    """The real roots of a polynomial; left: factors whose roots have no form that is written."""

    found: list[Root] = field(default_factory=list)
    left: list[Expr] = field(default_factory=list)


def itself(expression: Expr) -> Expr:
    """The expression as it is."""
    return expression


def checked(polynomial: Expr, *symbols: Expr) -> sympy.Poly:
    """A polynomial in some symbols. Raises Unsolved where it is none, or too large to be worked with."""
    terms = sympy.Add.make_args(polynomial)
    if len(terms) > MAX_TERMS:
        raise Unsolved(f"an equation has more than {MAX_TERMS} terms")
    try:
        found = sympy.Poly(polynomial, *symbols)
    except sympy.PolynomialError:
        raise Unsolved("an equation is no polynomial") from None
    degree = max(found.degree(one) for one in symbols)
    if degree > MAX_DEGREE:
        raise Unsolved(f"an equation is of degree {degree}, and exact roots are sought up to {MAX_DEGREE}")
    if bits(found) > MAX_BITS:
        raise Unsolved("the numbers of an equation have too many digits")
    return found


def bits(polynomial: sympy.Poly) -> int:
    """How long the numbers of a polynomial are together."""
    return sum(one.p.bit_length() + one.q.bit_length() for one in polynomial.coeffs() if one.is_Rational)


def factors(polynomial: Expr, *symbols: Expr) -> list[tuple[Expr, int]]:
    """The factors that hold some of the symbols, with multiplicities. Raises Unsolved."""
    found = checked(polynomial, *symbols)
    if polynomial.free_symbols - set(symbols) and found.total_degree() > MAX_SYMBOLIC_DEGREE:
        raise Unsolved(
            f"an equation with symbols in it is of degree {found.total_degree()},"
            f" and those of at most {MAX_SYMBOLIC_DEGREE} are solved"
        )
    if found.total_degree() == 1:
        return [(sympy.expand(polynomial), 1)]
    among, most = MAX_SYMBOLS
    terms = len(sympy.Add.make_args(polynomial))
    if polynomial.free_symbols - set(symbols) and (len(polynomial.free_symbols) > among or terms > most):
        raise Unsolved("an equation with symbols or constants such as exp(1) in it has too many terms")
    if bits(found) * found.total_degree() > MAX_FACTORED:
        raise Unsolved("the numbers of an equation have too many digits for it to be factored")
    _, parts = sympy.factor_list(polynomial)
    return [(sympy.expand(one), int(many)) for one, many in parts if one.free_symbols & set(symbols)]


def real_roots(polynomial: Expr, unknown: Expr, back: Callable[[Expr], Expr] = itself) -> Roots:
    """All real roots with multiplicities. Raises Unsolved.

    back: what stands for itself in the coefficients, put in its place.
    """
    roots = Roots()
    for factor, multiplicity in factors(polynomial, unknown):
        found = _roots_of(sympy.Poly(factor, unknown), back)
        if found is None:
            roots.left.append(factor)
            continue
        for value, conditions in found:
            kept = _open(conditions)
            if kept is not None:
                roots.found.append(Root(_plain(value), multiplicity, kept))
    return roots


def _plain(value: Expr) -> Expr:
    if value.free_symbols or size(value) > SHORT or value.has(sympy.CRootOf):
        return plainest(value)
    return sympy.expand(sympy.radsimp(value))


def _open(conditions: list[Condition]) -> tuple[Condition, ...] | None:
    """The conditions that symbols leave open; None where one does not hold."""
    kept = [one for one in conditions if one is not sympy.true]
    return None if sympy.false in kept else tuple(kept)


def _roots_of(factor: sympy.Poly, back: Callable[[Expr], Expr]) -> list[tuple[Expr, list[Condition]]] | None:
    """The real roots of an irreducible polynomial; None where they are not written."""
    degree, coefficients = factor.degree(), [back(one) for one in factor.all_coeffs()]
    lead = compared(coefficients[0], sympy.Ne)
    if degree == 1:
        return [(-coefficients[1] / coefficients[0], [lead])]
    if degree == 2:
        return [(one, [lead, *conditions]) for one, conditions in _quadratic(*coefficients)]
    if not all(one.is_Rational for one in factor.all_coeffs()):
        return None
    shift = -coefficients[1] / (degree * coefficients[0])
    moved = factor.set_domain(sympy.QQ).shift(shift) if shift else factor
    if shift and not any(moved.all_coeffs()[1:-1]):  # as for (1 - eta / 2)^n = c
        return [(shift + one, conditions) for one, conditions in _roots_of(moved, back) or []]
    if not any(coefficients[1:-1]):
        return [(one, []) for one in _binomial(-coefficients[-1] / coefficients[0], degree)]
    if degree == 4 and not coefficients[1] and not coefficients[3]:
        squares = [one for one, conditions in _quadratic(*coefficients[::2]) if sympy.false not in conditions]
        roots = [sympy.sqrtdenest(sympy.sqrt(one)) for one in squares if sign(one) == 1]
        return [(one, []) for root in roots for one in (-root, root)]
    if degree * bits(factor) > MAX_ISOLATED:
        raise Unsolved(f"the numbers of an equation of degree {degree} have too many digits")
    return [(one, []) for one in sympy.Poly(factor.as_expr(), *factor.gens).real_roots(radicals=False)]


def _quadratic(a: Expr, b: Expr, c: Expr) -> list[tuple[Expr, list[Condition]]]:
    inside = b**2 - 4 * a * c
    if inside.free_symbols:
        inside = sympy.factor(inside) if len(inside.free_symbols) < 7 else sympy.expand(inside)
    real = compared(inside, sympy.Ge)
    if a.is_Rational and inside.is_Rational:
        half = sympy.sqrt(inside / (4 * a**2)) if inside > 0 else sympy.sqrt(inside) / (2 * a)
    else:
        half = sympy.sqrt(inside) / (2 * a)
    return [(-b / (2 * a) + one * half, [real]) for one in (-1, 1)]


def _binomial(power: Expr, degree: int) -> list[Expr]:
    """The real numbers with this power."""
    root = sympy.Pow(abs(power), sympy.Rational(1, degree))
    if degree % 2:
        return [root if power > 0 else -root]
    return [-root, root] if power > 0 else []


def compared(expression: Expr, relation: type) -> Condition:
    """How an expression compares with zero: true or false where that is known."""
    if not expression.free_symbols:
        found = sign(expression)
        if found is not None:
            return sympy.sympify(bool(relation(found, 0)))
    return relation(expression, 0)
