"""Known mistakes in attention: the scale, the softmax, and the sums of values."""

from compute.arithmetic.expressions import parse
from compute.arithmetic.namespace import Arithmetic, Array
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import add_size
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    misconception,
)

ATTENTION = ("attention", "self_attention", "cross_attention")
SCALE = "Look at the factor between the products and the softmax: which dimension does it depend on?"
SEEN = "seen in courses"
EXAM = "a published exam's own solution"
SUMS = ("head_outputs", "output")  # the first of them has the weighted sums


def key_axis(step: Step) -> int:
    """Return the axis of the keys in the scores."""
    return -2 if step.settings["orientation"] == "key_query" else -1


def require_all_pairs(step: Step) -> None:
    """Raise DoesNotApply if scores are a band, whose axes are not queries and keys."""
    if step.settings["window"] is not None:
        raise DoesNotApply("a window")


def require_plain(step: Step) -> None:
    """Raise DoesNotApply unless tokens are rows, and scores have all pairs with the queries first."""
    require_all_pairs(step)
    if key_axis(step) != -1 or step.settings["layout"] != "rows":
        raise DoesNotApply("another layout")


def transpose_square(step: Step, value: Value) -> Value:
    """Return a square matrix over queries and keys transposed. Raises DoesNotApply for others."""
    require_all_pairs(step)
    if value.shape[-1] != value.shape[-2]:
        raise DoesNotApply("not square")
    return value.T


def head_value(step: Step, name: str) -> Value:
    """Return queries, keys or values, head by head if there are heads."""
    return step[f"head_{name}"] if step.has(f"head_{name}") else step[name]


def last_weights(step: Step) -> Value:
    """Return the weights that the values are multiplied by."""
    return step["dropped_weights"] if step.has("dropped_weights") else step["weights"]


def require_sums(step: Step) -> None:
    """Raise DoesNotApply unless the step computes the weighted sums."""
    [other] = set(SUMS) - {step.name}
    if step.has(other):
        raise DoesNotApply("the sums have another name")


def _scaled(factor: str, code: str, note: str, source: str, message: str = SCALE) -> Misconception:
    """Declare a mistaken factor of the scores, an expression in sizes of the operation."""

    @misconception(code, at="scaled_scores", of=ATTENTION, message=message, note=note, source=source)
    def scale(step: Step) -> Value:
        names = parse(factor).symbols()
        sizes = {name: step.sizes[name] for name in names if name in step.sizes}
        if len(sizes) < len(names) or sizes.get("heads") == 1:
            raise DoesNotApply(factor)
        constant = apply("constant", graph=step.graph, expression=parse(factor), sizes=sizes)
        return constant * step["scores"]

    return scale


no_scale = _scaled(
    "1",
    "attention.no_scale",
    "the scores were not scaled before the softmax",
    "mlc-llm#3426",
    "The scores are scaled before the softmax: look at the step after the products.",
)
scale_by_root_of_d_model = _scaled(
    "1/sqrt(d)",
    "attention.scale_by_root_of_d_model",
    "the scores were divided by the root of the tokens' width, not of the keys'",
    "vit-pytorch#65; ViT-CIFAR#11; DL4Proteins#12; train-llm#3; set_transformer#18",
    "Scores are divided by the root of the width of the keys, not of the model.",
)
scale_inverted = _scaled(
    "sqrt(d_k)",
    "attention.scale_inverted",
    "the scores were multiplied by the root of d_k, not divided",
    "perceiver-io#9",
    "The scale makes the scores smaller: check whether you multiplied or divided.",
)
scale_by_d = _scaled(
    "1/d_k",
    "attention.scale_by_d",
    "the scores were divided by d_k, without the root",
    SEEN,
    "The scale has a root in it: look at the factor of the scores.",
)
scale_by_number_of_heads = _scaled(
    "1/sqrt(heads)",
    "multi_head.scale_by_number_of_heads",
    "the scores were divided by the root of the number of heads",
    "tt-metal#56789",
)
scale_by_all_heads = _scaled(
    "1/sqrt(heads*d_k)",
    "multi_head.scale_by_all_heads",
    "the scores were divided by the root of the width of all heads together",
    "ViT-CIFAR#12",
    "Each head has its own width: look at the factor of the scores.",
)


