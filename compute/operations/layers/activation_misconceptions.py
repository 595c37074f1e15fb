"""Known mistakes in activations and rectifiers, mostly in their gradients."""

from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    GradientRule,
    Misconception,
    Step,
    misconception,
)
from compute.primitives.activations.declaration import ACTIVATIONS
from compute.primitives.scalars import count

SEEN = "seen in courses"
SMOOTH = ("sigmoid", "tanh")
RECTIFIERS = ("relu", "leaky_relu", "prelu")
PLAIN = frozenset(
    {"identity", "affine", "exp", "log", "power", "sin", "cos", "square", "absolute", "log_sigmoid"}
)
"""Functions that do not make a unit nonlinear, or that formulas use for other purposes."""
BENT = tuple(dict.fromkeys(entry.primitive for entry in ACTIVATIONS.values() if entry.primitive not in PLAIN))
OTHERS = tuple(name for name in BENT if name not in RECTIFIERS)


def _function(step: Step) -> str:
    """Return the name of the activation that a step applies or differentiates."""
    assert step.value.primitive is not None
    name = step.value.primitive.name
    return str(step.attributes["function"]) if name == "derivative" else name


def _slope(step: Step, at: Value) -> Value:
    """Return the derivative of the step's activation at a value."""
    function, attributes = _function(step), step.attributes
    if function not in ACTIVATIONS:
        raise DoesNotApply(function)
    if "function" in attributes:
        return apply("derivative", at, **attributes)
    return apply("derivative", at, function=function, attributes=dict(attributes))


def _slope_from_output(step: Step, y: Value) -> Value:
    """Return the derivative of a smooth activation by its formula in the output."""
    one = step.constant(1)
    return y * (one - y) if _function(step) == "sigmoid" else one - y * y


def _with_slope(step: Step, slope: Value) -> Value:
    """Return the step with another derivative: as its value, or as the factor of its gradient."""
    assert step.value.primitive is not None
    if step.value.primitive.name == "derivative":
        return slope

    def rule(xp: Arithmetic, g: Array, x: Array, slope: Array) -> Array:
        return xp.multiply(g, slope)

    return step.with_gradient(step.operands[0], rule, slope=slope)


@misconception(
    "activation.gradient_at_preactivation",
    primitives=(*SMOOTH, "derivative"),
    message="This derivative is written in terms of the activation's output: look at where you evaluated it.",
    note="the derivative's formula in the output was evaluated at the preactivation, as in z(1 - z)",
    source="Sudo-Productivity#3; torch7#232; numpy_neural_network#3",
)
def gradient_at_preactivation(step: Step) -> Value:
    """Evaluate the derivative's formula at the argument."""
    if _function(step) not in SMOOTH:
        raise DoesNotApply("no formula in the output")
    return _with_slope(step, _slope_from_output(step, step.operands[0]))


@misconception(
    "activation.gradient_of_output",
    primitives=(*OTHERS, "derivative"),
    message="The derivative is that at the preactivation: look at how often you applied the activation.",
    note="the derivative was taken at the output, f'(f(z))",
    source="libBrain#78; Grokking-Deep-Learning#56",
)
def gradient_of_output(step: Step) -> Value:
    """Take the derivative at the output."""
    function = _function(step)
    if function not in OTHERS:
        raise DoesNotApply("the same derivative")
    attributes = step.attributes.get("attributes", step.attributes)
    return _with_slope(step, _slope(step, apply(function, step.operands[0], **attributes)))


@misconception(
    "activation.gradient_square_left_out",
    primitives=("tanh", "derivative"),
    message="Look at the power of the output in this derivative.",
    note="the derivative of tanh was taken as 1 - tanh, without the square",
    source=SEEN,
)
def gradient_square_left_out(step: Step) -> Value:
    """Subtract the output itself, not its square."""
    if _function(step) != "tanh":
        raise DoesNotApply("no square")
    return _with_slope(step, step.constant(1) - apply("tanh", step.operands[0]))


@misconception(
    "activation.gradient_complement_left_out",
    primitives=("sigmoid", "derivative"),
    message="The derivative of this activation is a product: is a factor missing?",
    note="the derivative of the sigmoid was taken as the sigmoid, without the factor 1 - sigmoid",
    source=SEEN,
)
def gradient_complement_left_out(step: Step) -> Value:
    """Leave out the second factor of the sigmoid's derivative."""
    if _function(step) != "sigmoid":
        raise DoesNotApply("another derivative")
    return _with_slope(step, apply("sigmoid", step.operands[0]))


def _pass_on(xp: Arithmetic, g: Array, x: Array) -> Array:
    return g


def _cut(code: str, primitives: tuple[str, ...], message: str, note: str, source: str) -> Misconception:
    """Declare a gradient without the derivative of an activation."""

    @misconception(code, primitives=primitives, message=message, note=note, source=source)
    def cut(step: Step) -> Value:
        return step.with_gradient(step.operands[0], _pass_on)

    return cut


gradient_cut_at_output = _cut(
    "activation.gradient_cut_at_output",
    OTHERS,
    "The activation has a derivative, too: look at the step from its output to its argument.",
    "the activation's derivative was left out",
    "NeuralNetworkFromScratch#3",
)
rectifier_cut = _cut(
    "rectifier.cut",
    RECTIFIERS,
    "The rectifier takes part in the chain rule: does every entry let the gradient through?",
    "the rectifier's derivative was left out, so that every entry passed the gradient on",
    SEEN,
)


