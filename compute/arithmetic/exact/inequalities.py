"""Prove the sign of an exact number for all values of its symbols. Every step is bounded.

A number is written as a quotient of polynomials in its symbols, exponentials and other functions, and each
factor gets its sign: from the signs of these generators, from the roots of a polynomial in one of them, or as
a quadratic form. A sum of logarithms has the sign of its exponential minus 1.
"""

from itertools import islice
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import size
from compute.arithmetic.exact.enclosures import sign_of
from compute.arithmetic.exact.readable import MAX_DEGREE, MAX_TERMS, Fraction
from compute.arithmetic.exact.zero import CASES, cancels, exponential, shown_in_every_case

LONGEST = 1_000  # operations of a number whose sign is looked for
MOST_SYMBOLS = 7  # symbols and generators of a polynomial that is factored
DIGITS = (20, 60)


def shown_order(number: Any, *, strict: bool) -> str | None:
    """Return how a number is proved not to be negative, in words; None if it is not proved.

    strict: whether it has to be positive.
    """
    if not number.free_symbols:
        sign = 0 if number == 0 else sign_of(number, DIGITS)
        return None if sign is None or sign < int(strict) else "the numbers are compared"
    if size(number) > LONGEST:
        return None
    if number.is_positive or (not strict and number.is_nonnegative):
        return f"the difference is {'greater than' if strict else 'at least'} 0 for all values of the symbols"
    rewritten = number.rewrite(sympy.exp) if number.has(sympy.tanh) else number
    if rewritten.has(*CASES):
        return _by_signs(rewritten, strict)
    if _is_signed(rewritten, strict):
        return "every factor of the difference has a sign"
    return _by_exponential(rewritten, strict)


def _is_signed(number: Any, strict: bool) -> bool:
    """Return whether a number is a product of powers of polynomials that is known not to be negative."""
    roots = {one.base for one in number.atoms(sympy.Pow) if one.exp.is_Rational and one.exp.q == 2}
    squares = {
        one: sympy.Dummy(one.name, positive=one.is_positive or None, nonnegative=True) ** 2
        for one in roots if one.is_Symbol and one.is_nonnegative
    }  # fmt: skip
    fraction = Fraction(number.xreplace(squares), expand_exponents=True)
    if fraction.terms > MAX_TERMS:
        return False
    signs = {symbol: _generator(symbol, fraction) for symbol in fraction.quotient.free_symbols}
    numerator, denominator = sympy.fraction(sympy.cancel(sympy.together(fraction.quotient.xreplace(signs))))
    found = 1
    for part, may_vanish in ((numerator, not strict), (denominator, True)):
        sign = _sign_of_product(part, may_vanish=may_vanish)
        if sign is None:
            return False
        found *= sign
    return found > 0


def _generator(symbol: Any, fraction: Fraction) -> Any:
    """Return a symbol with the assumptions that hold of what a generator stands for; -y if it is negative."""
    meant = fraction.generators.get(symbol, symbol)
    if symbol in fraction.exponentials or meant.is_positive:
        return sympy.Dummy(symbol.name, positive=True)
    if meant.is_negative:
        return -sympy.Dummy(symbol.name, positive=True)
    if meant.is_nonnegative:
        return sympy.Dummy(symbol.name, nonnegative=True)
    return sympy.Dummy(symbol.name, real=True)


def _sign_of_product(polynomial: Any, *, may_vanish: bool) -> int | None:
    """Return 1 or -1 if a polynomial never has the other sign; None if that is not known.

    may_vanish: whether it may be 0.
    """
    symbols = sorted(polynomial.free_symbols, key=lambda one: (one.name, one.dummy_index))
    if not symbols:
        return int(sympy.sign(polynomial)) or None
    if len(symbols) > MOST_SYMBOLS:
        return None
    poly = sympy.Poly(polynomial, *symbols)
    if not poly.domain.is_QQ and not poly.domain.is_ZZ:
        return None
    if len(poly.terms()) > MAX_TERMS or max(poly.degree_list()) > MAX_DEGREE:
        return None
    leading, factors = poly.factor_list()
    sign = 1 if leading > 0 else -1
    for factor, power in factors:
        if power % 2 == 0 and may_vanish:
            continue
        one = _sign_of_factor(factor, may_vanish=may_vanish)
        if one is None:
            return None
        sign *= one**power
    return sign


