"""Primitives that apply a function to each entry: exponentials, logarithms, powers, rectifiers."""

from functools import lru_cache

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import HALF, Expression, number_expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.numerics import (
    LOGARITHM,
    NEGATIVE_POWER,
    ROOT,
    Hazard,
    find_dead_units,
    find_flat_gates,
    find_underflow,
)
from compute.graph.primitive import Cost, Primitive
from compute.latex import ATOM, POWER, PRODUCT, SUM, Formula, add_latex, constant_latex
from compute.primitives.saturation import sigmoid_slope, tanh_slope
from compute.primitives.scalars import FEW, count, gradient_rule, is_zero

tanh = Primitive(
    "tanh",
    forward=lambda xp, a: xp.tanh(a),
    gradients={"a": gradient_rule(tanh_slope)},
    tangents="symmetric",
    moments="function",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\tanh {a.at(ATOM)}", PRODUCT),
    expects="any shape",
    diagnosis=lambda y, a, absorbed: find_flat_gates(y, 1 - y * y),
    meaning="The hyperbolic tangent.",
)

exp = Primitive(
    "exp",
    forward=lambda xp, a: xp.exp(a),
    gradients={"a": lambda xp, g, y: xp.multiply(g, y)},
    tangents="symmetric",
    moments="function",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"e^{{{a.text}}}", POWER),
    expects="any shape",
    hazard=Hazard(remedy="subtract the maximum before exp, as softmax does, or clamp its operand"),
    diagnosis=lambda y, a, absorbed: find_underflow(y, np.isfinite(a)),
    meaning="The exponential, e to the power of each entry.",
)

log = Primitive(
    "log",
    forward=lambda xp, a: xp.log(a),
    gradients={"a": lambda xp, g, a: xp.divide(g, a)},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\log {a.at(ATOM)}", PRODUCT),
    expects="any shape",
    hazard=LOGARITHM,
    meaning="The natural logarithm.",
)

log1p = Primitive(
    "log1p",
    forward=lambda xp, a: xp.log1p(a),
    gradients={"a": lambda xp, g, a: xp.divide(g, xp.add(a, count(xp, 1)))},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\log\left({add_latex(Formula('1'), a).text}\right)", PRODUCT),
    expects="any shape",
    hazard=LOGARITHM,
    meaning="log(1 + a), accurate for small a.",
)

expm1 = Primitive(
    "expm1",
    forward=lambda xp, a: xp.expm1(a),
    gradients={"a": lambda xp, g, y: xp.multiply(g, xp.add(y, count(xp, 1)))},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"e^{{{a.text}}} - 1", SUM),
    expects="any shape",
    hazard=Hazard(remedy="clamp the operand of expm1"),
    meaning="exp(a) - 1, accurate for small a.",
)

sigmoid = Primitive(
    "sigmoid",
    forward=lambda xp, a: xp.sigmoid(a),
    gradients={"a": gradient_rule(sigmoid_slope)},
    tangents="symmetric",
    moments="function",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\sigma\left({a.text}\right)"),
    expects="any shape",
    diagnosis=lambda y, a, absorbed: find_flat_gates(y, y * (1 - y)),
    meaning="The logistic function 1 / (1 + exp(-a)).",
)


def _leaky_relu(xp: Arithmetic, a: Array, *, slope: Expression) -> Array:
    zero = count(xp, 0)
    is_flat = is_zero(xp, slope)
    if is_flat and not xp.simplifies:  # 0 times -infinity would be NaN, and 0 times other negative numbers -0
        return xp.maximum(a, zero)
    below = zero if is_flat else xp.multiply(a, xp.constant(slope, {}))
    return xp.where(xp.greater(a, zero), a, below)


def _leaky_relu_slope(xp: Arithmetic, a: Array, slope: Expression) -> Array:
    return xp.where(xp.greater(a, count(xp, 0)), count(xp, 1), xp.constant(slope, {}))


def _replace_zeros(xp: Arithmetic, a: Array) -> Array:
    """Return the array with 1 in place of 0, at which a logarithm or a negative power has no value."""
    return xp.where(xp.equal(a, count(xp, 0)), count(xp, 1), a)


# a for a > 0, otherwise `slope` times a. The derivative at 0 is `slope`.
leaky_relu = Primitive(
    "leaky_relu",
    forward=_leaky_relu,
    gradients={"a": lambda xp, g, a, slope: xp.multiply(g, _leaky_relu_slope(xp, a, slope))},
    tangents="symmetric",
    moments="rectifier",
    shape=lambda a, slope: a,
    latex=lambda a, slope: Formula(
        rf"\operatorname{{relu}}_{{{constant_latex(slope).text}}}\left({a.text}\right)"
    ),
    expects="any shape",
    convention={"derivative_of_relu_at_0": "that below 0"},
    diagnosis=lambda y, a, absorbed, slope: find_dead_units(a) if evaluate(slope) == 0 else None,
)

