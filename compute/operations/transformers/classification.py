"""Heads that classify what an encoder makes of its input: what models of images and of texts share."""

from typing import Annotated, Any, TypeAlias

from compute.dimensions import Size
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.declaration import Attribute, Sublayer
from compute.operations.framework.signature import SymbolicSize, sizes_from_settings
from compute.operations.framework.submodules import Submodule
from compute.operations.layers.linear import linear

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
    ValueSpec("representation", "d", "... d_r", "What the head sees of each input.", "Y"),
    ValueSpec("logits", "class", "... classes", "A number for each class.", r"\hat{Z}"),
    ValueSpec("probabilities", "class", "... classes", "The softmax of the logits.", r"\hat{P}"),
    ValueSpec("output", "class", "... d_o", "The logits; without a head the representation.", r"\hat{Y}"),
)


def head_part(*stored: str) -> Sublayer:
    """The layer that gives the logits. stored: its names in PyTorch's state dicts."""
    return Sublayer((linear,), "The layer from the representation to the logits.", stored=stored)


def pre_logits_part(*stored: str) -> Sublayer:
    """A layer with tanh before the head."""
    return Sublayer(
        (linear,), "A layer before the head, with tanh after it; none if nothing is sent.", stored=stored
    )


def name_classification(
    pooled: Value,
    pre_logits: Submodule,
    head: Submodule,
    classes: Size | None,
    biases: bool | None,
) -> Value:
    """From one vector for each input to logits and probabilities: through tanh(y W + b) where it is sent."""
    seen = pooled
    if pre_logits.is_sent:
        seen = tanh_layer(pooled, pre_logits, biases)
    seen = seen.named("representation")
    if classes == 0:
        return seen.named("output")
    logits = head(
        {},
        biases=biases,
        sizes=sizes_from_settings(d_out=("classes", classes)),
        assumed={"d_out": SymbolicSize("classes")},
        x=seen,
    )
    pooled.graph.conventions["classes"] = logits.shape[-1]
    return name_predictions(logits)


def first_token(tokens: Value) -> Value:
    """The first of the tokens (..., n, d), which stands for all that its place has seen: (..., d)."""
    return apply("time_step", tokens, at=0)


def tanh_layer(x: Value, layer: Submodule, biases: bool | None, **more: Any) -> Value:
    """tanh(x W + b) of vectors (..., d). more: as for `Submodule`."""
    return apply("tanh", layer({}, biases=biases, x=x, **more))


def name_predictions(logits: Value) -> Value:
    """Logits (..., classes) under their name, and their softmax; the logits are the output."""
    logits = logits.named("logits")
    apply("softmax", logits, axis=-1).named("probabilities")
    return logits.named("output")
