"""Exact real roots of a polynomial in one unknown."""

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy

from compute.arithmetic.exact.bounds import size
from compute.solving.constants import sign, simplest_form
from compute.solving.solutions import Condition, Expr, Unsolved

MAX_DEGREE = 60
MAX_RATIONALIZED = 60  # operations of constants whose denominators are rationalized
MAX_TERMS = 1_500  # of a polynomial to be factored
MAX_BITS = 60_000  # of all coefficients together
MAX_SYMBOLS = 7, 60  # symbols in all, and terms, of a polynomial with symbolic coefficients
MAX_FACTORED = 400_000  # bits of all coefficients, times the degree
MAX_ISOLATED = 120_000  # bits of all coefficients, times the degree: roots are isolated in seconds
MAX_SYMBOLIC_DEGREE = 12  # in the unknown, of a polynomial with symbolic coefficients


@dataclass(frozen=True)
class Root:
    """A real root. conditions: on symbols in the coefficients, for it to be a real root."""

    value: Expr
    multiplicity: int
    conditions: tuple[Condition, ...] = ()


@dataclass
class Roots:
    """The real roots of a polynomial; unsolved: factors whose roots have no closed form."""

    roots: list[Root] = field(default_factory=list)
    unsolved: list[Expr] = field(default_factory=list)


def identity(expression: Expr) -> Expr:
    """Return the expression unchanged."""
    return expression


def to_poly(polynomial: Expr, *symbols: Expr) -> sympy.Poly:
    """Return a polynomial in some symbols. Raises Unsolved if it is not a polynomial or is too large."""
    terms = sympy.Add.make_args(polynomial)
    if len(terms) > MAX_TERMS:
        raise Unsolved(f"an equation has more than {MAX_TERMS} terms")
    try:
        poly = sympy.Poly(polynomial, *symbols)
    except sympy.PolynomialError:
        raise Unsolved("an equation is not a polynomial") from None
    degree = max(poly.degree(symbol) for symbol in symbols)
    if degree > MAX_DEGREE:
        raise Unsolved(f"an equation is of degree {degree}, and exact roots are sought up to {MAX_DEGREE}")
    if coefficient_bits(poly) > MAX_BITS:
        raise Unsolved("the numbers of an equation have too many digits")
    return poly


def coefficient_bits(polynomial: sympy.Poly) -> int:
    """Return the total length of the rational coefficients, in bits."""
    rationals = (coefficient for coefficient in polynomial.coeffs() if coefficient.is_Rational)
    return sum(rational.p.bit_length() + rational.q.bit_length() for rational in rationals)


def factorize(polynomial: Expr, *symbols: Expr) -> list[tuple[Expr, int]]:
    """Return the factors that contain some of the symbols, with multiplicities. Raises Unsolved."""
    poly = to_poly(polynomial, *symbols)
    if polynomial.free_symbols - set(symbols) and poly.total_degree() > MAX_SYMBOLIC_DEGREE:
        raise Unsolved(
            f"an equation with symbols in it is of degree {poly.total_degree()},"
            f" and those of at most {MAX_SYMBOLIC_DEGREE} are solved"
        )
    if poly.total_degree() == 1:
        return [(sympy.expand(polynomial), 1)]
    max_symbols, max_terms = MAX_SYMBOLS
    terms = len(sympy.Add.make_args(polynomial))
    if polynomial.free_symbols - set(symbols) and (
        len(polynomial.free_symbols) > max_symbols or terms > max_terms
    ):
        raise Unsolved("an equation with symbols or constants such as exp(1) in it has too many terms")
    if coefficient_bits(poly) * poly.total_degree() > MAX_FACTORED:
        raise Unsolved("the numbers of an equation have too many digits for it to be factored")
    _, all_factors = sympy.factor_list(polynomial)
    return [
        (sympy.expand(factor), int(multiplicity))
        for factor, multiplicity in all_factors
        if factor.free_symbols & set(symbols)
    ]


