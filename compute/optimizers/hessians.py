"""Second derivatives of an objective by all entries of all parameters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.namespace import Array
from compute.errors import at
from compute.optimizers.objective import Objective, Parameters, ProgramObjective

Hessian = Callable[[Parameters, int], Array]


def hessian_of(objective: Objective) -> Hessian:
    """A function of parameters and the number of a step, whose result is n by n for n entries in all.

    Raises QuestionErrors where there is no program to differentiate.
    """
    if not isinstance(objective, ProgramObjective):
        message = "needs second derivatives, which gradients that are handed in do not have"
        raise at(("optimizer", "name"), message, "a program", "gradients")
    return _exact(objective) if objective.arithmetic.simplifies else _by_complex_step(objective)


def _by_complex_step(objective: ProgramObjective) -> Hessian:
    """A row for each entry: the derivatives of all gradients by it."""
    beside = objective.over(COMPLEX_STEP)

    def hessian(parameters: Parameters, step: int) -> Array:
        rows = []
        for name, array in parameters.items():
            for place in np.ndindex(array.shape):
                moved = {one: np.array(other, dtype=np.complex128) for one, other in parameters.items()}
                moved[name][place] += 1j * STEP
                gradient = beside.at(moved, step).gradient
                rows.append(np.concatenate([np.reshape(gradient[one], -1) for one in parameters]).imag / STEP)
        return np.stack(rows).astype(objective.arithmetic.zeros((1,)).dtype, copy=False)

    return hessian


def _exact(objective: ProgramObjective) -> Hessian:
    """The derivatives of gradients in symbols, with numbers put in their places."""
    arithmetic: Any = objective.arithmetic
    remembered: dict[tuple[int, ...] | None, tuple[list[list[Any]], dict[str, Array]]] = {}

    def hessian(parameters: Parameters, step: int) -> Array:
        rows = objective.rows(step)
        key = None if rows is None else tuple(rows)
        if key not in remembered:
            symbols = {name: arithmetic.placeholders(name, array.shape) for name, array in parameters.items()}
            gradient = objective.at(symbols, step).gradient
            slopes = [one for name in parameters for one in gradient[name].reshape(-1)]
            along = [symbol for array in symbols.values() for symbol in array.reshape(-1)]
            remembered[key] = ([[slope.diff(symbol) for symbol in along] for slope in slopes], symbols)
        second, symbols = remembered[key]
        places = {symbol: parameters[name][place]
                  for name, array in symbols.items() for place, symbol in np.ndenumerate(array)}  # fmt: skip
        found = np.empty((len(second), len(second)), dtype=object)
        for row, slopes in enumerate(second):
            found[row] = [slope.xreplace(places) for slope in slopes]
        return found

    return hessian
