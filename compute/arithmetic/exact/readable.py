"""Readable forms of exact numbers by bounded, deterministic rules.

An expression is treated as a quotient of polynomials in generators: its symbols, exponentials, roots and
cases. Of its forms (unchanged, cancelled, expanded, factored, divided through by an exponential) the shortest
is taken, and of equally short forms the first.
"""

from collections.abc import Iterator
from math import gcd, lcm
from typing import Any

import sympy

from compute.arithmetic.exact.bounds import FORGOTTEN, size
from compute.budgets.bounded_cache import keeping

LONGEST = 300  # operations of an expression; longer ones are unchanged
MAX_TERMS = 120  # terms of an expression after expansion
MAX_CANCELLED = 12  # symbols and generators of a quotient that is cancelled
MAX_FACTORED = (
    7,
    40,
)  # symbols and generators, and terms, of a polynomial that is factored
MAX_DEGREE = 12  # degree in one symbol or generator for cancelling and factoring, which costs much time too
MOST = 8_000  # operations of all expressions of one question; later ones are unchanged
HIGH = 3  # powers of sums from which on they are factored out unexpanded
OPERATION = 200  # bytes of one operation or operand of an expression
CACHE_BYTES = 32 * 2**20
PLAIN = 8  # longer sums of monomials are not factored


class _Effort:
    """The number of operations processed for the current question."""

    spent = 0

    def forget(self) -> None:
        self.spent = 0


EFFORT = _Effort()
FORGOTTEN.append(EFFORT.forget)


def readable(expression: Any) -> Any:
    """Return the shortest form of an expression that the bounded rules find."""
    operations = size(expression)
    if expression.is_Atom or operations > LONGEST:
        return expression
    if expression.is_Add and len(expression.args) > PLAIN and all(map(_is_monomial, expression.args)):
        return expression
    # Counted even if it is cached: an answer must not depend on earlier questions.
    EFFORT.spent += operations
    return expression if EFFORT.spent > MOST else _readable(expression)


def _bytes(_: Any, expression: Any) -> int:
    """Estimate the bytes of an expression and its form, which is no larger."""
    return 2 * OPERATION * size(expression)


@keeping("readable forms", CACHE_BYTES, _bytes)
def _readable(expression: Any) -> Any:
    shared = _factor_out_powers(expression)
    candidates = [expression, *_forms(expression)] if shared is None else [shared]
    if sympy.nan in candidates:  # a denominator that is zero once it is cancelled
        return sympy.nan
    return min(candidates, key=weight)  # the first of equals


def _factor_out_powers(expression: Any) -> Any:
    """Return a sum with the high powers of sums that its terms share factored out; None if there are none.

    Expanding would hide them.
    """
    if not expression.is_Add:
        return None
    powers = [term.as_powers_dict() for term in expression.args]
    first, *others = powers
    shared = {
        base: min(exponent, *(one.get(base, 0) for one in others))
        for base, exponent in first.items()
        if base.is_Add and exponent.is_Integer
    }
    common = sympy.Mul(*(base**exponent for base, exponent in shared.items() if exponent >= HIGH))
    if common == 1:
        return None
    rest = sympy.Add(*(term / common for term in expression.args))
    product = common * _factor(sympy.expand(rest))  # which may be another of the powers
    return min(product, common * _readable(rest), key=weight)


def _is_monomial(term: Any) -> bool:
    return all(
        factor.is_Atom or (factor.is_Pow and factor.base.is_Atom) for factor in sympy.Mul.make_args(term)
    )


def weight(expression: Any) -> int:
    """Return the length of an expression for a reader."""
    if expression.is_Integer:
        return size(expression) + int(expression.p < 0)
    if expression.is_Rational:
        return 3 + int(expression.p < 0)
    if expression.is_Pow and expression.exp.is_negative and expression.exp.is_Rational:
        return 1 + weight(expression.base ** (-expression.exp))
    if expression.func is sympy.exp:
        return 1 + weight(expression.args[0])
    signs = sum(one.could_extract_minus_sign() for one in expression.args) if expression.is_Add else 0
    return 1 + signs // 2 + sum(weight(one) for one in expression.args)


def _forms(expression: Any) -> Iterator[Any]:
    fraction = Fraction(expression)
    if fraction.terms > MAX_TERMS:
        return
    numerator, denominator = fraction.cancelled()
    if fraction.back(denominator) == 0:
        yield sympy.nan
        return
    above, below = _factor(numerator), _factor(denominator)
    yield fraction.back(above) / fraction.back(below)
    yield fraction.back(numerator) / fraction.back(denominator)
    if not any(one.is_Pow and one.base.is_Add for one in sympy.Mul.make_args(below)):
        yield from _divide_through(fraction, numerator, denominator)


def _factor(polynomial: Any) -> Any:
    symbols, terms = MAX_FACTORED
    few = len(polynomial.free_symbols) <= symbols and len(_terms(polynomial)) <= terms
    if few and _degree(polynomial) <= MAX_DEGREE:
        return sympy.factor(polynomial)
    return sympy.factor_terms(polynomial)  # only the common factors of all terms


def _divide_through(fraction: "Fraction", numerator: Any, denominator: Any) -> Iterator[Any]:
    """Yield the quotient with both sides divided by the exponentials of its numerator: 1/(1 + exp(x))."""
    if not fraction.exponentials or len(_terms(numerator)) != 1:
        return
    powers = numerator.as_powers_dict()
    shift = sympy.Mul(*(base**power for base, power in powers.items() if base in fraction.exponentials))
    if shift != 1:
        below = sympy.Add(*(fraction.back(term / shift) for term in _terms(denominator)))
        yield fraction.back(numerator / shift) / below


