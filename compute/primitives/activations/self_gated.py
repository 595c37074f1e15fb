"""Self-gated activation functions: the operand times a smooth gate of itself.

Sources: Hendrycks and Gimpel, Gaussian Error Linear Units (2016); Ramachandran et al., Searching for
Activation Functions (2017); Misra, Mish: A Self Regularized Non-Monotonic Activation Function (2019).
"""

from compute.arithmetic.expressions import HALF, Expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.latex import Formula
from compute.primitives.activations.declaration import declare_gated, one_minus, template, times, twice
from compute.primitives.activations.smooth import bell
from compute.primitives.saturation import sigmoid_slope, tanh_slope
from compute.primitives.scalars import count, multiply_weights

DENSITY = parse("1/sqrt(2*pi)")  # of the standard normal distribution at 0
GELU_RATE = parse("sqrt(2/pi)")
GELU_CUBIC = parse("0.044715")
MINUS_HALF = parse("-1/2")


def _silu_slope(xp: Arithmetic, a: Array, kept: Array, alpha: Expression) -> Array:
    complement = multiply_weights(xp, one_minus(xp, kept), times(xp, a, alpha))
    return multiply_weights(xp, kept, xp.add(count(xp, 1), complement))


def _silu_curvature(xp: Arithmetic, a: Array, alpha: Expression) -> Array:
    scaled = times(xp, a, alpha)
    s = xp.sigmoid(scaled)
    bend = xp.add(count(xp, 2), xp.multiply(scaled, one_minus(xp, twice(xp, s))))
    return times(xp, multiply_weights(xp, sigmoid_slope(xp, scaled, s), bend), alpha)


_GATE = r"\sigma\left(<alpha*><a>\right)"
# a sigmoid(alpha a): SiLU for alpha = 1, otherwise Swish.
declare_gated(
    "silu",
    lambda xp, a, *, alpha: xp.sigmoid(times(xp, a, alpha)),
    _silu_slope,
    rf"<a> \odot {_GATE}",
    rf"{_GATE} \odot \left(1 + <alpha*><a> \odot \left(1 - {_GATE}\right)\right)",
    meaning="Each entry times a sigmoid of itself, a sigmoid(alpha a); for alpha = 1 SiLU, otherwise Swish.",
    operations=2,
    settings={"alpha": 1},
    curvature=_silu_curvature,
)


def _cubic(xp: Arithmetic, a: Array, order: int) -> Array:
    """Return sqrt(2/pi) (a + 0.044715 a^3), or its derivative of this order."""
    cubic = xp.constant(GELU_CUBIC, {})
    square = xp.multiply(a, a)
    polynomial = {
        0: lambda: xp.multiply(a, xp.add(count(xp, 1), xp.multiply(cubic, square))),
        1: lambda: xp.add(count(xp, 1), xp.multiply(xp.multiply(count(xp, 3), cubic), square)),
        2: lambda: xp.multiply(xp.multiply(count(xp, 6), cubic), a),
    }[order]()
    return xp.multiply(polynomial, xp.constant(GELU_RATE, {}))


def _gelu_gate(xp: Arithmetic, a: Array, *, approximate: str) -> Array:
    if approximate == "none":
        return xp.normal_cdf(a)
    if xp.simplifies:
        return xp.multiply(xp.add(xp.tanh(_cubic(xp, a, 0)), count(xp, 1)), xp.constant(HALF, {}))
    return xp.sigmoid(twice(xp, _cubic(xp, a, 0)))  # the same, but accurate where tanh is near -1


def _gelu_slope(xp: Arithmetic, a: Array, kept: Array, approximate: str) -> Array:
    if approximate == "none":
        bent = bell(xp, a, DENSITY, MINUS_HALF)
    else:
        bent = twice(xp, multiply_weights(xp, xp.multiply(kept, one_minus(xp, kept)), _cubic(xp, a, 1)))
    return xp.add(kept, multiply_weights(xp, bent, a))


def _gelu_curvature(xp: Arithmetic, a: Array, approximate: str) -> Array:
    if approximate == "none":
        bend = xp.subtract(count(xp, 2), xp.multiply(a, a))
        return multiply_weights(xp, bell(xp, a, DENSITY, MINUS_HALF), bend)
    inside, u = _cubic(xp, a, 0), _cubic(xp, a, 1)
    t = xp.tanh(inside)
    inner = xp.subtract(_cubic(xp, a, 2), twice(xp, xp.multiply(t, xp.multiply(u, u))))
    bend = xp.add(twice(xp, u), xp.multiply(a, inner))
    return xp.multiply(multiply_weights(xp, tanh_slope(xp, inside, t), bend), xp.constant(HALF, {}))


def _gelu_latex(a: Formula, approximate: str) -> Formula:
    inside = r"\operatorname{erf}\left(<a> / \sqrt{2}\right)"
    if approximate == "tanh":
        inside = r"\tanh\left(\sqrt{2 / \pi} \left(<a> + 0.044715 <a>^{3}\right)\right)"
    return template(rf"\frac{{1}}{{2}} <a> \odot \left(1 + {inside}\right)")(a)


# a Phi(a) for the normal distribution function Phi; approximate: with a tanh in its place.
declare_gated(
    "gelu",
    _gelu_gate,
    _gelu_slope,
    _gelu_latex,
    "",
    meaning="Each entry times its normal distribution function, a Phi(a), or an approximation by tanh.",
    operations=5,
    settings={"approximate": "none"},
    words={"approximate": ("none", "tanh")},
    curvature=_gelu_curvature,
)


def _mish_slope(xp: Arithmetic, a: Array, kept: Array) -> Array:
    bent = xp.multiply(xp.sigmoid(a), one_minus(xp, xp.multiply(kept, kept)))
    return xp.add(kept, multiply_weights(xp, bent, a))


def _mish_gate_complement(xp: Arithmetic, a: Array, t: Array) -> Array:
    """Return 1 - t^2 for the gate t = tanh(log(1 + e^a)), without cancellation.

    It is 4 q^2/(1 + q^2)^2 for q = sigmoid(-a).
    """
    if xp.simplifies:
        return one_minus(xp, xp.multiply(t, t))
    q = xp.sigmoid(xp.negative(a))
    square = xp.multiply(q, q)
    size = xp.add(count(xp, 1), square)
    return xp.divide(xp.multiply(count(xp, 4), square), xp.multiply(size, size))


def _mish_curvature(xp: Arithmetic, a: Array) -> Array:
    t, s = xp.tanh(xp.softplus(a)), xp.sigmoid(a)
    bend = xp.subtract(one_minus(xp, s), twice(xp, xp.multiply(t, s)))
    inside = multiply_weights(xp, s, xp.add(count(xp, 2), xp.multiply(a, bend)))
    return multiply_weights(xp, _mish_gate_complement(xp, a, t), inside)


_SOFT = r"\log\left(1 + e^{<a:>}\right)"
declare_gated(
    "mish",
    lambda xp, a: xp.tanh(xp.softplus(a)),
    _mish_slope,
    rf"<a> \odot \tanh {_SOFT}",
    rf"\tanh {_SOFT} + <a> \odot \sigma\left(<a:>\right) \odot \left(1 - \tanh^{{2}} {_SOFT}\right)",
    meaning="Each entry times the tanh of its softplus, a tanh(log(1 + exp(a))).",
    operations=5,
    curvature=_mish_curvature,
)
