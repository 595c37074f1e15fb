"""Known mistakes in attention: scales, softmaxes, masks, projections and heads."""

from collections.abc import Callable

import numpy as np

from compute.arithmetic.expressions import parse
from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    fixed_mask,
    invert_mask,
    misconception,
)

ATTENTION = ("attention", "self_attention", "cross_attention")
PROJECTED = ("self_attention", "cross_attention")
SCALE = "Look at the factor between the products and the softmax: which dimension does it depend on?"
SEEN = "seen in courses"
SUMS = ("head_outputs", "output")  # the first of them has the weighted sums


def _scaled(factor: str, code: str, note: str, source: str, message: str = SCALE) -> Misconception:
    """Declare a mistaken factor of the scores, an expression in sizes of the operation."""

    @misconception(code, at="scaled_scores", of=ATTENTION, message=message, note=note, source=source)
    def scale(step: Step) -> Value:
        names = parse(factor).symbols()
        sizes = {name: step.sizes[name] for name in names if name in step.sizes}
        if len(sizes) < len(names) or ("heads" in sizes and sizes["heads"] == 1):
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
root_of_model = _scaled(
    "1/sqrt(d)",
    "attention.scale_by_root_of_d_model",
    "the scores were divided by the root of the tokens' width, not of the keys'",
    "vit-pytorch#65; set_transformer#18",
    "Scores are divided by the root of the width of the keys, not of the model.",
)
inverted = _scaled(
    "sqrt(d_k)",
    "attention.scale_inverted",
    "the scores were multiplied by the root of d_k in place of divided",
    "perceiver-io#9",
    "The scale makes the scores smaller: check whether you multiplied or divided.",
)
by_d = _scaled(
    "1/d_k",
    "attention.scale_by_d",
    "the scores were divided by d_k, without the root",
    SEEN,
    "The scale has a root in it: look at the factor of the scores.",
)
by_heads = _scaled(
    "1/sqrt(heads)",
    "multi_head.scale_by_number_of_heads",
    "the scores were divided by the root of the number of heads",
    "tt-metal#56789",
)
by_all_heads = _scaled(
    "1/sqrt(heads*d_k)",
    "multi_head.scale_by_all_heads",
    "the scores were divided by the root of the width of all heads together",
    "ViT-CIFAR#12",
    "Each head has its own width: look at the factor of the scores.",
)


@misconception(
    "attention.sign_of_scale",
    at="scaled_scores",
    of=ATTENTION,
    message="A large product means a large weight: look at the sign in the exponent.",
    note="the scores were negated, as in exp(-beta z)",
    source="a published exam's own solution",
)
def sign_of_scale(step: Step) -> Value:
    """Negate the scaled scores."""
    return apply("negative", step.value)


@misconception(
    "attention.softmax_over_queries",
    at="weights",
    of=ATTENTION,
    message="The weights of one query sum to 1: look at the axis of the softmax.",
    note="the softmax was taken over the queries, so that the weights of each key sum to 1",
    source="PyTorch-NLP#2; labml annotated implementations#146",
)
def softmax_over_queries(step: Step) -> Value:
    """Take the softmax over the other axis of the scores."""
    softmax = step.find("softmax")
    axis = -3 - softmax.attributes["axis"]
    return apply("softmax", *softmax.inputs, **{**softmax.attributes, "axis": axis})


@misconception(
    "attention.softmax_over_batch",
    at="weights",
    of=ATTENTION,
    message="Every head and every sequence has weights of its own: look at the axis of the softmax.",
    note="the softmax was taken over the first axis",
    source="attention-is-all-you-need-pytorch#52",
)
def softmax_over_batch(step: Step) -> Value:
    """Take the softmax over the first axis."""
    softmax = step.find("softmax")
    if softmax.rank < 3:
        raise DoesNotApply("one matrix")
    return apply("softmax", *softmax.inputs, **{**softmax.attributes, "axis": -softmax.rank})


def _softmax_input(step: Step) -> tuple[Value, int]:
    softmax = step.find("softmax")
    return softmax.inputs[0], softmax.attributes["axis"]


def _divided(value: Value, axis: int) -> Value:
    return value / apply("expand_dims", apply("sum_over", value, axis=axis), axis=axis)