sin = Primitive(
    "sin",
    forward=lambda xp, a: xp.sin(a),
    gradients={"a": lambda xp, g, a: xp.multiply(g, xp.cos(a))},
    tangents="symmetric",
    moments="function",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\sin {a.at(ATOM)}", PRODUCT),
    expects="any shape",
    propagates_nonfinite=True,
    meaning="The sine of an angle in radians.",
)

cos = Primitive(
    "cos",
    forward=lambda xp, a: xp.cos(a),
    gradients={"a": lambda xp, g, a: xp.negative(xp.multiply(g, xp.sin(a)))},
    tangents="symmetric",
    moments="function",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\cos {a.at(ATOM)}", PRODUCT),
    expects="any shape",
    propagates_nonfinite=True,
    meaning="The cosine of an angle in radians.",
)


def _entropy_term(xp: Arithmetic, a: Array) -> Array:
    return xp.negative(xp.multiply(a, xp.log(_replace_zeros(xp, a))))


def _entropy_term_gradient(xp: Arithmetic, g: Array, a: Array) -> Array:
    slope = xp.add(xp.log(_replace_zeros(xp, a)), count(xp, 1))
    return xp.where(xp.equal(a, count(xp, 0)), count(xp, 0), xp.negative(xp.multiply(g, slope)))


absolute = Primitive(
    "absolute",
    forward=lambda xp, a: xp.absolute(a),
    gradients={"a": lambda xp, g, a: xp.multiply(g, xp.sign(a))},
    tangents="symmetric",
    moments="rectifier",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\left|{a.text}\right|"),
    expects="any shape",
    convention={"derivative_of_abs_at_0": 0},
    propagates_nonfinite=True,
    meaning="The absolute value, |a|.",
)


def _power_latex(a: Formula, exponent: Expression) -> Formula:
    return Formula(rf"\sqrt{{{a.text}}}") if exponent == HALF else _raise_latex(a, exponent)


def _raise_latex(a: Formula, exponent: Expression) -> Formula:
    base = a._replace(binding=POWER) if a.text.startswith(r"\frac") else a
    return Formula(base.scripted("^", constant_latex(exponent).text), POWER)


@lru_cache(maxsize=FEW)
def _power_hazard(exponent: Expression) -> Hazard:
    """Return the hazard of a power: only exponents that are not integers need a root."""
    is_integer = not exponent.symbols() and evaluate(exponent).is_integer()
    return NEGATIVE_POWER if is_integer else ROOT


# a^exponent for a constant exponent.
power = Primitive(
    "power",
    forward=lambda xp, a, *, exponent: xp.power(a, exponent),
    gradients={"a": lambda xp, g, a, exponent: xp.multiply(g, _power_slope(xp, a, exponent))},
    tangents="symmetric",
    shape=lambda a, exponent: a,
    latex=_power_latex,
    expects="any shape",
    hazard=_power_hazard,
    diagnosis=lambda y, a, absorbed, exponent: find_underflow(y, (a != 0) & np.isfinite(a)),
    meaning="The entries to a constant power: a ** exponent.",
)


def _power_slope(xp: Arithmetic, a: Array, exponent: Expression) -> Array:
    if is_zero(xp, exponent):  # a^0 is constant, but 0 a^-1 would be NaN at a = 0
        return count(xp, 0)
    return xp.multiply(xp.constant(exponent, {}), xp.power(a, _exponent_minus_one(exponent)))


@lru_cache(maxsize=FEW)
def _exponent_minus_one(exponent: Expression) -> Expression:
    return Expression("subtract", (exponent, number_expression(1)))


# Its derivative at 0 is defined as 0.
norm_root = Primitive(
    "norm_root",
    forward=lambda xp, a, *, exponent: xp.power(a, exponent),
    gradients={
        "a": lambda xp, g, a, exponent: xp.where(
            xp.equal(a, count(xp, 0)),
            count(xp, 0),
            xp.multiply(g, _power_slope(xp, _replace_zeros(xp, a), exponent)),
        )
    },
    tangents="symmetric",
    shape=lambda a, exponent: a,
    latex=lambda a, exponent: _raise_latex(a, exponent),
    expects="any shape",
    convention={"derivative_of_norm_at_0": 0},
    hazard=ROOT,
    meaning="The root of a sum of powers.",
)


# An outcome of weight 0 contributes 0 and passes no gradient, which would be infinite.
entropy_term = Primitive(
    "entropy_term",
    forward=_entropy_term,
    gradients={"a": _entropy_term_gradient},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"-{a.at(PRODUCT)} \odot \log {a.at(ATOM)}", SUM),
    cost=lambda shape, a: Cost(elementwise=2 * product(shape)),
    expects="weights that are not negative",
    hazard=LOGARITHM,
    meaning="The entropy term -a log(a) of each outcome of a distribution, in nats.",
)
