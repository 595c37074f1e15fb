"""Known mistakes in the blocks of transformers: residual paths and the placement of norms."""

from compute.graph.graph import Value
from compute.operations.framework.misconceptions import DoesNotApply, Misconception, Step, misconception

LAYERS = ("encoder_layer", "decoder_layer")
RESIDUALS = ("attention_residual", "feed_forward_residual", "cross_attention_residual")


def _tokens_and_branch(step: Step) -> tuple[Value, Value]:
    """Return the two terms of a residual sum: the tokens, and the output of the sublayer."""
    if step.value.primitive is None or step.value.primitive.name != "add":
        raise DoesNotApply("no sum")
    tokens, branch = step.operands
    return tokens, branch


def _sublayer(step: Step) -> str:
    return step.name.removesuffix("_residual")


@misconception(
    "encoder.residual_from_norm",
    at=RESIDUALS,
    of=LAYERS,
    message="The residual path goes around the norm: look at what is added to the sublayer's output.",
    note="the normalized tokens were added in the place of the tokens, LN(x) + f(LN(x))",
    source="Compact-Transformers#25; RiNALMo#9",
)
def residual_from_norm(step: Step) -> Value:
    """Add the normalized tokens."""
    tokens, branch = _tokens_and_branch(step)
    normalized = step[f"{_sublayer(step)}_norm.output"]
    if normalized.index > step.value.index:
        raise DoesNotApply("norms after the sum")
    return normalized + branch if tokens is not normalized else step.value


@misconception(
    "encoder.residual_from_input",
    at="feed_forward_residual",
    of=LAYERS,
    message="The second residual path begins after the first block: look at what is added there.",
    note="the layer's input was added in the second sum, not the output of the first block",
    source="transformer-tensorflow2.0#14",
)
def residual_from_input(step: Step) -> Value:
    """Add the layer's input in the second sum."""
    _, branch = _tokens_and_branch(step)
    return step["x"] + branch


def _without_tokens(code: str, at: str, note: str) -> Misconception:
    @misconception(
        code,
        at=at,
        of=LAYERS,
        message="A block adds something to its tokens: look at the path around the sublayer.",
        note=note,
        source="seen in courses",
    )
    def residual_left_out(step: Step) -> Value:
        return _tokens_and_branch(step)[1]

    return residual_left_out


residual_left_out = _without_tokens(
    "encoder.residual_left_out", "attention_residual", "the tokens were not added to the attention's output"
)
feed_forward_residual_left_out = _without_tokens(
    "encoder.feed_forward_residual_left_out",
    "feed_forward_residual",
    "the tokens were not added to the feed-forward output",
)


@misconception(
    "encoder.norm_left_out",
    at="output",
    of=LAYERS,
    message="A norm belongs to each block: look at the last step of the layer.",
    note="the last norm was left out",
    source="NeMo#4350",
)
def norm_left_out(step: Step) -> Value:
    """Return the last sum without its norm."""
    if step.settings.get("norm_placement", "post") != "post":
        raise DoesNotApply("norms before the sublayers")
    return step["feed_forward_residual"]


MISCONCEPTIONS = (
    residual_from_norm, residual_from_input, residual_left_out, feed_forward_residual_left_out, norm_left_out,
)  # fmt: skip