@misconception(
    "attention.no_softmax",
    at="weights",
    of=ATTENTION,
    message="Scores are not weights yet: a step is missing before the values are averaged.",
    note="the scores were used as weights, without a softmax",
    source=SEEN,
)
def no_softmax(step: Step) -> Value:
    """Use the scores as weights."""
    return _softmax_input(step)[0]


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
    return _divided(*_softmax_input(step))


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
    return apply("exp", _softmax_input(step)[0])


def _masks(step: Step) -> tuple[Value, list[Value]]:
    """Return the scores before masks, and the boolean masks. Raises DoesNotApply without any."""
    value, masks = step["masked_scores"], []
    while value.primitive is not None and value.primitive.name == "masked_fill":
        value, mask = value.inputs
        masks.append(mask)
    if not masks:
        raise DoesNotApply("no mask")
    return value, masks


def _unmasked(step: Step) -> tuple[Value, list[Value]]:
    value, masks = step.value, []
    while value.primitive is not None and value.primitive.name in ("masked_fill", "add_mask"):
        value, mask = value.inputs[:2]
        masks.append(mask)
    if not masks:
        raise DoesNotApply("no mask")
    return value, masks


@misconception(
    "attention.mask_ignored",
    at="masked_scores",
    of=ATTENTION,
    message="Not every key may be attended to here: look at the mask.",
    note="the mask was not applied",
    source="xformers#103",
)
def mask_ignored(step: Step) -> Value:
    """Leave the scores without their masks."""
    return _unmasked(step)[0]


@misconception(
    "attention.mask_sets_zero",
    at="masked_scores",
    of=ATTENTION,
    message="A masked key has to end with no weight at all: look at its score before the softmax.",
    note="masked scores were set to 0 before the softmax, not to -infinity",
    source=SEEN,
)
def mask_sets_zero(step: Step) -> Value:
    """Set masked scores to zero."""
    scores, masks = _unmasked(step)
    for mask in masks:
        if mask.kind != "boolean":
            raise DoesNotApply("an added mask")
        scores = apply("where", mask, scores, step.constant(0))
    return scores


@misconception(
    "attention.mask_inverted",
    at="masked_scores",
    of=ATTENTION,
    message="Look at what true means in the mask: who may attend, or who may not?",
    note="true and false of the mask were exchanged",
    source="cs249r_book#1785",
)
def mask_inverted(step: Step) -> Value:
    """Exchange true and false."""
    scores, masks = _unmasked(step)
    for mask in masks:
        if mask.kind != "boolean":
            raise DoesNotApply("an added mask")
        scores = apply("masked_fill", scores, invert_mask(mask))
    return scores


@misconception(
    "attention.mask_transposed",
    at="masked_scores",
    of=ATTENTION,
    message="Look at which axis of the mask is the queries' and which is the keys'.",
    note="the mask was laid over the scores with queries and keys exchanged",
    source="hyunwoongko/transformer#40",
)
def mask_transposed(step: Step) -> Value:
    """Apply the transposed masks."""
    scores, masks = _unmasked(step)
    for mask in masks:
        turned = mask.T if mask.rank >= 2 else mask
        scores = apply("masked_fill" if mask.kind == "boolean" else "add_mask", scores, turned)
    return scores


@misconception(
    "attention.mask_after_softmax",
    at="weights",
    of=ATTENTION,
    message="The weights of one query sum to 1 after masking, too: when is the mask applied?",
    note="the softmax was taken over all keys, and masked weights were set to 0 without a new division",
    source="timm#2236; memory-compressed-attention#2",
)
def mask_after_softmax(step: Step) -> Value:
    """Take the softmax of all scores, then set masked weights to zero."""
    scores, masks = _masks(step)
    weights = apply("softmax", scores, axis=step.find("softmax").attributes["axis"])
    for mask in masks:
        weights = apply("where", mask, weights, step.constant(0))
    return weights


def _shifted_causal(step: Step, shift: int) -> Value:
    """Return the scores with a causal mask whose diagonal is moved."""
    if not step.settings.get("causal") or step.settings.get("window") is not None:
        raise DoesNotApply("not causal")
    scores = _unmasked(step)[0]
    queries, keys = step.size(scores, -2), step.size(scores, -1)
    allowed = np.arange(keys)[None, :] <= np.arange(queries)[:, None] + shift
    return apply("masked_fill", scores, fixed_mask(step.graph, allowed))


