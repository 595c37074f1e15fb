"""The arithmetic namespace over exact numbers: object arrays whose entries are SymPy expressions.

If the order of two numbers depends on symbols, their comparison is a condition, and results that depend on it
have cases.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact import algebra, cases, entrywise, orders
from compute.arithmetic.exact.bounds import PROGRESS, check
from compute.arithmetic.exact.limits import limit
from compute.arithmetic.exact.proofs import compare_all
from compute.arithmetic.exact.readable import readable
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import EQUAL, Array, Equality, Relation
from compute.dimensions import Size


class Exact:
    """The arithmetic namespace over the exact numbers of one question.

    assumptions: the assumptions on each free symbol, by name.
    abbreviated: names of values that later values refer to by new symbols.
    definitions: the entries of abbreviated values, by name.
    """

    name = "exact"
    ordered = False
    simplifies = True
    negative_infinity = -sympy.oo

    add = staticmethod(entrywise.each(algebra.add, 2))
    subtract = staticmethod(entrywise.each(lambda a, b: algebra.add(a, -b), 2))
    multiply = staticmethod(entrywise.each(entrywise.multiply, 2))
    divide = staticmethod(entrywise.each(entrywise.divide, 2))
    maximum = staticmethod(entrywise.each(entrywise.maximum, 2))
    minimum = staticmethod(entrywise.each(entrywise.minimum, 2))
    negative = staticmethod(entrywise.each(lambda a: -a, 1))
    exp = staticmethod(entrywise.each(lambda a: sympy.exp(a), 1))
    absolute = staticmethod(entrywise.each(entrywise.absolute, 1))
    sign = staticmethod(entrywise.each(entrywise.sign, 1))
    sigmoid = staticmethod(entrywise.each(lambda a: 1 / (1 + sympy.exp(-a)), 1))
    sqrt = staticmethod(entrywise.each(algebra.sqrt, 1))
    log = staticmethod(entrywise.each(algebra.log, 1))
    log1p = staticmethod(entrywise.each(lambda a: algebra.log(1 + a), 1))
    expm1 = staticmethod(entrywise.each(lambda a: sympy.exp(a) - 1, 1))
    softplus = staticmethod(entrywise.each(lambda a: algebra.log(1 + sympy.exp(a)), 1))
    erf = staticmethod(entrywise.each(sympy.erf, 1))
    normal_cdf = staticmethod(entrywise.each(entrywise.normal_cdf, 1))
    sin = staticmethod(entrywise.each(entrywise.bounded(sympy.sin), 1))
    cos = staticmethod(entrywise.each(entrywise.bounded(sympy.cos), 1))
    tanh = staticmethod(entrywise.each(sympy.tanh, 1))
    floor = staticmethod(entrywise.each(entrywise.floor, 1))
    rint = staticmethod(entrywise.each(entrywise.rint, 1))
    power_of = staticmethod(entrywise.each(entrywise.power, 2))
    remainder = staticmethod(entrywise.each(entrywise.remainder, 2))
    greater = staticmethod(entrywise.each(orders.greater, 2))
    greater_equal = staticmethod(entrywise.each(orders.greater_equal, 2))
    equal = staticmethod(entrywise.each(orders.equal, 2))
    where = staticmethod(entrywise.each(cases.piecewise, 3))
    difference = subtract
    # A sum of exponentials is zero only where there are none.
    softmax_divide = staticmethod(
        entrywise.each(lambda part, total: part / total if total != 0 else sympy.S.Zero, 2)
    )

    def __init__(
        self, assumptions: Mapping[str, Sequence[str]] | None = None, abbreviated: Collection[str] = ()
    ) -> None:
        self.symbols = algebra.Symbols(assumptions)
        self.abbreviated = frozenset(abbreviated)
        self.definitions: dict[str, Array] = {}
        self._meanings: dict[Any, Any] = {}

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return entrywise.array(algebra.value(expression, self.symbols, sizes))

    def power(self, a: Array, exponent: Expression) -> Array:
        worth = algebra.value(exponent, self.symbols)
        return entrywise.each(lambda one: entrywise.power(one, worth), 1)(a)

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        worth = algebra.value(base, self.symbols)
        return entrywise.each(lambda one: entrywise.power(worth, sympy.Rational(one, denominator)), 1)(
            numerators
        )

    def whole(self, numbers: Array) -> Array:
        return entrywise.entries(numbers)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.full(shape, sympy.S.Zero, dtype=object)

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        array = self.zeros(shape)
        array.flat[index] = sympy.S.One
        return array

    def sum(self, a: Array, axis: int) -> Array:
        """Return the sum, added at once: adding terms one by one would take quadratic time."""
        rows = np.moveaxis(a, axis, -1)
        sums = np.empty(rows.shape[:-1], dtype=object)
        for at in np.ndindex(sums.shape):
            sums[at] = algebra.add(*rows[at])
        return np.expand_dims(sums, axis)

    def matmul(self, a: Array, b: Array, /) -> Array:
        products = self.multiply(a[..., :, :, None], b[..., None, :, :])
        return self.sum(products, -2)[..., 0, :]

    def solve(self, matrix: Array, b: Array) -> Array:
        square = sympy.Matrix(matrix.tolist())
        if square.det(method="berkowitz").is_zero:
            return np.full(b.shape, sympy.nan, dtype=object)
        solved = list(square.LUsolve(sympy.Matrix(b.tolist())))
        return np.array(solved, dtype=object).reshape(b.shape)

    def det(self, matrix: Array) -> Array:
        found = np.empty(matrix.shape[:-2], dtype=object)
        for at in np.ndindex(found.shape):
            found[at] = sympy.Matrix(matrix[at].tolist()).det(method="berkowitz")
        return found

    def elementary(self, name: str, a: Array) -> Array:
        return entrywise.each(entrywise.ELEMENTARY[name], 1)(a)

    def round_to(self, a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
        return entrywise.each(lambda one: entrywise.round_to(one, digits, least, largest, beyond), 1)(a)

    def select(self, conditions: Sequence[Array], choices: Sequence[Array]) -> Array:
        found = np.empty(np.broadcast_shapes(*(one.shape for one in (*conditions, *choices))), dtype=object)
        spread = [
            [np.broadcast_to(entrywise.entries(one), found.shape) for one in all_]
            for all_ in (choices, conditions)
        ]
        for at in np.ndindex(found.shape):
            found[at] = cases.exclusive([(one[at], held[at]) for one, held in zip(*spread, strict=True)])
        return found

    def placeholders(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return symbols whose names no symbol of a request can have."""
        symbols: Array = np.empty(shape, dtype=object)
        for number, at in enumerate(np.ndindex(shape)):
            symbols[at] = sympy.Symbol(f"#{name}#{number}", real=True)
        return symbols

    def max_shift(self, a: Array, axis: int) -> Array:
        return self.zeros(a.take([0], axis).shape)

    def exponentials(self, a: Array, axis: int) -> Array:  # noqa: ARG002 - the namespace has it
        return self.exp(a)  # exact exponentials cannot overflow, and are more readable without a shift

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:  # noqa: ARG002 - the namespace has it
        return entrywise.each(lambda one: algebra.log(one) if one != 0 else sympy.S.Zero, 1)(total)

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:  # noqa: ARG002 - the namespace has it
        return a

    def places(self, numbers: Array, last: int) -> Array:
        """Return numbers as indices, which may have cases. Raises ValueError if a case is not an index."""
        entries = entrywise.entries(numbers)
        for place in (place for one in entries.flat for place, _ in cases.apart(one)):
            if not place.is_Integer or not 0 <= place <= last:
                raise ValueError
        return entries

    def take(self, a: Array, places: Array) -> Array:
        found = np.empty(places.shape, dtype=object)
        for at in np.ndindex(places.shape):
            row, choices = a[at[:-1]], cases.apart(places[at])
            found[at] = cases.exclusive([(row[int(place)], condition) for place, condition in choices])
        return found

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        found = np.empty((*a.shape[:-1], size), dtype=object)
        where = entrywise.entries(places)
        for row in np.ndindex(a.shape[:-1]):
            terms: list[list[Any]] = [[] for _ in range(size)]
            for entry, place in zip(a[row], where[row], strict=True):
                for one, condition in cases.apart(place):
                    terms[int(one)].append(entry * cases.indicator(condition))
            found[row] = [sympy.Add(*one) for one in terms]
        return found

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        return rule(*arrays)

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        absent = np.frompyfunc(lambda one: one is -sympy.oo, 1, 1)(logs).astype(bool)
        return self.where(absent.all(axis=axis, keepdims=True), self.zeros(()), a)

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        return rule(axis, *arrays)

    def argmax(self, a: Array, axis: int) -> Array:
        moved = np.moveaxis(a, axis, -1)
        found = np.empty(moved.shape[:-1], dtype=object)
        for at in np.ndindex(found.shape):
            found[at] = _first_largest(list(moved[at]))
        return found

    def argsort(self, a: Array, axis: int) -> Array:
        moved = np.moveaxis(a, axis, -1)
        found = np.empty(moved.shape, dtype=np.intp)
        for at in np.ndindex(moved.shape[:-1]):
            found[at] = _order(list(moved[at]))
        return np.moveaxis(found, -1, axis)

    def equality(self, left: Array, right: Array, relation: Relation = EQUAL) -> Equality:
        in_full = entrywise.each(self.in_full, 1)
        return compare_all(in_full(left), in_full(right), relation)

    def limit(self, a: Array, name: str, to: Expression | None, sign: int) -> Array | None:
        """Return the limit of each entry as a symbol goes to a constant; None if one is not found.

        to: None for infinity, with its sign.
        """
        symbol = self.symbols.symbol(name)
        worth = sign * sympy.oo if to is None else algebra.value(to, self.symbols)
        found = np.empty(a.shape, dtype=object)
        for at in np.ndindex(a.shape):
            entry = limit(self.in_full(a[at]), symbol, worth)
            if entry is None:
                return None
            found[at] = readable(entry)
        return found

    def is_finite(self, a: Array) -> bool:
        return not any(one is sympy.nan or orders.is_infinite(one) for one in entrywise.entries(a).flat)

    def outlines(self, a: Array) -> Array:
        """Return infinity and NaN where the entries are, and 0 for finite entries."""
        return entrywise.each(_outline, 1)(a).astype(np.float64)

    def begin(self) -> None:
        PROGRESS.begin()

    def simplify(self, a: Array, name: str | None) -> Array:
        """Return a value after checking its size, in readable form if it has a name."""
        if a.dtype != object or any(isinstance(one, sympy.logic.boolalg.Boolean) for one in a.flat):
            return a
        check(a.flat)
        if name is None:
            return a
        result = np.empty(a.shape, dtype=object)
        for at in np.ndindex(a.shape):
            result[at] = cases.real(readable(a[at]))
        PROGRESS.reached(name)
        return self._abbreviate(result, name) if name in self.abbreviated else result

    def _abbreviate(self, a: Array, name: str) -> Array:
        """Return symbols in place of a value's entries, except for entries without symbols."""
        self.definitions[name] = a
        symbols = self.abbreviations(name, a.shape)
        for at in np.ndindex(a.shape):
            entry: Any = a[at]
            if entry.free_symbols:
                self._meanings[symbols[at]] = self.in_full(entry)
            else:
                symbols[at] = entry
        return symbols

    def abbreviations(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the symbols that abbreviate a value."""
        return self.symbols.fresh(re.sub(r"\W+", "_", name).strip("_"), shape)

    def definition(self, name: str) -> list[tuple[Any, Any]]:
        """Return the symbols of an abbreviated value, each with its expression."""
        array = self.definitions[name]
        symbols = self.abbreviations(name, array.shape)
        pairs = zip(symbols.flat, array.flat, strict=True)
        return [(symbol, entry) for symbol, entry in pairs if entry.free_symbols]

    def in_full(self, entry: Any) -> Any:
        """Return an entry without abbreviations."""
        return entry.xreplace(self._meanings) if self._meanings else entry


def _first_largest(entries: list[Any]) -> Any:
    """Return the index of the first largest entry."""
    conditions = cases.largest(entries)
    return cases.exclusive([(sympy.Integer(at), condition) for at, condition in enumerate(conditions)])


def _order(entries: list[Any]) -> list[int]:
    """Return the indices that sort entries."""

    def compare(one: int, other: int) -> int:
        return orders.rank(entries[one], entries[other])

    return sorted(range(len(entries)), key=cmp_to_key(compare))


def _outline(one: Any) -> float:
    if one is sympy.nan:
        return float("nan")
    return float(one) if orders.is_infinite(one) else 0.0