@misconception(
    "attention.scale_by_root_of_number_of_keys",
    at="scaled_scores",
    of=ATTENTION,
    message=SCALE,
    note="the scores were divided by the root of the number of keys",
    source=SEEN,
)
def scale_by_root_of_number_of_keys(step: Step) -> Value:
    """Divide the scores by the root of the number of keys."""
    require_all_pairs(step)
    count = add_size(step.graph, step.size(step["scores"], key_axis(step)))
    return step["scores"] / apply("power", count, exponent=parse("1/2"))


@misconception(
    "attention.sign_of_scale",
    at="scaled_scores",
    of=ATTENTION,
    message="A large product means a large weight: look at the sign in the exponent.",
    note="the scores were negated, as in exp(-beta z)",
    source=EXAM,
)
def sign_of_scale(step: Step) -> Value:
    """Negate the scaled scores."""
    return apply("negative", step.value)


@misconception(
    "attention.gradient_not_scaled",
    at="scaled_scores",
    of=ATTENTION,
    message="The scale is a factor of the scores, and so of their gradient: look at the way back through it.",
    note="the gradient of the scores was that of the scaled scores, without the scale",
    source=SEEN,
)
def gradient_not_scaled(step: Step) -> Value:
    """Leave the scale out of the gradient."""

    def unscaled(xp: Arithmetic, g: Array) -> Array:
        return g

    return step.with_gradient(step["scores"], unscaled)


@misconception(
    "attention.softmax_over_queries",
    at="weights",
    of=ATTENTION,
    message="The weights of one query sum to 1: look at the axis of the softmax.",
    note="the softmax was taken over the queries, so that the weights of each key sum to 1",
    source="PyTorch-NLP#2; labml annotated implementations#146; vision-transformer#1;"
    " llms-from-scratch-rs#30",
)
def softmax_over_queries(step: Step) -> Value:
    """Take the softmax over the other axis of the scores."""
    require_all_pairs(step)
    softmax = step.find("softmax")
    return apply("softmax", *softmax.inputs, axis=-3 - softmax.attributes["axis"])


@misconception(
    "attention.softmax_over_batch",
    at="weights",
    of=ATTENTION,
    message="Every head and every sequence has weights of its own: look at the axis of the softmax.",
    note="the softmax was taken over the first axis",
    source="attention-is-all-you-need-pytorch#52; nlp_study#2",
)
def softmax_over_batch(step: Step) -> Value:
    """Take the softmax over the first axis."""
    softmax = step.find("softmax")
    if softmax.rank < 3:
        raise DoesNotApply("one matrix")
    return apply("softmax", *softmax.inputs, axis=-softmax.rank)


def _allowed_scores(step: Step) -> tuple[Value, int]:
    """Return the argument of the softmax, with 0 where attending is not allowed, and the softmax's axis."""
    softmax = step.find("softmax")
    [scores] = softmax.inputs
    masked = step["masked_scores"]
    while masked.primitive is not None and masked.primitive.name in ("masked_fill", "add_mask"):
        adds = masked.primitive.name == "add_mask"
        masked, mask = masked.inputs
        scores = apply("where", apply("mask_admits", mask) if adds else mask, scores, step.constant(0))
    return scores, softmax.attributes["axis"]


@misconception(
    "attention.no_softmax",
    at="weights",
    of=ATTENTION,
    message="Scores are not weights yet: a step is missing before the values are averaged.",
    note="the scores were used as weights, without a softmax, and 0 where a mask forbids attending",
    source=SEEN,
)
def no_softmax(step: Step) -> Value:
    """Use the scores as weights."""
    return _allowed_scores(step)[0]


@misconception(
    "attention.divided_by_sum_without_exp",
    at="weights",
    of=ATTENTION,
    message="The softmax is more than a division by the sum: look at its numerator.",
    note="the scores were divided by their sum, without the exponential",
    source=SEEN,
)
def divided_by_sum_without_exp(step: Step) -> Value:
    """Divide the scores by their sum."""
    scores, axis = _allowed_scores(step)
    return scores / apply("expand_dims", apply("sum_over", scores, axis=axis), axis=axis)


