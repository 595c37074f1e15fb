"""The arithmetic namespace that finds structural dependence, for arbitrary numbers.

A number is known if settings, masks and indices alone determine it, and unknown if it depends on arbitrary
numbers. Unknown numbers are NaN, which NumPy propagates; this namespace adds the few rules by which they
disappear, such as 0 times an unknown number. A gradient rule that returns a known 0 returns 0 for all finite
numbers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.error_function import erf, normal_cdf
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.arithmetic.floating import round_to_format
from compute.arithmetic.namespace import EQUAL, Array, Equality, Relation
from compute.dimensions import Size


class Open:
    """The truth value of a condition on unknown numbers, which may hold or not."""

    def __and__(self, other: Any) -> Any:
        return other if other is False else self

    def __or__(self, other: Any) -> Any:
        return other if other is True else self

    def __invert__(self) -> "Open":
        return self

    __rand__, __ror__ = __and__, __or__


OPEN = Open()


class Dependence:
    """The arithmetic namespace over known and unknown numbers, in float64 arrays.

    Conditions are booleans, or objects if some are `OPEN`. Indices are integers, or floats if some are
    unknown.
    """

    name = "dependence"
    ordered = False
    simplifies = False
    negative_infinity = -math.inf

    def __init__(self) -> None:
        self.greater = _comparison(np.greater)
        self.greater_equal = _comparison(np.greater_equal)
        self.equal = _comparison(np.equal)
        self.maximum: Callable[..., Array] = np.maximum
        self.minimum: Callable[..., Array] = np.minimum
        self.negative: Callable[..., Array] = np.negative
        self.absolute: Callable[..., Array] = np.absolute
        self.sign: Callable[..., Array] = np.sign
        self.exp: Callable[..., Array] = np.exp
        self.expm1: Callable[..., Array] = np.expm1
        self.log: Callable[..., Array] = np.log
        self.log1p: Callable[..., Array] = np.log1p
        self.sqrt: Callable[..., Array] = np.sqrt
        self.sin: Callable[..., Array] = np.sin
        self.cos: Callable[..., Array] = np.cos
        self.tanh: Callable[..., Array] = np.tanh
        self.floor: Callable[..., Array] = np.floor
        self.rint: Callable[..., Array] = np.rint
        self.power_of: Callable[..., Array] = np.power
        self.remainder: Callable[..., Array] = np.remainder
        self.erf: Callable[..., Array] = erf
        self.normal_cdf: Callable[..., Array] = normal_cdf
        self.difference = self.subtract

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return np.array(_worth(expression, sizes))

    def power(self, a: Array, exponent: Expression) -> Array:
        return np.power(a, _worth(exponent, {}))

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        return np.power(_worth(base, {}), numerators / denominator)

    def whole(self, numbers: Array) -> Array:
        return numbers.astype(np.float64)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        array = np.zeros(shape)
        array.flat[index] = 1
        return array

    def add(self, a: Array, b: Array) -> Array:
        """Return the sum; infinities stay infinite, since unknown numbers are finite."""
        found: Array = np.asarray(np.add(a, b))
        one, other = np.isinf(a), np.isinf(b)
        if one.any() or other.any():
            found = np.where(one & ~other, a, np.where(other & ~one, b, found))
        return found

    def subtract(self, a: Array, b: Array) -> Array:
        return self.add(a, np.negative(b))

    def multiply(self, a: Array, b: Array) -> Array:
        """Return the product; 0 times an unknown number is 0."""
        found: Array = np.asarray(np.multiply(a, b))
        unknown = np.isnan(found)
        if unknown.any():
            zero = (np.equal(a, 0) & ~np.isinf(b)) | (np.equal(b, 0) & ~np.isinf(a))
            found = np.where(unknown & zero, 0.0, found)
        return found

    def divide(self, a: Array, b: Array) -> Array:
        return np.where(np.equal(a, 0) & np.isnan(b), 0.0, np.divide(a, b))

    def matmul(self, a: Array, b: Array) -> Array:
        """Return the matrix product; an entry is unknown if an unknown number is multiplied by a non-zero."""
        unknown = [np.isnan(one) for one in (a, b)]
        known = [np.where(nan, 0.0, one) for nan, one in zip(unknown, (a, b), strict=True)]
        found: Array = np.matmul(known[0], known[1])
        present = [np.not_equal(one, 0).astype(np.float64) for one in (a, b)]
        met = np.matmul(unknown[0].astype(np.float64), present[1])
        met = met + np.matmul(present[0], unknown[1].astype(np.float64))
        return np.where(met > 0, np.nan, found)

    def solve(self, matrix: Array, b: Array) -> Array:  # noqa: ARG002 - the namespace has it
        rows = -2 if b.ndim > 1 else -1
        return np.where(np.equal(b, 0).all(axis=rows, keepdims=True) & np.ones(b.shape, bool), 0.0, np.nan)

    def det(self, matrix: Array) -> Array:
        return np.full(matrix.shape[:-2], np.nan)

    def elementary(self, name: str, a: Array) -> Array:
        found: Array = getattr(np, name)(a)
        return found

    def round_to(self, a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
        return round_to_format(a, digits, least, largest, beyond)

    def sum(self, a: Array, axis: int) -> Array:
        return np.add.reduce(a, axis=axis, keepdims=True)

    def sigmoid(self, a: Array) -> Array:
        found: Array = np.asarray(1 / (1 + np.exp(-a)))
        return found

    def softplus(self, a: Array) -> Array:
        return np.logaddexp(0, a)

    def where(self, condition: Array, a: Array, b: Any) -> Array:
        if condition.dtype == np.bool_:
            return np.where(condition, a, b)
        held, failed = _is(condition, True), _is(condition, False)
        either = np.where(np.equal(a, b), a, np.nan)
        return np.where(held, a, np.where(failed, b, either))

    def choices(self, a: Array, possible: Array) -> Array:
        """Return unknown numbers for non-zero entries that may be selected, and 0 for others."""
        return np.where(possible & np.not_equal(a, 0), np.nan, 0.0)

    def select(self, conditions: Sequence[Array], choices: Sequence[Array]) -> Array:
        shape = np.broadcast_shapes(*(one.shape for one in (*conditions, *choices)))
        held = [np.broadcast_to(_is(one, True), shape) for one in conditions]
        return np.select(held, [np.broadcast_to(one, shape) for one in choices], np.nan)

    def max_shift(self, a: Array, axis: int) -> Array:
        return np.zeros_like(a.take([0], axis))

    def exponentials(self, a: Array, axis: int) -> Array:  # noqa: ARG002 - the namespace has it
        return np.exp(a)

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        """Return the quotient; if a part is the only one of its total, the quotient is 1."""
        found = np.where(np.equal(parts, 0), 0.0, np.divide(parts, total))
        return np.where(_is_alone(np.not_equal(parts, 0), total), 1.0, found)

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:  # noqa: ARG002 - the namespace has it
        return np.log(np.where(np.equal(total, 0), 1.0, total))

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        """Return `a`; the only entry with a non-zero weight becomes minus the sum of the others."""
        alone = _is_alone(np.not_equal(weights, 0), self.sum(weights, axis))
        return np.where(alone, self.negative(self.sum(np.where(alone, 0.0, a), axis)), a)

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        return np.where(np.equal(logs, -math.inf).all(axis=axis, keepdims=True), 0.0, a)

    def places(self, numbers: Array, last: int) -> Array:
        known = numbers[~np.isnan(numbers)]
        if not ((known >= 0) & (known <= last) & (known == np.floor(known))).all():
            raise ValueError
        return numbers.astype(np.intp) if known.size == numbers.size else numbers

    def take(self, a: Array, places: Array) -> Array:
        at, unknown = _split(places)
        found: Array = np.take_along_axis(a, at, axis=-1)
        nowhere = np.equal(a, 0).all(axis=-1, keepdims=True)
        return np.where(unknown & ~nowhere, np.nan, found)

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        """Return rows with each entry added at its index; one with an unknown index may be added anywhere."""
        at, unknown = (np.broadcast_to(one, a.shape) for one in _split(places))
        found = np.zeros((*a.shape[:-1], size))
        for row in np.ndindex(a.shape[:-1]):
            np.add.at(found[row], at[row], np.where(unknown[row], 0.0, a[row]))
            if (unknown[row] & np.not_equal(a[row], 0)).any():
                found[row] = np.nan
        return found

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        return rule(*arrays)

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        return rule(axis, *arrays)

    def argmax(self, a: Array, axis: int) -> Array:
        found: Array = a.argmax(axis=axis)
        unknown = np.isnan(a).any(axis=axis)
        return np.where(unknown, np.nan, found) if unknown.any() else found

    def argsort(self, a: Array, axis: int) -> Array:
        found: Array = a.argsort(axis=axis, kind="stable")
        unknown = np.isnan(a).any(axis=axis, keepdims=True)
        return np.where(unknown, np.nan, found) if unknown.any() else found

    def is_finite(self, a: Array) -> bool:
        return not bool(np.isinf(a).any())

    def outlines(self, a: Array) -> Array:
        return a

    def equality(self, left: Array, right: Array, relation: Relation = EQUAL) -> Equality:
        """Return whether both sides are equal; undecided if an entry is unknown, and for other relations."""
        unknown = relation != EQUAL or bool((np.isnan(left) | np.isnan(right)).any())
        return Equality(None if unknown else bool((left == right).all()), None)

    def begin(self) -> None:
        return

    def simplify(self, a: Array, name: str | None) -> Array:  # noqa: ARG002 - the namespace has it
        return a


def open_where(condition: Array) -> Array:
    """Return a condition that is open where this one holds, and false elsewhere."""
    result = condition.astype(object)
    result[condition] = OPEN
    return result


def make_unknown(a: Array) -> Array:
    """Return an array of unknown numbers. Infinite entries are unchanged: in a mask they are structure."""
    return np.where(np.isinf(a), a, np.nan)


def _comparison(function: Callable[..., Any]) -> Callable[..., Array]:
    """Return a comparison that is open if an operand is unknown."""

    def compare(a: Array, b: Array) -> Array:
        held: Array = np.asarray(function(a, b))
        unknown = np.isnan(a) | np.isnan(b)
        if unknown.any():
            held = held.astype(object)
            held[unknown] = OPEN
        return held

    return compare


def _is(condition: Array, truth: bool) -> Array:
    """Return the entries at which a condition is known to be true, or to be false."""
    return np.asarray(np.equal(condition, truth, dtype=object)).astype(np.bool_)


def _is_alone(present: Array, total: Array) -> Array:
    """Return the entries that are the only ones present in their total, as booleans."""
    axes = tuple(axis for axis, size in enumerate(total.shape) if size == 1)
    alone: Array = present & (present.sum(axis=axes, keepdims=True) == 1)
    return alone


def _split(places: Array) -> tuple[Array, Array]:
    """Places with 0 for those that are unknown, and which these are."""
    unknown = np.isnan(places)
    return np.where(unknown, 0, places).astype(np.intp), unknown


def _worth(expression: Expression, sizes: dict[str, Size]) -> float:
    """The number that an expression stands for; unknown where symbols are free in it."""
    try:
        return evaluate(expression, sizes)
    except ExpressionError:
        return math.nan


DEPENDENCE = Dependence()
