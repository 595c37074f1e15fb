"""Heads that classify what an encoder makes of its input: what models of images and of texts share."""

from typing import Annotated, TypeAlias

from compute.dimensions import Polynomial, Size
from compute.named import Named
from compute.operations.declaration import Attribute, Sublayer
from compute.operations.linear import linear
from compute.operations.parts import Part
from compute.value import Value, apply

Classes: TypeAlias = Annotated[
    Size | None,
    Attribute(
        "How many classes there are; the head's weights say it themselves. 0: there is no head, and the"
        " output is the representation.",
        minimum=0,
        dimension=True,
    ),
]
CLASSIFIED = (
    Named("representation", "d", "... d_r", "What the head sees of each input.", "Y"),
    Named("logits", "class", "... classes", "A number for each class.", r"\hat{Z}"),
    Named("probabilities", "class", "... classes", "The softmax of the logits.", r"\hat{P}"),
    Named("output", "class", "... d_o", "The logits; without a head the representation.", r"\hat{Y}"),
)


def head_part(*stored: str) -> Sublayer:
    """The layer that gives the logits. stored: its names in PyTorch's state dicts."""
    return Sublayer((linear,), "The layer from the representation to the logits.", stored=stored)


def pre_logits_part(meaning: str, *stored: str) -> Sublayer:
    """A layer with tanh before the head."""
    return Sublayer((linear,), f"{meaning}, with tanh after it; none if nothing is sent.", stored=stored)


def classified(
    pooled: Value,
    pre_logits: Part,
    head: Part,
    classes: Size | None,
    biases: bool | None,
) -> Value:
    """From one vector for each input to logits and probabilities: through tanh(W y + b) where it is sent."""
    seen = pooled
    if pre_logits.is_sent:
        seen = apply("tanh", pre_logits({}, biases=biases, x=pooled))
    seen = seen.named("representation")
    graph = pooled.graph
    if classes == 0:
        return seen.named("output")
    known = {} if classes is None else {"d_out": (classes, "the attribute classes")}
    logits = head(
        {},
        biases=biases,
        sizes=known,
        assumed={"d_out": lambda sizes: Polynomial.symbol("classes")},
        x=seen,
    ).named("logits")
    graph.conventions["classes"] = logits.shape[-1]
    apply("softmax", logits, axis=-1).named("probabilities")
    return logits.named("output")
