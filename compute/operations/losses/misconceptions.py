"""Known mistakes in losses: their averages, signs, factors and logarithms.

Most are found in programs, too: a mean is a sum divided by a constant, and a squared error is a power of a
difference.
"""

from compute.arithmetic.expressions import number_expression, parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.graph import Value, apply, apply_primitive
from compute.graph.primitive import Primitive, no_cost
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    GradientRule,
    Misconception,
    Step,
    misconception,
    stop_gradient,
    with_gradient_rule,
)
from compute.primitives.classes import INDICES
from compute.primitives.scalars import count

ERRORS = ("mse", "mae", "huber", "smooth_l1")
CLASSES = ("cross_entropy", "nll")
PROGRAM = ""
SEEN = "seen in courses"
ONE, TWO = number_expression(1), number_expression(2)
HALVES = (parse("0.5"), parse("1/2"))
NEAR = 12  # values before a step that are searched for a square or a logarithm
LOGARITHMS = ("log", "log_softmax", "log_probability", "log_sigmoid")


def _is_applied(value: Value, *primitives: str) -> bool:
    return value.primitive is not None and value.primitive.name in primitives


def _depends_on(value: Value, *primitives: str) -> bool:
    """Return whether one of these primitives is among the nearest steps that a value is computed from."""
    near = [value]
    for one in near:
        if _is_applied(one, *primitives):
            return True
        if len(near) < NEAR:
            near += one.inputs
    return False


def change_gradient(value: Value, rule: GradientRule) -> Value:
    """Return a value that passes its gradient on by another rule."""
    return with_gradient_rule(stop_gradient(value), value, rule)


def _negated(xp: Arithmetic, g: Array, x: Array) -> Array:
    return xp.negative(g)


def _doubled(xp: Arithmetic, g: Array, x: Array) -> Array:
    return xp.multiply(g, count(xp, 2))


def _halved(xp: Arithmetic, g: Array, x: Array) -> Array:
    return xp.divide(g, count(xp, 2))


AVERAGE = "The loss is an average: over how many terms, and what does that do to its gradient?"


def _sum_of_mean(step: Step) -> Value:
    """Return the sum that a mean over all losses divides. Raises DoesNotApply at other quotients."""
    total, divisor = step.operands
    inner = total.inputs[0] if _is_applied(total, "negative") else total
    is_mean = _is_applied(inner, "sum_over") and step.value.rank == 0
    is_count = _is_applied(divisor, "constant") or divisor.name is not None
    if not is_mean or not is_count or step.size(inner.inputs[0], -1) < 2:
        raise DoesNotApply("no mean")
    return total


@misconception(
    "loss.not_averaged",
    primitives=("divide",),
    message="Look at how the losses are put together: is their sum asked for, or their mean?",
    note="the losses were summed, not averaged",
    source=SEEN,
)
def not_averaged(step: Step) -> Value:
    """Leave the sum as it is."""
    return _sum_of_mean(step)


@misconception(
    "loss.gradient_not_averaged",
    primitives=("divide",),
    message=AVERAGE,
    note="the gradient was not divided by the number of losses",
    source="mxnet#2215; ledger#1580",
)
def gradient_not_averaged(step: Step) -> Value:
    """Leave out the division in the gradient."""

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return g

    return step.with_gradient(_sum_of_mean(step), rule)


@misconception(
    "loss.divided_by_all",
    at="output",
    of=CLASSES,
    message=AVERAGE,
    note="the gradient was divided by the number of classes, too",
    source="simd_neuralnet#1",
)
def divided_by_all(step: Step) -> Value:
    """Divide the gradient by the number of classes, too."""
    if step.settings.get("reduction") != "mean":
        raise DoesNotApply("no mean")
    scores = step["logits" if step.has("logits") else "log_probabilities"]
    classes = step.size(scores, step.settings.get("axis", -1))

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return xp.divide(g, count(xp, classes))

    return change_gradient(step.value, rule)


def _columns(step: Step) -> int:
    """Return how many losses a sample has. Raises DoesNotApply for a single one."""
    losses = _sum_of_mean(step).inputs[0]
    matrix = losses.inputs[0] if _is_applied(losses, "reshape") else losses
    if matrix.rank < 2:
        raise DoesNotApply("one loss for each sample")
    columns = step.size(losses, -1) // step.size(matrix, -matrix.rank)
    if columns < 2:
        raise DoesNotApply("one column")
    return columns


