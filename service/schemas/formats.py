"""The formats of tensors and sizes in bodies: limits, data types, special numbers, symbolic sizes."""

import math
from typing import Any

from compute.arithmetic.constants import Sizes
from compute.arithmetic.expressions import fold, parse
from compute.dimensions import Polynomial, Size
from compute.integers import LARGEST, as_integer

MAX_RANK = 8
MAX_EXACT_ENTRIES = 20_000  # of one tensor
PACKED_DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "int64": "<i8",
    "int32": "<i4",
    "bool": "|b1",
}
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_size(raw: Any, minimum: int = 1) -> Size | None:
    """Read a size: an integer, or an expression in dimension names. Return None if it is neither.

    Raises ExpressionError if text is not a valid expression.
    """
    whole = as_integer(raw)
    if whole is not None and minimum <= whole < LARGEST:
        return whole
    if not isinstance(raw, str):
        return None
    size = fold(parse(raw), Sizes())
    # Shapes multiply sizes, and products of long sums would grow without bound.
    fits = len(size.terms) <= 2 if isinstance(size, Polynomial) else size >= minimum
    return size if fits else None
