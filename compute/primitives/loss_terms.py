"""Entrywise terms of losses: penalties of errors and margins, weighted logarithms.

Operands with entries that are not allowed (probabilities above 1, say) are refused here.
"""

from collections.abc import Callable

import numpy as np

from compute.arithmetic.expressions import Expression
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import broadcast, product
from compute.errors import UnfitEntries, describe_entry
from compute.graph.numerics import LOGARITHM
from compute.graph.primitive import Cost, Primitive, identity_gradient, no_cost
from compute.latex import ATOM, PRODUCT, SUM, Formula, constant_latex
from compute.primitives.elementwise import BROADCASTABLE
from compute.primitives.scalars import count, is_known, multiply_weights


def _not_probabilities(xp: Arithmetic, a: Array) -> Array:
    return np.logical_or(_negative(xp, a), is_known(xp.greater(a, count(xp, 1)), True))


def _not_signs(xp: Arithmetic, a: Array) -> Array:
    neither = (is_known(xp.equal(a, count(xp, sign)), False) for sign in (1, -1))
    return np.logical_and(*neither)


def _negative(xp: Arithmetic, a: Array) -> Array:
    return is_known(xp.greater(count(xp, 0), a), True)


def _not_positive(xp: Arithmetic, a: Array) -> Array:
    return is_known(xp.greater(a, count(xp, 0)), False)


def _zero_vectors(xp: Arithmetic, a: Array) -> Array:
    is_zero: Array = np.asarray(is_known(xp.equal(a, count(xp, 0)), True).all(axis=-1))
    return is_zero


# By the meaning of an operand: a test for entries that are not allowed, the message, and what is expected.
MEANINGS: dict[str, tuple[Callable[[Arithmetic, Array], Array], str, str]] = {
    "probabilities": (_not_probabilities, "holds a number that is not a probability", "numbers from 0 to 1"),
    "signs": (_not_signs, "holds a number that is not 1 or -1", "1 or -1 for each sample"),
    "variances": (_not_positive, "holds a number that is not above 0", "numbers above 0"),
    "weights": (_negative, "holds a number below 0", "numbers from 0 on"),
    "directions": (
        _zero_vectors,
        "holds a vector of zeros, which has no direction",
        "vectors that are not zero; or an epsilon above 0",
    ),
}


def _check_meaning(xp: Arithmetic, a: Array, *, only: str) -> Array:
    find_unfit, message, expected = MEANINGS[only]
    unfit = find_unfit(xp, a)
    if unfit.any():
        received = describe_entry(a, unfit) if unfit.shape == a.shape else f"a vector of {a.shape[-1]} zeros"
        raise UnfitEntries("a", message, expected, received)
    return a


check_entries = Primitive(
    "check_entries",
    forward=_check_meaning,
    gradients={"a": identity_gradient},
    tangents=lambda xp, t, y, a, only: t,
    shape=lambda a, only: a,
    latex=lambda a, only: a,
    cost=no_cost,
    expects="any shape",
    propagates_nonfinite_gradient=True,
    meaning="The entries unchanged, after a check that they have the meaning `only`.",
)


def _is_finite(xp: Arithmetic, a: Array) -> Array:
    return xp.equal(xp.subtract(a, a), count(xp, 0))


def _all_finite(xp: Arithmetic, a: Array) -> bool:
    """Return whether all entries are known to be finite; false for numbers without an order."""
    return xp.ordered and xp.is_finite(a)


