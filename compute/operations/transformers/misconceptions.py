"""Known mistakes in the blocks of transformers: residual paths and the placement of norms."""

import re
from collections.abc import Collection

from compute.graph.graph import Value
from compute.operations.framework.misconceptions import (
    DoesNotApply,
    Misconception,
    Step,
    misconception,
    stop_gradient,
)

LAYERS = ("encoder_layer", "decoder_layer")
NORMS = ("layer_norm", "rms_norm")
ATTENTION_RESIDUALS = ("attention_residual", "self_attention_residual", "cross_attention_residual")
RESIDUALS = (*ATTENTION_RESIDUALS, "feed_forward_residual")
BLOCK_NORM = re.compile(r"(.*)_norm\.")  # the scope of the norm of a block
SEEN = "seen in courses"


def _terms(step: Step) -> tuple[Value, Value]:
    """Return the terms of a residual sum: the tokens, and the output of the sublayer."""
    if step.find("add") is not step.value:
        raise DoesNotApply("no sum")
    tokens, output = step.operands
    return tokens, output


@misconception(
    "encoder.residual_from_norm",
    at=RESIDUALS,
    of=LAYERS,
    message="The residual path goes around the norm: look at what is added to the sublayer's output.",
    note="the normalized tokens were added, not the tokens: LN(x) + f(LN(x))",
    source="faster-trajectory-transformer#3; Compact-Transformers#25; RiNALMo#9",
)
def residual_from_norm(step: Step) -> Value:
    """Add the normalized tokens."""
    normalized = step[f"{step.name.removesuffix('_residual')}_norm.output"]
    return normalized + _terms(step)[1]


@misconception(
    "encoder.residual_from_input",
    at=RESIDUALS,
    of=LAYERS,
    message="Each residual path begins after the block before: look at what is added there.",
    note="the layer's input was added in a later sum, not the output of the block before",
    source="transformer-tensorflow2.0#14",
)
def residual_from_input(step: Step) -> Value:
    """Add the layer's input in later sums."""
    tokens, output = _terms(step)
    first = step["self_attention_branch" if step.has("self_attention_branch") else "attention_branch"]
    if tokens in (first, *first.inputs):
        raise DoesNotApply("the first block")
    return first + output


def _left_out(code: str, at: Collection[str], note: str) -> Misconception:
    """Declare that the residual path is left out."""

    @misconception(
        code,
        at=at,
        of=LAYERS,
        message="A block adds something to its tokens: look at the path around the sublayer.",
        note=note,
        source=SEEN,
    )
    def residual_left_out(step: Step) -> Value:
        return _terms(step)[1]

    return residual_left_out


residual_left_out = _left_out(
    "encoder.residual_left_out", ATTENTION_RESIDUALS, "the tokens were not added to the attention's output"
)
feed_forward_residual_left_out = _left_out(
    "encoder.feed_forward_residual_left_out",
    ("feed_forward_residual",),
    "the tokens were not added to the feed-forward output",
)


@misconception(
    "encoder.gradient_residual_forgotten",
    at=RESIDUALS,
    of=LAYERS,
    message="Tokens go through the sublayer and around it: the gradient has two contributions.",
    note="the gradient of a block's input came through the sublayer alone, not along the residual path",
    source=SEEN,
)
def gradient_residual_forgotten(step: Step) -> Value:
    """Pass no gradient along the residual path."""
    tokens, output = _terms(step)
    return stop_gradient(tokens) + output


@misconception(
    "encoder.norm_left_out",
    at="output",
    of=NORMS,
    message="A norm belongs to each block: look at what happens before its sublayer or after its sum.",
    note="the norm was left out",
    source="NeMo#4350",
)
def norm_left_out(step: Step) -> Value:
    """Return what the norm is applied to."""
    if BLOCK_NORM.fullmatch(step.graph.full_name("")) is None:
        raise DoesNotApply("not the norm of a block")
    return step["x"]


@misconception(
    "encoder.norm_before_sum",
    at=(*RESIDUALS, "output"),
    of=(*LAYERS, *NORMS),
    message="The norm is taken of the sum: look at the order of the norm and the residual path.",
    note="x + LN(f(x)) was computed, not LN(x + f(x))",
    source="annotated-transformer#110",
)
def norm_before_sum(step: Step) -> Value:
    """Normalize the sublayer's output, then add the tokens.

    The step before the norm becomes the sublayer's output, and the norm's output the sum.
    """
    if step.graph.operation in LAYERS:
        return _without_sum(step)
    block = BLOCK_NORM.fullmatch(step.graph.full_name(""))
    names = step.graph.names
    if block is None or f"{block[1]}_residual" not in names:
        raise DoesNotApply("no norm after a sum")
    return names[f"{block[1]}_branch"] + step.value


def _without_sum(step: Step) -> Value:
    """Return the sublayer's output, which the norm after the sum is applied to."""
    if step.settings["norm_placement"] != "post" or step.name == "output":
        raise DoesNotApply("no sum before a norm")
    return _terms(step)[1]


MISCONCEPTIONS = (
    residual_from_norm, residual_from_input, residual_left_out, feed_forward_residual_left_out,
    gradient_residual_forgotten, norm_left_out, norm_before_sum,
)  # fmt: skip
