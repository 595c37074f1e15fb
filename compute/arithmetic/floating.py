"""Floating-point numbers: NumPy in float64 or float32."""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from compute.arithmetic import blocks
from compute.arithmetic.constants import evaluate
from compute.arithmetic.error_function import erf, normal_cdf
from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import EQUAL, Array, Equality, Relation
from compute.dimensions import Size

FEW, BLOCKS = 10_000, 100_000  # entries; up to the first number OpenBLAS uses one thread
ROUNDING = 16  # units in the last place by which a difference may pass a tolerance
NEARLY = 1 / 8  # numbers nearer to 1 than this have lost three bits or more
Unary: TypeAlias = Callable[[Array], Array]
Binary: TypeAlias = Callable[[Array, Array], Array]


_POWERS: dict[float, Unary] = {1: np.positive, 2: np.square, 0.5: np.sqrt}  # many times as fast as np.power


def _sigmoid(a: Array) -> Array:
    if not a.ndim:
        # The form whose exponential cannot overflow.
        decay = np.exp(-np.abs(a))
        single: Array = np.where(a >= 0, 1, decay) / (1 + decay)
        return single
    result: Array = np.negative(a)
    try:
        with np.errstate(over="raise"):
            np.exp(result, out=result)
    except FloatingPointError:  # where exp(-a) overflows, exp(a) is the sigmoid to the last digit
        lowest = np.negative(np.log(np.finfo(result.dtype).max))
        with np.errstate(over="ignore"):
            return np.where(a < lowest, np.exp(a), 1 / (1 + np.exp(np.negative(a))))
    result += 1
    return np.divide(1, result, out=result)


def _negative(a: Array) -> Array:
    result: Array = np.subtract(0, a)  # np.negative would make -0 of 0
    return result


def _softplus(a: Array) -> Array:
    result: Array = np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))
    return result


