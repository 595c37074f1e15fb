"""Activation functions that multiply their operand with a smooth gate made of itself.

Sources: Hendrycks and Gimpel, Gaussian Error Linear Units (2016); Ramachandran et al., Searching for
Activation Functions (2017); Misra, Mish: A Self Regularized Non-Monotonic Activation Function (2019).
"""

from compute.arithmetic.expressions import HALF, Expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.latex import Formula
from compute.primitives.activations import (
    declare_gated,
    one_less,
    one_less_square,
    spread,
    template,
    times,
    twice,
)
from compute.primitives.entries import count
from compute.primitives.smooth_activations import bell

ROOT_OF_HALF = parse("1/sqrt(2)")
DENSITY = parse("1/sqrt(2*pi)")  # of the normal distribution, at 0
GELU_RATE = parse("sqrt(2/pi)")
GELU_CUBIC = parse("0.044715")
MINUS_HALF = parse("-1/2")


def _silu_slope(xp: Arithmetic, a: Array, kept: Array, alpha: Expression) -> Array:
    shut = xp.multiply(times(xp, a, alpha), one_less(xp, kept))
    return xp.multiply(kept, xp.add(count(xp, 1), shut))


def _silu_curvature(xp: Arithmetic, a: Array, alpha: Expression) -> Array:
    scaled = times(xp, a, alpha)
    s = xp.sigmoid(scaled)
    bend = xp.add(count(xp, 2), xp.multiply(scaled, one_less(xp, twice(xp, s))))
    return times(xp, xp.multiply(spread(xp, s), bend), alpha)


_GATE = r"\sigma\left(<alpha*><a>\right)"
# a sigmoid(alpha a): SiLU, with alpha Swish.
declare_gated(
    "silu",
    lambda xp, a, *, alpha: xp.sigmoid(times(xp, a, alpha)),
    _silu_slope,
    rf"<a> \odot {_GATE}",
    rf"{_GATE} \odot \left(1 + <alpha*><a> \odot \left(1 - {_GATE}\right)\right)",
    operations=2,
    settings={"alpha": 1},
    curvature=_silu_curvature,
)


def _cumulated(xp: Arithmetic, a: Array) -> Array:
    """How likely a normally distributed number is to be below a."""
    found = xp.erf(xp.multiply(a, xp.constant(ROOT_OF_HALF, {})))
    return xp.multiply(xp.add(found, count(xp, 1)), xp.constant(HALF, {}))


def _cubic(xp: Arithmetic, a: Array, power: int) -> Array:
    """sqrt(2/pi) (a + 0.044715 a^3), or a derivative of it."""
    cubic = xp.constant(GELU_CUBIC, {})
    square = xp.multiply(a, a)
    found = {
        0: lambda: xp.multiply(a, xp.add(count(xp, 1), xp.multiply(cubic, square))),
        1: lambda: xp.add(count(xp, 1), xp.multiply(xp.multiply(count(xp, 3), cubic), square)),
        2: lambda: xp.multiply(xp.multiply(count(xp, 6), cubic), a),
    }[power]()
    return xp.multiply(found, xp.constant(GELU_RATE, {}))


def _gelu_gate(xp: Arithmetic, a: Array, *, approximate: str) -> Array:
    if approximate == "none":
        return _cumulated(xp, a)
    return xp.multiply(xp.add(xp.tanh(_cubic(xp, a, 0)), count(xp, 1)), xp.constant(HALF, {}))


def _gelu_slope(xp: Arithmetic, a: Array, kept: Array, approximate: str) -> Array:
    if approximate == "none":
        bent = bell(xp, a, DENSITY, MINUS_HALF)
    else:
        bent = twice(xp, xp.multiply(spread(xp, kept), _cubic(xp, a, 1)))
    return xp.add(kept, xp.multiply(a, bent))


def _gelu_curvature(xp: Arithmetic, a: Array, approximate: str) -> Array:
    if approximate == "none":
        return xp.multiply(bell(xp, a, DENSITY, MINUS_HALF), xp.subtract(count(xp, 2), xp.multiply(a, a)))
    t, u = xp.tanh(_cubic(xp, a, 0)), _cubic(xp, a, 1)
    inner = xp.subtract(_cubic(xp, a, 2), twice(xp, xp.multiply(t, xp.multiply(u, u))))
    bend = xp.add(twice(xp, u), xp.multiply(a, inner))
    return xp.multiply(xp.multiply(one_less_square(xp, t), bend), xp.constant(HALF, {}))


def _gelu_latex(a: Formula, approximate: str) -> Formula:
    inside = r"\operatorname{erf}\left(<a> / \sqrt{2}\right)"
    if approximate == "tanh":
        inside = r"\tanh\left(\sqrt{2 / \pi} \left(<a> + 0.044715 <a>^{3}\right)\right)"
    return template(rf"\frac{{1}}{{2}} <a> \odot \left(1 + {inside}\right)")(a)


# a times how likely a normally distributed number is to be below a; with tanh nearly so.
declare_gated(
    "gelu",
    _gelu_gate,
    _gelu_slope,
    _gelu_latex,
    "",
    operations=5,
    settings={"approximate": "none"},
    words={"approximate": ("none", "tanh")},
    curvature=_gelu_curvature,
)


def _mish_slope(xp: Arithmetic, a: Array, kept: Array) -> Array:
    bent = xp.multiply(xp.sigmoid(a), one_less_square(xp, kept))
    return xp.add(kept, xp.multiply(a, bent))


def _mish_curvature(xp: Arithmetic, a: Array) -> Array:
    t, s = xp.tanh(xp.softplus(a)), xp.sigmoid(a)
    bend = xp.subtract(one_less(xp, s), twice(xp, xp.multiply(t, s)))
    inside = xp.multiply(s, xp.add(count(xp, 2), xp.multiply(a, bend)))
    return xp.multiply(one_less_square(xp, t), inside)


_SOFT = r"\log\left(1 + e^{<a:>}\right)"
declare_gated(
    "mish",
    lambda xp, a: xp.tanh(xp.softplus(a)),
    _mish_slope,
    rf"<a> \odot \tanh {_SOFT}",
    rf"\tanh {_SOFT} + <a> \odot \sigma\left(<a:>\right) \odot \left(1 - \tanh^{{2}} {_SOFT}\right)",
    operations=5,
    curvature=_mish_curvature,
)