def real_roots(polynomial: Expr, unknown: Expr, restore: Callable[[Expr], Expr] = identity) -> Roots:
    """Return all real roots with multiplicities. Raises Unsolved.

    restore: substitutes expressions for generators in the coefficients.
    """
    roots = Roots()
    for factor, multiplicity in factorize(polynomial, unknown):
        factor_roots = _roots_of(sympy.Poly(factor, unknown), restore)
        if factor_roots is None:
            roots.unsolved.append(factor)
            continue
        for value, conditions in factor_roots:
            open_conditions = _open_conditions(conditions)
            if open_conditions is not None:
                roots.roots.append(Root(_rationalize(value), multiplicity, open_conditions))
    return roots


def _rationalize(value: Expr) -> Expr:
    if value.free_symbols or size(value) > MAX_RATIONALIZED or value.has(sympy.CRootOf):
        return simplest_form(value)
    return sympy.expand(sympy.radsimp(value))


def _open_conditions(conditions: list[Condition]) -> tuple[Condition, ...] | None:
    """Return the undecided conditions; None if one is false."""
    kept = [condition for condition in conditions if condition is not sympy.true]
    return None if sympy.false in kept else tuple(kept)


def _roots_of(
    factor: sympy.Poly, restore: Callable[[Expr], Expr]
) -> list[tuple[Expr, list[Condition]]] | None:
    """Return the real roots of an irreducible polynomial; None if they have no closed form."""
    degree, coefficients = factor.degree(), [restore(entry) for entry in factor.all_coeffs()]
    lead = compare_with_zero(coefficients[0], sympy.Ne)
    if degree == 1:
        return [(-coefficients[1] / coefficients[0], [lead])]
    if degree == 2:
        return [(root, [lead, *conditions]) for root, conditions in _quadratic_roots(*coefficients)]
    if not all(coefficient.is_Rational for coefficient in factor.all_coeffs()):
        return None
    shift = -coefficients[1] / (degree * coefficients[0])
    shifted = factor.set_domain(sympy.QQ).shift(shift) if shift else factor
    if shift and not any(shifted.all_coeffs()[1:-1]):  # as for (1 - eta / 2)^n = c
        return [(shift + root, conditions) for root, conditions in _roots_of(shifted, restore) or []]
    if not any(coefficients[1:-1]):
        return [(root, []) for root in _binomial_roots(-coefficients[-1] / coefficients[0], degree)]
    if degree == 4 and not coefficients[1] and not coefficients[3]:
        squares = [
            square
            for square, conditions in _quadratic_roots(*coefficients[::2])
            if sympy.false not in conditions
        ]
        roots = [sympy.sqrtdenest(sympy.sqrt(square)) for square in squares if sign(square) == 1]
        return [(signed, []) for root in roots for signed in (-root, root)]
    if degree * coefficient_bits(factor) > MAX_ISOLATED:
        raise Unsolved(f"the numbers of an equation of degree {degree} have too many digits")
    return [(root, []) for root in sympy.Poly(factor.as_expr(), *factor.gens).real_roots(radicals=False)]


def _quadratic_roots(a: Expr, b: Expr, c: Expr) -> list[tuple[Expr, list[Condition]]]:
    discriminant = b**2 - 4 * a * c
    if discriminant.free_symbols:
        discriminant = (
            sympy.factor(discriminant) if len(discriminant.free_symbols) < 7 else sympy.expand(discriminant)
        )
    real = compare_with_zero(discriminant, sympy.Ge)
    if a.is_Rational and discriminant.is_Rational:
        half = (
            sympy.sqrt(discriminant / (4 * a**2)) if discriminant > 0 else sympy.sqrt(discriminant) / (2 * a)
        )
    else:
        half = sympy.sqrt(discriminant) / (2 * a)
    return [(-b / (2 * a) + direction * half, [real]) for direction in (-1, 1)]


def _binomial_roots(power: Expr, degree: int) -> list[Expr]:
    """Return the real numbers with this power."""
    root = sympy.Pow(abs(power), sympy.Rational(1, degree))
    if degree % 2:
        return [root if power > 0 else -root]
    return [-root, root] if power > 0 else []


def compare_with_zero(expression: Expr, relation: type) -> Condition:
    """Return the relation of an expression to zero: true or false if decided."""
    if not expression.free_symbols:
        expression_sign = sign(expression)
        if expression_sign is not None:
            return sympy.sympify(bool(relation(expression_sign, 0)))
    return relation(expression, 0)