def _terms(polynomial: Any) -> tuple[Any, ...]:
    terms: tuple[Any, ...] = sympy.Add.make_args(polynomial)
    return terms


def _degree(polynomial: Any) -> Any:
    """Return the highest power of a symbol in an expanded polynomial."""
    terms = (term.as_powers_dict().items() for term in _terms(polynomial))
    return max((power for powers in terms for base, power in powers if base.is_Symbol), default=0)


class Fraction:
    """An expression as a quotient of polynomials in generators.

    generators: the expression that each generator represents.
    exponentials: the generators that represent exponentials.
    terms: about how many terms it would have after expansion.
    """

    def __init__(self, expression: Any, *, expand_exponents: bool = False) -> None:
        self.generators: dict[Any, Any] = {}
        self.exponentials: set[Any] = set()
        self._of: dict[Any, Any] = {}
        self._steps: dict[Any, Any] = {}
        self._restored: dict[Any, Any] = {}
        self._expand = expand_exponents
        self._find_steps(expression)
        self.quotient, self.terms = self._convert(expression)

    def cancelled(self) -> tuple[Any, Any]:
        """Return numerator and denominator, expanded, and without common factors if these are found fast."""
        quotient = sympy.together(self.quotient)
        numerator, denominator = map(sympy.expand, sympy.fraction(quotient))
        few = denominator.free_symbols and len(quotient.free_symbols) <= MAX_CANCELLED
        if few and max(_degree(numerator), _degree(denominator)) <= MAX_DEGREE:
            numerator, denominator = map(sympy.expand, sympy.fraction(sympy.cancel(quotient)))
        return numerator, denominator

    def back(self, polynomial: Any) -> Any:
        """Return a polynomial with the generators replaced by their expressions."""
        restored = self._restored.get(polynomial)
        if restored is None:
            restored = self._restored[polynomial] = self._restore(polynomial)
        return restored

    def _restore(self, one: Any) -> Any:
        if not one.args:
            return self.generators.get(one, one)
        if one.is_Pow and one.base in self.exponentials:
            return self.generators[one.base] ** one.exp
        parts = [self.back(part) for part in one.args]
        exponents = [part.args[0] for part in parts if part.func is sympy.exp] if one.is_Mul else []
        if len(exponents) > 1:  # exp(a)*exp(b) is exp(a + b)
            others = [part for part in parts if part.func is not sympy.exp]
            return sympy.Mul(*others, sympy.exp(sympy.Add(*exponents)))
        return one.func(*parts)

    def _find_steps(self, expression: Any) -> None:
        """Find, for each base of exponents, the largest fraction that divides all its factors."""
        pending, seen = [expression], set()
        while pending:
            one = pending.pop()
            if one in seen:
                continue
            seen.add(one)
            if one.func is sympy.exp:
                for factor, rest in self._exponents(one):
                    before = self._steps.get(rest)
                    self._steps[rest] = factor if before is None else _common(before, factor)
            elif one.is_Add or one.is_Mul or (one.is_Pow and one.exp.is_Integer):
                pending.extend(one.args[:1] if one.is_Pow else one.args)

    def _exponents(self, exponential: Any) -> list[tuple[Any, Any]]:
        argument = exponential.args[0]
        if self._expand:
            argument = sympy.expand(argument)
        return [one.as_coeff_Mul(rational=True) for one in sympy.Add.make_args(argument)]

    def _convert(self, one: Any) -> tuple[Any, int]:
        if one.is_Rational or one.is_Symbol:
            return one, 1
        if one.is_Add:
            parts = [self._convert(part) for part in one.args]
            return sympy.Add(*(part for part, _ in parts)), min(sum(many for _, many in parts), 10**6)
        if one.is_Mul:
            parts = [self._convert(part) for part in one.args]
            terms = 1
            for _, many in parts:
                terms = min(terms * many, 10**6)
            return sympy.Mul(*(part for part, _ in parts)), terms
        if one.is_Pow and one.exp.is_Integer and one.base is not sympy.E:
            base, many = self._convert(one.base)
            return base**one.exp, min(many ** min(abs(int(one.exp)), 20), 10**6)
        if one.func is sympy.exp:
            factors = []
            for factor, rest in self._exponents(one):
                step = self._steps[rest]
                factors.append(self._generator(sympy.exp(step * rest), exponential=True) ** (factor / step))
            return sympy.Mul(*factors), 1
        if one.is_Pow and one.exp.is_Rational and one.base.is_Rational:
            root = sympy.Pow(one.base, sympy.Rational(1, one.exp.q))
            if root.is_Pow:
                return self._generator(root) ** one.exp.p, 1
        return self._generator(one), 1

    def _generator(self, stands_for: Any, *, exponential: bool = False) -> Any:
        found = self._of.get(stands_for)
        if found is None:
            # No symbol of a request can contain a #. Exponentials are not assumed to be positive: SymPy would
            # search for the real roots of every sum of them, of any degree.
            found = self._of[stands_for] = sympy.Symbol(f"#{len(self._of)}")
            self.generators[found] = stands_for
            if exponential:
                self.exponentials.add(found)
        return found


def _common(a: Any, b: Any) -> Any:
    """Return the largest positive fraction of which both are integer multiples."""
    below = lcm(a.q, b.q)
    return sympy.Rational(gcd(abs(a.p) * (below // a.q), abs(b.p) * (below // b.q)), below)
