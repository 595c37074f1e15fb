"""Arithmetic on single exact entries, told of infinities and cases where SymPy is not, and over arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact import algebra, cases, orders
from compute.arithmetic.exact.bounds import check_power
from compute.arithmetic.namespace import Array


def each(function: Callable[..., Any], operands: int) -> Callable[..., Array]:
    """A function of entries as one of arrays, with broadcasting."""
    vectorized = np.frompyfunc(function, operands, 1)

    def apply(*arrays: Array) -> Array:
        return array(vectorized(*map(entries, arrays)))

    return apply


def array(found: Any) -> Array:
    """What a vectorized function gives: of 0-d arrays it gives a bare entry."""
    if isinstance(found, np.ndarray):
        return found
    scalar = np.empty((), dtype=object)
    scalar[()] = found
    return scalar


def entries(numbers: Any) -> Array:
    """An array of exact numbers; counts and truth values come as NumPy's own."""
    found: Array = np.asarray(numbers)
    if found.dtype == object and all(isinstance(one, sympy.Basic) for one in found.flat):
        return found
    return array(np.frompyfunc(entry, 1, 1)(found))


def entry(one: Any) -> Any:
    """One of NumPy's numbers or truth values, or of Python's, as SymPy's; text is none, and refused."""
    return sympy.sympify(one.item() if isinstance(one, np.generic) else one, strict=True)


def multiply(a: Any, b: Any) -> Any:
    """The product; infinity times what has no sign that is known is NaN."""
    infinite, other = (a, b) if orders.is_infinite(a) else (b, a)
    if orders.is_infinite(infinite):
        sign = orders.sign(other, sympy.S.Zero)
        return infinite * sign if sign else sympy.nan
    if sympy.S.Zero in (a, b):  # asked nothing else: SymPy would evaluate a long constant
        return sympy.nan if sympy.nan in (a, b) else sympy.S.Zero
    return a * b


def divide(a: Any, b: Any) -> Any:
    """The quotient; by zero as floating-point numbers have it."""
    if isinstance(b, sympy.Piecewise):
        return cases.mapped(b, lambda part: divide(a, part))
    if not orders.is_zero(b):
        return sympy.S.Zero if orders.is_infinite(b) and not orders.is_infinite(a) else a / b
    sign = orders.sign(a, sympy.S.Zero)
    return sympy.oo * sign if sign else sympy.nan


def bounded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that has no limit at infinity: NaN there."""
    return lambda a: sympy.nan if orders.is_infinite(a) else function(a)


def maximum(a: Any, b: Any) -> Any:
    if a is sympy.nan or b is sympy.nan:
        return sympy.nan
    found = orders.sign(a, b)
    return sympy.Max(a, b) if found is None else a if found >= 0 else b


def minimum(a: Any, b: Any) -> Any:
    if a is sympy.nan or b is sympy.nan:
        return sympy.nan
    found = orders.sign(a, b)
    return sympy.Min(a, b) if found is None else a if found <= 0 else b


def sign(a: Any) -> Any:
    found = orders.sign(a, sympy.S.Zero)
    return sympy.sign(a) if found is None else sympy.Integer(found)


def absolute(a: Any) -> Any:
    if a is sympy.nan or a.func is sympy.exp:  # of a real number, though SymPy may not know it
        return a
    found = None if orders.is_infinite(a) else orders.sign(a, sympy.S.Zero)
    if found is None:
        return sympy.Abs(a, evaluate=bool(a.is_extended_real))
    return -a if found < 0 else a


def normal_cdf(a: Any) -> Any:
    return (sympy.erf(a * sympy.sqrt(2) / 2) + 1) / 2


def power(a: Any, exponent: Any) -> Any:
    check_power(a, exponent)
    if isinstance(a, sympy.Piecewise):
        return cases.mapped(a, lambda part: power(part, exponent))
    if exponent.is_negative and orders.is_zero(a):
        return sympy.oo
    return algebra.real(a**exponent)
