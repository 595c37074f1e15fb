"""A namespace that computes nothing and notes what would be computed, number by number.

What it notes can be run again and again on single numbers. For graphs of a few numbers that are run many
thousand times, such as the loss of an optimizer's trace, that takes a fraction of the time that arrays of one
number do.
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
    """Something goes by the numbers themselves, which are not known yet."""


class Placeholder:
    """A number that is to be computed: the place where it will stand. Nothing can be asked of it."""

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
    """A sum of exponentials, ones counted in the real part and all others in the imaginary one."""
    return total + (1.0 if part == 1 else part * 1j)


def _unless_heavy(a: Any, weight: Any) -> Any:
    return 0.0 if weight > 1 - NEARLY else a


def _balanced(a: Any, weight: Any, others: Any) -> Any:
    return 0.0 - others if weight > 1 - NEARLY else a


def _log_tally(total: Any) -> Any:
    return np.log1p(total.real - 1 + total.imag) if total != 0 else np.float64(0)


_POWERS: dict[float, Callable[[Any], Any]] = {2: _square, 0.5: _root}


class Recorder:
    """The arithmetic namespace over arrays of noted numbers.

    start: constants by place, None where a number is to come; lines: what computes the others, in order.
    """

    name = "recorded"
    ordered = False
    simplifies = False
    negative_infinity = -math.inf

    def __init__(self) -> None:
        self.start: list[Any] = []
        self.lines: list[Line] = []
        self._constants: dict[float, Placeholder] = {}
        self.add = self._each(operator.add, 2)
        self.subtract = self._each(operator.sub, 2)
        self.multiply = self._each(operator.mul, 2)
        self.divide = self._each(operator.truediv, 2)
        self.maximum = self._each(_maximum, 2)
        self.minimum = self._each(_minimum, 2)
        self.greater = self._each(operator.gt, 2)
        self.greater_equal = self._each(operator.ge, 2)
        self.equal = self._each(operator.eq, 2)
        self.where = self._each(_where, 3)
        self.negative = self._each(_negative, 1)
        self.absolute = self._each(operator.abs, 1)
        self.sign = self._each(np.sign, 1)
        self.exp = self._each(np.exp, 1)
        self.log = self._each(np.log, 1)
        self.log1p = self._each(np.log1p, 1)
        self.expm1 = self._each(np.expm1, 1)
        self.erf = self._each(_erf, 1)
        self.normal_cdf = self._each(_normal_cdf, 1)
        self.sin = self._each(np.sin, 1)
        self.cos = self._each(np.cos, 1)
        self.tanh = self._each(np.tanh, 1)
        self.sigmoid = self._each(_sigmoid, 1)
        self.softplus = self._each(_softplus, 1)
        self.difference = self.subtract

    def __getattr__(self, name: str) -> Any:
        raise NotRecorded  # what goes by the numbers: places, winners, cases

    def input(self, shape: tuple[int, ...]) -> Array:
        """Numbers that will be handed in, at the next places."""
        return self._filled(shape, lambda: self._new(None))

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return self._filled((), lambda: self._number(evaluate(expression, sizes)))

    def whole(self, numbers: Array) -> Array:
        return self._lifted(numbers)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return self._lifted(np.zeros(shape))

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        found = np.zeros(shape)
        found.flat[index] = 1
        return self._lifted(found)

    def power(self, a: Array, exponent: Expression) -> Array:
        worth = evaluate(exponent)
        if worth == 1:
            return a
        if worth in _POWERS:
            return self._each(_POWERS[worth], 1)(a)
        raised = np.float64(worth)
        return self._each(lambda one: one**raised, 1)(a)

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        return self._lifted(np.power(evaluate(base), numerators / denominator))

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
        return np.expand_dims(self._folded(np.moveaxis(a, axis, 0)), axis)

    def exponentials(self, a: Array, axis: int) -> Array:
        return self.exp(self.subtract(a, self.max_shift(a, axis)))

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        least = self.maximum(total, self._lifted(np.array(TINY)))
        return self.divide(parts, least)

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:
        tally, logarithm = self._each(_tally, 2), self._each(_log_tally, 1)
        found: Array = self._lifted(np.zeros(total.shape))
        for part in np.split(exponentials, exponentials.shape[axis], axis):
            found = tally(found, part)
        return logarithm(found)

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        others = self.sum(self._each(_unless_heavy, 2)(a, weights), axis)
        return self._each(_balanced, 3)(a, weights, others)

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        largest = np.expand_dims(self._folded(np.moveaxis(logs, axis, 0)), axis)
        return self.where(self.equal(largest, np.array(-math.inf)), np.zeros(()), a)

    def is_finite(self, a: Array) -> bool:  # noqa: ARG002 - the namespace has it
        return False

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        return rule(*arrays)

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        return rule(axis, *arrays)

    def _folded(self, parts: Array) -> Array:
        largest: Array = parts[0]
        for one in parts[1:]:
            largest = self.maximum(largest, one)
        return np.asarray(largest, dtype=object)

    def _new(self, worth: Any) -> Placeholder:
        self.start.append(worth)
        return Placeholder(len(self.start) - 1)

    def _number(self, worth: float) -> Placeholder:
        if worth not in self._constants:
            self._constants[worth] = self._new(np.float64(worth))
        return self._constants[worth]

    def _filled(self, shape: tuple[int, ...], make: Callable[[], Placeholder]) -> Array:
        found: Array = np.empty(shape, dtype=object)
        for at in np.ndindex(shape):
            found[at] = make()
        return found

    def _lifted(self, numbers: Any) -> Array:
        """Numbers as noted ones; those that are noted already stay."""
        given = np.asarray(numbers)
        found: Array = np.empty(given.shape, dtype=object)
        for at in np.ndindex(given.shape):
            one = given[at]
            found[at] = one if isinstance(one, Placeholder) else self._number(float(one))
        return found

    def _each(self, function: Callable[..., Any], operands: int) -> Callable[..., Array]:
        """A function of single numbers as one of arrays, which notes its uses."""

        def note(*takes: Placeholder) -> Placeholder:
            found = self._new(None)
            self.lines.append((function, tuple(one.place for one in takes), found.place))
            return found

        vectorized = np.frompyfunc(note, operands, 1)

        def apply(*arrays: Any) -> Array:
            found = np.empty((), dtype=object)
            made = vectorized(*map(self._lifted, arrays))
            if isinstance(made, np.ndarray):
                return made
            found[()] = made
            return found

        return apply