@misconception(
    "loss.averaged_over_samples",
    primitives=("divide",),
    message="Look at what the mean is over: the samples alone, or every entry of every sample?",
    note="the losses of a sample were summed, and only the samples averaged",
    source=SEEN,
)
def averaged_over_samples(step: Step) -> Value:
    """Divide by the number of samples alone."""
    return step.value * step.constant(_columns(step))


@misconception(
    "loss.gradient_averaged_over_samples",
    primitives=("divide",),
    message=AVERAGE,
    note="the gradient was divided by the number of samples, although the loss is the mean over all entries",
    source="mxnet#2215",
)
def gradient_averaged_over_samples(step: Step) -> Value:
    """Divide the gradient by the number of samples alone."""
    columns = _columns(step)

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return xp.multiply(g, count(xp, columns))

    return change_gradient(step.value, rule)


def _is_square(value: Value) -> bool:
    return _is_applied(value, "square") or value.attributes.get("exponent") in (TWO, parse("2"))


def _error(step: Step) -> Value:
    """Return the error that a loss is a function of. Raises DoesNotApply at other functions."""
    operation = step.graph.operation
    [operand] = step.operands
    is_square = _is_square(step.value) and _is_applied(operand, "subtract")
    if operation not in ERRORS and not (operation == PROGRAM and is_square):
        raise DoesNotApply("no error")
    return operand


def _is_logarithm_of_loss(step: Step) -> bool:
    """Return whether a step takes the logarithm of predicted probabilities, or the loss at once."""
    operation = step.graph.operation
    if _is_applied(step.value, "log"):
        return operation == PROGRAM
    if _is_applied(step.value, "pick"):
        return operation == "nll" and step.operands[0].rank > 1
    if _is_applied(step.value, "log_sigmoid", "log_probability"):
        return operation == "binary_cross_entropy"
    return operation != "log_softmax"


PENALTIES = ("power", "square", "absolute", "huber_function")


@misconception(
    "loss.gradient_sign",
    primitives=(
        *PENALTIES, "log_softmax", "class_surprise", "logit_surprise", "log_sigmoid", "log_probability",
        "pick", "log",
    ),
    message="Look at the sign of the gradient: in which direction does the loss grow?",
    note="the gradient has the wrong sign, target minus prediction",
    source=SEEN,
)  # fmt: skip
def gradient_sign(step: Step) -> Value:
    """Negate the gradient."""
    if _is_applied(step.value, *PENALTIES):
        _error(step)
    elif not _is_logarithm_of_loss(step):
        raise DoesNotApply("no loss")
    return change_gradient(step.value, _negated)


@misconception(
    "loss.gradient_two_left_out",
    primitives=("power", "square"),
    message="Look at the derivative of a square.",
    note="the factor two of the square's derivative was left out",
    source=SEEN,
)
def two_left_out(step: Step) -> Value:
    """Halve the gradient of a squared error."""
    _error(step)
    return change_gradient(step.value, _halved)


def _with_half(step: Step) -> Value:
    """Return what a half of is taken, if that is a square. Raises DoesNotApply otherwise."""
    left, right = step.operands
    pairs = [(left, right, HALVES), (right, left, HALVES)]
    if _is_applied(step.value, "divide"):
        pairs = [(right, left, (TWO, parse("2")))]
    for factor, other, halves in pairs:
        is_half = factor.attributes.get("expression") in halves and other.shape == step.value.shape
        is_mean = _is_applied(step.value, "divide") and _is_applied(other, "sum_over")
        if is_half and not is_mean and _depends_on(other, "power", "square"):
            return other
    raise DoesNotApply("no half")


@misconception(
    "loss.half_left_out",
    primitives=("multiply", "divide"),
    message="Look at the factor before the square.",
    note="the factor one half was left out",
    source=SEEN,
)
def half_left_out(step: Step) -> Value:
    """Leave out the factor one half."""
    return apply("identity", _with_half(step))


@misconception(
    "loss.gradient_factor_two",
    primitives=("multiply", "divide"),
    message="The half before the square has a reason: look at the factor of the gradient.",
    note="the gradient has a factor two that the half cancels",
    source=SEEN,
)
def gradient_factor_two(step: Step) -> Value:
    """Double the gradient of a half square."""
    _with_half(step)
    return change_gradient(step.value, _doubled)


@misconception(
    "loss.half_added",
    at="losses",
    of=("mse",),
    message="Some books put a factor before the square: is it in this definition?",
    note="the squares were multiplied by one half",
    source=SEEN,
)
def half_added(step: Step) -> Value:
    """Take half of each square."""
    return step.value / step.constant(2)


