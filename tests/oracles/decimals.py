"""An arithmetic namespace of 50-digit decimals in object arrays, for tests only."""

from collections.abc import Callable
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import numpy as np

from compute.arithmetic.expressions import Expression, fold
from compute.arithmetic.namespace import EQUAL, Equality, Relation
from compute.dimensions import Size

DIGITS = 50
Array = Any


def _each(function: Callable[..., Decimal]) -> Callable[..., Array]:
    vectorized = np.frompyfunc(function, function.__code__.co_argcount, 1)

    def apply(*arrays: Array) -> Array:
        with localcontext(prec=DIGITS):
            return np.asarray(vectorized(*arrays), dtype=object)

    return apply


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def _sine(angle: Decimal) -> Decimal:
    """Return the sine by its series, which converges well for the small angles of the tests."""
    term, total, n = angle, angle, 1
    while abs(term) > Decimal(10) ** -DIGITS:
        term = -term * angle * angle / ((n + 1) * (n + 2))
        total, n = total + term, n + 2
    return total


class _Algebra:
    def __init__(self, sizes: dict[str, Size]) -> None:
        self.sizes = sizes

    def number(self, text: str) -> Decimal:
        return Decimal(text)

    def symbol(self, name: str) -> Decimal:
        size = self.sizes[name]
        assert isinstance(size, int)
        return Decimal(size)

    def apply(self, head: str, operands: list[Decimal]) -> Decimal:
        a, b = operands[0], operands[-1]
        with localcontext(prec=DIGITS):
            heads: dict[str, Callable[[], Decimal]] = {
                "add": lambda: a + b,
                "subtract": lambda: a - b,
                "multiply": lambda: a * b,
                "divide": lambda: a / b,
                "negative": lambda: -a,
                "sqrt": a.sqrt,
                "exp": a.exp,
            }
            return heads[head]()


