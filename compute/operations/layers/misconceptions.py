"""Known mistakes in linear layers, activations, softmaxes and dropout, mostly in their gradients."""

from typing import Any

import numpy as np

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import DoesNotApply, Misconception, Step, misconception

SMOOTH = ("sigmoid", "tanh")
SEEN = "seen in courses"
PRODUCTS = ("matmul", "project")


def _slope(name: str, y: Array) -> Array:
    """Return the derivative of a smooth activation from its value."""
    return np.asarray(y * (1 - y) if name == "sigmoid" else 1 - y * y)


def _activation(step: Step) -> tuple[str, Value]:
    assert step.value.primitive is not None
    return step.value.primitive.name, step.operands[0]


@misconception(
    "activation.gradient_at_preactivation",
    primitives=SMOOTH,
    message="This derivative is written in terms of the activation's output: look at where you evaluated it.",
    note="the derivative's formula in the output was evaluated at the preactivation, as in z(1 - z)",
    source="torch7#232; numpy_neural_network#3",
)
def gradient_at_preactivation(step: Step) -> Value:
    """Evaluate the derivative's formula at the argument."""
    name, operand = _activation(step)

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return g * _slope(name, x)

    return step.with_gradient(operand, rule)


@misconception(
    "activation.gradient_of_output",
    primitives=SMOOTH,
    message="The derivative is that at the preactivation: look at how often you applied the activation.",
    note="the derivative was taken at the output, f'(f(z))",
    source="libBrain#78; Grokking-Deep-Learning#56",
)
def gradient_of_output(step: Step) -> Value:
    """Take the derivative at the output."""
    name, operand = _activation(step)

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        function: Any = _sigmoid if name == "sigmoid" else xp.tanh
        return g * _slope(name, function(function(x)))

    return step.with_gradient(operand, rule)


def _sigmoid(a: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-a)))


@misconception(
    "activation.gradient_cut_at_output",
    primitives=(*SMOOTH, "relu", "leaky_relu"),
    message="The activation has a derivative, too: look at the step from its output to its argument.",
    note="the activation's derivative was left out",
    source="NeuralNetworkFromScratch#3",
)
def gradient_cut_at_output(step: Step) -> Value:
    """Leave out the activation's derivative."""
    return step.with_gradient(step.operands[0], _pass_on)


def _pass_on(xp: Arithmetic, g: Array, x: Array) -> Array:
    return g


@misconception(
    "activation.gradient_upstream_ignored",
    primitives=(*SMOOTH, "relu"),
    message="The chain rule multiplies: look at the gradient that comes from above.",
    note="the local derivative was used without the gradient from above",
    source="DiffSharp#16",
)
def gradient_upstream_ignored(step: Step) -> Value:
    """Use the local derivative alone."""
    name, operand = _activation(step)

    def rule(xp: Arithmetic, g: Array, x: Array, y: Array) -> Array:
        return np.where(x > 0, 1.0, 0.0) if name == "relu" else _slope(name, y)

    return step.with_gradient(operand, rule)


def _rectifier(
    code: str, note: str, message: str, rule: Any, primitives: tuple[str, ...] = ("relu",)
) -> Misconception:
    """Declare a mistaken gradient of a rectifier."""

    @misconception(code, primitives=primitives, message=message, note=note, source=SEEN)
    def gradient(step: Step) -> Value:
        return step.with_gradient(step.operands[0], rule)

    return gradient


masked_by_gradient = _rectifier(
    "rectifier.gradient_masked_by_gradient",
    "the gradient was kept where it is positive, not where the argument is",
    "The rectifier looks at its argument, not at the gradient: which entries does it let through?",
    lambda xp, g, x: g * (g > 0),
)
wrong_side = _rectifier(
    "rectifier.wrong_side",
    "the gradient was kept where the argument is negative",
    "Look at the sign for which the rectifier has a slope.",
    lambda xp, g, x: g * (x < 0),
)


@misconception(
    "rectifier.slope_ignored",
    primitives=("leaky_relu",),
    message="Below zero this rectifier is not flat: look at its slope there.",
    note="the slope below zero was taken as 0",
    source=SEEN,
)
def slope_ignored(step: Step) -> Value:
    """Apply the plain rectifier."""
    return apply("relu", step.operands[0])


@misconception(
    "rectifier.left_out",
    primitives=("relu", "leaky_relu"),
    message="A step is missing between the sums and this value: look at the activation.",
    note="the rectifier was not applied",
    source=SEEN,
)
def rectifier_left_out(step: Step) -> Value:
    """Leave out the rectifier."""
    return apply("identity", step.operands[0])


@misconception(
    "softmax.gradient_diagonal",
    primitives=("softmax",),
    message="Every output of a softmax depends on every input: look at the entries of its Jacobian beside the"
    " diagonal.",
    note="only the diagonal of the softmax's Jacobian was used, p(1 - p) g",
    source="python-neural-network#6; CS224n#17",
)
def softmax_diagonal(step: Step) -> Value:
    """Use the diagonal of the Jacobian alone."""

    def rule(xp: Arithmetic, g: Array, x: Array, y: Array) -> Array:
        return np.asarray(g * y * (1 - y))

    return step.with_gradient(step.operands[0], rule)


