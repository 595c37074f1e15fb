"""Squares of floats that may overflow or underflow.

Adaptive rules divide by roots of sums of squares. The square of a gradient beyond 1e154 overflows in float64,
but the root of the sum does not: such sums are stored by their roots, as `math.hypot` adds them.
"""

from typing import Any

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array

# Room between a plain square and the ends of its range, for long sums and division by 1 - beta.
MARGIN = 2.0**20


class Square:
    """The square of `root`, which is not negative: a float or an array of floats.

    It can be added to squares, plain or not, and multiplied and divided by plain numbers that are not
    negative. As an array it is the square itself, which may be infinite or zero.
    """

    __slots__ = ("root",)
    __array_ufunc__ = None  # so that NumPy's numbers leave their operators to this class

    def __init__(self, root: Any) -> None:
        self.root = root

    @property
    def value(self) -> Any:
        """The square itself; Infinity if it overflows."""
        with np.errstate(all="ignore"):
            return self.root * self.root

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.value, dtype=dtype)

    def __getitem__(self, at: tuple[int, ...]) -> "Square":
        return Square(self.root[at])

    def __add__(self, other: Any) -> "Square":
        return Square(np.hypot(self.root, _root(other)))

    def __mul__(self, factor: Any) -> "Square":
        return Square(self.root * np.sqrt(factor))

    def __truediv__(self, divisor: Any) -> "Square":
        return Square(self.root / np.sqrt(divisor))

    __radd__, __rmul__ = __add__, __mul__


def square(xp: Any, a: Any) -> Any:
    """Return `a**2`, or a Square if floats cannot represent it."""
    if not isinstance(xp, Floating):
        return a**2
    squares = a * a
    return squares if _is_representable(squares, a) else Square(np.absolute(a))


def root(xp: Any, squares: Any) -> Any:
    """Return the root of a sum of squares."""
    return squares.root if isinstance(squares, Square) else xp.sqrt(squares)


def maximum(xp: Any, a: Any, b: Any) -> Any:
    """Return the entrywise maximum of two sums of squares."""
    if isinstance(a, Square) or isinstance(b, Square):
        return Square(np.maximum(_root(a), _root(b)))
    return xp.maximum(a, b)


def unwrap(squares: Any) -> Any:
    """Return a sum of squares as floats if they can represent it."""
    if not isinstance(squares, Square):
        return squares
    value = squares.value
    return value if _is_representable(value, squares.root) else squares


def overflows(squares: Any) -> bool:
    """Return whether an entry of a sum of squares overflows, though its root is finite."""
    if not isinstance(squares, Square):
        return False
    return bool((np.isfinite(squares.root) & ~np.isfinite(squares.value)).any())


def _root(squares: Any) -> Any:
    return squares.root if isinstance(squares, Square) else np.sqrt(squares)


def _is_representable(squares: Any, roots: Any) -> bool:
    """Return whether floats represent every square of a finite number, with all digits and a margin."""
    bounds = np.finfo(squares.dtype)
    low, high = float(bounds.tiny) * MARGIN, float(bounds.max) / MARGIN
    if not np.ndim(squares):
        return bool(low < squares < high or roots == 0 or not np.isfinite(roots))
    if low < squares.min(initial=1) and squares.max(initial=1) < high:
        return True
    beyond = (squares >= high) | ((squares <= low) & (roots != 0))
    return not (beyond & np.isfinite(roots)).any()
