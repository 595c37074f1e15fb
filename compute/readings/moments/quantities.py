"""Numbers that moments are computed in: floats, or exact expressions in letters with roots and pi."""

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Protocol, TypeAlias, Union

from compute.arithmetic.constants import FloatConstants
from compute.arithmetic.expressions import ExpressionError
from compute.budgets.planning import spend
from compute.dimensions import Polynomial, Size

PAIR = 1  # units for multiplying two terms
MOST_TERMS = 100  # of an expression
MOST_FACTORS = 40  # of a term
MOST_BITS = 4_000  # of the numerator or the denominator of a coefficient
LARGEST_ROOT = 10**6  # whole numbers above it are not searched for square factors
DECIMAL = 10**9  # denominators above it are those of floats, which are written as decimals
LEAST = 1e-300  # the smallest number that may be sent
HALF = Fraction(1, 2)

Base: TypeAlias = Union[str, "Quantity"]
"""A letter, `pi`, a whole number under a root, or a sum under a root or in a denominator."""
Monomial: TypeAlias = tuple[tuple[Base, Fraction], ...]


class Quantity:
    """A sum of products of letters to rational powers, immutable, with rational coefficients.

    Letters stand for positive numbers, so that sqrt(v)**2 = sqrt(v**2) = v.
    """

    __slots__ = ("_text", "terms")

    def __init__(self, terms: Mapping[Monomial, Fraction]) -> None:
        ordered = sorted(terms.items(), key=lambda term: _sort_key(term[0]))
        self.terms = {monomial: coefficient for monomial, coefficient in ordered if coefficient}
        if len(self.terms) > MOST_TERMS:
            raise ExpressionError(f"has more than {MOST_TERMS} terms; send numbers instead of letters")
        if any(len(monomial) > MOST_FACTORS for monomial in self.terms):
            raise ExpressionError(f"has more than {MOST_FACTORS} factors; send numbers instead of letters")
        for one in self.terms.values():
            if max(one.numerator.bit_length(), one.denominator.bit_length()) > MOST_BITS:
                raise ExpressionError("holds a number of too many digits; send numbers instead of letters")
        self._text = ""

    @staticmethod
    def number(value: int | Fraction) -> "Quantity":
        return Quantity({(): Fraction(value)})

    @staticmethod
    def symbol(name: str) -> "Quantity":
        return Quantity({((name, Fraction(1)),): Fraction(1)})

    @property
    def constant(self) -> Fraction | None:
        """The rational number that it is; None if it holds a letter, a root or pi."""
        if not self.terms:
            return Fraction(0)
        return self.terms[()] if tuple(self.terms) == ((),) else None

    def evaluate(self) -> float | None:
        """Return its value as a float; None if that depends on a letter.

        Raises ExpressionError if it has none.
        """
        found = 0.0
        for monomial, coefficient in self.terms.items():
            factor = _to_float(coefficient)
            for base, power in monomial:
                value = base.evaluate() if isinstance(base, Quantity) else _evaluate(base)
                if value is None:
                    return None
                if value <= 0 and (power < 0 or power.denominator != 1):
                    raise ExpressionError("has no value: it divides by zero, or takes a root of no number")
                factor *= value ** float(power)
            found += factor
        return found

    def __add__(self, other: "Quantity") -> "Quantity":
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
        return Quantity(terms)

    def __neg__(self) -> "Quantity":
        return Quantity({monomial: -coefficient for monomial, coefficient in self.terms.items()})

    def __sub__(self, other: "Quantity") -> "Quantity":
        return self + -other

    def __mul__(self, other: "Quantity") -> "Quantity":
        longest = max((len(monomial) for monomial in (*self.terms, *other.terms)), default=0)
        spend(PAIR * len(self.terms) * len(other.terms) * (1 + longest / 4))
        products = [
            _multiply(one, its, a * b) for one, a in self.terms.items() for its, b in other.terms.items()
        ]
        return _total(products)

    def __truediv__(self, other: "Quantity") -> "Quantity":
        if not other.terms:
            raise ExpressionError("divides by zero")
        if len(other.terms) == 1:
            return self * other.power(Fraction(-1))
        if len(self.terms) == len(other.terms):  # perhaps a multiple of the divisor
            first, divisor = (next(iter(one.terms.items())) for one in (self, other))
            ratio = Quantity(dict([first])) * Quantity(dict([divisor])).power(Fraction(-1))
            if ratio * other == self:
                return ratio
        return self * other.power(Fraction(-1))

    def power(self, exponent: Fraction) -> "Quantity":
        """Return a rational power. Raises ExpressionError for a root of a negative number."""
        if exponent.denominator == 1 and 0 <= exponent <= 4:
            return _repeat(self, int(exponent))
        if not self.terms:
            raise ExpressionError("divides by zero")
        if len(self.terms) > 1:
            return Quantity({((self, exponent),): Fraction(1)})
        [(monomial, coefficient)] = self.terms.items()
        raised = tuple((base, power * exponent) for base, power in monomial)
        return _multiply(raised, (), Fraction(1)) * _raise_number(coefficient, exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __str__(self) -> str:
        if not self._text:
            self._text = _write(self.terms)
        return self._text

    __repr__ = __str__


def _to_float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ExpressionError("is too large for float64") from None


def _sort_key(monomial: Monomial) -> list[tuple[str, Fraction]]:
    return [(str(base), -power) for base, power in monomial]


def _total(quantities: Iterable[Quantity]) -> Quantity:
    terms: dict[Monomial, Fraction] = {}
    for quantity in quantities:
        for monomial, coefficient in quantity.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
    return Quantity(terms)


def _repeat(quantity: Quantity, times: int) -> Quantity:
    result = Quantity.number(1)
    for _ in range(times):
        result = result * quantity
    return result


def _multiply(one: Monomial, other: Monomial, coefficient: Fraction) -> Quantity:
    """Return a product of two monomials and a number. Whole powers of sums are multiplied out."""
    powers: dict[Base, Fraction] = {}
    for base, power in (*one, *other):
        powers[base] = powers.get(base, Fraction(0)) + power
    expanded = []
    for base, power in list(powers.items()):
        if isinstance(base, Quantity):
            if power > 0 and power.denominator == 1:
                expanded.append(_repeat(base, int(power)))
                del powers[base]
        elif base.isdecimal():
            whole = math.floor(power)
            coefficient *= Fraction(int(base)) ** whole
            powers[base] = power - whole
    kept = sorted(((base, power) for base, power in powers.items() if power), key=lambda item: str(item[0]))
    result = Quantity({tuple(kept): coefficient})
    for factor in expanded:
        result = result * factor
    return result


def _raise_number(number: Fraction, exponent: Fraction) -> Quantity:
    """Return a rational power of a rational number; what is not rational stays under a square root."""
    if exponent.denominator == 1:
        return Quantity.number(number ** int(exponent))
    if number < 0:
        raise ExpressionError("takes a root of a negative number")
    if exponent.denominator != 2:
        raise ExpressionError("has a power other than whole numbers and square roots")
    whole, rest = exponent.numerator // 2, number.numerator * number.denominator
    outside, inside = _split_square(rest)
    root = Quantity.number(Fraction(outside, number.denominator))
    if inside != 1:
        root = root * Quantity({((str(inside), HALF),): Fraction(1)})
    return Quantity.number(number**whole) * root


def _split_square(number: int) -> tuple[int, int]:
    """Return a and b with number = a**2 b, and b without square factors if the number is small."""
    exact = math.isqrt(number)
    if exact * exact == number:
        return exact, 1
    outside = 1
    factor = 2
    while number <= LARGEST_ROOT and factor * factor <= number:
        while number % (factor * factor) == 0:
            number //= factor * factor
            outside *= factor
        factor += 1
    return outside, number


def _evaluate(base: str) -> float | None:
    if base == "pi":
        return math.pi
    return float(base) if base.isdecimal() else None


def _write(terms: Mapping[Monomial, Fraction]) -> str:
    text = ""
    for monomial, coefficient in sorted(terms.items(), key=lambda term: term[1] < 0):
        text += f" {'-' if coefficient < 0 else '+'} {_write_term(monomial, abs(coefficient))}"
    if not text:
        return "0"
    return text[3:] if text.startswith(" + ") else "-" + text[3:]


def _write_term(monomial: Monomial, coefficient: Fraction) -> str:
    above = [_write_power(base, power) for base, power in monomial if power > 0]
    below = [_write_power(base, -power) for base, power in monomial if power < 0]
    if coefficient.denominator > DECIMAL:
        above.insert(0, repr(float(coefficient)))
    else:
        if coefficient.numerator != 1 or not above:
            above.insert(0, str(coefficient.numerator))
        if coefficient.denominator != 1:
            below.insert(0, str(coefficient.denominator))
    divisor = below[0] if len(below) == 1 else f"({'*'.join(below)})"
    return "*".join(above) + (f"/{divisor}" if below else "")


def _write_power(base: Base, power: Fraction) -> str:
    text = str(base)
    whole, rest = divmod(power, 1)
    factors = []
    if whole:
        name = f"({text})" if isinstance(base, Quantity) or not text.isidentifier() else text
        factors.append(name if whole == 1 else f"{name}**{whole}")
    if rest == HALF:
        factors.append(f"sqrt({text})")
    elif rest:
        factors.append(f"({text})**({rest})")
    return "*".join(factors)


Number: TypeAlias = float | Quantity


class Numbers(Protocol):
    """The numbers of a computation; all of one kind. It is an algebra of expressions, for `fold`."""

    exact: bool

    def size(self, size: Size) -> Number: ...
    def number(self, text: str) -> Number: ...
    def symbol(self, name: str) -> Number: ...
    def apply(self, head: str, operands: list[Number]) -> Number: ...
    def make(self, value: float | Fraction) -> Number: ...
    def value(self, number: Number) -> float | None: ...


class Floats:
    """Floating-point numbers."""

    exact = False

    def __init__(self) -> None:
        self._constants = FloatConstants({})

    def size(self, size: Size) -> Number:
        return float(size if isinstance(size, int) else size.terms[()])

    def number(self, text: str) -> Number:
        return self._constants.number(text)

    def symbol(self, name: str) -> Number:
        return self._constants.symbol(name)

    def apply(self, head: str, operands: list[Number]) -> Number:
        return self._constants.apply(head, operands)  # type: ignore[arg-type]  # all are floats

    def make(self, value: float | Fraction) -> Number:
        return float(value)

    def value(self, number: Number) -> float | None:
        assert isinstance(number, float)
        return number


class Letters:
    """Exact expressions."""

    exact = True

    def size(self, size: Size) -> Number:
        if isinstance(size, Polynomial):
            return Quantity(
                {
                    tuple((name, Fraction(power)) for name, power in monomial): coefficient
                    for monomial, coefficient in size.terms.items()
                }
            )
        return Quantity.number(size)

    def number(self, text: str) -> Number:
        value = FloatConstants({}).number(text)
        if abs(value) < LEAST and any(digit in text.lower().partition("e")[0] for digit in "123456789"):
            raise ExpressionError("holds a number too small for float64")
        return Quantity.number(Fraction(text))

    def symbol(self, name: str) -> Number:
        if name == "e":
            raise ExpressionError("uses e, which has no place in expectations in letters")
        return Quantity.symbol(name)

    def apply(self, head: str, operands: list[Number]) -> Number:
        first, *rest = (operand for operand in operands if isinstance(operand, Quantity))
        match head, rest:
            case "add", [other]:
                return first + other
            case "subtract", [other]:
                return first - other
            case "multiply", [other]:
                return first * other
            case "divide", [other]:
                return first / other
            case "negative", []:
                return -first
            case "sqrt", []:
                return first.power(HALF)
            case "power", [other] if (exponent := other.constant) is not None and abs(exponent) <= 4:
                return first.power(exponent)
        raise ExpressionError("uses a function other than sums, products, quotients, small powers and sqrt")

    def make(self, value: float | Fraction) -> Number:
        return Quantity.number(Fraction(repr(value)) if isinstance(value, float) else value)

    def value(self, number: Number) -> float | None:
        assert isinstance(number, Quantity)
        return number.evaluate()
