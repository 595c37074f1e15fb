"""Second derivatives of an objective with respect to all entries of all parameters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compute.arithmetic.complex_step import COMPLEX_STEP, STEP
from compute.arithmetic.namespace import Array
from compute.errors import at
from compute.optimizers.run.objective import Objective, Parameters, ProgramObjective

Hessian = Callable[[Parameters, int], Array]


def hessian_of(objective: Objective) -> Hessian:
    """Return a function of parameters and step number that computes the Hessian, n by n for n entries in all.

    Raises QuestionErrors if the objective is not a program.
    """
    if not isinstance(objective, ProgramObjective):
        message = "needs second derivatives, which are not known from gradients alone"
        raise at(("optimizer", "name"), message, "a program", "gradients")
    return (
        _symbolic_hessian(objective) if objective.arithmetic.simplifies else _complex_step_hessian(objective)
    )


def _complex_step_hessian(objective: ProgramObjective) -> Hessian:
    """Compute one row per entry: the derivatives of all gradients by complex step."""
    complex_objective = objective.with_arithmetic(COMPLEX_STEP)

    def hessian(parameters: Parameters, step: int) -> Array:
        rows = []
        for name, array in parameters.items():
            for index in np.ndindex(array.shape):
                perturbed = {key: np.array(value, dtype=np.complex128) for key, value in parameters.items()}
                perturbed[name][index] += 1j * STEP
                gradient = complex_objective.at(perturbed, step).gradient
                rows.append(np.concatenate([np.reshape(gradient[key], -1) for key in parameters]).imag / STEP)
        return np.stack(rows).astype(objective.arithmetic.zeros((1,)).dtype, copy=False)

    return hessian


def _symbolic_hessian(objective: ProgramObjective) -> Hessian:
    """Differentiate gradients symbolically, then substitute numbers."""
    arithmetic: Any = objective.arithmetic
    cache: dict[tuple[int, ...] | None, tuple[list[list[Any]], dict[str, Array]]] = {}

    def hessian(parameters: Parameters, step: int) -> Array:
        rows = objective.rows(step)
        key = None if rows is None else tuple(rows)
        if key not in cache:
            symbols = {name: arithmetic.placeholders(name, array.shape) for name, array in parameters.items()}
            gradient = objective.at(symbols, step).gradient
            slopes = [entry for name in parameters for entry in gradient[name].reshape(-1)]
            variables = [symbol for array in symbols.values() for symbol in array.reshape(-1)]
            cache[key] = ([[slope.diff(symbol) for symbol in variables] for slope in slopes], symbols)
        second_derivatives, symbols = cache[key]
        substitution = {symbol: parameters[name][index]
                  for name, array in symbols.items() for index, symbol in np.ndenumerate(array)}  # fmt: skip
        result = np.empty((len(second_derivatives), len(second_derivatives)), dtype=object)
        for row, slopes in enumerate(second_derivatives):
            result[row] = [slope.xreplace(substitution) for slope in slopes]
        return result

    return hessian
