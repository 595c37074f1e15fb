"""When two arrays are equal to rounding."""

import numpy as np

from compute.arithmetic.namespace import Array

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


def close(one: Array, other: Array, arithmetic: str) -> bool:
    """Whether entries differ by no more than rounding, which goes by the largest in their row or column,
    whichever is smaller: one large entry must not make everything beside it equal.
    """
    size = np.maximum(*(np.where(np.isfinite(array), np.abs(array), 0) for array in (one, other)))
    if size.ndim > 1:
        size = np.minimum(size.max(axis=-1, keepdims=True), size.max(axis=-2, keepdims=True))
    elif size.ndim == 1 and one.dtype.kind == "f":
        size = np.minimum(size.max(), np.maximum(size, 1e-6 * size.max()))
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    both = np.isfinite(one) & np.isfinite(other)
    return bool((same | (both & (np.abs(one - other) <= TOLERANCE[arithmetic] * size))).all())