@misconception(
    "attention.exp_not_normalized",
    at="weights",
    of=ATTENTION,
    message="The weights of one query sum to 1: look at the denominator of the softmax.",
    note="the exponentials were not divided by their sum",
    source=SEEN,
)
def exp_not_normalized(step: Step) -> Value:
    """Leave the exponentials as they are."""
    return apply("exp", *step.find("softmax").inputs)


@misconception(
    "attention.query_key_swapped",
    at="scores",
    of=ATTENTION,
    message="Rows and columns of the scores belong to queries and keys: look at the order of the product.",
    note="the product was K Q^T, so that queries and keys have each other's axis",
    source=EXAM,
)
def query_key_swapped(step: Step) -> Value:
    """Exchange queries and keys in the product."""
    return transpose_square(step, step.value)


@misconception(
    "attention.key_gradient_not_transposed",
    at="scores",
    of=ATTENTION,
    message="The gradient of the keys sums over the queries: look at what is transposed in that product.",
    note="the gradient of the keys was G Q, not G^T Q, with G that of the scores",
    source=SEEN,
)
def key_gradient_not_transposed(step: Step) -> Value:
    """Multiply by the gradient of the scores, not transposed."""
    require_plain(step)
    transpose_square(step, step.value)
    query, key = (
        step[f"rotated_{name}"] if step.has(f"rotated_{name}") else head_value(step, name)
        for name in ("query", "key")
    )
    if query.shape != key.shape:
        raise DoesNotApply("shared keys")
    return step.with_gradient(key, lambda xp, g, query: xp.matmul(g, query), query=query)


@misconception(
    "attention.weights_transposed",
    at=SUMS,
    of=ATTENTION,
    message="Each output is the average with the weights of its own query: look at the order of the product.",
    note="the values were multiplied by the transposed weights",
    source=EXAM,
)
def weights_transposed(step: Step) -> Value:
    """Transpose the weights in the weighted sums."""
    require_sums(step)
    weights = last_weights(step)
    return step.rebuilt({weights: transpose_square(step, weights)})


@misconception(
    "attention.value_gradient_not_transposed",
    at=SUMS,
    of=ATTENTION,
    message="A value gets the gradients of all queries that attend to it: look at what has to be transposed.",
    note="the gradient of the values was A g, not A^T g, with A the weights",
    source=SEEN,
)
def value_gradient_not_transposed(step: Step) -> Value:
    """Multiply by the weights, not transposed."""
    require_sums(step)
    require_plain(step)
    weights, value = last_weights(step), head_value(step, "value")
    transpose_square(step, weights)
    if value.shape[:-2] != weights.shape[:-2]:
        raise DoesNotApply("shared values")
    return step.with_gradient(value, lambda xp, g, weights: xp.matmul(weights, g), weights=weights)


@misconception(
    "attention.value_is_key",
    at=("value", *SUMS),
    of=ATTENTION,
    message="Keys are compared and values are averaged: look at what the weights multiply.",
    note="the keys were averaged, not the values",
    source=SEEN,
)
def value_is_key(step: Step) -> Value:
    """Average the keys, or write them down as the values."""
    if step.name == "value":
        if step["key"].shape != step.value.shape:
            raise DoesNotApply("another shape")
        return apply("identity", step["key"])
    require_sums(step)
    key, value = head_value(step, "key"), head_value(step, "value")
    if key.shape != value.shape:
        raise DoesNotApply("another shape")
    return step.rebuilt({value: key})


MISCONCEPTIONS = (
    no_scale, scale_by_root_of_d_model, scale_inverted, scale_by_d, scale_by_number_of_heads,
    scale_by_all_heads, scale_by_root_of_number_of_keys, sign_of_scale, gradient_not_scaled,
    softmax_over_queries, softmax_over_batch, no_softmax, divided_by_sum_without_exp, exp_not_normalized,
    query_key_swapped, key_gradient_not_transposed, weights_transposed, value_gradient_not_transposed,
    value_is_key,
)  # fmt: skip