@misconception(
    "loss.absolute_for_square",
    at="losses",
    of=("mse",),
    message="Look at which function of the error is averaged.",
    note="the absolute errors were taken, not their squares",
    source=SEEN,
)
def absolute_for_square(step: Step) -> Value:
    """Take the absolute errors."""
    return apply("absolute", step["error"])


@misconception(
    "loss.root_taken",
    at="output",
    of=("mse",),
    message="The mean of the squares is asked for: look at the last step.",
    note="the root of the mean square was taken",
    source=SEEN,
)
def root_taken(step: Step) -> Value:
    """Take the root of the loss."""
    return apply("power", step.value, exponent=parse("1/2"))


def _logarithm(code: str, base: int, note: str) -> Misconception:
    """Declare logarithms to another base."""

    @misconception(
        code,
        primitives=(*LOGARITHMS, "class_surprise", "logit_surprise"),
        message="Look at the base of the logarithm.",
        note=note,
        source=SEEN,
    )
    def logarithm(step: Step) -> Value:
        if not _is_logarithm_of_loss(step):
            raise DoesNotApply("no loss")
        return step.value / apply("log", step.constant(base))

    return logarithm


base_two = _logarithm("loss.base_two", 2, "the logarithm to base 2 was taken")
base_ten = _logarithm("loss.base_ten", 10, "the logarithm to base 10 was taken")


@misconception(
    "loss.minus_left_out",
    primitives=("negative",),
    message="The logarithm of a probability is negative, and a loss is to be made small: look at the sign.",
    note="the minus sign before the logarithm was left out",
    source=SEEN,
)
def minus_left_out(step: Step) -> Value:
    """Leave out the minus sign of a log-likelihood."""
    is_loss = step.graph.operation in (*CLASSES, "binary_cross_entropy", PROGRAM)
    if not is_loss or not _depends_on(step.operands[0], *LOGARITHMS, "pick"):
        raise DoesNotApply("no logarithm")
    return apply("identity", step.operands[0])


def _is_complement(value: Value) -> bool:
    """Return whether a value is 1 minus another one."""
    return _is_applied(value, "subtract") and value.inputs[0].attributes.get("expression") == ONE


@misconception(
    "loss.complement_left_out",
    primitives=("add",),
    message="The loss has a term for each of the two classes: is one of them missing?",
    note="the term of the other class, with 1 - target, was left out",
    source=SEEN,
)
def complement_left_out(step: Step) -> Value:
    """Leave out the term with one minus the target."""
    for kept, left_out in (step.operands, step.operands[::-1]):
        is_product = _is_applied(left_out, "multiply", "weighted_product")
        if is_product and any(map(_is_complement, left_out.inputs)) and _depends_on(left_out, *LOGARITHMS):
            return apply("identity", kept)
    raise DoesNotApply("no term of the other class")


def _previous_class(xp: Arithmetic, target: Array, *, classes: int, ignored: int | None) -> Array:
    """Return the class before each one, the last before the first, as an index of -1 reads it."""
    one = count(xp, 1)
    previous = xp.where(xp.equal(target, count(xp, 0)), count(xp, classes - 1), xp.subtract(target, one))
    return previous if ignored is None else xp.where(xp.equal(target, count(xp, ignored)), target, previous)


_PREVIOUS = Primitive(
    name="",
    forward=_previous_class,
    shape=lambda target, classes, ignored: target,
    latex=lambda target, classes, ignored: target,
    expects="a class for each sample",
    operand_kinds=INDICES,
    cost=no_cost,
    kind="same",
)


@misconception(
    "loss.class_counted_from_one",
    primitives=("pick", "one_hot", "class_surprise"),
    message="Look at the number of the first class.",
    note="classes were counted from 1, so that the entry before that of the target was taken",
    source=SEEN,
)
def class_counted_from_one(step: Step) -> Value:
    """Take the class before the target."""
    target, ignored = step.operands[-1], step.attributes["ignored"]
    classes = step.attributes.get("classes") or step.operands[0].shape[step.attributes["axis"]]
    previous = apply_primitive(_PREVIOUS, target, classes=classes, ignored=ignored)
    return step.rebuilt({target: previous})


# Those of gradients come first: a gradient alone often fits a mistaken value, too.
MISCONCEPTIONS = (
    gradient_not_averaged, divided_by_all, gradient_averaged_over_samples, gradient_sign, two_left_out,
    gradient_factor_two, not_averaged, averaged_over_samples, half_left_out, half_added,
    absolute_for_square, root_taken, base_two, base_ten, minus_left_out, complement_left_out,
    class_counted_from_one,
)  # fmt: skip
