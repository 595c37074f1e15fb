"""Activation functions that are linear above 0 and exponential below.

The derivative at 0 is the left derivative, as in PyTorch.

Sources: Clevert et al., Fast and Accurate Deep Network Learning by Exponential Linear Units (2016); Barron,
Continuously Differentiable Exponential Linear Units (2017); Klambauer et al., Self-Normalizing Neural
Networks (2017).
"""

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.primitives.activations.declaration import cases, declare, times
from compute.primitives.scalars import count

THAT_BELOW = "that below 0"


def _piecewise(xp: Arithmetic, a: Array, above: Array, below: Array) -> Array:
    return xp.where(xp.greater(a, count(xp, 0)), above, below)


declare(
    "elu",
    lambda xp, a, *, alpha: _piecewise(xp, a, a, times(xp, xp.expm1(a), alpha)),
    lambda xp, a, alpha: _piecewise(xp, a, count(xp, 1), times(xp, xp.exp(a), alpha)),
    cases(("<a:>", "<a:> > 0"), otherwise=r"<alpha*>\left(e^{<a:>} - 1\right)"),
    cases(("1", "<a:> > 0"), otherwise=r"<alpha*>e^{<a:>}"),
    meaning="Each entry above 0, and alpha (exp(a) - 1) elsewhere.",
    operations=2,
    settings={"alpha": 1},
    curvature=lambda xp, a, alpha: _piecewise(xp, a, count(xp, 0), times(xp, xp.exp(a), alpha)),
    convention={"derivative_of_elu_at_0": THAT_BELOW},
)


def _divide_by(xp: Arithmetic, a: Array, alpha: Expression) -> Array:
    return xp.divide(a, xp.constant(alpha, {}))


declare(
    "celu",
    lambda xp, a, *, alpha: _piecewise(xp, a, a, times(xp, xp.expm1(_divide_by(xp, a, alpha)), alpha)),
    lambda xp, a, alpha: _piecewise(xp, a, count(xp, 1), xp.exp(_divide_by(xp, a, alpha))),
    cases(("<a:>", "<a:> > 0"), otherwise=r"<alpha*>\left(e^{<a></alpha>} - 1\right)"),
    cases(("1", "<a:> > 0"), otherwise="e^{<a></alpha>}"),
    meaning="Each entry above 0, and alpha (exp(a / alpha) - 1) elsewhere.",
    operations=3,
    settings={"alpha": 1},
    check=lambda settings: None if settings["alpha"] else ("alpha", "a constant other than 0"),
    curvature=lambda xp, a, alpha: _piecewise(
        xp, a, count(xp, 0), _divide_by(xp, xp.exp(_divide_by(xp, a, alpha)), alpha)
    ),
    convention={"derivative_of_celu_at_0": THAT_BELOW},
)


def _selu(xp: Arithmetic, a: Array, *, alpha: Expression, gamma: Expression) -> Array:
    return times(xp, _piecewise(xp, a, a, times(xp, xp.expm1(a), alpha)), gamma)


def _selu_slope(xp: Arithmetic, a: Array, alpha: Expression, gamma: Expression) -> Array:
    return times(xp, _piecewise(xp, a, count(xp, 1), times(xp, xp.exp(a), alpha)), gamma)


def _selu_curvature(xp: Arithmetic, a: Array, alpha: Expression, gamma: Expression) -> Array:
    return times(xp, _piecewise(xp, a, count(xp, 0), times(xp, xp.exp(a), alpha)), gamma)


# With these two constants, means of 0 and variances of 1 are preserved from layer to layer.
declare(
    "selu",
    _selu,
    _selu_slope,
    "<gamma*>" + cases(("<a:>", "<a:> > 0"), otherwise=r"<alpha*>\left(e^{<a:>} - 1\right)"),
    "<gamma*>" + cases(("1", "<a:> > 0"), otherwise="<alpha*>e^{<a:>}"),
    meaning="gamma times each entry above 0, and gamma alpha (exp(a) - 1) elsewhere.",
    operations=3,
    settings={"alpha": "1.6732632423543772848170429916717", "gamma": "1.0507009873554804934193349852946"},
    curvature=_selu_curvature,
    convention={"derivative_of_selu_at_0": THAT_BELOW},
)