def _weight_gradient(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
    gradient = xp.multiply(g, b)
    if _all_finite(xp, b):
        return gradient
    weightless = xp.where(xp.equal(a, count(xp, 0)), count(xp, 0), gradient)
    return xp.where(_is_finite(xp, b), gradient, weightless)


# A weight of 0 passes no gradient, which would be infinite.
weighted_product = Primitive(
    "weighted_product",
    forward=multiply_weights,
    gradients={"a": _weight_gradient, "b": lambda xp, g, a: xp.multiply(g, a)},
    tangents="symmetric",
    shape=lambda a, b: broadcast(a, b),
    latex=lambda a, b: Formula(rf"{a.at(PRODUCT)} \odot {b.at(PRODUCT)}", PRODUCT),
    expects=BROADCASTABLE,
    broadcasts=True,
    convention={"zero_times_log_of_zero": 0},
    meaning="A weight times a logarithm with 0 log 0 = 0.",
)


def _log_probability(xp: Arithmetic, a: Array, *, complement: bool, least: Expression | None) -> Array:
    log = xp.log1p(xp.negative(a)) if complement else xp.log(a)
    return log if least is None else xp.maximum(log, xp.constant(least, {}))


def _log_probability_gradient(
    xp: Arithmetic, g: Array, a: Array, complement: bool, least: Expression | None
) -> Array:
    """Return g times the derivative: 0 if g is 0, even if the derivative is infinite, and 0 below `least`."""
    log, zero = _log_probability(xp, a, complement=complement, least=None), count(xp, 0)
    # At a = 1 the divisor 1 - a is +0, as a is at 0: the slope is infinite with the right sign.
    slope = xp.negative(xp.divide(g, xp.subtract(count(xp, 1), a))) if complement else xp.divide(g, a)
    if not _all_finite(xp, log):
        slope = xp.where(_is_finite(xp, log), slope, xp.where(xp.equal(g, zero), zero, slope))
    if least is None:
        return slope
    return xp.where(xp.greater_equal(log, xp.constant(least, {})), slope, zero)


def _log_probability_latex(a: Formula, complement: bool, least: Expression | None) -> Formula:
    log = rf"\log \left(1 - {a.at(PRODUCT)}\right)" if complement else rf"\log {a.at(ATOM)}"
    if least is None:
        return Formula(log, PRODUCT)
    return Formula(rf"\max\left({log}, {constant_latex(least).text}\right)")


log_probability = Primitive(
    "log_probability",
    forward=_log_probability,
    gradients={"a": _log_probability_gradient},
    tangents="symmetric",
    shape=lambda a, **attributes: a,
    latex=_log_probability_latex,
    expects="any shape",
    hazard=LOGARITHM,
    meaning="log(a), or log(1 - a) if `complement`; clamped from below at `least` unless that is None.",
)


def _logit_loss(xp: Arithmetic, a: Array, target: Array) -> Array:
    """Return log(1 + e^a) - y a, as y log(1 + e^-a) + (1 - y) log(1 + e^a), which avoids cancellation."""
    if not xp.ordered:
        return xp.subtract(xp.softplus(a), xp.multiply(target, a))

    def rule(a: Array, target: Array) -> Array:
        positive, negative, complement = _class_losses(xp, a, target)
        return xp.add(multiply_weights(xp, target, positive), multiply_weights(xp, complement, negative))

    return _in_blocks(xp, rule, a, target)


def _in_blocks(xp: Arithmetic, rule: Callable[..., Array], *arrays: Array) -> Array:
    """Apply an entrywise rule, block by block if all arrays have the same shape."""
    if all(array.shape == arrays[0].shape for array in arrays):
        return xp.entrywise(rule, *arrays)
    return rule(*arrays)


def _logit_gradient(xp: Arithmetic, g: Array, a: Array, target: Array) -> Array:
    """Return g (sigmoid(a) - y) with (1 - y) sigmoid(a) - y sigmoid(-a), which does not cancel at y = 1."""
    if xp.simplifies:
        return xp.multiply(g, xp.subtract(xp.sigmoid(a), target))

    def rule(g: Array, a: Array, target: Array) -> Array:
        complement = xp.subtract(count(xp, 1), target)
        negative = xp.multiply(xp.multiply(g, complement), xp.sigmoid(a))
        positive = xp.multiply(xp.multiply(g, target), xp.sigmoid(xp.negative(a)))
        return xp.subtract(negative, positive)

    return _in_blocks(xp, rule, g, a, target)


def _class_losses(xp: Arithmetic, a: Array, target: Array) -> tuple[Array, Array, Array]:
    """Return the losses of the positive and of the negative class, and the weight of the latter."""
    zero = count(xp, 0)
    remainder = xp.log1p(xp.exp(xp.negative(xp.absolute(a))))
    positive, negative = (xp.add(xp.maximum(logit, zero), remainder) for logit in (xp.negative(a), a))
    return positive, negative, xp.subtract(count(xp, 1), target)


def _logit_target_gradient(xp: Arithmetic, g: Array, a: Array, target: Array) -> Array:
    if not xp.ordered:
        return xp.negative(xp.multiply(g, a))

    def rule(g: Array, a: Array, target: Array) -> Array:
        positive, negative, complement = _class_losses(xp, a, target)
        return xp.subtract(
            _weight_gradient(xp, g, target, positive), _weight_gradient(xp, g, complement, negative)
        )

    return _in_blocks(xp, rule, g, a, target)


logit_surprise = Primitive(
    "logit_surprise",
    forward=_logit_loss,
    gradients={
        "a": _logit_gradient,
        "target": _logit_target_gradient,
    },
    tangents="symmetric",
    shape=lambda a, target: broadcast(a, target),
    latex=lambda a, target: Formula(
        rf"\log\left(1 + e^{{{a.text}}}\right) - {target.at(PRODUCT)} \odot {a.at(PRODUCT)}", SUM
    ),
    cost=lambda shape, a, target: Cost(elementwise=5 * product(shape)),
    expects=BROADCASTABLE,
    broadcasts=True,
    meaning="-y log p - (1 - y) log(1 - p) for p = sigmoid(a).",
)


def _half(xp: Arithmetic, a: Array) -> Array:
    return xp.divide(a, count(xp, 2))


def _huber(xp: Arithmetic, a: Array, *, delta: Expression) -> Array:
    size, bound = xp.absolute(a), xp.constant(delta, {})
    line = xp.multiply(bound, xp.subtract(size, _half(xp, bound)))
    return xp.where(xp.greater(size, bound), line, _half(xp, xp.multiply(a, a)))


def _huber_gradient(xp: Arithmetic, g: Array, a: Array, delta: Expression) -> Array:
    bound = xp.constant(delta, {})
    slope = xp.where(xp.greater(xp.absolute(a), bound), xp.multiply(bound, xp.sign(a)), a)
    return xp.multiply(g, slope)


def _huber_latex(a: Formula, delta: Expression) -> Formula:
    size, bound = rf"\left|{a.text}\right|", constant_latex(delta)
    line = rf"{bound.at(PRODUCT)} \left({size} - \frac{{{bound.text}}}{{2}}\right)"
    square = rf"\frac{{1}}{{2}} {a.at(ATOM)}^{{2}}"
    cases = rf"{line} & \text{{if }} {size} > {bound.text} \\ {square} & \text{{otherwise}}"
    return Formula(rf"\begin{{cases}} {cases} \end{{cases}}")


huber_function = Primitive(
    "huber_function",
    forward=_huber,
    gradients={"a": _huber_gradient},
    tangents="symmetric",
    shape=lambda a, delta: a,
    latex=_huber_latex,
    cost=lambda shape, a, **attributes: Cost(elementwise=4 * product(shape)),
    expects="any shape",
    meaning="The Huber function: a^2 / 2 for |a| <= delta, and a line with the same slope beyond.",
)


def _positive_part_gradient(xp: Arithmetic, g: Array, a: Array) -> Array:
    zero = count(xp, 0)
    return xp.where(xp.greater_equal(a, zero), g, zero)


positive_part = Primitive(
    "positive_part",
    forward=lambda xp, a: xp.maximum(a, count(xp, 0)),
    gradients={"a": _positive_part_gradient},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\max\left(0, {a.text}\right)"),
    expects="any shape",
    convention={"derivative_of_positive_part_at_0": 1},
    meaning="max(0, a) with derivative 1 at 0, as PyTorch's clamp.",
)
