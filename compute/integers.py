"""Integers as JSON has them: 2.0 is the same number as 2."""

from typing import Any

LARGEST = 2**53  # beyond this float64 does not hold every integer


def as_integer(value: Any) -> int | None:
    """Return the integer that a number is, such as 2 for 2.0; None for anything else, booleans included.

    Floats of 2**53 and more have no certain last digit and give None, and so do NaN and infinities.
    """
    if type(value) is int:
        return value
    if isinstance(value, float) and abs(value) < LARGEST and value.is_integer():
        return int(value)
    return None


def with_integers(value: Any) -> Any:
    """Return a number as an integer if it is one, also inside a list or tuple; anything else unchanged."""
    if type(value) in (list, tuple):
        return type(value)(_or_integer(one) for one in value)
    return _or_integer(value)


def _or_integer(value: Any) -> Any:
    integer = as_integer(value)
    return value if integer is None else integer