@misconception(
    "attention.causal_one_ahead",
    at="masked_scores",
    of=ATTENTION,
    message="A query must not see later keys: look at the last key that it may attend to.",
    note="each query could attend to one key beyond its own position",
    source="flashinfer#348",
)
def causal_one_ahead(step: Step) -> Value:
    """Allow one later key."""
    return _shifted_causal(step, 1)


@misconception(
    "attention.causal_without_itself",
    at="masked_scores",
    of=ATTENTION,
    message="A query may see its own position: look at the diagonal of the mask.",
    note="the diagonal was masked, too",
    source=SEEN,
)
def causal_without_itself(step: Step) -> Value:
    """Mask the diagonal, too."""
    return _shifted_causal(step, -1)


def _turned(step: Step) -> Value:
    value = step.value
    if value.rank < 2 or value.shape[-1] != value.shape[-2]:
        raise DoesNotApply("not square")
    return value.T


@misconception(
    "attention.query_key_swapped",
    at="scores",
    of=ATTENTION,
    message="Rows of the scores belong to queries: look at the order of the product.",
    note="the product was K Q^T, so that rows belong to keys",
    source="a published exam's own solution",
)
def query_key_swapped(step: Step) -> Value:
    """Exchange queries and keys in the product."""
    return _turned(step)


def _output_sums(step: Step, weights: Callable[[Value], Value], values: Callable[[Value], Value]) -> Value:
    """Return the weighted sums of other weights or values: the first step that has them."""
    first, second = step["weights"], step["value"]
    return step.rebuilt({first: weights(first), second: values(second)})


def _needs_sums(step: Step) -> None:
    """Raise DoesNotApply unless the step is the one that computes the weighted sums."""
    if step.name == "output" and step.has("head_outputs"):
        raise DoesNotApply("the sums have a name of their own")


@misconception(
    "attention.weights_transposed",
    at=SUMS,
    of=ATTENTION,
    message="Each output is the average with the weights of its own query: look at the order of the product.",
    note="the values were multiplied by the transposed weights",
    source="a published exam's own solution",
)
def weights_transposed(step: Step) -> Value:
    """Transpose the weights in the weighted sums."""
    _needs_sums(step)
    if step["weights"].shape[-1] != step["weights"].shape[-2]:
        raise DoesNotApply("not square")
    return _output_sums(step, lambda weights: weights.T, lambda values: values)


@misconception(
    "attention.value_not_projected",
    at="value",
    of=PROJECTED,
    message="The values have a projection of their own: look at the step before the average.",
    note="the tokens themselves were averaged, without the value projection",
    source=SEEN,
)
def value_not_projected(step: Step) -> Value:
    """Use the tokens as values."""
    tokens = step["input"] if step.has("input") else step["context"]
    if step.value.rank > tokens.rank:
        return apply("split_axis", tokens, parts=step.sizes["heads"], axis=-1)
    return tokens


@misconception(
    "attention.value_is_key",
    at=SUMS,
    of=ATTENTION,
    message="Keys are compared and values are averaged: look at what the weights multiply.",
    note="the keys were averaged in the place of the values",
    source=SEEN,
)
def value_is_key(step: Step) -> Value:
    """Average the keys."""
    _needs_sums(step)
    if step["key"].shape != step["value"].shape:
        raise DoesNotApply("another shape")
    return _output_sums(step, lambda weights: weights, lambda _: step["key"])


@misconception(
    "multi_head.output_projection_left_out",
    at="output",
    of=PROJECTED,
    message="The concatenated heads go through one more matrix: look at the last step.",
    note="the output projection was left out",
    source="Kyubyong/transformer#117",
)
def output_projection_left_out(step: Step) -> Value:
    """Return the concatenated heads."""
    if not step.has("w_o"):
        raise DoesNotApply("no output projection")
    heads = step["head_outputs"]
    return apply("merge_axis", heads, axis=-1) if heads.rank > step.value.rank else heads