@misconception(
    "activation.gradient_upstream_ignored",
    primitives=tuple(name for name in BENT if name != "prelu"),
    message="The chain rule multiplies: look at the gradient that comes from above.",
    note="the local derivative was used without the gradient from above",
    source="DiffSharp#16",
)
def gradient_upstream_ignored(step: Step) -> Value:
    """Use the local derivative alone."""

    def rule(xp: Arithmetic, g: Array, x: Array, slope: Array) -> Array:
        return slope

    [operand] = step.operands
    return step.with_gradient(operand, rule, slope=_slope(step, operand))


@misconception(
    "activation.left_out",
    primitives=OTHERS,
    message="A step is missing between the sums and this value: look at the activation.",
    note="the activation was not applied",
    source=SEEN,
)
def activation_left_out(step: Step) -> Value:
    """Leave out the activation."""
    return apply("identity", step.operands[0])


def _another(code: str, function: str, replacement: str, note: str) -> Misconception:
    """Declare one smooth activation in the place of another."""

    @misconception(
        code,
        primitives=(function,),
        message="There are two activations of this shape: look at which one is asked for, and at its range.",
        note=note,
        source=SEEN,
    )
    def another(step: Step) -> Value:
        return apply(replacement, step.operands[0])

    return another


tanh_for_sigmoid = _another(
    "activation.tanh_for_sigmoid", "sigmoid", "tanh", "tanh was applied in place of the sigmoid"
)
sigmoid_for_tanh = _another(
    "activation.sigmoid_for_tanh", "tanh", "sigmoid", "the sigmoid was applied in place of tanh"
)


@misconception(
    "activation.exponent_sign",
    primitives=("sigmoid",),
    message="A large argument brings a sigmoid close to its upper end: look at the sign of the exponent.",
    note="the sign of the exponent was wrong, 1/(1 + exp(z))",
    source=SEEN,
)
def exponent_sign(step: Step) -> Value:
    """Apply the sigmoid to the negated argument."""
    return apply("sigmoid", apply("negative", step.operands[0]))


def _masked(code: str, note: str, message: str, rule: GradientRule) -> Misconception:
    """Declare a mistaken mask of a rectifier's gradient."""

    @misconception(code, primitives=("relu",), message=message, note=note, source=SEEN)
    def gradient(step: Step) -> Value:
        return step.with_gradient(step.operands[0], rule)

    return gradient


def _where_gradient_is_positive(xp: Arithmetic, g: Array, x: Array) -> Array:
    zero = count(xp, 0)
    return xp.where(xp.greater(g, zero), g, zero)


def _where_not_negative(xp: Arithmetic, g: Array, x: Array) -> Array:
    zero = count(xp, 0)
    return xp.where(xp.greater_equal(x, zero), g, zero)


masked_by_gradient = _masked(
    "rectifier.gradient_masked_by_gradient",
    "the gradient was kept where it is positive, not where the argument is",
    "The rectifier looks at its argument, not at the gradient: which entries does it let through?",
    _where_gradient_is_positive,
)
one_at_zero = _masked(
    "rectifier.gradient_one_at_zero",
    "the derivative at 0 was taken as 1",
    "Look at the entries that are exactly at the kink: which derivative was agreed on there?",
    _where_not_negative,
)


@misconception(
    "rectifier.wrong_side",
    primitives=("relu", "leaky_relu"),
    message="Look at the sign for which the rectifier lets the gradient through.",
    note="the gradient was treated on each side of 0 as it should be on the other",
    source=SEEN,
)
def wrong_side(step: Step) -> Value:
    """Take the derivative at the negated argument."""
    return _with_slope(step, _slope(step, apply("negative", step.operands[0])))


@misconception(
    "rectifier.negatives_kept",
    primitives=("relu",),
    message="Look at which entries a rectifier keeps, and which it sets to zero.",
    note="the negative entries were kept and the positive ones set to 0, min(0, z)",
    source=SEEN,
)
def negatives_kept(step: Step) -> Value:
    """Keep the negative entries."""
    return apply("negative", apply("relu", apply("negative", step.operands[0])))


@misconception(
    "rectifier.slope_ignored",
    primitives=("leaky_relu", "prelu"),
    message="Below zero this rectifier is not flat: look at its slope there.",
    note="the slope below zero was taken as 0",
    source=SEEN,
)
def slope_ignored(step: Step) -> Value:
    """Apply the plain rectifier."""
    return apply("relu", step.operands[0])


@misconception(
    "rectifier.gradient_slope_ignored",
    primitives=("leaky_relu", "prelu"),
    message="Below zero this rectifier is not flat: look at its derivative there.",
    note="the derivative below zero was taken as 0, although the values have the slope",
    source=SEEN,
)
def gradient_slope_ignored(step: Step) -> Value:
    """Take the derivative of the plain rectifier."""
    slope = apply("derivative", step.operands[0], function="relu", attributes={})
    return _with_slope(step, slope)


@misconception(
    "rectifier.left_out",
    primitives=RECTIFIERS,
    message="A step is missing between the sums and this value: look at the activation.",
    note="the rectifier was not applied",
    source=SEEN,
)
def rectifier_left_out(step: Step) -> Value:
    """Leave out the rectifier."""
    return apply("identity", step.operands[0])


# Those of gradients come first: a gradient alone often fits a mistaken value, too.
MISCONCEPTIONS = (
    gradient_at_preactivation, gradient_of_output, gradient_square_left_out, gradient_complement_left_out,
    gradient_cut_at_output, gradient_upstream_ignored, masked_by_gradient, wrong_side, rectifier_cut,
    one_at_zero, gradient_slope_ignored, activation_left_out, tanh_for_sigmoid, sigmoid_for_tanh,
    exponent_sign, negatives_kept, slope_ignored, rectifier_left_out,
)  # fmt: skip
