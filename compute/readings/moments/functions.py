"""The mean and the mean square of a function of one random number, by integration."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, ExpressionError
from compute.arithmetic.floating import FLOAT64
from compute.arithmetic.namespace import Array
from compute.budgets.planning import spend
from compute.graph.primitive import KEPT, RESULT, Application
from compute.readings.moments.distributions import Family

KINKS = (0.0, 1.0, 3.0, 6.0, 10.0, 30.0)  # where functions bend or jump, and their negatives
REACH = 40.0  # standard deviations; the normal density beyond is 0 in float64
PANELS, NODES = 800, 10  # of Gauss-Legendre quadrature between kinks
INTEGRAL = 40  # units of planning for one integral


def evaluate_function(applied: Application, a: Array) -> Array:
    """Return the function at each entry."""
    return np.asarray(applied.primitive.forward(FLOAT64, a, **applied.attributes), dtype=np.float64)


def evaluate_slope(applied: Application, a: Array) -> Array:
    """Return the derivative at each entry: its gradient rule for an upstream gradient of 1."""
    primitive, attributes = applied.primitive, applied.attributes
    rule = primitive.rules[0]
    assert rule is not None
    available: dict[int, Any] = {0: a}
    if RESULT in rule.needs:
        available[RESULT] = primitive.forward(FLOAT64, a, **attributes)
    if KEPT in rule.needs and primitive.keeping is not None:
        available[KEPT] = primitive.keeping(FLOAT64, a, **attributes)[1]
    bound: dict[str, Any] = {name: attributes[name] for name in rule.attributes}
    if rule.takes_shapes:
        bound["shapes"] = (a.shape,)
    slope = rule.function(FLOAT64, np.ones_like(a), *(available[need] for need in rule.needs), **bound)
    return np.asarray(np.broadcast_to(slope, a.shape), dtype=np.float64)


def integrate(
    function: Callable[[Array], Array],
    mean: float,
    variance: float,
    family: Family,
    attributes: Mapping[str, Any],
) -> tuple[float, float]:
    """Return the mean and the mean square of a function of one number, normal unless it is uniform.

    The interval is cut where the function may bend, and each piece is integrated by Gauss-Legendre
    quadrature. Returns infinities or NaN if an integral is not finite.
    """
    spend(INTEGRAL)
    deviation = math.sqrt(variance)
    with np.errstate(all="ignore"):
        if deviation == 0:
            value = float(function(np.array([mean]))[0])
            return value, value * value
        reach = math.sqrt(3) if family == "uniform" else REACH
        kinks = np.array([*KINKS, *_constants(attributes)])
        cuts = (np.concatenate([kinks, -kinks]) - mean) / deviation
        cuts = np.concatenate([np.linspace(-reach, reach, PANELS + 1), cuts[np.abs(cuts) < reach]])
        cuts = np.unique(cuts)
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        half = np.diff(cuts)[:, None] / 2
        z = (cuts[:-1, None] + half * (1 + nodes)).reshape(-1)
        weight = (half * weights).reshape(-1)
        if family == "uniform":
            weight = weight / (2 * reach)
        else:
            weight = weight * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        kept = weight > 0
        weight, values = weight[kept], function(mean + deviation * z[kept])
        return float(np.sum(weight * values)), float(np.sum(weight * values * values))


def _constants(attributes: Mapping[str, Any]) -> list[float]:
    """Return the numbers among the settings of a function, where it may bend."""
    found = []
    for setting in attributes.values():
        if isinstance(setting, Expression):
            try:
                found.append(evaluate(setting, {}))
            except ExpressionError:
                continue
    return found
