"""Activation functions without kinks, and plain functions such as exp, sin and square."""

from compute.arithmetic.expressions import HALF, Expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.numerics import find_underflow
from compute.latex import Formula
from compute.primitives.activations.declaration import Activation, cases, declare, template, times, twice
from compute.primitives.saturation import (
    sigmoid_curvature,
    sigmoid_slope,
    tanh_curvature,
    tanh_slope,
)
from compute.primitives.scalars import count, multiply_weights

TWO_OVER_ROOT_OF_PI = parse("2/sqrt(pi)")
MINUS_ONE = parse("-1")
LAMBERT_TERMS = 15  # the last denominator: for |a| < 1 the remainder is less than 1e-16


Activation("identity", "identity", slope="1")
Activation(
    "tanh",
    "tanh",
    slope=r"1 - \tanh^{2} <a>",
    curvature=lambda xp, a: tanh_curvature(xp, a, xp.tanh(a)),
)
Activation(
    "sigmoid",
    "sigmoid",
    slope=r"\sigma\left(<a:>\right) \odot \left(1 - \sigma\left(<a:>\right)\right)",
    curvature=lambda xp, a: sigmoid_curvature(xp, a, xp.sigmoid(a)),
)
Activation("exp", "exp", slope="e^{<a:>}", curvature=lambda xp, a: xp.exp(a))
Activation(
    "log",
    "log",
    slope=r"\frac{1}{<a:>}",
    curvature=lambda xp, a: xp.negative(xp.divide(count(xp, 1), xp.multiply(a, a))),
)
Activation("sin", "sin", slope=r"\cos <a>", curvature=lambda xp, a: xp.negative(xp.sin(a)))
Activation("cos", "cos", slope=r"-\sin <a>", curvature=lambda xp, a: xp.negative(xp.cos(a)))
Activation(
    "sqrt",
    "power",
    meaning="The square root of each entry.",
    attributes=lambda settings: {"exponent": HALF},
    slope=r"\frac{1}{2 \sqrt{<a:>}}",
    curvature=lambda xp, a, exponent: xp.multiply(xp.constant(parse("-1/4"), {}), xp.power(a, parse("-3/2"))),
)
declare(
    "square",
    lambda xp, a: xp.multiply(a, a),
    lambda xp, a: twice(xp, a),
    "<a>^{2}",
    "2 <a>",
    meaning="The square of each entry.",
    curvature=lambda xp, a: count(xp, 2),
    diagnosis=lambda y, a, absorbed: find_underflow(y, a != 0),
)


def bell(xp: Arithmetic, a: Array, height: Expression, rate: Expression) -> Array:
    """Return the bell curve height exp(rate a^2)."""
    power = xp.multiply(xp.multiply(a, a), xp.constant(rate, {}))
    return xp.multiply(xp.exp(power), xp.constant(height, {}))


def _erf_slope(xp: Arithmetic, a: Array) -> Array:
    return bell(xp, a, TWO_OVER_ROOT_OF_PI, MINUS_ONE)


declare(
    "erf",
    lambda xp, a: xp.erf(a),
    _erf_slope,
    r"\operatorname{erf}\left(<a:>\right)",
    r"\frac{2}{\sqrt{\pi}} e^{-<a>^{2}}",
    meaning="The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to a.",
    curvature=lambda xp, a: xp.negative(twice(xp, multiply_weights(xp, _erf_slope(xp, a), a))),
)
declare(
    "log_sigmoid",
    lambda xp, a: xp.negative(xp.softplus(xp.negative(a))),
    lambda xp, a: xp.sigmoid(xp.negative(a)),
    r"\log \sigma\left(<a:>\right)",
    r"\sigma\left(-<a>\right)",
    meaning="The logarithm of the sigmoid, -log(1 + exp(-a)).",
    operations=2,
    curvature=lambda xp, a: xp.negative(sigmoid_slope(xp, a, xp.sigmoid(a))),
)


def _apply_threshold(
    xp: Arithmetic, scaled: Array, threshold: Expression | None, smooth: Array, beyond: Array
) -> Array:
    """Return `smooth` up to the threshold and `beyond` above it; without a threshold, `smooth`."""
    if threshold is None:
        return smooth
    return xp.where(xp.greater(scaled, xp.constant(threshold, {})), beyond, smooth)


def _softplus(xp: Arithmetic, a: Array, *, beta: Expression, threshold: Expression | None) -> Array:
    scaled = times(xp, a, beta)
    result = xp.softplus(scaled)
    if scaled is not a:
        result = xp.divide(result, xp.constant(beta, {}))
    return _apply_threshold(xp, scaled, threshold, result, a)


def _softplus_slope(xp: Arithmetic, a: Array, beta: Expression, threshold: Expression | None) -> Array:
    scaled = times(xp, a, beta)
    return _apply_threshold(xp, scaled, threshold, xp.sigmoid(scaled), count(xp, 1))


