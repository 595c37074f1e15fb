"""Integers as JSON has them: 2.0 is the same number as 2."""

from typing import Any

LARGEST = 2**53  # from here on float64 does not hold every integer


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
    """Make a number an integer if it is one, or each of a list or tuple; return all else as it is."""
    if type(value) in (list, tuple):
        return type(value)(_or_integer(one) for one in value)
    return _or_integer(value)


def _or_integer(value: Any) -> Any:
    found = as_integer(value)
    return value if found is None else found
