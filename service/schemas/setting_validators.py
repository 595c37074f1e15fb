"""Validators of settings: constants, integers, sides, axes and paddings. Their results are hashable."""

import math
import sys
from typing import Any

import numpy as np
from pydantic_core import PydanticCustomError

from compute.arithmetic.expressions import ExpressionError
from compute.dimensions import Size
from compute.integers import with_integers
from service.schemas.formats import read_size

MAX_INTEGER = 2**31 - 1
MAX_FINITE = sys.float_info.max


def validate_constant(value: Any) -> Any:
    """Validate a number, or text, which `compute` parses later."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        expected = 'a number, or a constant expression as text, such as "1/sqrt(2)"'
        raise PydanticCustomError("value", "{expected}", {"expected": expected})
    if isinstance(value, str):
        return value
    if abs(value) > MAX_FINITE:  # not representable in an answer; `compute` refuses infinity
        return math.inf if value > 0 else -math.inf
    # 1 and 1.0 are the same question and get the same bytes; beyond 2**53 integers become floats anyway.
    return int(value) if value == int(value) and abs(value) < 2**53 else float(value)


def validate_integer(value: Any, *, minimum: int, symbolic: bool) -> Size:
    """Validate an integer, or with `symbolic` an expression in dimension names."""
    try:
        size = read_size(value, minimum) if symbolic or not isinstance(value, str) else None
    except ExpressionError:
        size = None
    if size is None or (isinstance(size, int) and size > MAX_INTEGER):
        expected = f"an integer from {minimum} to {MAX_INTEGER}"
        expected += ", or a size in letters such as k" if symbolic else ""
        raise PydanticCustomError("value", "{expected}", {"expected": expected})
    return size


def validate_sides(value: Any, *, minimum: int, symbolic: bool) -> Size | tuple[Size, Size]:
    """Validate a size for both sides, or a list of two."""
    sizes = value if isinstance(value, list) and len(value) == 2 else [value]
    try:
        checked = [validate_integer(size, minimum=minimum, symbolic=symbolic) for size in sizes]
    except PydanticCustomError as error:
        such = "sizes" if symbolic else "integers"
        expected = "one or two"
        if error.context:
            expected = f"{error.context['expected']}; or a list of two such {such}"
        raise PydanticCustomError("value", "{expected}", {"expected": expected}) from None
    return (checked[0], checked[1]) if len(checked) == 2 else checked[0]


def validate_axes(value: Any) -> int | tuple[int, ...]:
    """Validate an axis, or a list of axes."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    value = with_integers(value)
    listed = value if isinstance(value, list) else [value]
    if not all(type(axis) is int and abs(axis) <= MAX_INTEGER for axis in listed):
        raise PydanticCustomError("value", "{expected}", {"expected": "an integer or a list of integers"})
    return tuple(listed) if isinstance(value, list) else value


def validate_padding(value: Any, *, symbolic: bool, axes: int = 2) -> Any:
    """Validate a padding: the name of a rule, one size, two sizes, or for two axes two pairs."""
    if isinstance(value, str) and value in ("same", "valid"):
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    nested = isinstance(value, list) and any(isinstance(entry, list) for entry in value)
    try:
        if nested and not (axes == len(value) == 2 and all(isinstance(entry, list) for entry in value)):
            raise PydanticCustomError("value", "pairs")
        entries = value if nested else [value]
        checked = [validate_sides(entry, minimum=0, symbolic=symbolic) for entry in entries]
    except PydanticCustomError:
        forms = (
            "a number, [before, behind] or two such pairs" if axes == 2 else "a number or [before, behind]"
        )
        sizes = "integers from 0 on" + (", or sizes in letters" if symbolic else "")
        expected = f"same, valid, {forms}, of {sizes}"
        raise PydanticCustomError("value", "{expected}", {"expected": expected}) from None
    return tuple(checked) if nested else checked[0]
