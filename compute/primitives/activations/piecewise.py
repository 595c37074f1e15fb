"""Activation functions with kinks: rectifiers, clamps, thresholds and shrinkage.

The derivative at a kink is PyTorch's; see the convention of each declaration.
"""

import math
from collections.abc import Mapping

from compute.arithmetic.expressions import HALF, Expression, number_expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import Shape, ShapeError, broadcast, product, show
from compute.graph.numerics import find_dead_units
from compute.graph.primitive import Cost, Primitive
from compute.latex import Formula
from compute.primitives.activations.declaration import Activation, Settings, cases, declare, times
from compute.primitives.scalars import count, multiply_weights

THIRD, SIXTH = parse("1/3"), parse("1/6")


def _replace_unless_nan(xp: Arithmetic, a: Array, other: Array) -> Array:
    """Return `other` except where `a` is NaN."""
    return xp.where(xp.equal(a, a), other, a)


def _indicator(xp: Arithmetic, condition: Array) -> Array:
    return xp.where(condition, count(xp, 1), count(xp, 0))


Activation("abs", "absolute", slope=r"\operatorname{sign}\left(<a:>\right)")
declare(
    "relu",
    lambda xp, a: xp.maximum(a, count(xp, 0)),
    lambda xp, a: _indicator(xp, xp.greater(a, count(xp, 0))),
    r"\max\left(0, <a:>\right)",
    r"\mathbb{1}\left\{<a:> > 0\right\}",
    meaning="The larger of each entry and 0.",
    moments="rectifier",
    convention={"derivative_of_relu_at_0": 0},
    diagnosis=lambda y, a, absorbed: find_dead_units(a),
)
# Two separate steps: log(0) is -infinity, and the gradient 1/0 times the derivative 0 of relu is NaN.
Activation(
    "log_relu", "log", meaning="The logarithm of relu, log(max(0, a)).", inner="relu", slope=r"\frac{1}{<a:>}"
)
_LEAKY = cases(("1", "<a:> > 0"), otherwise="<slope:>")
Activation(
    "leaky_relu",
    "leaky_relu",
    meaning="Each entry above 0, and slope times the entry elsewhere.",
    settings={"slope": 0.01},
    slope=_LEAKY,
)


def _mean_slope(settings: Settings) -> Settings:
    total = Expression("add", (settings["lower"], settings["upper"]))
    return {"slope": Expression("divide", (total, number_expression(2)))}


def _check_range(settings: Mapping[str, float]) -> tuple[str, str] | None:
    lower, upper = settings["lower"], settings["upper"]
    if lower <= upper and math.isfinite(lower + upper):
        return None
    return "upper", "a constant of at least lower, with a finite sum of the two"


# In inference, the slope that is random in training is replaced by its mean.
Activation(
    "rrelu",
    "leaky_relu",
    meaning="leaky_relu with the mean of lower and upper as its slope, as in inference.",
    settings={"lower": "1/8", "upper": "1/3"},
    attributes=_mean_slope,
    check=_check_range,
    slope=_LEAKY,
)


def _prelu(xp: Arithmetic, a: Array, slope: Array) -> Array:
    return xp.where(xp.greater(a, count(xp, 0)), a, xp.multiply(a, slope))


def _prelu_shape(a: Shape, slope: Shape) -> Shape:
    if broadcast(a, slope) != a:
        raise ShapeError(f"slopes of shape {show(slope)} do not broadcast to {show(a)}")
    return a


prelu = Primitive(
    "prelu",
    forward=_prelu,
    gradients={
        "a": lambda xp, g, a, slope: xp.multiply(
            g, xp.where(xp.greater(a, count(xp, 0)), count(xp, 1), slope)
        ),
        "slope": lambda xp, g, a: xp.multiply(g, xp.where(xp.greater(a, count(xp, 0)), count(xp, 0), a)),
    },
    tangents="symmetric",
    shape=_prelu_shape,
    latex=lambda a, slope: Formula(rf"\operatorname{{relu}}_{{{slope.text}}}\left({a.text}\right)"),
    cost=lambda shape, a, slope: Cost(elementwise=2 * product(shape)),
    expects="slopes whose shape broadcasts to that of the entries",
    broadcasts=True,
    convention={"derivative_of_relu_at_0": "that below 0"},
    meaning="leaky_relu with learned slopes.",
)


