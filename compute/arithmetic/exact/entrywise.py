"""Arithmetic on single exact entries, with infinities and cases that SymPy does not handle, and on arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from compute.arithmetic.exact import algebra, cases, orders
from compute.arithmetic.exact.bounds import check_power
from compute.arithmetic.namespace import Array


def each(function: Callable[..., Any], operands: int) -> Callable[..., Array]:
    """Return a function of entries as a function of arrays, with broadcasting."""
    vectorized = np.frompyfunc(function, operands, 1)

    def apply(*arrays: Array) -> Array:
        return array(vectorized(*map(entries, arrays)))

    return apply


def array(result: Any) -> Array:
    """Return the result of a vectorized function as an array; for 0-d operands it is a bare entry."""
    if isinstance(result, np.ndarray):
        return result
    scalar = np.empty((), dtype=object)
    scalar[()] = result
    return scalar


def entries(numbers: Any) -> Array:
    """Return an array of exact numbers, also from NumPy's integers and booleans."""
    converted: Array = np.asarray(numbers)
    if converted.dtype == object and all(isinstance(one, sympy.Basic) for one in converted.flat):
        return converted
    return array(np.frompyfunc(entry, 1, 1)(converted))


def entry(one: Any) -> Any:
    """Return a number or boolean of NumPy or Python as SymPy's; text is refused."""
    return sympy.sympify(one.item() if isinstance(one, np.generic) else one, strict=True)


def multiply(a: Any, b: Any) -> Any:
    """Return the product; infinity times a number of unknown sign is NaN."""
    infinite, other = (a, b) if orders.is_infinite(a) else (b, a)
    if orders.is_infinite(infinite):
        sign = orders.sign(other, sympy.S.Zero)
        return infinite * sign if sign else sympy.nan
    if sympy.S.Zero in (a, b):  # tested first, since SymPy would evaluate a long constant
        return sympy.nan if sympy.nan in (a, b) else sympy.S.Zero
    return a * b


def divide(a: Any, b: Any) -> Any:
    """Return the quotient; a quotient by zero is infinity or NaN, as of floats."""
    if isinstance(b, sympy.Piecewise):
        return cases.mapped(b, lambda part: divide(a, part))
    if not orders.is_zero(b):
        return sympy.S.Zero if orders.is_infinite(b) and not orders.is_infinite(a) else a / b
    sign = orders.sign(a, sympy.S.Zero)
    return sympy.oo * sign if sign else sympy.nan


def bounded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function without a limit at infinity that returns NaN there."""
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
