"""Sizes that may be numbers or polynomials in dimension names.

A `Size` is an `int` wherever it can be one. Otherwise it is a `Polynomial`: rational coefficients,
integer (possibly negative) exponents, so that `d/2` and `n/s` are sizes too.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from typing import TypeAlias

from compute.budgets.planning import spend
from compute.integers import LARGEST

Monomial = tuple[tuple[str, int], ...]
PAIR = 0.5  # units for multiplying two terms
TERM = 0.2  # units for a term of a sum
COMPARISON = 0.1  # units for comparing the growth of two terms
MOST_LETTERS = 400  # of the name of a size that is not a polynomial
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class ShapeError(ValueError):
    """Shapes that a primitive cannot combine. The message says how they disagree."""


class Polynomial:
    """A polynomial in dimension names, immutable, with exact rational coefficients."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, Fraction]) -> None:
        ordered = sorted(terms, key=lambda monomial: [(name, -power) for name, power in monomial])
        self.terms = {monomial: terms[monomial] for monomial in ordered if terms[monomial]}

    @staticmethod
    def symbol(name: str) -> "Polynomial":
        return Polynomial({((name, 1),): Fraction(1)})

    @staticmethod
    def of(value: "int | Polynomial | Fraction") -> "Polynomial":
        return value if isinstance(value, Polynomial) else Polynomial({(): Fraction(value)})

    def simplify(self) -> "Size":
        """Return the size as an `int` if it is one."""
        if not self.terms:
            return 0
        if tuple(self.terms) == ((),) and self.terms[()].denominator == 1:
            return int(self.terms[()])
        return self

    def __add__(self, other: "Size") -> "Size":
        return total((self, other))

    def __mul__(self, other: "Size") -> "Size":
        others = Polynomial.of(other).terms
        spend(PAIR * len(self.terms) * len(others))
        product: dict[Monomial, Fraction] = {}
        for left, a in self.terms.items():
            for right, b in others.items():
                key = _times(left, right)
                product[key] = product.get(key, Fraction(0)) + a * b
        return Polynomial(product).simplify()

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> "Size":
        return self * -1

    def __sub__(self, other: "Size") -> "Size":
        return self + -other

    def __rsub__(self, other: "Size") -> "Size":
        return -self + other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms.items():
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} {_term(monomial, abs(coefficient))}"
        return text[3:] if text.startswith(" + ") else "-" + text[3:]

    __repr__ = __str__


Size: TypeAlias = int | Polynomial
Shape = tuple[Size, ...]


