"""Known mistakes in the projections of tokens to queries, keys and values."""

from compute.graph.graph import Value, apply
from compute.operations.attention.misconceptions import SEEN
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception, stop_gradient

PROJECTED = ("self_attention", "cross_attention")


def _source_tokens(step: Step) -> Value:
    """Return the tokens that keys and values are projections of."""
    return step["context_input"] if step.has("context_input") else step["input"]


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
    tokens = _source_tokens(step)
    if not step.has("w_v"):
        raise DoesNotApply("no projection")
    if step["w_v"].rank == 3:  # each head has all columns of the tokens
        return apply("broadcast_to", apply("expand_dims", tokens, axis=-3), to=step.value.shape)
    if step.value.rank > tokens.rank:
        return apply("split_axis", tokens, **step.find("split_axis").attributes)
    return tokens


@misconception(
    "attention.bias_left_out",
    at=("query", "key", "value", "output"),
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


@misconception(
    "attention.gradient_through_values_only",
    at=("query", "key"),
    of=PROJECTED,
    message="Tokens act on the output as queries, as keys and as values: each of these ways adds to their"
    " gradient.",
    note="the gradient of the tokens came through the values alone, as if the weights were constants",
    source=SEEN,
)
def gradient_through_values_only(step: Step) -> Value:
    """Stop the gradients of tokens through queries and keys."""
    tokens = step["input"] if step.name == "query" else _source_tokens(step)
    return step.rebuilt({tokens: stop_gradient(tokens)})


@misconception(
    "cross_attention.roles_exchanged",
    at=("query", "key", "value"),
    of=("cross_attention",),
    message="Queries come from one sequence, keys and values from the other: look at which is which.",
    note="queries were computed from the context, keys and values from the tokens",
    source=SEEN,
)
def roles_exchanged(step: Step) -> Value:
    """Exchange tokens and context."""
    tokens, context = step["input"], step["context_input"]
    return step.rebuilt({tokens: context} if step.name == "query" else {context: tokens})


@misconception(
    "cross_attention.context_ignored",
    at=("key", "value"),
    of=("cross_attention",),
    message="Here the tokens attend to another sequence: look at what keys and values are computed from.",
    note="keys and values were computed from the tokens, as in self-attention",
    source=SEEN,
)
def context_ignored(step: Step) -> Value:
    """Attend to the tokens."""
    return step.rebuilt({step["context_input"]: step["input"]})


MISCONCEPTIONS = (
    value_not_projected, bias_left_out, gradient_through_values_only, roles_exchanged, context_ignored,
)  # fmt: skip