def _sign_of_factor(poly: Any, *, may_vanish: bool) -> int | None:
    """Return the sign of an irreducible polynomial; None if it is not known to be the same everywhere."""
    for sign, signed in ((1, poly), (-1, -poly)):
        if _has_positive_terms(signed, may_vanish=may_vanish):
            return sign
    if len(poly.gens) == 1:
        return _sign_without_roots(poly)
    if poly.total_degree() == 2:
        for sign, signed in ((1, poly), (-1, -poly)):
            if _is_definite(signed, may_vanish=may_vanish):
                return sign
    return None


def _has_positive_terms(poly: Any, *, may_vanish: bool) -> bool:
    """Return whether no term can be negative, and one is positive unless the sum may vanish."""
    is_positive = may_vanish
    for powers, factor in poly.terms():
        if factor < 0:
            return False
        for symbol, power in zip(poly.gens, powers, strict=True):
            if power % 2 and not symbol.is_nonnegative:
                return False
        is_positive |= all(
            symbol.is_positive for symbol, power in zip(poly.gens, powers, strict=True) if power
        )
    return is_positive


def _sign_without_roots(poly: Any) -> int | None:
    """Return the sign of a polynomial in one symbol that has no real roots; None if it has some."""
    [symbol] = poly.gens
    lower = 0 if symbol.is_nonnegative else None
    if poly.count_roots(lower, None):
        return None
    return 1 if poly.eval(1) > 0 else -1


def _is_definite(poly: Any, *, may_vanish: bool) -> bool:
    """Return whether a polynomial of degree 2 is a sum of squares, and positive unless it may vanish.

    Products of symbols that are not negative may be added.
    """
    symbols = [*poly.gens, sympy.Dummy(positive=True)]  # the last makes all terms quadratic
    count = len(symbols)
    matrix = sympy.zeros(count, count)
    for powers, factor in poly.terms():
        places = [place for place, power in enumerate(powers) for _ in range(power)]
        row, column = (places + [count - 1] * 2)[:2]
        are_signed = symbols[row].is_nonnegative and symbols[column].is_nonnegative
        if row == column:
            matrix[row, row] += factor
        elif factor < 0 or not are_signed:
            matrix[row, column] += factor / 2
            matrix[column, row] += factor / 2
    return bool(matrix.is_positive_semidefinite if may_vanish else matrix.is_positive_definite)


def _by_exponential(number: Any, strict: bool) -> str | None:
    """Prove the sign of a sum of logarithms, by that of its exponential minus 1."""
    if not number.has(sympy.log):
        return None
    product = exponential(number)
    if product is None or product.has(sympy.log):
        return None
    if not _is_signed(product - 1, strict):
        return None
    return f"the exponential of the difference is {'greater than' if strict else 'at least'} 1"


def _by_signs(number: Any, strict: bool) -> str | None:
    """Prove a sign in each combination of the signs that the cases of a number depend on."""
    signs = shown_in_every_case(number, lambda branch, given: _is_signed_given(branch, given, strict))
    if signs is None:
        return None
    return f"the difference has the sign in every case of {signs} that it depends on"


def _is_signed_given(number: Any, signs: dict[Any, int], strict: bool) -> bool:
    """Return whether a number has a sign, if other numbers have these signs."""
    if number == 0 or cancels(number):
        return not strict
    known = {
        one: sign * sympy.Dummy(one.name, positive=True)
        for one, sign in signs.items()
        if one.is_Symbol and sign
    }
    number = number.xreplace(known)
    if shown_order(number, strict=strict):
        return True
    for one, sign in islice(signs.items(), MOST_SYMBOLS):
        if sign and not one.is_Symbol:
            larger = sign * one.xreplace(known)
            ratio = sympy.cancel(number / larger)
            if ratio.is_positive or shown_order(sympy.expand(number - larger), strict=False):
                return True
    return False
