"""Scalar floats: the results of NumPy's 0-d arrays in a fraction of the time.

NumPy scalars have shapes and infinities, and Python's operators on them take a tenth of the time of array
functions.
"""

import math
import operator
from typing import Any

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression
from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array
from compute.dimensions import Size

ROOT_OF_HALF = math.sqrt(0.5)


class Scalars(Floating):
    """The arithmetic namespace over float64 scalars."""

    def __init__(self) -> None:
        super().__init__("float64")
        self._nothing = self.one(np.nan)
        self.add = operator.add
        self.subtract = operator.sub
        self.multiply = operator.mul
        self.divide = operator.truediv
        self.negative = lambda a: 0 - a
        self.absolute = operator.abs
        self.greater = operator.gt
        self.greater_equal = operator.ge
        self.equal = operator.eq
        self.erf = lambda a: self.one(math.erf(a))
        self.normal_cdf = lambda a: self.one(math.erfc(a * -ROOT_OF_HALF) / 2)

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        return self.one(evaluate(expression, sizes))

    def one(self, number: Any) -> Array:
        """Return a scalar, which can be used in place of a 0-d array."""
        return np.float64(number)  # type: ignore[return-value]  # it has an array's shape, dtype and methods

    def whole(self, numbers: Array) -> Array:
        return self.one(numbers)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return super().zeros(shape) if shape else self.one(0)

    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        return super().one_hot(shape, index) if shape else self.one(1)

    def sqrt(self, a: Array) -> Array:
        # Five times as fast as a root; but the power of -infinity is infinity.
        found: Array = self._nothing if a < 0 else operator.pow(a, 0.5)
        return found

    def where(self, condition: Array, a: Array, b: Any) -> Array:
        return a if condition else self.one(b)
