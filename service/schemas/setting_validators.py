"""Settings as they come: constants, whole numbers, sides and paddings, checked and made hashable."""

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


def constant(value: Any) -> Any:
    """A number or text; `compute` says whether it is well-formed and what it is worth."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        expected = 'a number, or a constant expression as text, such as "1/sqrt(2)"'
        raise PydanticCustomError("value", "{expected}", {"expected": expected})
    if isinstance(value, str):
        return value
    if abs(value) > MAX_FINITE:  # an answer could not repeat it, and `compute` refuses infinities
        return math.inf if value > 0 else -math.inf
    # 1 and 1.0 are one question, with one answer to the byte; beyond 2**53 they are floats in any case.
    return int(value) if value == int(value) and abs(value) < 2**53 else float(value)


def whole(value: Any, *, minimum: int, letters: bool) -> Size:
    """A whole number; where only shapes are asked in letters too."""
    try:
        size = read_size(value, minimum) if letters or not isinstance(value, str) else None
    except ExpressionError:
        size = None
    if size is None or (isinstance(size, int) and size > MAX_INTEGER):
        expected = f"an integer from {minimum} to {MAX_INTEGER}"
        expected += ", or a size in letters such as k" if letters else ""
        raise PydanticCustomError("value", "{expected}", {"expected": expected})
    return size


def sides(value: Any, *, minimum: int, letters: bool) -> Size | tuple[Size, Size]:
    """A whole number, or one for each of two sides."""
    sides = value if isinstance(value, list) and len(value) == 2 else [value]
    try:
        found = [whole(side, minimum=minimum, letters=letters) for side in sides]
    except PydanticCustomError as error:
        such = "sizes" if letters else "integers"
        expected = "one or two"
        if error.context:
            expected = f"{error.context['expected']}; or a list of two such {such}"
        raise PydanticCustomError("value", "{expected}", {"expected": expected}) from None
    return (found[0], found[1]) if len(found) == 2 else found[0]


def axes(value: Any) -> int | tuple[int, ...]:
    """An axis, or a list of them."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    value = with_integers(value)
    found = value if isinstance(value, list) else [value]
    if not all(type(one) is int and abs(one) <= MAX_INTEGER for one in found):
        raise PydanticCustomError("value", "{expected}", {"expected": "an integer or a list of integers"})
    return tuple(found) if isinstance(value, list) else value


def padding(value: Any, *, letters: bool, axes: int = 2) -> Any:
    """A padding in words, as one number, as two, or, of two axes, as two pairs."""
    if isinstance(value, str) and value in ("same", "valid"):
        return value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    nested = isinstance(value, list) and any(isinstance(one, list) for one in value)
    try:
        if nested and not (axes == len(value) == 2 and all(isinstance(one, list) for one in value)):
            raise PydanticCustomError("value", "pairs")
        found = [sides(one, minimum=0, letters=letters) for one in (value if nested else [value])]
    except PydanticCustomError:
        forms = (
            "a number, [before, behind] or two such pairs" if axes == 2 else "a number or [before, behind]"
        )
        sizes = "integers from 0 on" + (", or sizes in letters" if letters else "")
        expected = f"same, valid, {forms}, of {sizes}"
        raise PydanticCustomError("value", "{expected}", {"expected": expected}) from None
    return tuple(found) if nested else found[0]
