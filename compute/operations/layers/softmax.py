"""The softmax along any axis, its logarithm, and what it comes to for large scales."""

from typing import Annotated, TypeAlias

from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import add_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.shape_checks import find_axis

Axis: TypeAlias = Annotated[int, Attribute("Along which axis; the last if it is -1, the first if it is 0.")]
Scores: TypeAlias = Annotated[Value, Input("...", "The scores.", "X")]


def _output(meaning: str, symbol: str = "Y") -> ValueSpec:
    return ValueSpec("output", "", "...", meaning, symbol)


def _softmax(scores: Value, axis: int) -> Value:
    """The weights, which are called the output."""
    output = apply("softmax", scores, axis=axis).named("output")
    apply("softmax_jacobian", output, axis=axis).named("row_jacobian")
    return output


ROW_JACOBIAN = ValueSpec(
    "row_jacobian",
    "output input",
    "... size size",
    "For each row of weights p along the axis the matrix diag(p) - p p^T: how the weights change with what"
    " the softmax is of. The axis of x comes last, twice.",
    "J",
    on_request=True,
)


@operation(
    (
        ValueSpec("scaled", "", "...", "The scores times the scale.", r"X_{\text{scaled}}"),
        _output("For each row along the axis a distribution; zeros where every entry is -infinity.", "P"),
        ROW_JACOBIAN,
    )
)
def softmax(
    x: Scores,
    *,
    axis: Axis = -1,
    scale: Annotated[
        Constant | None,
        Attribute("What x is multiplied by before (the beta of softargmax, or 1 / temperature)."),
    ] = None,
) -> Value:
    """Exponentials along an axis, divided by their sum: exp(x_i) / sum over j of exp(x_j).

    Entries of -infinity get weight 0. A row of nothing but those gets zeros, and passes no gradient, where
    PyTorch gives NaN.

    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.
    """
    axis = find_axis(x, axis)
    if scale is not None:
        x = (add_constant(x.graph, "scale", scale) * x).named("scaled")
    return _softmax(x, axis)


@operation(
    (
        ValueSpec("negated", "", "...", "The scores with the other sign.", r"X_{-}"),
        _output("For each row along the axis a distribution, largest where x is smallest.", "P"),
        ROW_JACOBIAN,
    )
)
def softmin(x: Scores, *, axis: Axis = -1) -> Value:
    """The softmax of -x: exp(-x_i) / sum over j of exp(-x_j).

    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.
    """
    axis = find_axis(x, axis)
    return _softmax(apply("negative", x).named("negated"), axis)


@operation((_output("The logarithm of the softmax; -infinity where x is."),))
def log_softmax(x: Scores, *, axis: Axis = -1) -> Value:
    """The logarithm of the softmax, x_i - log(sum over j of exp(x_j)), with all digits where that is near 0.

    A row of nothing but -infinity stays so, and passes no gradient, where PyTorch gives NaN.

    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.
    """
    axis = find_axis(x, axis)
    return apply("log_softmax", x, axis=axis).named("output")


@operation((_output("1 for the largest entry along the axis, the first of equals; 0 for the others."),))
def hardmax(x: Scores, *, axis: Axis = -1) -> Value:
    """What the softmax comes to as its scale grows: 1 for the largest entry along an axis, 0 for all others.

    Of equal entries the first is the largest. It is flat wherever it has a derivative: all gradients are 0.

    Source: the operator Hardmax of ONNX.
    """
    axis = find_axis(x, axis)
    return apply("hardmax", x, axis=axis).named("output")