def _softplus_curvature(xp: Arithmetic, a: Array, beta: Expression, threshold: Expression | None) -> Array:
    scaled = times(xp, a, beta)
    bent = times(xp, sigmoid_slope(xp, scaled, xp.sigmoid(scaled)), beta)
    return _apply_threshold(xp, scaled, threshold, bent, count(xp, 0))


def _softplus_latex(a: Formula, beta: Expression, threshold: Expression | None) -> Formula:
    smooth = r"\log\left(1 + e^{<beta*><a>}\right)</beta>"
    if threshold is None:
        return template(smooth)(a, beta=beta)
    return template(cases(("<a:>", r"<beta*><a> > <threshold>"), otherwise=smooth))(
        a, beta=beta, threshold=threshold
    )


# log(1 + exp(beta a)) / beta; a itself if beta a is above the threshold.
declare(
    "softplus",
    _softplus,
    _softplus_slope,
    _softplus_latex,
    r"\sigma\left(<beta*><a>\right)",
    meaning="A smooth relu, log(1 + exp(beta a)) / beta; the entry where beta a is above the threshold.",
    operations=3,
    settings={"beta": 1, "threshold": None},
    rounded={"threshold": 20},  # PyTorch's: above it the remainder is less than 3e-9
    check=lambda settings: None if settings["beta"] else ("beta", "a constant other than 0"),
    curvature=_softplus_curvature,
)


def _softsign_denominator(xp: Arithmetic, a: Array) -> Array:
    return xp.add(xp.absolute(a), count(xp, 1))


def _softsign(xp: Arithmetic, a: Array) -> Array:
    result = xp.divide(a, _softsign_denominator(xp, a))
    if xp.is_finite(a):
        return result
    return xp.where(xp.equal(xp.subtract(a, a), count(xp, 0)), result, xp.sign(a))


def _softsign_slope(xp: Arithmetic, a: Array) -> Array:
    size = _softsign_denominator(xp, a)
    return xp.divide(count(xp, 1), xp.multiply(size, size))


def _softsign_curvature(xp: Arithmetic, a: Array) -> Array:
    size = _softsign_denominator(xp, a)
    cube = xp.multiply(size, xp.multiply(size, size))
    return xp.divide(xp.negative(twice(xp, xp.sign(a))), cube)


declare(
    "softsign",
    _softsign,
    _softsign_slope,
    r"\frac{<a:>}{1 + \left|<a:>\right|}",
    r"\frac{1}{\left(1 + \left|<a:>\right|\right)^{2}}",
    meaning="Each entry divided by 1 + |a|.",
    operations=3,
    curvature=_softsign_curvature,
)


def _tanh_squared(xp: Arithmetic, a: Array) -> Array:
    t = xp.tanh(a)
    return xp.multiply(t, t)


def _tanhshrink(xp: Arithmetic, a: Array) -> Array:
    """Return a - tanh(a), for |a| < 1 by Lambert's continued fraction.

    tanh(a) = a/(1 + a^2/(3 + a^2/(5 + ...))).
    """
    difference = xp.subtract(a, xp.tanh(a))
    if xp.simplifies:
        return difference
    square = xp.multiply(a, a)
    fraction = count(xp, LAMBERT_TERMS)
    for odd in range(LAMBERT_TERMS - 2, 1, -2):
        fraction = xp.add(count(xp, odd), xp.divide(square, fraction))
    near = xp.divide(xp.multiply(a, square), xp.add(fraction, square))
    return xp.where(xp.greater(count(xp, 1), xp.absolute(a)), near, difference)


declare(
    "tanhshrink",
    _tanhshrink,
    _tanh_squared,
    r"<a> - \tanh <a>",
    r"\tanh^{2} <a>",
    meaning="Each entry less its hyperbolic tangent, a - tanh(a).",
    operations=2,
    curvature=lambda xp, a: xp.negative(tanh_curvature(xp, a, xp.tanh(a))),
)


def _scaled_tanh_slope(xp: Arithmetic, a: Array, alpha: Expression, beta: Expression) -> Array:
    scaled = times(xp, a, beta)
    return times(xp, times(xp, tanh_slope(xp, scaled, xp.tanh(scaled)), beta), alpha)


def _scaled_tanh_curvature(xp: Arithmetic, a: Array, alpha: Expression, beta: Expression) -> Array:
    scaled = times(xp, a, beta)
    bent = tanh_curvature(xp, scaled, xp.tanh(scaled))
    return times(xp, times(xp, times(xp, bent, beta), beta), alpha)


declare(
    "scaled_tanh",
    lambda xp, a, *, alpha, beta: times(xp, xp.tanh(times(xp, a, beta)), alpha),
    _scaled_tanh_slope,
    r"<alpha*>\tanh\left(<beta*><a>\right)",
    r"<alpha*><beta*>\left(1 - \tanh^{2}\left(<beta*><a>\right)\right)",
    meaning="The hyperbolic tangent stretched both ways, alpha tanh(beta a).",
    operations=2,
    settings={"alpha": 1, "beta": 1},
    curvature=_scaled_tanh_curvature,
)
