"""Squares of floats that may be too large or too small to be floats themselves.

Adaptive rules divide by roots of sums of squares. The square of a gradient beyond 1e154 overflows in float64,
and the root of the sum does not: such sums are kept by their roots, as `math.hypot` adds them.
"""

from typing import Any

import numpy as np

from compute.arithmetic.floating import Floating
from compute.arithmetic.namespace import Array

# Between a plain square and the ends of its range: for sums of many, and quotients by 1 - beta.
MARGIN = 2.0**20


class Square:
    """The square of `root`, which is not negative: one float or an array of them.

    It is added to squares, plain or not, and multiplied and divided by plain numbers that are not negative.
    As an array it is the square itself, which may be infinite or zero.
    """

    __slots__ = ("root",)
    __array_ufunc__ = None  # so that NumPy's numbers leave their operators to this class

    def __init__(self, root: Any) -> None:
        self.root = root

    @property
    def worth(self) -> Any:
        """The square itself; Infinity where it overflows."""
        with np.errstate(all="ignore"):
            return self.root * self.root

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.worth, dtype=dtype)

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
    """`a**2`; a Square where floats do not hold it."""
    if not isinstance(xp, Floating):
        return a**2
    found = a * a
    return found if _holds(found, a) else Square(np.absolute(a))


def root(xp: Any, squares: Any) -> Any:
    """The root of a sum of squares."""
    return squares.root if isinstance(squares, Square) else xp.sqrt(squares)


def larger(xp: Any, one: Any, other: Any) -> Any:
    """The larger of two sums of squares, entry by entry."""
    if isinstance(one, Square) or isinstance(other, Square):
        return Square(np.maximum(_root(one), _root(other)))
    return xp.maximum(one, other)


def plain(squares: Any) -> Any:
    """A sum of squares as floats again, if they hold it."""
    if not isinstance(squares, Square):
        return squares
    worth = squares.worth
    return worth if _holds(worth, squares.root) else squares


def overflows(squares: Any) -> bool:
    """Return whether a kept sum of squares has an entry shown as Infinity, though its root is finite."""
    if not isinstance(squares, Square):
        return False
    return bool((np.isfinite(squares.root) & ~np.isfinite(squares.worth)).any())


def _root(squares: Any) -> Any:
    return squares.root if isinstance(squares, Square) else np.sqrt(squares)


def _holds(squares: Any, roots: Any) -> bool:
    """Return whether floats hold every square of a finite number, with digits and room to spare."""
    bounds = np.finfo(squares.dtype)
    low, high = float(bounds.tiny) * MARGIN, float(bounds.max) / MARGIN
    if not np.ndim(squares):
        return bool(low < squares < high or roots == 0 or not np.isfinite(roots))
    if low < squares.min(initial=1) and squares.max(initial=1) < high:
        return True
    beyond = (squares >= high) | ((squares <= low) & (roots != 0))
    return not (beyond & np.isfinite(roots)).any()
