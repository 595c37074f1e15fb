"""Arrays that count the work done on them, a substitute for time that is the same on every machine.

Time depends on calls from Python and on the entries that they read. Each call of a NumPy function on a
counted array, and each view of one, adds a constant; each entry of its largest array adds the function's cost
of one entry. Results are counted arrays too, so that each iteration of a loop counts. The numbers are
nanoseconds as measured by `python -m benchmarks.predicted_work`, to within a factor of a few.
"""

import math
from copy import copy
from typing import Any

import numpy as np

from compute.arithmetic.floating import FLOAT64, Floating

CALL, VIEW, MATRIX = 1_000.0, 200.0, 200.0
# The cost of one entry, if it is not about one nanosecond.
ENTRIES = {
    "exp": 5, "expm1": 8, "log": 7, "log1p": 8, "tanh": 12, "sin": 12, "cos": 12, "power": 20, "divide": 2,
    "put_along_axis": 8, "take_along_axis": 5, "bincount": 5, "select": 5, "argmax": 3,
}  # fmt: skip
TERM = 0.15  # one multiply-add of a matrix product


class Counted(np.ndarray[Any, Any]):
    """An array that counts work; `spent` is the sum over all of them."""

    spent = 0.0

    def __array_finalize__(self, source: Any) -> None:
        Counted.spent += VIEW

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = (), **settings: Any) -> Any:
        plain = [np.asarray(array) for array in inputs]
        if out:
            settings["out"] = tuple(array if array is None else np.asarray(array) for array in out)
        result = getattr(ufunc, method)(*plain, **settings)
        _count(ufunc.__name__, plain, result)
        if out:
            return out[0]
        return result.view(Counted) if isinstance(result, np.ndarray) else result

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(function, types, args, kwargs)
        arrays = [argument for argument in args if isinstance(argument, np.ndarray)]
        _count(function.__name__, arrays, result)
        return result


def _count(name: str, arrays: list[Any], result: Any) -> None:
    size = max([array.size for array in (*arrays, result) if isinstance(array, np.ndarray)], default=1)
    spent = CALL + ENTRIES.get(name, 1) * size
    if name == "matmul":
        spent += TERM * result.size * arrays[0].shape[-1] + MATRIX * math.prod(result.shape[:-2])
    Counted.spent += spent


def counted(array: Any) -> Any:
    """Return an array, of booleans or indices too, as one that counts work."""
    return np.asarray(array).view(Counted)


def counting_namespace() -> Floating:
    """Return float64 arithmetic whose new arrays count work too."""
    xp = copy(FLOAT64)
    xp.zeros = lambda shape: counted(np.zeros(shape))  # type: ignore[method-assign]
    xp.matmul = lambda a, b: np.matmul(counted(a), b)
    return xp