def _inside(xp: Arithmetic, a: Array, low: Array, high: Array) -> Array:
    """Return 1 strictly between two bounds, 0 elsewhere."""
    return xp.multiply(_indicator(xp, xp.greater(a, low)), _indicator(xp, xp.greater(high, a)))


def _clamp(xp: Arithmetic, a: Array, low: Array, high: Array) -> Array:
    return xp.maximum(low, xp.minimum(high, a))


declare(
    "hardtanh",
    lambda xp, a, *, min_val, max_val: _clamp(xp, a, xp.constant(min_val, {}), xp.constant(max_val, {})),
    lambda xp, a, min_val, max_val: _inside(xp, a, xp.constant(min_val, {}), xp.constant(max_val, {})),
    r"\max\left(<min_val:>, \min\left(<max_val:>, <a:>\right)\right)",
    r"\mathbb{1}\left\{<min_val:> < <a:> < <max_val:>\right\}",
    meaning="Each entry kept between min_val and max_val.",
    operations=2,
    settings={"min_val": -1, "max_val": 1},
    check=lambda settings: (
        None if settings["min_val"] < settings["max_val"] else ("max_val", "a constant above min_val")
    ),
    convention={"derivative_of_hardtanh_at_its_bounds": 0},
)
Activation(
    "relu6",
    "hardtanh",
    meaning="Each entry kept between 0 and 6.",
    attributes=lambda settings: {"min_val": number_expression(0), "max_val": number_expression(6)},
    slope=r"\mathbb{1}\left\{0 < <a:> < 6\right\}",
)


def _affine(xp: Arithmetic, a: Array, alpha: Expression, beta: Expression) -> Array:
    return xp.add(times(xp, a, alpha), xp.constant(beta, {}))


def _hardsigmoid(xp: Arithmetic, a: Array, *, alpha: Expression, beta: Expression) -> Array:
    return _clamp(xp, _affine(xp, a, alpha, beta), count(xp, 0), count(xp, 1))


def _hardsigmoid_slope(xp: Arithmetic, a: Array, alpha: Expression, beta: Expression) -> Array:
    return times(xp, _inside(xp, _affine(xp, a, alpha, beta), count(xp, 0), count(xp, 1)), alpha)


declare(
    "hardsigmoid",
    _hardsigmoid,
    _hardsigmoid_slope,
    r"\max\left(0, \min\left(1, <alpha*><a><+beta>\right)\right)",
    r"<alpha*>\mathbb{1}\left\{0 < <alpha*><a><+beta> < 1\right\}",
    meaning="The line alpha a + beta, kept between 0 and 1.",
    operations=4,
    settings={"alpha": "1/6", "beta": "1/2"},
    convention={"derivative_of_hardsigmoid_at_its_bounds": 0},
)


def _hardswish_slope(xp: Arithmetic, a: Array) -> Array:
    inside = xp.add(xp.multiply(a, xp.constant(THIRD, {})), xp.constant(HALF, {}))
    below = xp.where(xp.greater(count(xp, 3), a), inside, count(xp, 1))
    return xp.where(xp.greater(a, count(xp, -3)), below, count(xp, 0))


def _hardswish_curvature(xp: Arithmetic, a: Array) -> Array:
    return xp.multiply(_inside(xp, a, count(xp, -3), count(xp, 3)), xp.constant(THIRD, {}))


declare(
    "hardswish",
    lambda xp, a: multiply_weights(xp, _hardsigmoid(xp, a, alpha=SIXTH, beta=HALF), a),
    _hardswish_slope,
    r"<a> \odot \max\left(0, \min\left(1, <a> / 6 + 1 / 2\right)\right)",
    cases((r"0", r"<a:> \le -3"), (r"<a> / 3 + 1 / 2", "<a:> < 3"), otherwise="1"),
    meaning="Each entry times its hardsigmoid, a max(0, min(1, a / 6 + 1 / 2)).",
    operations=5,
    curvature=_hardswish_curvature,
    convention={"derivative_of_hardswish_at_-3_and_3": [0, 1]},
)


