"""The arithmetic namespace: the array functions that primitives may call.

Primitives call every array function through this namespace and never NumPy itself, so that another kind of
number is another namespace under the same primitives.
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
class Relation:
    """A relation between numbers, of every entry of one array to that of another.

    sign: one of == != < <= > >=.
    tolerance: decimal text of the amount by which it may be missed; None for no more than rounding.
    """

    sign: str = "=="
    tolerance: str | None = None


EQUAL = Relation()


@dataclass(frozen=True, slots=True)
class Equality:
    """The comparison of two arrays: floats up to rounding, exact numbers for all values of their symbols.

    holds: None if it is undecided.
    largest_difference: None if it is not a number; of an inequality, the most by which it is missed.
    at: the index of the largest difference, or of the entry that decides; None for scalars and for sides that
        do not differ.
    verdict: for exact numbers, `proved`, `refuted` or `undecided`; how: the method, in a sentence.
    point: numbers for the symbols at which they differ.
    """

    holds: bool | None
    largest_difference: float | None
    verdict: str | None = None
    how: str | None = None
    point: dict[str, str] | None = None
    at: list[int] | None = None


class Arithmetic(Protocol):
    """Array functions over one kind of number. Axes count from the end; reductions keep them.

    Comparisons return booleans, or conditions if the order depends on symbols; `where` takes either.
    ordered: whether any two numbers can be compared.
    simplifies: whether `simplify` does anything.
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
        """Return a constant as a 0-d array. sizes: the dimension names it may use."""

    def powers(self, base: Expression, numerators: Array, denominator: int) -> Array:
        """Return a constant to the power of each of these fractions."""

    def whole(self, numbers: Array) -> Array:
        """Return integers as numbers of this kind."""

    def zeros(self, shape: tuple[int, ...]) -> Array: ...
    def one_hot(self, shape: tuple[int, ...], index: int) -> Array:
        """Return zeros with a one at a flat index."""

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
        """Return `a` to the power of a constant."""

    def sigmoid(self, a: Array, /) -> Array: ...
    def softplus(self, a: Array, /) -> Array:
        """Return `log(1 + exp(a))` without overflow."""

    def log(self, a: Array, /) -> Array: ...
    def log1p(self, a: Array, /) -> Array:
        """Return `log(1 + a)`, with all digits for small `a`."""

    def expm1(self, a: Array, /) -> Array:
        """Return `exp(a) - 1`, with all digits for small `a`."""

    def erf(self, a: Array, /) -> Array: ...
    def normal_cdf(self, a: Array, /) -> Array:
        """Return `(1 + erf(a / sqrt(2))) / 2`, with all digits in the lower tail."""

    def sin(self, a: Array, /) -> Array: ...
    def cos(self, a: Array, /) -> Array: ...
    def tanh(self, a: Array, /) -> Array: ...
    def elementary(self, name: str, a: Array) -> Array:
        """Return a function of each entry by NumPy's name: logarithms to a base, trigonometric functions."""

    def floor(self, a: Array, /) -> Array: ...
    def rint(self, a: Array, /) -> Array:
        """Return the nearest whole numbers; of two that are as near, the even one."""

    def round_to(self, a: Array, digits: int, least: int, largest: float, beyond: float) -> Array:
        """Return the nearest numbers of a floating-point format.

        digits: the bits of a significand. least: the exponent of the least normal number.
        beyond: what larger numbers than the largest become: infinity or NaN.
        Raises TypeError if an entry is not a known number.
        """

    def power_of(self, a: Array, b: Array, /) -> Array:
        """Return `a` to the power of `b`, entry by entry."""

    def remainder(self, a: Array, b: Array, /) -> Array:
        """Return `a - b * floor(a / b)`."""

    def matmul(self, a: Array, b: Array, /) -> Array: ...
    def solve(self, matrix: Array, b: Array) -> Array:
        """Return the solution of `matrix @ x = b`, vectors or matrices; NaN if there is no unique one."""

    def det(self, matrix: Array) -> Array:
        """Return the determinants of matrices along the last two axes."""

    def sum(self, a: Array, axis: int) -> Array: ...

    def where(self, condition: Array, a: Array, b: Any) -> Array: ...
    def select(self, conditions: Sequence[Array], choices: Sequence[Array]) -> Array:
        """Return the choice whose condition holds; the conditions exclude one another."""

    def max_shift(self, a: Array, axis: int) -> Array:
        """Return the shift that keeps exponentials along an axis from overflowing: the maximum of floats, and
        0 for exact numbers.
        """

    def exponentials(self, a: Array, axis: int) -> Array:
        """Return `exp(a)`, up to a factor along an axis that keeps floats from overflowing."""

    def softmax_divide(self, parts: Array, total: Array) -> Array:
        """Return `parts / total`, and 0 where the total of non-negative parts is 0. May overwrite `parts`."""

    def log_total(self, exponentials: Array, total: Array, axis: int) -> Array:
        """Return the logarithm of a total of `exponentials`; 0 where the total is 0.

        It keeps all digits if one of them is nearly the whole total.
        """

    def balanced(self, a: Array, weights: Array, axis: int) -> Array:
        """Return `a`, whose entries sum to 0 along an axis, with all digits at a weight of nearly 1.

        There the entry is recomputed as minus the sum of the others. May overwrite `a`.
        """

    def masked(self, a: Array, logs: Array, axis: int) -> Array:
        """Return `a`, with zeros where all `logs` along an axis are -infinity."""

    def difference(self, a: Array, b: Array) -> Array:
        """Return `a - b` for arrays of the same shape. May overwrite `b`."""

    def places(self, numbers: Array, last: int) -> Array:
        """Return numbers as indices from 0 to `last`. Raises ValueError if one is not such an index."""

    def take(self, a: Array, places: Array) -> Array:
        """Return the entries at these indices along the last axis."""

    def scatter(self, a: Array, places: Array, size: int) -> Array:
        """Return rows of this size with each entry of a row of `a` added at its index."""

    def entrywise(self, rule: Callable[..., Array], *arrays: Array) -> Array:
        """Return `rule(*arrays)` for an elementwise rule on arrays of the same shape."""

    def along(self, rule: Callable[..., Array], axis: int, *arrays: Array) -> Array:
        """Return `rule(axis, *arrays)` for a rule that works along an axis of arrays of the same shape.

        The axis keeps its size, or has size 1 in the result.
        """

    def argmax(self, a: Array, axis: int) -> Array:
        """Return the index of the first largest entry along an axis, which is removed."""

    def argsort(self, a: Array, axis: int) -> Array:
        """Return the indices that sort along an axis, with equal entries in their order, and NaN last.

        Raises TypeError if the order depends on symbols.
        """

    def is_finite(self, a: Array) -> bool:
        """Return whether all entries are known to be finite."""

    def equality(self, left: Array, right: Array, relation: Relation = EQUAL) -> Equality:
        """Return whether two arrays of the same shape are equal, or in another relation."""

    def outlines(self, a: Array) -> Array:
        """Return floats that are infinite or NaN where the entries are, and finite elsewhere."""

    def begin(self) -> None:
        """Clear the state of an earlier answer, so that no answer depends on those before it."""

    def simplify(self, a: Array, name: str | None) -> Array:
        """Return a step's result as it is kept: checked for size, and in readable form if it has a name."""


def write_into(room: Array, function: Callable[..., Array], *operands: Array) -> None:
    """Write the result of a function of a namespace into an array, without a copy if it is a ufunc."""
    if isinstance(function, np.ufunc):
        function(*operands, out=room)
    else:
        room[...] = function(*operands)


def unbroadcast(arithmetic: Arithmetic, gradient: Array, shape: tuple[int, ...]) -> Array:
    """Return the gradient of a broadcast operand: the sum over the axes along which it was repeated.

    Neighbouring axes are summed as one, since many short sums take longer than a long one.
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
