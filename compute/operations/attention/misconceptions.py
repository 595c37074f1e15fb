"""Known mistakes in attention."""

from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import Step, misconception

ATTENTION = ("attention", "self_attention", "cross_attention")


@misconception(
    "attention.no_scale",
    at="scaled_scores",
    of=ATTENTION,
    message="The scores are scaled before the softmax: look at the step after the products.",
    note="the scores were not scaled before the softmax",
    source="mlc-llm#3426",
)
def no_scale(step: Step) -> Value:
    """Leave the scores as they are."""
    return step["scores"]


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


MISCONCEPTIONS = (no_scale, softmax_over_queries)
