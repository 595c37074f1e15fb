"""Cases of the primitives behind the functions that NumPy has."""

from collections.abc import Callable

import numpy as np

from tests.compute.primitives.drawing import (
    Array,
    Case,
    away_from_zero,
    normal,
    places,
    positive,
    probabilities,
)


def between(low: float, high: float, *shape: int) -> Callable[[np.random.Generator], Array]:
    return lambda rng: rng.uniform(low, high, shape)


ARRAY_CASES: dict[str, list[Case]] = {
    **{
        name: [Case([normal(2, 3), normal(2, 3)]), Case([normal(3), normal(2, 1)])]
        for name in ("maximum", "minimum", "clip_below", "clip_above")
    },
    "power_of": [Case([positive(2, 3), normal(2, 3)]), Case([positive(3), normal(2, 1)])],
    "remainder": [Case([normal(2, 3), away_from_zero(2, 3)])],
    "log2": [Case([positive(2, 3)])],
    "log10": [Case([positive(2, 3)])],
    **{name: [Case([normal(2, 3)])] for name in ("tan", "sinh", "cosh", "arctan", "arcsinh")},
    **{name: [Case([probabilities(2, 3)])] for name in ("arcsin", "arccos", "arctanh")},
    "arccosh": [Case([between(1.2, 3, 2, 3)])],
    # Steps between whole numbers have gradients of 0 or straight-through ones: they have their own test.
    **{
        name: []
        for name in (
            "sign", "floor", "ceil", "trunc", "round", "round_straight_through", "round_to", "stop_gradient",
            "floor_divide",
        )
    },
    "max_over": [Case([normal(2, 3)], {"axis": -1}), Case([normal(4, 2, 3)], {"axis": -2})],
    "min_over": [Case([normal(2, 3)], {"axis": -1}), Case([normal(4, 2, 3)], {"axis": -2})],
    "logsumexp_over": [Case([normal(2, 3)], {"axis": -1}), Case([normal(4, 2, 3)], {"axis": -2})],
    "cumulative_sum": [Case([normal(2, 3)], {"axis": -1}), Case([normal(4, 2)], {"axis": -2})],
    "cumulative_product": [Case([normal(2, 3)], {"axis": -1}), Case([normal(4, 2)], {"axis": -2})],
    "take_along_axis": [
        Case([normal(2, 3), places(3, 2, 4)], {"axis": -1}),
        Case([normal(3, 2), places(3, 1, 2)], {"axis": -2}),
    ],
    "take": [Case([normal(4, 2), places(4, 3)]), Case([normal(4), places(4, 2, 2)])],
    "put_along_axis": [
        Case([normal(2, 3), places(4, 2, 3)], {"axis": -1, "size": 4, "add": add}) for add in (True, False)
    ],
    "permute": [
        Case([normal(2, 3, 4)], {"axes": (2, 0, 1)}),
        Case([normal(2, 3)], {"axes": (-1, -2)}),
    ],
    "repeat": [
        Case([normal(2, 3, 4)], {"times": 3, "axis": -3}),
        Case([normal(2, 1, 3, 2)], {"times": 2, "axis": -1}),
    ],
    "diagonal": [Case([normal(2, 3, 3)]), Case([normal(2, 3)])],
    "diagonal_matrix": [Case([normal(2, 3)])],
    "triangle": [
        Case([normal(3, 4)], {"lower": True, "offset": 0}),
        Case([normal(3, 3)], {"lower": False, "offset": 1}),
    ],
    "det": [Case([normal(3, 3)]), Case([normal(2, 2, 2)])],
    "inv": [Case([normal(2, 2)]), Case([normal(2, 2, 2)])],
    "solve": [Case([normal(2, 2), normal(2, 1)]), Case([normal(2, 2, 2), normal(2, 2, 3)])],
    "contract": [
        Case([normal(2, 3), normal(3, 4)], {"left": "ij", "right": "jk", "to": "ki"}),
        Case([normal(2, 3, 2), normal(2, 3)], {"left": "bij", "right": "bi", "to": "bj"}),
        Case([normal(2), normal(3)], {"left": "i", "right": "j", "to": "ij"}),
    ],
}  # fmt: skip
