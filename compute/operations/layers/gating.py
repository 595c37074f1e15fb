"""Gated linear units: one half of the columns times an activation of the other half."""

from typing import Annotated

from compute.dimensions import ShapeError, divide
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute, Input, operation
from compute.operations.layers.activation import ActivationName, activate


@operation(
    (
        ValueSpec("content", "column", "... half", "The first half of the columns.", "A"),
        ValueSpec("gate", "column", "... half", "The second half of the columns.", "B"),
        ValueSpec("openness", "column", "... half", "The activation of the gate.", "G"),
        ValueSpec("output", "column", "... half", "The content, each entry times its openness.", "Y"),
    )
)
def glu(
    x: Annotated[Value, Input("... columns", "Content and gate, side by side.", "X")],
    *,
    function: Annotated[
        ActivationName,
        Attribute(
            "The activation of the gate, with its default settings. sigmoid: GLU; relu: ReGLU; gelu: GEGLU;"
            " silu: SwiGLU; identity: bilinear."
        ),
    ] = "sigmoid",
) -> Value:
    """A gated linear unit: the last axis is split in two halves, and the second gates the first.

    Source: Dauphin et al., Language Modeling with Gated Convolutional Networks (2017), section 2; for other
    activations Shazeer, GLU Variants Improve Transformer (2020), section 2.
    """
    columns = x.shape[-1]
    try:
        half = divide(columns, 2)
    except ShapeError:
        raise QuestionError(
            ("x",),
            "the columns cannot be split in two halves",
            "an even number of columns",
            f"{columns} columns",
        ) from None
    content = apply("columns", x, start=0, stop=half).named("content")
    gate = apply("columns", x, start=half, stop=columns).named("gate")
    return (content * activate(gate, function).named("openness")).named("output")
