"""Known mistakes in linear layers: their biases, and the products of their gradients."""

from compute.arithmetic.namespace import Arithmetic, Array, unbroadcast
from compute.dimensions import product
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Step,
    misconception,
    stop_gradient,
    with_gradient_rule,
)
from compute.operations.layers.activation_misconceptions import BENT
from compute.primitives.scalars import count

SEEN = "seen in courses"
PRODUCTS = ("matmul", "project")
NORMS = ("layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm")


def _bias(step: Step) -> Value:
    """Return the input that a sum adds to every sample. Raises DoesNotApply if there is none."""
    shape = step.value.shape
    for value, other in (step.operands, step.operands[::-1]):
        is_vector = value.is_input and value.shape != shape and product(value.shape[:-1]) == 1
        if is_vector and other.shape == shape:
            return value
    raise DoesNotApply("no bias")


@misconception(
    "linear.gradient_bias_averaged",
    primitives=("add",),
    message="A bias acts on every sample: look at how its gradients are put together.",
    note="the bias's gradient was averaged over the samples, not summed",
    source="deeplearning4j#366",
)
def bias_averaged(step: Step) -> Value:
    """Average the bias's gradient over the samples."""

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return xp.divide(unbroadcast(xp, g, x.shape), count(xp, g.size // x.size))

    return step.with_gradient(_bias(step), rule)


@misconception(
    "linear.not_summed",
    primitives=("add",),
    message="The gradient of a bias has the shape of the bias: what is to be done with the samples?",
    note="the bias's gradient was given for each sample, not summed over them",
    source="deeplearning4j#366",
)
def bias_not_summed(step: Step) -> Value:
    """Leave the bias's gradient as it is for each sample."""

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return g

    return step.with_gradient(_bias(step), rule)


@misconception(
    "linear.bias_left_out",
    primitives=("add",),
    message="A bias belongs to this sum: look at what is added to the product.",
    note="the bias was left out",
    source=SEEN,
)
def bias_left_out(step: Step) -> Value:
    """Leave out an input that is added to every sample."""
    bias = _bias(step)
    if step.graph.operation in NORMS:
        raise DoesNotApply("a mistake of its own")
    [product] = (one for one in step.operands if one is not bias)
    return apply("identity", product)


def _is_weight(value: Value) -> bool:
    """Return whether a value is an input, or the transpose of one, with two axes."""
    is_turned = value.primitive is not None and value.primitive.name == "transpose"
    source = value.inputs[0] if is_turned else value
    return source.is_input and value.rank == 2


def _factors(step: Step) -> tuple[Value, Value, bool]:
    """Return the weights and the vectors of a product, and whether the vectors are rows before the weights.

    Raises DoesNotApply without weights. If both are inputs, the weights are the square one.
    """
    left, right = step.operands
    candidates = [(right, left, True), (left, right, False)]
    found = [one for one in candidates if _is_weight(one[0])]
    if not found:
        raise DoesNotApply("no weights")
    return next((one for one in found if _is_square(one[0])), found[0])


def _is_square(value: Value) -> bool:
    return value.shape[-1] == value.shape[-2]


def _square_factors(step: Step) -> tuple[Value, Value, bool]:
    weights, vectors, are_rows = _factors(step)
    if not _is_square(weights) or vectors.rank < 1:
        raise DoesNotApply("not square")
    return weights, vectors, are_rows


def _weight_gradient(xp: Arithmetic, g: Array, vectors: Array, are_rows: bool) -> Array:
    """Return the gradient of weights, for vectors as rows before them, or as columns after them."""
    if not are_rows:
        return unbroadcast(xp, xp.matmul(g, vectors.swapaxes(-1, -2)), (g.shape[-2], vectors.shape[-2]))
    rows, to_rows = (array.reshape(-1, array.shape[-1]) for array in (vectors, g))
    return xp.matmul(rows.T, to_rows)


@misconception(
    "linear.gradient_weight_transposed",
    primitives=PRODUCTS,
    message="The gradient of a matrix has the axes of the matrix: look at the order of the product.",
    note="the weights' gradient was transposed",
    source=SEEN,
)
def weight_transposed(step: Step) -> Value:
    """Transpose the weights' gradient."""
    weights, vectors, are_rows = _square_factors(step)

    def rule(xp: Arithmetic, g: Array, x: Array, vectors: Array) -> Array:
        return _weight_gradient(xp, g, vectors, are_rows).T

    return step.with_gradient(weights, rule, vectors=vectors)


@misconception(
    "linear.gradient_weight_averaged",
    primitives=PRODUCTS,
    message="The product with the inputs sums over the samples: is anything left to be divided?",
    note="the weights' gradient was divided by the number of samples, once more than the loss",
    source=SEEN,
)
def weight_averaged(step: Step) -> Value:
    """Divide the weights' gradient by the number of vectors."""
    weights, vectors, are_rows = _factors(step)

    def rule(xp: Arithmetic, g: Array, x: Array, vectors: Array) -> Array:
        number = vectors.size // vectors.shape[-1 if are_rows else -2]
        return xp.divide(_weight_gradient(xp, g, vectors, are_rows), count(xp, number))

    return step.with_gradient(weights, rule, vectors=vectors)


@misconception(
    "linear.weights_not_transposed",
    primitives=PRODUCTS,
    message="On the way back the weights act the other way round: look at the product with the gradient.",
    note="the gradient was multiplied by the weights, not by their transpose",
    source=SEEN,
)
def weights_not_transposed(step: Step) -> Value:
    """Multiply the gradient by the weights themselves."""
    weights, vectors, are_rows = _square_factors(step)

    def rule(xp: Arithmetic, g: Array, x: Array, w: Array) -> Array:
        if not are_rows:
            return xp.matmul(w, g)
        return xp.matmul(g.reshape(-1, g.shape[-1]), w).reshape(g.shape)

    return step.with_gradient(vectors, rule, w=weights)


@misconception(
    "linear.gradient_weight_with_preactivation",
    primitives=PRODUCTS,
    message="A layer multiplies the units before it: look at what their values are in this product.",
    note="the weights' gradient has the preactivations of the layer before, not the activations",
    source=SEEN,
)
def weight_with_preactivation(step: Step) -> Value:
    """Take the arguments of the activation in the weights' gradient."""
    weights, vectors, are_rows = _factors(step)
    if vectors.primitive is None or vectors.primitive.name not in BENT:
        raise DoesNotApply("no activation before it")

    def rule(xp: Arithmetic, g: Array, x: Array, vectors: Array) -> Array:
        return _weight_gradient(xp, g, vectors, are_rows)

    return step.with_gradient(weights, rule, vectors=vectors.inputs[0])


@misconception(
    "linear.gradient_upstream_ignored",
    primitives=PRODUCTS,
    message="The chain rule multiplies: look at the gradient that comes from above.",
    note="the gradients of the product were computed with ones in place of the gradient from above",
    source="DiffSharp#16",
)
def upstream_ignored(step: Step) -> Value:
    """Multiply ones in place of the gradient from above."""
    _factors(step)

    def rule(xp: Arithmetic, g: Array, x: Array) -> Array:
        return xp.add(xp.zeros(g.shape), count(xp, 1))

    return with_gradient_rule(stop_gradient(step.value), step.value, rule)


MISCONCEPTIONS = (
    bias_averaged, bias_not_summed, bias_left_out, weight_transposed, weight_averaged,
    weights_not_transposed, weight_with_preactivation, upstream_ignored,
)  # fmt: skip
