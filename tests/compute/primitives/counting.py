"""Arrays that count what is done with them, as a stand-in for time that is the same on every machine.

Time goes by calls from Python and by entries that they touch. Each call of a NumPy function on a counted
array, each view of one too, adds a constant; each entry of the largest array in it adds what the function
takes for one. Results are counted arrays again, so that a loop adds as many calls as it has turns. The
numbers are nanoseconds as `python -m benchmarks.predicted_work` measures them, to within a factor of a few.
"""

import math
from copy import copy
from typing import Any

import numpy as np

from compute.arithmetic.floating import FLOAT64, Floating

CALL, VIEW, MATRIX = 1_000.0, 200.0, 200.0
# What one entry takes, where that is not about one nanosecond.
ENTRIES = {
    "exp": 5, "expm1": 8, "log": 7, "log1p": 8, "tanh": 12, "sin": 12, "cos": 12, "power": 20, "divide": 2,
    "put_along_axis": 8, "take_along_axis": 5, "bincount": 5, "select": 5, "argmax": 3,
}  # fmt: skip
TERM = 0.15  # one multiplication and addition of a product of matrices


class Counted(np.ndarray[Any, Any]):
    """An array that counts; `spent` is of all of them."""

    spent = 0.0

    def __array_finalize__(self, source: Any) -> None:
        Counted.spent += VIEW

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **settings: Any) -> Any:
        plain = [np.asarray(one) for one in inputs]
        if out:
            settings["out"] = tuple(one if one is None else np.asarray(one) for one in out)
        found = getattr(ufunc, method)(*plain, **settings)
        _count(ufunc.__name__, plain, found)
        if out:
            return out[0]
        return found.view(Counted) if isinstance(found, np.ndarray) else found

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = super().__array_function__(function, types, args, kwargs)
        arrays = [one for one in args if isinstance(one, np.ndarray)]
        _count(function.__name__, arrays, found)
        return found


def _count(name: str, arrays: list[Any], found: Any) -> None:
    size = max([one.size for one in (*arrays, found) if isinstance(one, np.ndarray)], default=1)
    spent = CALL + ENTRIES.get(name, 1) * size
    if name == "matmul":
        spent += TERM * found.size * arrays[0].shape[-1] + MATRIX * math.prod(found.shape[:-2])
    Counted.spent += spent


def counted(array: Any) -> Any:
    """The array as one that counts; booleans and indices too."""
    return np.asarray(array).view(Counted)


def counting() -> Floating:
    """Floating-point numbers whose new arrays count as well."""
    found = copy(FLOAT64)
    found.zeros = lambda shape: counted(np.zeros(shape))  # type: ignore[method-assign]
    found.matmul = lambda a, b: np.matmul(counted(a), b)
    return found
