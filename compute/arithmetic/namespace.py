"""What primitives may ask of the numbers they run on.

Primitives reach every array function through this namespace and never through NumPy, so that another
kind of number is another namespace under the same primitives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from compute.arithmetic.expressions import Expression
from compute.dimensions import Size

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Equality:
    """Whether two arrays are equal: floating-point numbers to rounding, exact numbers for all values of their
    symbols.

    holds: None where it is open; largest_difference: where it is a number; verdict: of exact numbers, one of
    `proved`, `refuted` and `undecided`; how: in a sentence; point: numbers for the symbols at which they
    differ.
    """

    holds: bool | None
    largest_difference: float | None
    verdict: str | None = None
    how: str | None = None
    point: dict[str, str] | None = None


class Arithmetic(Protocol):
    """Array functions over one kind of number. Axes count from the end; reductions keep them.

    Comparisons give truth values, or conditions where symbols leave an order open; `where` takes either.
    ordered: whether any two numbers can be compared; simplifies: whether `simplify` does anything.
    """

    @property
    def name(self) -> str: ...
    @property
    def ordered(self) -> bool: ...
    @property
    def simplifies(self) -> bool: ...
    @property
    def negative_infinity(self) -> Any: ...

    def constant(self, expression: Expression, sizes: dict[str, Size]) -> Array:
        """A constant as a 0-d array; `sizes` are the dimension names it may use."""

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        """A constant to the power of each of these fractions."""

    def whole(self, numbers: Array) -> Array:
        """Integers as numbers of this kind."""

    def zeros(self, shape: tuple[int, ...]) -> Array: ...
    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        """Zeros, with a one at a flat index."""

    def add(self, a: Array, b: Array, /) -> Array: ...
    def subtract(self, a: Array, b: Array, /) -> Array: ...
    def multiply(self, a: Array, b: Array, /) -> Array: ...
    def divide(self, a: Array, b: Array, /) -> Array: ...
    def maximum(self, a: Array, b: Array, /) -> Array: ...
    def minimum(self, a: Array, b: Array, /) -> Array: ...
    def greater(self, a: Array, b: Array, /) -> Array: ...
    def greater_equal(self, a: Array, b: Array, /) -> Array: ...
    def equal(self, a: Array, b: Array, /) -> Array: ...
    def negative(self, a: Array, /) -> Array: ...
    def exp(self, a: Array, /) -> Array: ...
    def absolute(self, a: Array, /) -> Array: ...
    def sign(self, a: Array, /) -> Array: ...
    def sqrt(self, a: Array, /) -> Array: ...
    def power(self, a: Array, exponent: Expression) -> Array:
        """`a` to the power of a constant."""

    def sigmoid(self, a: Array, /) -> Array: ...
    def softplus(self, a: Array, /) -> Array:
        """`log(1 + exp(a))`, for entries of any size."""

    def log(self, a: Array, /) -> Array: ...
    def log1p(self, a: Array, /) -> Array:
        """`log(1 + a)`, with all digits where `a` is small."""

    def expm1(self, a: Array, /) -> Array:
        """`exp(a) - 1`, with all digits where `a` is small."""

    def erf(self, a: Array, /) -> Array: ...
    def normal_cdf(self, a: Array, /) -> Array:
        """`(1 + erf(a / sqrt(2))) / 2`, with all digits in the lower tail."""

    def sin(self, a: Array, /) -> Array: ...
    def cos(self, a: Array, /) -> Array: ...
    def tanh(self, a: Array, /) -> Array: ...
    def matmul(self, a: Array, b: Array, /) -> Array: ...
    def solve(self, matrix: Array, b: Array) -> Array:
        """The vector that the matrix takes to b; NaN where there is none or many."""

    def sum(self, a: Array, axis: int) -> Array: ...

    def where(self, condition: Array, a: Array, b: Any) -> Array: ...
    def select(self, conditions: Sequence[Array], choices: Sequence[Array]) -> Array:
        """Of several choices the one whose condition holds, where conditions exclude one another."""

    def max_shift(self, a: Array, axis: int) -> Array:
        """What is taken from all entries along an axis before exponentials, lest they overflow: the largest
        floating-point number, and 0 of exact ones.
        """

    def exponentials(self, a: Array, axis: int) -> Array:
        """`exp(a)`, up to one factor along an axis that keeps floating-point numbers from overflowing."""

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        """`parts / total`; zero where the total of non-negative parts is zero. May overwrite the parts."""

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:
        """The logarithm of a total of `exponentials`; 0 where the total is 0.

        It keeps its digits where one of them is nearly all of it.
        """

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        """An array whose entries sum to 0 along an axis, with all digits at a weight of nearly 1.

        There the entry is minus the sum of the others. May overwrite a.
        """

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        """`a`; zeros where, along an axis, every one of its logarithms is -infinity."""

    def difference(self, a: Array, b: Array) -> Array:
        """`a - b` for arrays of one shape. May overwrite b."""

    def places(self, numbers: Array, last: int) -> Array:
        """Whole numbers as places from 0 to the last; raises ValueError where one is none."""

    def take(self, a: Array, places: Array) -> Array:
        """What stands at these places along the last axis."""

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        """Rows of this size with each entry of a row of `a` added at its place."""

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        """`rule(*arrays)`, for a rule that works entry by entry on arrays of one shape."""

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        """`rule(axis, *arrays)`, for a rule that works along an axis of arrays of one shape; the axis keeps
        its size, or has size 1 in the result.
        """

    def argmax(self, a: Array, axis: int) -> Array:
        """Where the largest entries along an axis stand, the first of equals; the axis is gone."""

    def is_finite(self, a: Array) -> bool:
        """Return whether all entries are known to be finite."""

    def equality(self, left: Array, right: Array) -> Equality:
        """Whether two arrays of one shape are equal."""

    def outlines(self, a: Array) -> Array:
        """Floats that are infinite or NaN where an entry is, and finite elsewhere."""

    def begin(self) -> None:
        """Forget what an earlier answer left, before another: no answer depends on those before it."""

    def simplify(self, a: Array, name: str | None) -> Array:
        """What a step gave as it is kept: within bounds, and readable where it has a name."""


def write_into(room: Array, function: Callable[..., Array], *operands: Array) -> None:
    """Write what a function of a namespace gives where room is, at once where the function can."""
    if isinstance(function, np.ufunc):
        function(*operands, out=room)
    else:
        room[...] = function(*operands)


def unbroadcast(arithmetic: Arithmetic, gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of what was broadcast: summed over the axes along which it was repeated.

    Neighbouring axes are summed as one: many short sums take longer than one that is long.
    """
    beside = (1,) * (gradient.ndim - len(shape)) + shape
    runs: list[tuple[bool, int]] = []
    for size, kept in zip(gradient.shape, beside, strict=True):
        summed = kept == 1 != size
        if runs and (runs[-1][0] == summed or size == 1):
            runs[-1] = runs[-1][0], runs[-1][1] * size
        else:
            runs.append((summed, size))
    total = gradient.reshape([size for _, size in runs])
    for axis, (summed, _) in enumerate(runs):
        if summed:
            total = arithmetic.sum(total, axis - len(runs))
    return total.reshape(shape)