@misconception(
    "linear.gradient_bias_averaged",
    primitives=("add",),
    message="A bias acts on every sample: look at how its gradients are put together.",
    note="the bias's gradient was averaged over the samples, not summed",
    source="deeplearning4j#366",
)
def bias_averaged(step: Step) -> Value:
    """Average the bias's gradient over the samples."""
    bias = next((one for one in step.operands if one.is_input and one.rank < step.value.rank), None)
    if bias is None or not bias.rank:
        raise DoesNotApply("no bias")

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return np.asarray(g.reshape(-1, *x.shape).mean(axis=0))

    return step.with_gradient(bias, rule)


def _square(step: Step, operand: Value) -> None:
    if operand.rank != 2 or operand.shape[0] != operand.shape[1]:
        raise DoesNotApply("not square")


@misconception(
    "linear.gradient_weight_transposed",
    primitives=PRODUCTS,
    message="The gradient of a matrix has the axes of the matrix: look at the order of the product.",
    note="the weights' gradient was transposed",
    source=SEEN,
)
def weight_transposed(step: Step) -> Value:
    """Transpose the weights' gradient."""
    vectors, weights = step.operands
    _square(step, weights)

    def rule(xp: Arithmetic, g: Array, x: Array, a: Array) -> Array:
        rows = a.reshape(-1, a.shape[-1])
        return np.asarray(g.reshape(-1, g.shape[-1]).T @ rows)

    return step.with_gradient(weights, rule, a=vectors)


@misconception(
    "linear.weights_not_transposed",
    primitives=PRODUCTS,
    message="On the way back the weights act the other way round: look at the product with the gradient.",
    note="the gradient was multiplied by the weights, not by their transpose",
    source=SEEN,
)
def weights_not_transposed(step: Step) -> Value:
    """Multiply the gradient by the weights themselves."""
    vectors, weights = step.operands
    _square(step, weights)

    def rule(xp: Arithmetic, g: Array, x: Array, w: Array) -> Array:
        return np.asarray(g @ w)

    return step.with_gradient(vectors, rule, w=weights)


@misconception(
    "linear.bias_left_out",
    primitives=("add",),
    message="A bias belongs to this sum: look at what is added to the product.",
    note="the bias was left out",
    source=SEEN,
)
def bias_left_out(step: Step) -> Value:
    """Leave out an input that is added to a product."""
    bias = next((one for one in step.operands if one.is_input and one.rank < step.value.rank), None)
    others = [one for one in step.operands if one is not bias]
    if bias is None or others[0].shape != step.value.shape:
        raise DoesNotApply("no bias")
    return apply("identity", others[0])


def _rate(step: Step) -> float:
    rate = step.settings["rate"]
    return float(evaluate(parse(rate))) if isinstance(rate, str) else float(rate)


def _dropped(
    code: str, note: str, message: str, source: str, factor: Any, *, inverted: bool = False
) -> Misconception:
    """Declare a mistaken scale of the kept entries. factor: of the rate."""

    @misconception(code, at="output", of=("dropout",), message=message, note=note, source=source)
    def scale(step: Step) -> Value:
        if not step.settings.get("training", True) or step.settings["formulation"] != "inverted":
            raise DoesNotApply("nothing is dropped")
        kept = (step["x"], step.constant(0))
        if inverted:
            kept = kept[::-1]
        return apply("where", step["mask"], *kept) * step.constant(factor(_rate(step)))

    return scale


SCALE = "Kept entries are scaled so that the mean stays the same: look at the factor."
scaled_by_rate = _dropped(
    "dropout.scaled_by_rate", "kept entries were divided by the rate, not by 1 - rate", SCALE,
    "LLMs-from-scratch#431; theanets#123", lambda rate: 1 / rate,
)  # fmt: skip
not_scaled = _dropped(
    "dropout.not_scaled", "kept entries were not scaled", SCALE, "matconvnet#76", lambda rate: 1.0
)
multiplied_by_keep = _dropped(
    "dropout.multiplied_by_keep", "kept entries were multiplied by 1 - rate", SCALE, SEEN,
    lambda rate: 1 - rate,
)  # fmt: skip
confused = _dropped(
    "dropout.rate_and_keep_confused", "dropped and kept entries were exchanged",
    "Look at which entries the mask keeps, and which share of them that is.",
    "DeepLearningZeroToAll#204; matconvnet#775", lambda rate: 1 / rate, inverted=True,
)  # fmt: skip


def _weights(code: str, note: str, source: str, factor: Any) -> Misconception:
    """Declare a mistaken scale of the weights when dropout is off. factor: of the rate."""

    @misconception(
        code,
        at="adjusted_w",
        of=("dropout",),
        message="Without dropout more units are on than in training: are the weights made smaller or larger,"
        " and by how much?",
        note=note,
        source=source,
    )
    def scale(step: Step) -> Value:
        return step["w"] * step.constant(factor(_rate(step)))

    return scale


weights_by_rate = _weights(
    "dropout.weights_by_rate", "the weights were multiplied by the rate", "convnetjs#61", lambda rate: rate
)
weights_divided = _weights(
    "dropout.weights_divided_by_keep", "the weights were divided by 1 - rate, not multiplied",
    "a published exam's own solution", lambda rate: 1 / (1 - rate),
)  # fmt: skip

MISCONCEPTIONS = (
    gradient_at_preactivation, gradient_of_output, gradient_cut_at_output, gradient_upstream_ignored,
    masked_by_gradient, wrong_side, slope_ignored, rectifier_left_out, softmax_diagonal, bias_averaged,
    weight_transposed, weights_not_transposed, bias_left_out, scaled_by_rate, not_scaled, multiplied_by_keep,
    confused, weights_by_rate, weights_divided,
)  # fmt: skip