class Decimals:
    """The arithmetic namespace over decimals."""

    name = "decimal"
    negative_infinity = Decimal("-Infinity")
    ordered = True
    simplifies = False

    add = staticmethod(_each(lambda a, b: a + b))
    subtract = staticmethod(_each(lambda a, b: a - b))
    multiply = staticmethod(_each(lambda a, b: a * b))
    divide = staticmethod(_each(lambda a, b: a / b))
    negative = staticmethod(_each(lambda a: -a))
    maximum = staticmethod(_each(lambda a, b: max(a, b)))
    minimum = staticmethod(_each(lambda a, b: min(a, b)))
    absolute = staticmethod(_each(lambda a: abs(a)))
    sign = staticmethod(_each(lambda a: Decimal((a > 0) - (a < 0))))
    sigmoid = staticmethod(_each(lambda a: 1 / (1 + (-a).exp())))
    log = staticmethod(_each(lambda a: a.ln()))
    sin = staticmethod(_each(lambda a: _sine(a)))
    cos = staticmethod(_each(lambda a: _sine(a + PI / 2)))
    sqrt = staticmethod(_each(lambda a: a.sqrt()))
    exp = staticmethod(_each(lambda a: a.exp()))
    log1p = staticmethod(_each(lambda a: (1 + a).ln()))
    softplus = staticmethod(_each(lambda a: (1 + a.exp()).ln()))
    expm1 = staticmethod(_each(lambda a: a.exp() - 1))
    tanh = staticmethod(_each(lambda a: 1 - 2 / ((2 * a).exp() + 1)))
    floor = staticmethod(_each(lambda a: a.to_integral_value(ROUND_FLOOR)))
    rint = staticmethod(_each(lambda a: a.to_integral_value(ROUND_HALF_EVEN)))
    power_of = staticmethod(_each(lambda a, b: a**b))
    remainder = staticmethod(_each(lambda a, b: a - b * (a / b).to_integral_value(ROUND_FLOOR)))

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return np.array(fold(expression, _Algebra(sizes)), dtype=object)

    def power(self, a: Array, exponent: Expression) -> Array:
        value = fold(exponent, _Algebra({}))
        return _each(lambda entry: entry**value)(a)

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        value = fold(base, _Algebra({}))
        return _each(lambda numerator: value ** (Decimal(int(numerator)) / denominator))(numerators)

    def whole(self, numbers: Array) -> Array:
        return _each(lambda number: Decimal(int(number)))(numbers)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.full(shape, Decimal(0), dtype=object)

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        array = self.zeros(shape)
        array.flat[index] = Decimal(1)
        return array

    def matmul(self, a: Array, b: Array, /) -> Array:
        with localcontext(prec=DIGITS):
            return np.matmul(a, b)

    def sum(self, a: Array, axis: int) -> Array:
        with localcontext(prec=DIGITS):
            return np.add.reduce(a, axis=axis, keepdims=True)

    def erf(self, a: Array) -> Array:
        raise NotImplementedError  # no test uses it in decimals

    def normal_cdf(self, a: Array) -> Array:
        raise NotImplementedError

    def solve(self, matrix: Array, b: Array) -> Array:
        raise NotImplementedError

    def det(self, matrix: Array) -> Array:
        raise NotImplementedError

    def elementary(self, name: str, a: Array) -> Array:
        raise NotImplementedError

    def round_to(self, a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
        raise NotImplementedError

    def argsort(self, a: Array, axis: int) -> Array:
        return a.argsort(axis=axis, kind="stable")

    def where(self, condition: Array, a: Array, b: Any) -> Array:
        return np.where(condition, a, b if isinstance(b, np.ndarray) else np.array(Decimal(b), dtype=object))

    def select(self, conditions: Any, choices: Any) -> Array:
        return np.select(conditions, choices)

    def max_shift(self, a: Array, axis: int) -> Array:
        return self.zeros(a.take([0], axis).shape)

    def exponentials(self, a: Array, axis: int) -> Array:
        return self.exp(a)  # needs no factor

    def difference(self, a: Array, b: Array) -> Array:
        return self.subtract(a, b)

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        return _each(lambda part, whole: part / whole if whole else Decimal(0))(parts, total)

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:
        return _each(lambda entry: entry.ln() if entry else Decimal(0))(total)

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        return a

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        absent = (logs == self.negative_infinity).all(axis=axis, keepdims=True)
        return self.where(absent, self.zeros(()), a)

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        result = self.zeros((*a.shape[:-1], size))
        with localcontext(prec=DIGITS):
            for row in np.ndindex(a.shape[:-1]):
                np.add.at(result[row], places[row], a[row])
        return result

    def entrywise(self, rule: Any, *arrays: Array) -> Array:
        return rule(*arrays)

    def along(self, rule: Any, axis: int, *arrays: Array) -> Array:
        return rule(axis, *arrays)

    def greater(self, a: Array, b: Array, /) -> Array:
        return np.greater(a, b)

    def greater_equal(self, a: Array, b: Array, /) -> Array:
        return np.greater_equal(a, b)

    def places(self, numbers: Array, last: int) -> Array:
        return numbers.astype(np.intp)

    def take(self, a: Array, places: Array) -> Array:
        return np.take_along_axis(a, places, axis=-1)

    def equal(self, a: Array, b: Array, /) -> Array:
        return np.equal(a, b)

    def argmax(self, a: Array, axis: int) -> Array:
        return a.argmax(axis=axis)

    def equality(self, left: Array, right: Array, relation: Relation = EQUAL) -> Equality:
        assert relation == EQUAL
        return Equality(bool((left == right).all()), float(abs(left - right).max()))

    def outlines(self, a: Array) -> Array:
        return np.asarray(a, dtype=np.float64)

    def begin(self) -> None:
        return

    def simplify(self, a: Array, name: str | None) -> Array:
        return a

    def is_finite(self, a: Array) -> bool:
        return all(entry.is_finite() for entry in a.flat)
