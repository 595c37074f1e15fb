"""Primitives that losses are made of, entry by entry: penalties of errors and margins, weighted logarithms.

What holds entries that have no such meaning is refused here, at the operand it came in.
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
from compute.primitives.scalars import count, known, weighed


def _no_probabilities(xp: Arithmetic, a: Array) -> Array:
    return np.logical_or(_below_zero(xp, a), known(xp.greater(a, count(xp, 1)), True))


def _no_signs(xp: Arithmetic, a: Array) -> Array:
    neither = (known(xp.equal(a, count(xp, sign)), False) for sign in (1, -1))
    return np.logical_and(*neither)


def _below_zero(xp: Arithmetic, a: Array) -> Array:
    return known(xp.greater(count(xp, 0), a), True)


def _not_above_zero(xp: Arithmetic, a: Array) -> Array:
    return known(xp.greater(a, count(xp, 0)), False)


def _no_direction(xp: Arithmetic, a: Array) -> Array:
    found: Array = np.asarray(known(xp.equal(a, count(xp, 0)), True).all(axis=-1))
    return found


# What entries may have to be: where they are not, what is then said of them, and what was expected.
MEANINGS: dict[str, tuple[Callable[[Arithmetic, Array], Array], str, str]] = {
    "probabilities": (_no_probabilities, "holds a number that is not a probability", "numbers from 0 to 1"),
    "signs": (_no_signs, "holds a number that is not 1 or -1", "1 or -1 for each sample"),
    "variances": (_not_above_zero, "holds a number that is not above 0", "numbers above 0"),
    "weights": (_below_zero, "holds a number below 0", "numbers from 0 on"),
    "directions": (
        _no_direction,
        "holds a vector of zeros, which has no direction",
        "vectors that are not zero; or an epsilon above 0",
    ),
}


def _admitted(xp: Arithmetic, a: Array, *, only: str) -> Array:
    unfit, message, expected = MEANINGS[only]
    where = unfit(xp, a)
    if where.any():
        received = describe_entry(a, where) if where.shape == a.shape else f"a vector of {a.shape[-1]} zeros"
        raise UnfitEntries("a", message, expected, received)
    return a


# The entries as they are, refused where they cannot be what they are meant to be.
admitted = Primitive(
    "admitted",
    forward=_admitted,
    gradients={"a": identity_gradient},
    tangents=lambda xp, t, y, a, only: t,
    shape=lambda a, only: a,
    latex=lambda a, only: a,
    cost=no_cost,
    expects="any shape",
    propagates_nonfinite_gradient=True,
)


def _finite(xp: Arithmetic, a: Array) -> Array:
    return xp.equal(xp.subtract(a, a), count(xp, 0))


def _all_finite(xp: Arithmetic, a: Array) -> bool:
    """Whether it is known already, for numbers of which that can be asked, that no entry is infinite."""
    return xp.ordered and xp.is_finite(a)


def _weight_gradient(xp: Arithmetic, g: Array, a: Array, b: Array) -> Array:
    found = xp.multiply(g, b)
    if _all_finite(xp, b):
        return found
    nothing = xp.where(xp.equal(a, count(xp, 0)), count(xp, 0), found)
    return xp.where(_finite(xp, b), found, nothing)


# A weight times a logarithm, where 0 log 0 = 0: such a weight passes no gradient, which would be infinite.
weigh = Primitive(
    "weigh",
    forward=weighed,
    gradients={"a": _weight_gradient, "b": lambda xp, g, a: xp.multiply(g, a)},
    tangents="symmetric",
    shape=lambda a, b: broadcast(a, b),
    latex=lambda a, b: Formula(rf"{a.at(PRODUCT)} \odot {b.at(PRODUCT)}", PRODUCT),
    expects=BROADCASTABLE,
    broadcasts=True,
    convention={"zero_times_log_of_zero": 0},
)


def _log_probability(xp: Arithmetic, a: Array, *, complement: bool, least: Expression | None) -> Array:
    found = xp.log1p(xp.negative(a)) if complement else xp.log(a)
    return found if least is None else xp.maximum(found, xp.constant(least, {}))


def _log_probability_gradient(
    xp: Arithmetic, g: Array, a: Array, complement: bool, least: Expression | None
) -> Array:
    """What does not weigh stays so where the derivative is infinite; below the least logarithm it is 0."""
    log, zero = _log_probability(xp, a, complement=complement, least=None), count(xp, 0)
    # 1 - a at a = 1 is 0 from above, as a is at 0: the slope is infinite with the right sign.
    slope = xp.negative(xp.divide(g, xp.subtract(count(xp, 1), a))) if complement else xp.divide(g, a)
    if not _all_finite(xp, log):
        slope = xp.where(_finite(xp, log), slope, xp.where(xp.equal(g, zero), zero, slope))
    if least is None:
        return slope
    return xp.where(xp.greater_equal(log, xp.constant(least, {})), slope, zero)


def _log_probability_latex(a: Formula, complement: bool, least: Expression | None) -> Formula:
    log = rf"\log \left(1 - {a.at(PRODUCT)}\right)" if complement else rf"\log {a.at(ATOM)}"
    if least is None:
        return Formula(log, PRODUCT)
    return Formula(rf"\max\left({log}, {constant_latex(least).text}\right)")


# log(a), or log(1 - a); and at least a constant if that is said.
log_probability = Primitive(
    "log_probability",
    forward=_log_probability,
    gradients={"a": _log_probability_gradient},
    tangents="symmetric",
    shape=lambda a, **attributes: a,
    latex=_log_probability_latex,
    expects="any shape",
    hazard=LOGARITHM,
)


def _logit_surprise(xp: Arithmetic, a: Array, target: Array) -> Array:
    """log(1 + e^a) - y a, as the sum of y log(1 + e^-a) and (1 - y) log(1 + e^a), where nothing cancels."""
    if not xp.ordered:
        return xp.subtract(xp.softplus(a), xp.multiply(target, a))

    def rule(a: Array, target: Array) -> Array:
        yes, no, rest = _surprises(xp, a, target)
        return xp.add(weighed(xp, target, yes), weighed(xp, rest, no))

    return _in_blocks(xp, rule, a, target)


def _in_blocks(xp: Arithmetic, rule: Callable[..., Array], *arrays: Array) -> Array:
    """Apply an entrywise rule, block by block where all arrays have the same shape."""
    if all(one.shape == arrays[0].shape for one in arrays):
        return xp.entrywise(rule, *arrays)
    return rule(*arrays)


def _logit_gradient(xp: Arithmetic, g: Array, a: Array, target: Array) -> Array:
    """The sigmoid less the target, as (1 - y) sigmoid(a) - y sigmoid(-a), where nothing cancels for y = 1."""
    if xp.simplifies:
        return xp.multiply(g, xp.subtract(xp.sigmoid(a), target))

    def rule(g: Array, a: Array, target: Array) -> Array:
        rest = xp.subtract(count(xp, 1), target)
        no = xp.multiply(xp.multiply(g, rest), xp.sigmoid(a))
        yes = xp.multiply(xp.multiply(g, target), xp.sigmoid(xp.negative(a)))
        return xp.subtract(no, yes)

    return _in_blocks(xp, rule, g, a, target)


def _surprises(xp: Arithmetic, a: Array, target: Array) -> tuple[Array, Array, Array]:
    """The surprise that there is in yes and in no, and the weight of no."""
    zero = count(xp, 0)
    least = xp.log1p(xp.exp(xp.negative(xp.absolute(a))))
    yes, no = (xp.add(xp.maximum(one, zero), least) for one in (xp.negative(a), a))
    return yes, no, xp.subtract(count(xp, 1), target)


def _logit_target_gradient(xp: Arithmetic, g: Array, a: Array, target: Array) -> Array:
    if not xp.ordered:
        return xp.negative(xp.multiply(g, a))

    def rule(g: Array, a: Array, target: Array) -> Array:
        yes, no, rest = _surprises(xp, a, target)
        return xp.subtract(_weight_gradient(xp, g, target, yes), _weight_gradient(xp, g, rest, no))

    return _in_blocks(xp, rule, g, a, target)


# - y log p - (1 - y) log(1 - p), where p is the sigmoid of a.
logit_surprise = Primitive(
    "logit_surprise",
    forward=_logit_surprise,
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
)


def _halved(xp: Arithmetic, a: Array) -> Array:
    return xp.divide(a, count(xp, 2))


def _huber(xp: Arithmetic, a: Array, *, delta: Expression) -> Array:
    size, bound = xp.absolute(a), xp.constant(delta, {})
    line = xp.multiply(bound, xp.subtract(size, _halved(xp, bound)))
    return xp.where(xp.greater(size, bound), line, _halved(xp, xp.multiply(a, a)))


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


# a^2 / 2 as far as |a| reaches `delta`, and from there on the line that goes on with the same slope.
huber_function = Primitive(
    "huber_function",
    forward=_huber,
    gradients={"a": _huber_gradient},
    tangents="symmetric",
    shape=lambda a, delta: a,
    latex=_huber_latex,
    cost=lambda shape, a, **attributes: Cost(elementwise=4 * product(shape)),
    expects="any shape",
)


def _positive_part_gradient(xp: Arithmetic, g: Array, a: Array) -> Array:
    zero = count(xp, 0)
    return xp.where(xp.greater_equal(a, zero), g, zero)


# max(0, a), whose derivative at 0 is that above it, as PyTorch has it for what it clamps.
positive_part = Primitive(
    "positive_part",
    forward=lambda xp, a: xp.maximum(a, count(xp, 0)),
    gradients={"a": _positive_part_gradient},
    tangents="symmetric",
    shape=lambda a: a,
    latex=lambda a: Formula(rf"\max\left(0, {a.text}\right)"),
    expects="any shape",
    convention={"derivative_of_positive_part_at_0": 1},
)