def round_to_format(a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
    """Return floats rounded to a format; see `Arithmetic.round_to`."""
    _, exponent = np.frexp(a)
    last = np.maximum(exponent, least + 1) - digits  # the exponent of the last digit
    rounded = np.ldexp(np.rint(np.ldexp(a, -last)), last)
    found: Array = np.where(np.abs(rounded) > largest, np.copysign(beyond, a), rounded).astype(a.dtype)
    return found


BALANCED = 1e-6  # how far the sum of softmax weights may be from 1


class Floating:
    """The arithmetic namespace over one of NumPy's floating-point types."""

    negative_infinity = -math.inf
    ordered = True
    simplifies = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtype = np.dtype(name)
        self._lowest: Array = np.array(np.finfo(self.dtype).min)
        self._largest = float(np.finfo(self.dtype).max)
        self._least: Array = np.array(np.finfo(self.dtype).tiny)
        self._tolerance = 1e-9 if name == "float64" else 1e-4
        self.add: Binary = np.add
        self.subtract: Binary = np.subtract
        self.multiply: Binary = np.multiply
        self.divide: Binary = np.divide
        self.matmul: Binary = np.matmul
        self.maximum: Binary = np.maximum
        self.minimum: Binary = np.minimum
        self.greater: Binary = np.greater
        self.greater_equal: Binary = np.greater_equal
        self.equal: Binary = np.equal
        self.negative: Unary = _negative
        self.exp: Unary = np.exp
        self.absolute: Unary = np.absolute
        self.sign: Unary = np.sign
        self.log: Unary = np.log
        self.log1p: Unary = np.log1p
        self.expm1: Unary = np.expm1
        self.erf: Unary = erf
        self.normal_cdf: Unary = normal_cdf
        self.sin: Unary = np.sin
        self.cos: Unary = np.cos
        self.tanh: Unary = np.tanh
        self.floor: Unary = np.floor
        self.rint: Unary = np.rint
        self.power_of: Binary = np.power
        self.remainder: Binary = np.remainder

    def cast(self, array: Array) -> Array:
        """Return an array in this dtype. Raises OverflowError if a finite number does not fit."""
        if array.dtype == self.dtype:
            return array
        with np.errstate(over="ignore"):
            result = array.astype(self.dtype)
        if not np.array_equal(np.isfinite(array), np.isfinite(result)):
            raise OverflowError(f"beyond {self.name}")
        return result

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        worth = evaluate(expression, sizes)
        if abs(worth) > self._largest:
            worth = math.copysign(math.inf, worth)
        return np.array(worth, dtype=self.dtype)

    def sigmoid(self, a: Array) -> Array:
        return blocks.entrywise(_sigmoid, a)

    def softplus(self, a: Array) -> Array:
        return blocks.entrywise(_softplus, a)

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        return blocks.entrywise(rule, *arrays)

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        return blocks.along(rule, axis, *arrays)

    def sqrt(self, a: Array) -> Array:
        return np.sqrt(a)

    def power(self, a: Array, exponent: Expression) -> Array:
        worth = evaluate(exponent)
        if worth in _POWERS:
            return _POWERS[worth](a)
        return np.power(a, int(worth) if worth == int(worth) else worth)

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        return np.power(evaluate(base), numerators / denominator).astype(self.dtype)

    def whole(self, numbers: Array) -> Array:
        return numbers.astype(self.dtype)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, dtype=self.dtype)

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        array = self.zeros(shape)
        array.flat[index] = 1
        return array

    def sum(self, a: Array, axis: int) -> Array:
        return np.add.reduce(a, axis=axis, keepdims=True)

    def solve(self, matrix: Array, b: Array) -> Array:
        try:
            return np.linalg.solve(matrix, b)
        except np.linalg.LinAlgError:
            return np.full(b.shape, math.nan, dtype=self.dtype)

    def det(self, matrix: Array) -> Array:
        return np.asarray(np.linalg.det(matrix))

    def elementary(self, name: str, a: Array) -> Array:
        found: Array = getattr(np, name)(a)
        return found

    def round_to(self, a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
        return round_to_format(a, digits, least, largest, beyond)

    def where(self, condition: Array, a: Array, b: float | Array) -> Array:
        return np.where(condition, a, b)

    def select(self, conditions: Sequence[Array], choices: Sequence[Array]) -> Array:
        return np.select(conditions, choices)

    def max_shift(self, a: Array, axis: int) -> Array:
        # If every entry is -infinity the lowest finite number is subtracted instead of the maximum, so that
        # the exponentials are 0 and not NaN.
        return self.maximum(np.maximum.reduce(a, axis=axis, keepdims=True), self._lowest)

    def exponentials(self, a: Array, axis: int) -> Array:
        # Allocating memory costs more than the arithmetic.
        shifted: Array = np.subtract(a, self.max_shift(a, axis))
        return np.exp(shifted, out=shifted)

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        # After the shift a total is at least 1, or exactly 0 if all entries were -infinity.
        return np.divide(parts, self.maximum(total, self._least), out=parts)

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:
        logs: Array = np.log(np.where(total == 0, 1, total))
        near = (total < 1 + NEARLY) & (total > 0)
        if near.any():  # the largest exponential is exactly 1, after the shift
            rows = np.moveaxis(exponentials, axis, -1)[np.moveaxis(near, axis, -1)[..., 0]]
            np.put_along_axis(rows, rows.argmax(axis=-1, keepdims=True), 0, -1)
            logs[near] = np.log1p(rows.sum(axis=-1))
        return logs

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        heavy = np.moveaxis(weights > 1 - NEARLY, axis, -1)
        if heavy.any():
            view, which = np.moveaxis(a, axis, -1), heavy.any(axis=-1)
            # Weights in the place of computed ones need not sum to 1, and then the gradient sums to nothing.
            which &= np.abs(np.moveaxis(weights, axis, -1).sum(axis=-1) - 1) <= BALANCED
            rows, at = view[which], heavy[which].argmax(axis=-1, keepdims=True)
            np.put_along_axis(rows, at, 0, -1)
            np.put_along_axis(rows, at, 0 - rows.sum(axis=-1, keepdims=True), -1)
            view[which] = rows
        return a

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        if (logs.take(0, axis) != -math.inf).all():  # a cheap test that nearly always decides
            return a
        return np.where((logs == -math.inf).all(axis=axis, keepdims=True), 0, a)

    def difference(self, a: Array, b: Array) -> Array:
        return np.subtract(a, b, out=b)

    def places(self, numbers: Array, last: int) -> Array:
        if not bool(((numbers >= 0) & (numbers <= last) & (numbers == np.floor(numbers))).all()):
            raise ValueError
        return numbers.astype(np.intp, copy=False)

    def take(self, a: Array, places: Array) -> Array:
        return np.take_along_axis(a, places, axis=-1)

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        rows = math.prod(a.shape[:-1])
        if rows > 1:
            places = places.reshape(rows, -1) + np.arange(0, rows * size, size)[:, None]
        found = np.bincount(places.ravel(), weights=a.ravel(), minlength=rows * size)
        return found.astype(self.dtype, copy=False).reshape(*a.shape[:-1], size)

    def argmax(self, a: Array, axis: int) -> Array:
        found: Array = a.argmax(axis=axis)
        return found

    def argsort(self, a: Array, axis: int) -> Array:
        return a.argsort(axis=axis, kind="stable")

    def is_finite(self, a: Array) -> bool:
        # A dot product with itself is one pass without a temporary; entries are tested one by one only if it
        # is not finite. For sizes in between, BLAS would wait for threads.
        is_threaded = FEW < a.size <= BLOCKS
        return (not is_threaded and math.isfinite(np.vdot(a, a))) or bool(np.isfinite(a).all())

    def close(self, one: Array, other: Array) -> bool:
        """Return whether all entries differ by no more than rounding."""
        return bool(self._are_close(one, other).all())

    def _are_close(self, one: Array, other: Array) -> Array:
        """Return which entries differ by no more than rounding.

        Rounding is relative to the largest entry of their row or column, whichever is smaller, so that one
        large entry does not make all others equal.
        """
        size = np.maximum(*(np.where(np.isfinite(array), np.abs(array), 0) for array in (one, other)))
        if size.ndim > 1:
            size = np.minimum(size.max(axis=-1, keepdims=True), size.max(axis=-2, keepdims=True))
        elif size.ndim == 1 and one.dtype.kind == "f":
            size = np.minimum(size.max(), np.maximum(size, 1e-6 * size.max()))
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        both = np.isfinite(one) & np.isfinite(other)
        close: Array = same | (both & (np.abs(one - other) <= self._tolerance * size))
        return close

    def equality(self, left: Array, right: Array, relation: Relation = EQUAL) -> Equality:
        """Return whether all entries are in a relation.

        Without a tolerance `==` and `<=` allow for rounding, and `<` compares as floats do.
        """
        sign = relation.sign
        if sign in (">", ">="):
            left, right, sign = right, left, sign.replace(">", "<")
        with np.errstate(all="ignore"):
            apart = np.where(left == right, 0, left - right)
            missed = np.abs(apart) if sign in ("==", "!=") else np.maximum(apart, 0)
            bound = 0.0 if relation.tolerance is None else float(relation.tolerance)
            near = (
                self._are_close(left, right) if not bound else missed <= bound + self._rounding(left, right)
            )
            if sign == "<":
                holds = apart < bound
            elif sign == "!=":
                holds = ~near | np.isnan(apart)
            else:
                holds = near | (left <= right) if sign == "<=" else near
        worst = np.where(holds, -1.0, np.where(np.isnan(missed), np.inf, missed))
        place = int((missed if holds.all() else worst).argmax())
        largest = float(missed.max())
        at = [int(index) for index in np.unravel_index(place, missed.shape)]
        return Equality(bool(holds.all()), largest, at=at if at and (largest or not holds.all()) else None)

    def _rounding(self, left: Array, right: Array) -> Array:
        """Return the rounding of a difference, 0 where it is not finite."""
        size = np.maximum(np.abs(left), np.abs(right))
        unit = np.finfo(np.result_type(size, np.float32)).eps
        return np.where(np.isfinite(size), ROUNDING * unit * size, 0.0)

    def outlines(self, a: Array) -> Array:
        return a

    def begin(self) -> None:
        return

    def simplify(self, a: Array, name: str | None) -> Array:  # noqa: ARG002 - the namespace has it
        return a


FLOAT64 = Floating("float64")
FLOAT32 = Floating("float32")