def _heads_merged(step: Step, merge: Callable[[Value], Value]) -> Value:
    """Return the output with the heads put together in another way."""
    heads = step["head_outputs"]
    merged = next((value for value in (step.value, *step.operands) if _merges(value)), None)
    if merged is None:
        merged = step.find("merge_axis")
    other = merge(heads)
    return other if merged is step.value else step.rebuilt({merged: other})


def _merges(value: Value) -> bool:
    return value.primitive is not None and value.primitive.name == "merge_axis"


@misconception(
    "multi_head.joined_without_transpose",
    at="output",
    of=ATTENTION,
    message="The outputs of the heads of one token stand side by side: look at the order of the axes before"
    " they are joined.",
    note="(heads, n, d) was reshaped to (n, heads d) without exchanging the first two axes",
    source="transformer-from-scratch#6",
)
def joined_without_transpose(step: Step) -> Value:
    """Reshape the heads without moving their axis."""

    def merge(heads: Value) -> Value:
        count, rows, width = (step.size(heads, axis) for axis in (-3, -2, -1))
        return apply("reshape", heads, to=(*heads.shape[:-3], rows, count * width))

    return _heads_merged(step, merge)


def _split(step: Step, split: Callable[[Value, int, int], Value]) -> Value:
    """Return queries, keys or values whose columns are given to the heads in another way."""
    splitting = step.find("split_axis")
    whole = splitting.inputs[0]
    heads = step.size(step.value, -3)
    if heads < 2:
        raise DoesNotApply("one head")
    return step.rebuilt({splitting: split(whole, heads, step.size(whole, -1) // heads)})


@misconception(
    "multi_head.heads_interleaved",
    at=("query", "key", "value"),
    of=PROJECTED,
    message="Each head has neighbouring columns: look at how the columns are shared among the heads.",
    note="head h got the columns h, h + H and so on, not a block of neighbouring ones",
    source="FuxiCTR#30; attention-keras#36",
)
def heads_interleaved(step: Step) -> Value:
    """Give every so many columns to a head."""

    def split(whole: Value, heads: int, width: int) -> Value:
        rows = step.size(whole, -2)
        apart = apply("reshape", whole, to=(*whole.shape[:-2], rows * width, heads))
        return apply("reshape", apart.T, to=(*whole.shape[:-2], heads, rows, width))

    return _split(step, split)


@misconception(
    "multi_head.not_split",
    at="output",
    of=ATTENTION,
    message="Each head compares only its own columns: look at how many softmaxes there are.",
    note="one softmax of full width was taken, not one for each head",
    source=SEEN,
)
def not_split(step: Step) -> Value:
    """Attend with one head of full width."""
    query, key, value = (_joined(step, name) for name in ("query", "key", "value"))
    if step.settings.get("causal") or step.has("mask"):
        raise DoesNotApply("masked")
    width = step.size(query, -1)
    factor = apply("constant", graph=step.graph, expression=parse(f"1/sqrt({width})"), sizes={})
    weights = apply("softmax", factor * (query @ key.T), axis=-1)
    return _heads_merged(step, lambda _: weights @ value)


def _joined(step: Step, name: str) -> Value:
    value = step[name]
    if value.rank < 3:
        raise DoesNotApply("one head")
    return apply("merge_axis", value, axis=-1)


@misconception(
    "attention.bias_left_out",
    at=("query", "key", "value"),
    of=PROJECTED,
    message="A projection has a bias here: look at what is added to the product.",
    note="the bias of the projection was left out",
    source=SEEN,
)
def bias_left_out(step: Step) -> Value:
    """Leave out the bias of a projection."""
    if not step.has(f"b_{step.name[0]}"):
        raise DoesNotApply("no bias")
    added = step.find("add")
    return step.rebuilt({added: added.inputs[0]})


MISCONCEPTIONS = (
    no_scale, root_of_model, inverted, by_d, by_heads, by_all_heads, sign_of_scale, softmax_over_queries,
    softmax_over_batch, no_softmax, divided_by_sum_without_exp, exp_not_normalized, mask_ignored,
    mask_sets_zero, mask_inverted, mask_transposed, mask_after_softmax, causal_one_ahead,
    causal_without_itself, query_key_swapped, weights_transposed, value_not_projected, value_is_key,
    output_projection_left_out, joined_without_transpose, heads_interleaved, not_split,
    bias_left_out,
)  # fmt: skip
