"""Known mistakes in softmaxes: their sums, axes and Jacobians."""

from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception
from compute.primitives.scalars import count

SEEN = "seen in courses"
SOFTMAXES = ("softmax", "log_softmax")
ATTENTION = ("attention", "self_attention", "cross_attention")


def _outside_attention(step: Step) -> None:
    """Raise DoesNotApply in attention, whose weights have mistakes of their own."""
    if step.graph.operation in ATTENTION:
        raise DoesNotApply("a mistake of its own")


@misconception(
    "softmax.gradient_diagonal",
    primitives=SOFTMAXES,
    message="Every output of a softmax depends on every input: look at the entries of its Jacobian beside the"
    " diagonal.",
    note="only the diagonal of the Jacobian was used: p(1 - p) g, or (1 - p) g for the logarithm",
    source="python-neural-network#6; CS224n#17",
)
def gradient_diagonal(step: Step) -> Value:
    """Use the diagonal of the Jacobian alone."""
    assert step.value.primitive is not None
    is_log = step.value.primitive.name == "log_softmax"

    def rule(xp: Arithmetic, g: Array, x: Array, y: Array) -> Array:
        p = xp.exp(y) if is_log else y
        rest = xp.multiply(g, xp.subtract(count(xp, 1), p))
        return rest if is_log else xp.multiply(rest, p)

    return step.with_gradient(step.operands[0], rule)


@misconception(
    "softmax.gradient_sum_left_out",
    primitives=("softmax",),
    message="A softmax passes a gradient on less its weighted mean: look for the second term.",
    note="the weighted sum was not subtracted, p g for p (g - sum of p g)",
    source=SEEN,
)
def gradient_sum_left_out(step: Step) -> Value:
    """Multiply the gradient by the probabilities alone."""

    def rule(xp: Arithmetic, g: Array, x: Array, y: Array) -> Array:
        return xp.multiply(g, y)

    return step.with_gradient(step.operands[0], rule)


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
    probabilities = apply("softmax", logits, axis=step.attributes["axis"])
    return step.rebuilt({logits: probabilities})


@misconception(
    "softmax.wrong_axis",
    primitives=SOFTMAXES,
    message="Probabilities sum to 1 along one axis: look at which.",
    note="the softmax was taken over the other one of the last two axes",
    source=SEEN,
)
def wrong_axis(step: Step) -> Value:
    """Take the softmax over the other axis."""
    _outside_attention(step)
    assert step.value.primitive is not None
    [operand] = step.operands
    axis = -3 - step.attributes["axis"]
    if axis not in (-1, -2) or operand.rank < 2:
        raise DoesNotApply("one axis")
    return apply(step.value.primitive.name, operand, axis=axis)


def _shares(parts: Value, axis: int) -> Value:
    """Divide entries by their sum along an axis."""
    return parts / apply("expand_dims", apply("sum_over", parts, axis=axis), axis=axis)


@misconception(
    "softmax.divided_by_sum_without_exp",
    primitives=("softmax",),
    message="Scores may be negative, probabilities may not: which function comes before the sum?",
    note="the scores themselves were divided by their sum, without exponentials",
    source=SEEN,
)
def divided_by_sum_without_exp(step: Step) -> Value:
    """Divide the scores by their sum."""
    _outside_attention(step)
    return _shares(step.operands[0], step.attributes["axis"])


@misconception(
    "softmax.exp_not_normalized",
    primitives=("softmax",),
    message="Probabilities sum to 1: a step is missing after the exponentials.",
    note="the exponentials were not divided by their sum",
    source=SEEN,
)
def exp_not_normalized(step: Step) -> Value:
    """Leave out the division by the sum."""
    _outside_attention(step)
    return apply("exp", step.operands[0])


@misconception(
    "softmax.sign_of_exponent",
    primitives=SOFTMAXES,
    message="The largest score has the largest probability: look at the sign of the exponent.",
    note="the scores were negated before the exponentials",
    source=SEEN,
)
def sign_of_exponent(step: Step) -> Value:
    """Take the softmax of the negated scores."""
    _outside_attention(step)
    [operand] = step.operands
    return step.rebuilt({operand: apply("negative", operand)})


@misconception(
    "softmax.divided_by_scale",
    at="scaled",
    of=("softmax",),
    message="Look at how the scale acts on the scores: as a factor, or as a temperature?",
    note="the scores were divided by the scale",
    source=SEEN,
)
def divided_by_scale(step: Step) -> Value:
    """Divide the scores by the scale."""
    scale, scores = step.operands
    return scores / scale


MISCONCEPTIONS = (
    gradient_diagonal, gradient_sum_left_out, softmax_twice, wrong_axis, divided_by_sum_without_exp,
    exp_not_normalized, sign_of_exponent, divided_by_scale,
)  # fmt: skip
