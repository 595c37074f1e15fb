"""What several families of primitives do with single numbers and conditions."""

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array


def count(xp: Arithmetic, value: int) -> Array:
    """A whole number as one of the arithmetic's."""
    return xp.whole(np.array(value))


def known(condition: Array, truth: bool) -> Array:
    """Where a condition is known to be true, or to be false; one that symbols leave open is neither."""
    if isinstance(condition, np.ndarray) and condition.dtype == np.bool_:
        return condition if truth else ~condition
    return np.asarray(np.equal(condition, truth, dtype=object)).astype(bool)
