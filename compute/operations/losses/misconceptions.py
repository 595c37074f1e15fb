"""Known mistakes in losses: factors of their gradients, logarithms, and a second softmax."""

import math
from collections.abc import Callable

from compute.arithmetic.expressions import parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.dimensions import product
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    misconception,
    stop_gradient,
    with_gradient_rule,
)

ERRORS = ("mse", "mae", "huber", "smooth_l1")
CLASSES = ("cross_entropy", "nll")
LOGARITHMS = (*CLASSES, "binary_cross_entropy")
SEEN = "seen in courses"
HALVES = (parse("0.5"), parse("1/2"))


def scale_gradient(value: Value, factor: float) -> Value:
    """Return a value whose gradient is multiplied by a factor."""

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return g * factor

    return with_gradient_rule(stop_gradient(value), value, rule)


def _factor(
    code: str, of: tuple[str, ...], note: str, message: str, source: str, factor: Callable[[Step], float]
) -> Misconception:
    """Declare a mistaken factor of a loss's gradient."""

    @misconception(code, at="output", of=of, message=message, note=note, source=source)
    def gradient(step: Step) -> Value:
        return scale_gradient(step.value, factor(step))

    return gradient


def _losses(step: Step) -> int:
    """Return how many losses are averaged. Raises DoesNotApply without a mean."""
    count = product(step["losses"].shape)
    if step.settings.get("reduction") != "mean" or not isinstance(count, int) or count < 2:
        raise DoesNotApply("no mean")
    return count


def _classes(step: Step) -> int:
    axis = step.settings.get("axis", -1)
    return step.size(step["logits"] if step.has("logits") else step["input"], axis)


AVERAGE = "The loss is an average: by what is its gradient divided?"
not_averaged = _factor(
    "loss.gradient_not_averaged", (*ERRORS, *LOGARITHMS),
    "the gradient was not divided by the number of losses", AVERAGE, "mxnet#2215; ledger#1580", _losses,
)  # fmt: skip
divided_by_all = _factor(
    "loss.divided_by_all", CLASSES, "the gradient was divided by the number of classes, too", AVERAGE,
    "simd_neuralnet#1", lambda step: 1 / _classes(step),
)  # fmt: skip
gradient_sign = _factor(
    "loss.gradient_sign", (*ERRORS, *LOGARITHMS), "the gradient has the wrong sign, target minus prediction",
    "Look at the sign of the gradient: in which direction does the loss grow?", SEEN, lambda step: -1.0,
)  # fmt: skip
two_left_out = _factor(
    "loss.gradient_two_left_out", ("mse",), "the factor two of the square's derivative was left out",
    "Look at the derivative of a square.", SEEN, lambda step: 0.5,
)  # fmt: skip


def _with_half(step: Step) -> Value:
    """Return the other factor of a product with one half. Raises DoesNotApply without it."""
    for one, other in (step.operands, step.operands[::-1]):
        if one.attributes.get("expression") in HALVES and other.shape == step.value.shape:
            return other
    raise DoesNotApply("no half")


@misconception(
    "loss.half_left_out",
    primitives=("multiply",),
    message="Look at the factor before the square.",
    note="the factor one half was left out",
    source=SEEN,
)
def half_left_out(step: Step) -> Value:
    """Leave out the factor one half."""
    return apply("identity", _with_half(step))


@misconception(
    "loss.gradient_factor_two",
    primitives=("multiply",),
    message="The half before the square has a reason: look at the factor of the gradient.",
    note="the gradient has a factor two that the half cancels",
    source=SEEN,
)
def gradient_factor_two(step: Step) -> Value:
    """Double the gradient of a half square."""
    _with_half(step)
    return scale_gradient(step.value, 2.0)


@misconception(
    "softmax.twice",
    primitives=("class_surprise", "log_softmax"),
    message="The loss takes the softmax by itself: how often did you take it?",
    note="the softmax was taken twice, of the probabilities again",
    source="EffectiveTensorflow#9",
)
def softmax_twice(step: Step) -> Value:
    """Feed probabilities to the loss."""
    logits = step.operands[0]
    return step.rebuilt({logits: apply("softmax", logits, axis=step.attributes["axis"])})


def _logarithm(code: str, base: float, note: str) -> Misconception:
    """Declare a loss with another logarithm."""

    @misconception(
        code,
        at="output",
        of=LOGARITHMS,
        message="Look at the base of the logarithm.",
        note=note,
        source=SEEN,
    )
    def logarithm(step: Step) -> Value:
        return step.value * step.constant(1 / math.log(base))

    return logarithm


base_two = _logarithm("loss.base_two", 2, "the logarithm to base 2 was taken")
base_ten = _logarithm("loss.base_ten", 10, "the logarithm to base 10 was taken")

MISCONCEPTIONS = (
    not_averaged, divided_by_all, gradient_sign, two_left_out, half_left_out, gradient_factor_two,
    softmax_twice, base_two, base_ten,
)  # fmt: skip
