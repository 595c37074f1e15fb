"""Known mistakes in splitting and joining the heads of attention."""

from collections.abc import Mapping

from compute.dimensions import Size
from compute.graph.graph import Value, apply
from compute.graph.steps import step_values
from compute.operations.attention.misconceptions import (
    ATTENTION,
    SEEN,
    head_value,
    require_plain,
)
from compute.operations.attention.projection_misconceptions import PROJECTED
from compute.operations.framework.constants import parse_constant
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception

ALONE = ("rotary", "softcap", "dropout_rate")  # settings whose work depends on the heads


def _feature_axis(step: Step) -> int:
    return -1 if step.settings["layout"] == "rows" else -2


def _find_merge(step: Step) -> Value:
    """Return the value that joins the outputs of the heads. Raises DoesNotApply if there is none."""
    heads = step["head_outputs"]
    for value in step_values(step.value):
        if value.primitive is not None and value.primitive.name == "merge_axis" and value.inputs[0] is heads:
            return value
    raise DoesNotApply("one head")


@misconception(
    "multi_head.output_projection_left_out",
    at="output",
    of=PROJECTED,
    message="The concatenated heads go through one more matrix: look at the last step.",
    note="the output projection was left out",
    source="Kyubyong/transformer#117; Kyubyong/transformer#17; functional-transformer#8",
)
def output_projection_left_out(step: Step) -> Value:
    """Return the concatenated heads."""
    heads = step["head_outputs"]
    if not step.has("w_o"):
        raise DoesNotApply("no output projection")
    return apply("merge_axis", heads, axis=_feature_axis(step)) if heads.rank > step.value.rank else heads


@misconception(
    "multi_head.joined_without_transpose",
    at="output",
    of=ATTENTION,
    message="The outputs of the heads of one token stand side by side: look at the order of the axes before"
    " they are joined.",
    note="(heads, n, d) was reshaped to (n, heads d) without exchanging the first two axes",
    source="transformer-from-scratch#6; ajhalthor#4; gazelle93#1",
)
def joined_without_transpose(step: Step) -> Value:
    """Reshape the heads without moving their axis."""
    merged = _find_merge(step)
    if _feature_axis(step) != -1:
        raise DoesNotApply("tokens as columns, whose heads need no exchange of axes")
    return step.rebuilt({merged: apply("reshape", step["head_outputs"], to=merged.shape)})


@misconception(
    "multi_head.heads_interleaved",
    at=("query", "key", "value", "head_query", "head_key", "head_value"),
    of=ATTENTION,
    message="Each head has neighbouring columns: look at how the columns are shared among the heads.",
    note="head h got the columns h, h + H and so on, not a block of neighbouring ones",
    source="FuxiCTR#30; attention-keras#36",
)
def heads_interleaved(step: Step) -> Value:
    """Give every so many columns to a head."""
    split = step.find("split_axis")
    heads, is_rows = split.attributes["parts"], _feature_axis(step) == -1
    whole = split.inputs[0] if is_rows else split.inputs[0].T
    *batch, tokens, width = whole.shape
    if heads == 1 or not (isinstance(tokens, int) and isinstance(width, int)):
        raise DoesNotApply("one head")
    apart = apply("reshape", whole, to=(*batch, tokens * width // heads, heads)).T
    parts = apply("reshape", apart, to=(*batch, heads, tokens, width // heads))
    return step.rebuilt({split: parts if is_rows else parts.T})


def _require_one_softmax(step: Step) -> None:
    """Raise DoesNotApply for settings with which one head of full width is not clear."""
    require_plain(step)
    if any(step.settings.get(name) is not None for name in ALONE):
        raise DoesNotApply("a setting for each head")


def _join(value: Value) -> Value:
    return apply("merge_axis", value, axis=-1)


def _scale(step: Step, widths: Mapping[str, Size]) -> Value:
    """Return the scale with other sizes."""
    constant = parse_constant(step.graph, "scale", step.settings["scale"])
    constant["sizes"] = {name: widths.get(name, size) for name, size in constant["sizes"].items()}
    return apply("constant", graph=step.graph, **constant)


def _whole_weights(step: Step, query: Value, key: Value) -> Value:
    """Return the weights of one head of full width, with an axis of size 1 for heads."""
    scores = apply("expand_dims", _scale(step, {"d_k": query.shape[-1]}) * (query @ key.T), axis=-3)
    masked = step["masked_scores"]
    masks: list[tuple[str, Value]] = []
    while masked.primitive is not None and masked.primitive.name in ("masked_fill", "add_mask"):
        masks.insert(0, (masked.primitive.name, masked.inputs[1]))
        masked = masked.inputs[0]
    for name, mask in masks:
        scores = apply(name, scores, mask)
    return apply("softmax", scores, axis=-1)


@misconception(
    "multi_head.not_split",
    at="output",
    of=ATTENTION,
    message="Each head compares only its own columns: look at how many softmaxes there are.",
    note="one softmax of full width was taken, not one for each head, with the scale of that width",
    source=SEEN,
)
def not_split(step: Step) -> Value:
    """Attend with one head of full width."""
    _require_one_softmax(step)
    merged = _find_merge(step)
    query, key, value = (_join(head_value(step, name)) for name in ("query", "key", "value"))
    weights = _whole_weights(step, query, key)
    sums = weights @ apply("expand_dims", value, axis=-3)
    return step.rebuilt({merged: apply("reshape", sums, to=merged.shape)})


@misconception(
    "multi_head.heads_summed",
    at="output",
    of=ATTENTION,
    reshapes=True,
    message="The outputs of the heads keep places of their own: look at how they are put together.",
    note="the outputs of the heads were added, not concatenated",
    source="functional-transformer#8",
)
def heads_summed(step: Step) -> Value:
    """Add the heads."""
    merged = _find_merge(step)
    return step.rebuilt({merged: apply("sum_over", step["head_outputs"], axis=-3)})


MISCONCEPTIONS = (
    output_projection_left_out, joined_without_transpose, heads_interleaved, not_split, heads_summed,
)  # fmt: skip
