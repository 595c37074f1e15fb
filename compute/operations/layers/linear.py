"""The linear layer."""

from typing import Annotated, Literal

from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.declaration import Attribute, Input, StoredTensor, operation


@operation(
    (
        ValueSpec("projected", "d_out", "... d_out", "The vectors times the weights.", "Z"),
        ValueSpec("output", "d_out", "... d_out", "The projected vectors plus the bias.", "Y"),
    ),
    stored=(StoredTensor("weight", ("w",), transposed=True), StoredTensor("bias", ("b",))),
)
def linear(
    x: Annotated[Value, Input("... d", "A vector, or vectors as rows.", "X")],
    w: Annotated[Value, Input("d d_out", "The weights.", "W", transposed_by="weights", parameter=True)],
    b: Annotated[
        Value | None, Input("d_out", "The bias.", "b", parameter=True, optional="none", is_bias=True)
    ] = None,
    *,
    weights: Annotated[
        Literal["in_out", "out_in"],
        Attribute(
            "The layout of weights. in_out: (d, d_out), so that y = x W; out_in: (d_out, d), as PyTorch's."
        ),
    ] = "in_out",
) -> Value:
    """A linear layer: X W + b, for any number of vectors.

    Source: Goodfellow et al., Deep Learning (2016), section 6.1.
    """
    leading = x.axes[:-1]
    projected = apply("project", x, w if weights == "in_out" else w.T).named("projected", leading=leading)
    return (apply("identity", projected) if b is None else projected + b).named("output", leading=leading)