def _threshold(xp: Arithmetic, a: Array, *, threshold: Expression, value: Expression) -> Array:
    replaced = _replace_unless_nan(xp, a, xp.constant(value, {}))
    return xp.where(xp.greater(a, xp.constant(threshold, {})), a, replaced)


declare(
    "threshold",
    _threshold,
    lambda xp, a, threshold, value: _indicator(xp, xp.greater(a, xp.constant(threshold, {}))),
    cases(("<a:>", "<a:> > <threshold:>"), otherwise="<value:>"),
    r"\mathbb{1}\left\{<a:> > <threshold:>\right\}",
    meaning="Each entry above the threshold, and value in place of the others.",
    settings={"threshold": 0, "value": 0},
    convention={"derivative_at_the_threshold": 0},
)
Activation(
    "thresholded_relu",
    "threshold",
    meaning="Each entry above alpha, and 0 elsewhere.",
    settings={"alpha": 1},
    attributes=lambda settings: {"threshold": settings["alpha"], "value": number_expression(0)},
    slope=r"\mathbb{1}\left\{<a:> > <threshold:>\right\}",
)


def _is_far(xp: Arithmetic, a: Array, lambd: Expression) -> Array:
    """Return where |a| > lambda."""
    return xp.greater(xp.absolute(a), xp.constant(lambd, {}))


def _check_lambd(settings: Settings) -> tuple[str, str] | None:
    return None if settings["lambd"] >= 0 else ("lambd", "a constant of at least 0")


def _shrink(xp: Arithmetic, a: Array, lambd: Expression, bias: Array) -> Array:
    """Move entries with |a| > lambda towards 0 by `bias`; set all others to 0."""
    width = xp.constant(lambd, {})
    zeros = _replace_unless_nan(xp, a, count(xp, 0))
    below = xp.where(xp.greater(xp.negative(width), a), xp.add(a, bias), zeros)
    return xp.where(xp.greater(a, width), xp.subtract(a, bias), below)


_FAR = r"\mathbb{1}\left\{\left|<a:>\right| > <lambd>\right\}"
declare(
    "hardshrink",
    lambda xp, a, *, lambd: xp.where(_is_far(xp, a, lambd), a, _replace_unless_nan(xp, a, count(xp, 0))),
    lambda xp, a, lambd: _indicator(xp, _is_far(xp, a, lambd)),
    r"<a> \odot " + _FAR,
    _FAR,
    meaning="Each entry with |a| > lambd, and 0 elsewhere.",
    operations=2,
    settings={"lambd": 0.5},
    check=_check_lambd,
    convention={"derivative_of_hardshrink_at_lambd": 0},
)
declare(
    "softshrink",
    lambda xp, a, *, lambd: _shrink(xp, a, lambd, xp.constant(lambd, {})),
    lambda xp, a, lambd: _indicator(xp, _is_far(xp, a, lambd)),
    cases(("<a> - <lambd>", "<a:> > <lambd>"), ("<a> + <lambd>", "<a:> < -<lambd>")),
    _FAR,
    meaning="Each entry with |a| > lambd moved towards 0 by lambd, and 0 elsewhere.",
    operations=3,
    settings={"lambd": 0.5},
    check=_check_lambd,
    convention={"derivative_of_softshrink_at_lambd": 0},
)
declare(
    "shrink",
    lambda xp, a, *, lambd, bias: _shrink(xp, a, lambd, xp.constant(bias, {})),
    lambda xp, a, lambd, bias: _indicator(xp, _is_far(xp, a, lambd)),
    cases(("<a><-bias>", "<a:> > <lambd>"), ("<a><+bias>", "<a:> < -<lambd>")),
    _FAR,
    meaning="Each entry with |a| > lambd moved towards 0 by bias, and 0 elsewhere.",
    operations=3,
    settings={"lambd": 0.5, "bias": 0},
    check=_check_lambd,
    convention={"derivative_of_shrink_at_lambd": 0},
)
declare(
    "affine",
    lambda xp, a, *, alpha, beta: _affine(xp, a, alpha, beta),
    lambda xp, a, alpha, beta: xp.constant(alpha, {}),
    "<alpha*><a><+beta>",
    "<alpha:>",
    meaning="The line alpha a + beta.",
    operations=2,
    settings={"alpha": 1, "beta": 0},
)