def _times(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for name, exponent in right:
        powers[name] = powers.get(name, 0) + exponent
    return tuple((name, powers[name]) for name in sorted(powers) if powers[name])


def _term(monomial: Monomial, coefficient: Fraction) -> str:
    factors = [name if power == 1 else f"{name}**{power}" for name, power in monomial if power > 0]
    divisors = [name if power == -1 else f"{name}**{-power}" for name, power in monomial if power < 0]
    if coefficient.numerator != 1 or not factors:
        factors.insert(0, str(coefficient.numerator))
    if coefficient.denominator != 1:
        divisors.insert(0, str(coefficient.denominator))
    return "/".join(["*".join(factors), *divisors])


def divide(size: Size, divisor: Size) -> Size:
    """Return `size / divisor` exactly.

    Raises ShapeError if both are numbers with a remainder, or if the divisor is a sum.
    """
    if isinstance(size, int) and isinstance(divisor, int):
        if divisor == 0 or size % divisor:
            raise ShapeError(f"{size} is not a multiple of {divisor}")
        return size // divisor
    terms = Polynomial.of(divisor).terms
    if len(terms) != 1:
        raise ShapeError(f"{size} cannot be divided by {divisor}")
    [(monomial, coefficient)] = terms.items()
    inverse = tuple((name, -power) for name, power in monomial)
    return Polynomial.of(size) * Polynomial({inverse: 1 / coefficient}) if size else 0


def share(size: Size, divisor: Size) -> Size:
    """Return `size / divisor`, a fraction if there is a remainder; of a sum as divisor a new symbol."""
    if isinstance(divisor, int):
        return Polynomial.of(size) * Polynomial.of(Fraction(1, divisor))
    try:
        return divide(size, divisor)
    except ShapeError:
        return size * _symbol(f"1/({divisor})")


def floor_divide(size: Size, divisor: Size) -> Size:
    """Return the floor of `size / divisor`; of symbolic sizes a new symbol, such as `floor((W - w)/s)`."""
    if isinstance(size, int) and isinstance(divisor, int):
        return size // divisor
    if divisor == 1 or size == 0:
        return size
    above = f"({size})" if " " in str(size) else str(size)
    below = f"({divisor})" if " " in str(divisor) or "*" in str(divisor) else str(divisor)
    return _symbol(f"floor({above}/{below})")


def _symbol(text: str) -> Polynomial:
    """Return a size that is written as this text. Raises ShapeError if the text is too long to read."""
    if len(text) > MOST_LETTERS:
        raise ShapeError(f"a size takes more than {MOST_LETTERS} characters to write; send numbers instead")
    return Polynomial.symbol(text)


def write_shifted(start: str, forward: Size, back: Size) -> str:
    """Return `start + forward - back` as text: `i + 2` if the difference is known, else `i + m - n`."""
    offset = forward - back
    if isinstance(offset, int):
        return f"{start} {'-' if offset < 0 else '+'} {abs(offset)}" if offset else start
    return f"{start} + {forward} - " + (f"({back})" if " " in str(back) else f"{back}")


def product(sizes: Iterable[Size]) -> Size:
    """Return the number of entries of a shape."""
    result: Size = 1
    for size in sizes:
        result = result * size
    return result


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of sizes."""
    number, terms = 0, dict[Monomial, Fraction]()
    for size in sizes:
        if isinstance(size, int):
            number += size
            continue
        for monomial, coefficient in size.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
    if not terms:
        return number
    spend(TERM * len(terms))
    terms[()] = terms.get((), Fraction(0)) + number
    return Polynomial(terms).simplify()


def ratio(size: Size, other: Size) -> float | str:
    """Return `size / other` as a number, or as text without common powers of single names."""
    if isinstance(size, int) and isinstance(other, int):
        return size / other
    terms = [dict(monomial) for part in (size, other) for monomial in Polynomial.of(part).terms]
    common = {name: min(powers.get(name, 0) for powers in terms) for name in terms[0]}
    shared = Polynomial({tuple((name, power) for name, power in common.items() if power): Fraction(1)})
    above, below = (str(divide(part, shared.simplify())) for part in (size, other))
    if below == "1":
        return above
    return "/".join(f"({part})" if " " in part else part for part in (above, below))


def broadcast(*shapes: Shape) -> Shape:
    """Return the shape that these shapes broadcast to by NumPy's rule.

    A symbol is taken not to be 1, and different symbols to be different sizes. Raises ShapeError if the
    shapes do not broadcast.
    """
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    result: list[Size] = []
    for sizes in zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1):
        distinct = {size for size in sizes if size != 1}
        if len(distinct) > 1:
            raise ShapeError(" and ".join(map(show, shapes)) + " do not broadcast")
        result.append(distinct.pop() if distinct else 1)
    return tuple(reversed(result))


def show(shape: Shape) -> str:
    """Return a shape as people write it: `(2, d_k)`."""
    return "(" + ", ".join(map(str, shape)) + ")"


def shape_to_json(shape: Shape) -> list[int | str]:
    """Return a shape as an answer holds it."""
    return [write_size(size) for size in shape]


def write_size(size: Size) -> int | str:
    """Return a size as JSON: text if it is a polynomial, or an integer that readers may round."""
    return size if isinstance(size, int) and abs(size) < LARGEST else str(size)


def at_least(rank: int, shape: Shape) -> None:
    """Raise ShapeError if a shape has fewer than `rank` axes."""
    if len(shape) < rank:
        raise ShapeError(f"{show(shape)} has fewer than {rank} axes")


def from_last(axis: int, rank: int) -> int | None:
    """Return the number of an axis counted from the last, -1; None if there is no such axis."""
    if not -rank <= axis < rank:
        return None
    return axis if axis < 0 else axis - rank


def without(shape: Shape, axis: int) -> Shape:
    """Return a shape without one axis, counted from the end. Raises ShapeError if there is none."""
    at_least(-axis, shape)
    at = len(shape) + axis
    return (*shape[:at], *shape[at + 1 :])


def is_at_least(size: Size, other: Size) -> bool | None:
    """Return whether a size is at least another one for all sizes of at least 1; None if that is unknown."""
    difference = size - other
    if isinstance(difference, int):
        return difference >= 0
    constant = difference.terms.get((), Fraction(0))
    others = {monomial: count for monomial, count in difference.terms.items() if monomial}
    if any(power < 0 for monomial in others for _, power in monomial):
        return None
    # A floor may be 0, and every other name is at least 1.
    least = sum(count for monomial, count in others.items() if all("(" not in name for name, _ in monomial))
    if all(count > 0 for count in others.values()) and constant + least >= 0:
        return True
    if all(count < 0 for count in others.values()) and constant + least < 0:
        return False
    return None


def larger(size: Size, other: Size) -> Size:
    """Return the larger of two sizes; a new symbol, such as `max(k, 3)`, if that depends on their names."""
    at_least_other = is_at_least(size, other)
    if at_least_other is None:
        return size if is_at_least(other, size) is False else _symbol(f"max({size}, {other})")
    return size if at_least_other else other


def smaller(size: Size, other: Size) -> Size:
    """Return the smaller of two sizes; a new symbol, such as `min(k, 3)`, if that depends on their names."""
    at_least_other = is_at_least(size, other)
    if at_least_other is None:
        return other if is_at_least(other, size) is False else _symbol(f"min({size}, {other})")
    return other if at_least_other else size


def bound_larger(size: Size, other: Size) -> Size:
    """Return the larger of two sizes if names are large, or a bound of both that grows as they do."""
    if isinstance(size, int) and isinstance(other, int):
        return max(size, other)
    mine, its = Polynomial.of(size).terms, Polynomial.of(other).terms
    none = Fraction(0)
    bound = {powers: max(mine.get(powers, none), its.get(powers, none)) for powers in (*mine, *its)}
    reached = [
        (terms.get((), none), one)
        for one, terms in ((size, mine), (other, its))
        if all(terms.get(powers, none) == count for powers, count in bound.items() if powers)
    ]
    return max(reached, key=lambda pair: pair[0])[1] if reached else Polynomial(bound).simplify()


def symbols(size: Size) -> set[str]:
    """Return the dimension names that a size depends on."""
    if isinstance(size, int):
        return set()
    return {name for monomial in size.terms for name, _ in monomial}


def big_o(size: Size) -> str:
    """Return the growth of a size: its fastest growing terms, without coefficients.

    `3*d**2*n + 2*d*n**2` grows as `O(d²n + n²d)`.
    """
    if isinstance(size, int):
        return "O(1)"
    powers = sorted(map(dict, size.terms), key=lambda term: -sum(term.values()))
    has_divisors = any(power < 0 for term in powers for power in term.values())
    leading: list[dict[str, int]] = []
    by_name: dict[str, list[dict[str, int]]] = {}
    for term in powers:  # a term that grows faster has a larger degree
        above = min((by_name.get(name, []) for name in term), key=len, default=leading)
        above = powers if has_divisors else above
        spend(COMPARISON * len(above))
        if not any(term is not other and _divides(term, other) for other in above):
            leading.append(term)
            for name in term:
                by_name.setdefault(name, []).append(term)
    return "O(" + " + ".join(sorted(map(_write_growth, leading))) + ")"


def _divides(term: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return all(other.get(name, 0) >= power for name, power in term.items())


def _write_growth(powers: Mapping[str, int]) -> str:
    ordered = sorted(powers.items(), key=lambda item: (-item[1], item[0]))
    factors = [name + (str(power).translate(SUPERSCRIPTS) if power != 1 else "") for name, power in ordered]
    return ("" if all(len(name) == 1 for name in powers) else "·").join(factors) or "1"


@lru_cache(maxsize=1024)
def outer_axes(dims: str, count: int, *, is_batch: bool) -> tuple[str, ...]:
    """Return labels for `count` axes before those that dims name: `batch`, or `axis_0`, ... if unknown.

    is_batch: whether positions such as tokens have an axis of their own, so that axes before it are batch
        axes.
    """
    named = is_batch and dims != "..."
    return ("batch",) * count if named else tuple(f"axis_{at}" for at in range(count))
