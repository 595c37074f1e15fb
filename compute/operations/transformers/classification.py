"""Classification heads, shared by models of images and of texts."""

from typing import Annotated, Any, TypeAlias

from compute.dimensions import Size
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute, Sublayer
from compute.operations.framework.signature import SymbolicSize, sizes_from_settings
from compute.operations.framework.submodules import Submodule
from compute.operations.layers.linear import linear

Classes: TypeAlias = Annotated[
    Size | None,
    Attribute(
        "The number of classes; the head's weights determine it. 0: no head, the output is the"
        " representation.",
        minimum=0,
        dimension=True,
    ),
]
CLASSIFIED = (
    ValueSpec("representation", "d", "... d_r", "The vector of each input that the head classifies.", "Y"),
    ValueSpec("logits", "class", "... classes", "The logit of each class.", r"\hat{Z}"),
    ValueSpec("probabilities", "class", "... classes", "The softmax of the logits.", r"\hat{P}"),
    ValueSpec("output", "class", "... d_o", "The logits; without a head, the representation.", r"\hat{Y}"),
)


def head_part(*stored: str) -> Sublayer:
    """Declare the layer of the logits. stored: its names in PyTorch's state dicts."""
    return Sublayer((linear,), "The layer from the representation to the logits.", stored=stored)


def pre_logits_part(*stored: str) -> Sublayer:
    """Declare a layer with tanh before the head. stored: its names in PyTorch's state dicts."""
    return Sublayer(
        (linear,), "A layer with tanh before the head; none if nothing is sent for it.", stored=stored
    )


def name_classification(
    pooled: Value,
    pre_logits: Submodule,
    head: Submodule,
    classes: Size | None,
    biases: bool | None,
) -> Value:
    """Name logits and probabilities of one vector per input, through tanh(y W + b) if it is sent."""
    representation = tanh_layer(pooled, pre_logits, biases) if pre_logits.is_sent else pooled
    representation = representation.named("representation")
    if classes == 0:
        return representation.named("output")
    logits = head(
        {},
        biases=biases,
        sizes=sizes_from_settings(d_out=("classes", classes)),
        assumed={"d_out": SymbolicSize("classes")},
        x=representation,
    )
    pooled.graph.conventions["classes"] = logits.shape[-1]
    return name_predictions(logits)


def first_token(tokens: Value) -> Value:
    """Return the first token, (..., d), of tokens (..., n, d)."""
    return apply("time_step", tokens, at=0)


def tanh_layer(x: Value, layer: Submodule, biases: bool | None, **more: Any) -> Value:
    """Return tanh(x W + b) of vectors (..., d). more: as for `Submodule`."""
    return apply("tanh", layer({}, biases=biases, x=x, **more))


def name_predictions(logits: Value) -> Value:
    """Name logits (..., classes) and their softmax, and the logits as the output."""
    logits = logits.named("logits")
    apply("softmax", logits, axis=-1).named("probabilities")
    return logits.named("output")
