"""Arithmetic on single exact entries, with infinities and cases that SymPy does not handle, and on arrays."""

import math
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


def floor(a: Any) -> Any:
    return a if a is sympy.nan or orders.is_infinite(a) else sympy.floor(a)


def rint(a: Any) -> Any:
    """Return the nearest whole number; of two that are as near, the even one."""
    if a is sympy.nan or orders.is_infinite(a):
        return a
    half = sympy.Rational(1, 2)
    if a.free_symbols:  # floor(a + 1/2), less 1 where that is odd and a lies halfway between two
        quarter = (2 * a - 1) / 4
        return sympy.floor(a + half) - sympy.floor(-quarter) - sympy.floor(quarter) - 1
    below = sympy.floor(a)
    order = orders.sign(a - below, half)
    up = order > 0 if order else bool(below % 2)
    return below + 1 if up else below


def remainder(a: Any, b: Any) -> Any:
    """Return a - b floor(a / b), which is NaN for b = 0."""
    if orders.is_zero(b) or orders.is_infinite(a) or sympy.nan in (a, b):
        return sympy.nan
    return algebra.add(a, -multiply(b, floor(divide(a, b))))


def round_to(a: Any, digits: int, least: int, largest: float, beyond: float) -> Any:
    """Return the nearest number of a floating-point format. Raises TypeError for symbols."""
    if orders.is_infinite(a) and math.isnan(beyond):
        return sympy.nan
    if a is sympy.nan or orders.is_infinite(a) or a == 0:
        return a
    if a.free_symbols:
        raise TypeError("symbols cannot be rounded")
    exponent = max(int(sympy.floor(sympy.log(absolute(a), 2))), least) + 1 - digits
    rounded = rint(a / sympy.Integer(2) ** exponent) * sympy.Integer(2) ** exponent
    return sympy.Float(beyond) * sign(a) if absolute(rounded) > sympy.Rational(largest) else rounded


def _within(function: Callable[[Any], Any], lower: int | None, upper: int | None) -> Callable[[Any], Any]:
    """Return a function that is NaN for numbers known to be outside of its domain."""

    def checked(a: Any) -> Any:
        below = lower is not None and orders.sign(a, sympy.Integer(lower)) == -1
        above = upper is not None and orders.sign(a, sympy.Integer(upper)) == 1
        return sympy.nan if a is sympy.nan or below or above else function(a)

    return checked


def _logarithm_to(base: int) -> Callable[[Any], Any]:
    def logarithm(a: Any) -> Any:
        found = algebra.log(a)
        return sympy.log(a, base) if found.func is sympy.log else divide(found, sympy.log(base))

    return logarithm


_TWO = sympy.Integer(2)
ELEMENTARY: dict[str, Callable[[Any], Any]] = {
    "log2": _logarithm_to(2),
    "log10": _logarithm_to(10),
    "tan": bounded(lambda a: divide(sympy.sin(a), sympy.cos(a))),
    "sinh": lambda a: (sympy.exp(a) - sympy.exp(-a)) / _TWO,
    "cosh": lambda a: (sympy.exp(a) + sympy.exp(-a)) / _TWO,
    "arcsin": _within(sympy.asin, -1, 1),
    "arccos": _within(sympy.acos, -1, 1),
    "arctan": sympy.atan,
    "arcsinh": lambda a: algebra.log(a + sympy.sqrt(a**2 + 1)),
    "arccosh": _within(lambda a: algebra.log(a + sympy.sqrt(a**2 - 1)), 1, None),
    "arctanh": _within(lambda a: algebra.log(divide(1 + a, 1 - a)) / _TWO, -1, 1),
}
"""The functions of `Arithmetic.elementary`, in terms of exponentials and logarithms where there is a form."""
