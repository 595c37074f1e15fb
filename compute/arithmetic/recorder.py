"""A tracing namespace: it computes nothing and records the operations on single numbers.

The recorded program can be run repeatedly on scalars. For graphs of a few numbers that are run many thousand
times, such as the loss of an optimizer's trace, that takes a fraction of the time of 0-d arrays.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.floating import NEARLY
from compute.arithmetic.namespace import Array
from compute.dimensions import Size

NAN = np.float64(np.nan)
TINY = np.finfo(np.float64).tiny
ROOT_OF_HALF = math.sqrt(0.5)
Line = tuple[Callable[..., Any], tuple[int, ...], int]


class NotRecorded(Exception):
    """The program depends on the numbers themselves, which are unknown while recording."""


class Placeholder:
    """A number of the recorded program, by its place. Any operation on it raises NotRecorded."""

    __slots__ = ("place",)

    def __init__(self, place: int) -> None:
        self.place = place

    def _unknown(self, *_: Any) -> NoReturn:
        raise NotRecorded

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = _unknown
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = __hash__ = _unknown


def _sigmoid(a: Any) -> Any:
    decay = np.exp(-abs(a))
    return (1 if a >= 0 else decay) / (1 + decay)


def _erf(a: Any) -> Any:
    return np.float64(math.erf(a))


def _normal_cdf(a: Any) -> Any:
    return np.float64(math.erfc(a * -ROOT_OF_HALF) / 2)


def _softplus(a: Any) -> Any:
    return _maximum(a, 0.0) + np.log1p(np.exp(-abs(a)))


def _maximum(a: Any, b: Any) -> Any:
    return a if a >= b or a != a else b  # noqa: PLR0124 - NaN is not itself


def _minimum(a: Any, b: Any) -> Any:
    return a if a <= b or a != a else b  # noqa: PLR0124 - NaN is not itself


def _negative(a: Any) -> Any:
    return 0 - a  # never -0


def _where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _square(a: Any) -> Any:
    return a * a


def _root(a: Any) -> Any:
    return NAN if a < 0 else a**0.5  # a power of -infinity would be infinity


def _tally(total: Any, part: Any) -> Any:
    """Add an exponential to a sum that counts ones in its real part and adds others to its imaginary part."""
    return total + (1.0 if part == 1 else part * 1j)


def _unless_heavy(a: Any, weight: Any) -> Any:
    return 0.0 if weight > 1 - NEARLY else a


def _balanced(a: Any, weight: Any, others: Any) -> Any:
    return 0.0 - others if weight > 1 - NEARLY else a


def _log_tally(total: Any) -> Any:
    return np.log1p(total.real - 1 + total.imag) if total != 0 else np.float64(0)


_POWERS: dict[float, Callable[[Any], Any]] = {2: _square, 0.5: _root}


class Recorder:
    """The arithmetic namespace over arrays of placeholders.

    start: the constants by place; None for inputs and results.
    lines: the recorded operations, in order: a function, the places of its operands, and that of the result.
    """

    name = "recorded"
    ordered = False
    simplifies = False
    negative_infinity = -math.inf

    def __init__(self) -> None:
        self.start: list[Any] = []
        self.lines: list[Line] = []
        self._constants: dict[float, Placeholder] = {}
        self.add = self._elementwise(operator.add, 2)
        self.subtract = self._elementwise(operator.sub, 2)
        self.multiply = self._elementwise(operator.mul, 2)
        self.divide = self._elementwise(operator.truediv, 2)
        self.maximum = self._elementwise(_maximum, 2)
        self.minimum = self._elementwise(_minimum, 2)
        self.greater = self._elementwise(operator.gt, 2)
        self.greater_equal = self._elementwise(operator.ge, 2)
        self.equal = self._elementwise(operator.eq, 2)
        self.where = self._elementwise(_where, 3)
        self.negative = self._elementwise(_negative, 1)
        self.absolute = self._elementwise(operator.abs, 1)
        self.sign = self._elementwise(np.sign, 1)
        self.exp = self._elementwise(np.exp, 1)
        self.log = self._elementwise(np.log, 1)
        self.log1p = self._elementwise(np.log1p, 1)
        self.expm1 = self._elementwise(np.expm1, 1)
        self.erf = self._elementwise(_erf, 1)
        self.normal_cdf = self._elementwise(_normal_cdf, 1)
        self.sin = self._elementwise(np.sin, 1)
        self.cos = self._elementwise(np.cos, 1)
        self.tanh = self._elementwise(np.tanh, 1)
        self.floor = self._elementwise(np.floor, 1)
        self.rint = self._elementwise(np.rint, 1)
        self.power_of = self._elementwise(np.power, 2)
        self.remainder = self._elementwise(np.remainder, 2)
        self.sigmoid = self._elementwise(_sigmoid, 1)
        self.softplus = self._elementwise(_softplus, 1)
        self.difference = self.subtract

    def __getattr__(self, name: str) -> Any:
        raise NotRecorded  # functions that depend on the numbers: indices, maxima, cases

    def input(self, shape: tuple[int, ...]) -> Array:
        """Return placeholders for numbers that are passed in, at the next places."""
        return self._fill(shape, lambda: self._add_place(None))

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return self._fill((), lambda: self._constant(evaluate(expression, sizes)))

    def whole(self, numbers: Array) -> Array:
        return self._lift(numbers)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return self._lift(np.zeros(shape))

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        array = np.zeros(shape)
        array.flat[index] = 1
        return self._lift(array)

    def power(self, a: Array, exponent: Expression) -> Array:
        worth = evaluate(exponent)
        if worth == 1:
            return a
        if worth in _POWERS:
            return self._elementwise(_POWERS[worth], 1)(a)
        raised = np.float64(worth)
        return self._elementwise(lambda one: one**raised, 1)(a)

    def elementary(self, name: str, a: Array) -> Array:
        return self._elementwise(getattr(np, name), 1)(a)

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        return self._lift(np.power(evaluate(base), numerators / denominator))

    def sum(self, a: Array, axis: int) -> Array:
        moved = np.moveaxis(a, axis, 0)
        total: Array = moved[0]
        for one in moved[1:]:
            total = self.add(total, one)
        return np.expand_dims(np.asarray(total, dtype=object), axis)

    def matmul(self, a: Array, b: Array, /) -> Array:
        products = self.multiply(a[..., :, :, None], b[..., None, :, :])
        return self.sum(products, -2)[..., 0, :]

    def max_shift(self, a: Array, axis: int) -> Array:
        return np.expand_dims(self._reduce_maximum(np.moveaxis(a, axis, 0)), axis)

    def exponentials(self, a: Array, axis: int) -> Array:
        return self.exp(self.subtract(a, self.max_shift(a, axis)))

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        least = self.maximum(total, self._lift(np.array(TINY)))
        return self.divide(parts, least)

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:
        tally, logarithm = self._elementwise(_tally, 2), self._elementwise(_log_tally, 1)
        tallied: Array = self._lift(np.zeros(total.shape))
        for part in np.split(exponentials, exponentials.shape[axis], axis):
            tallied = tally(tallied, part)
        return logarithm(tallied)

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        others = self.sum(self._elementwise(_unless_heavy, 2)(a, weights), axis)
        return self._elementwise(_balanced, 3)(a, weights, others)

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        largest = np.expand_dims(self._reduce_maximum(np.moveaxis(logs, axis, 0)), axis)
        return self.where(self.equal(largest, np.array(-math.inf)), np.zeros(()), a)

    def is_finite(self, a: Array) -> bool:  # noqa: ARG002 - the namespace has it
        return False

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        return rule(*arrays)

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        return rule(axis, *arrays)

    def _reduce_maximum(self, parts: Array) -> Array:
        largest: Array = parts[0]
        for one in parts[1:]:
            largest = self.maximum(largest, one)
        return np.asarray(largest, dtype=object)

    def _add_place(self, worth: Any) -> Placeholder:
        self.start.append(worth)
        return Placeholder(len(self.start) - 1)

    def _constant(self, worth: float) -> Placeholder:
        if worth not in self._constants:
            self._constants[worth] = self._add_place(np.float64(worth))
        return self._constants[worth]

    def _fill(self, shape: tuple[int, ...], make: Callable[[], Placeholder]) -> Array:
        array: Array = np.empty(shape, dtype=object)
        for at in np.ndindex(shape):
            array[at] = make()
        return array

    def _lift(self, numbers: Any) -> Array:
        """Return numbers as placeholders of constants; placeholders are unchanged."""
        array = np.asarray(numbers)
        lifted: Array = np.empty(array.shape, dtype=object)
        for at in np.ndindex(array.shape):
            entry = array[at]
            lifted[at] = entry if isinstance(entry, Placeholder) else self._constant(float(entry))
        return lifted

    def _elementwise(self, function: Callable[..., Any], operands: int) -> Callable[..., Array]:
        """Return a scalar function as a function of arrays that records its calls."""

        def record(*arguments: Placeholder) -> Placeholder:
            result = self._add_place(None)
            self.lines.append((function, tuple(argument.place for argument in arguments), result.place))
            return result

        vectorized = np.frompyfunc(record, operands, 1)

        def apply(*arrays: Any) -> Array:
            results = vectorized(*map(self._lift, arrays))
            if isinstance(results, np.ndarray):
                return results
            scalar = np.empty((), dtype=object)
            scalar[()] = results
            return scalar

        return apply
