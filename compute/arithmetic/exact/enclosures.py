"""Certain bounds of constants by interval arithmetic, with every subexpression evaluated once."""

from collections.abc import Callable
from typing import Any

import mpmath
import sympy
from mpmath import iv

from compute.arithmetic.exact.bounds import FORGOTTEN

LARGEST_EXPONENT = 10**7  # of an exponential whose digits are worth finding
_KNOWN: dict[int, dict[Any, Any]] = {}
FORGOTTEN.append(_KNOWN.clear)


class NoEnclosure(Exception):
    """A constant that is too large, or of an unsupported kind."""


def enclosure(constant: Any, digits: int) -> tuple[Any, Any]:
    """Return a lower and an upper bound of a constant, computed with so many digits.

    Raises NoEnclosure if there is none.
    """
    iv.dps = digits
    interval = _enclose(constant, _KNOWN.setdefault(digits, {}))
    low, high = (mpmath.mp.make_mpf(bound) for bound in interval._mpi_)
    if mpmath.isnan(low) or mpmath.isnan(high):
        raise NoEnclosure
    return low, high


def sign_of(constant: Any, digits: tuple[int, ...]) -> int | None:
    """Return the sign of a non-zero constant; None if so many digits do not determine it."""
    for many in digits:
        try:
            low, high = enclosure(constant, many)
        except NoEnclosure:
            return None
        if low > 0 or high < 0:
            return 1 if low > 0 else -1
    return None


def _enclose(one: Any, known: dict[Any, Any]) -> Any:
    interval = known.get(one)
    if interval is None:
        if isinstance(one, sympy.logic.boolalg.Boolean | sympy.Piecewise):
            raise NoEnclosure
        interval = known[one] = _compute(one, [_enclose(part, known) for part in one.args])
    return interval


def _compute(one: Any, parts: list[Any]) -> Any:
    if one.is_Rational:
        return iv.mpf(one.p) / iv.mpf(one.q)
    if one is sympy.pi or one is sympy.E:
        return iv.pi if one is sympy.pi else iv.e
    if one.is_Add:
        return sum(parts[1:], parts[0])
    if one.is_Mul:
        product = parts[0]
        for part in parts[1:]:
            product = product * part
        return product
    if one.func is sympy.exp:
        return _exp(parts[0])
    if one.is_Pow:
        return _power(one.exp, *parts)
    function = _FUNCTIONS.get(one.func)
    if function is None:  # a symbol, infinity, cases, or a number that is not real
        raise NoEnclosure
    return function(*parts)


def _exp(a: Any) -> Any:
    if a.b > LARGEST_EXPONENT or a.a < -LARGEST_EXPONENT:
        raise NoEnclosure
    return iv.exp(a)


def _power(exponent: Any, base: Any, power: Any) -> Any:
    if exponent.is_Integer:
        return base ** int(exponent)
    if exponent.is_Rational and exponent.q == 2 and base.a >= 0:
        return iv.sqrt(base) ** int(exponent.p)
    return _exp(power * _log(base))


def _log(a: Any) -> Any:
    if not a.a > 0:
        raise NoEnclosure
    return iv.log(a)


def _tanh(a: Any) -> Any:
    return 1 - 2 / (_exp(2 * a) + 1)


def _erf(a: Any) -> Any:
    """Return the interval between the values at both ends, widened by rounding: erf is monotonic."""
    with mpmath.workprec(iv.prec + 10):
        low, high = (mpmath.erf(mpmath.mp.make_mpf(one)) for one in a._mpi_)
        room = mpmath.mpf(2) ** -iv.prec
        return iv.mpf([low - abs(low) * room, high + abs(high) * room])


def _sign(a: Any) -> Any:
    if not (a.a > 0 or a.b < 0):
        raise NoEnclosure
    return iv.mpf(1 if a.a > 0 else -1)


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *parts: iv.mpf([choose(part.a for part in parts).a, choose(part.b for part in parts).b])


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sympy.log: _log,
    sympy.sin: iv.sin,
    sympy.cos: iv.cos,
    sympy.tanh: _tanh,
    sympy.erf: _erf,
    sympy.Abs: abs,
    sympy.sign: _sign,
    sympy.Max: _extreme(max),
    sympy.Min: _extreme(min),
}
