"""The softmax along any axis, its logarithm, and its limit for large scales."""

from typing import Annotated, TypeAlias

from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.shape_checks import find_axis

Axis: TypeAlias = Annotated[int, Attribute("The axis: 0 is the first, -1 the last.")]
Scores: TypeAlias = Annotated[Value, Input("...", "The scores.", "X")]


def _output(meaning: str, symbol: str = "Y") -> ValueSpec:
    return ValueSpec("output", "", "...", meaning, symbol)


def _softmax(scores: Value, axis: int) -> Value:
    """Return the softmax, named output, and name its Jacobian."""
    output = apply("softmax", scores, axis=axis).named("output")
    apply("softmax_jacobian", output, axis=axis).named("row_jacobian")
    return output


ROW_JACOBIAN = ValueSpec(
    "row_jacobian",
    "output input",
    "... size size",
    "For each row of weights p along the axis, the Jacobian diag(p) - p p^T with respect to the softmax's"
    " argument. The axis of x comes last, twice.",
    "J",
    on_request=True,
)


@operation(
    (
        ValueSpec("scaled", "", "...", "The scores times the scale.", r"X_{\text{scaled}}"),
        _output("A distribution for each row along the axis; zeros if every entry is -infinity.", "P"),
        ROW_JACOBIAN,
    )
)
def softmax(
    x: Scores,
    *,
    axis: Axis = -1,
    scale: Annotated[
        Constant | None,
        Attribute("A factor of x before the softmax (the beta of softargmax, or 1 / temperature)."),
    ] = None,
) -> Value:
    """Exponentials along an axis, divided by their sum: exp(x_i) / sum over j of exp(x_j).

    Entries of -infinity get weight 0. A row of only -infinity gets zeros and passes no gradient; in PyTorch
    it is NaN.

    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.
    """
    axis = find_axis(x, axis)
    if scale is not None:
        x = (add_constant(x.graph, "scale", scale) * x).named("scaled")
    return _softmax(x, axis)


@operation(
    (
        ValueSpec("negated", "", "...", "The negated scores.", r"X_{-}"),
        _output("A distribution for each row along the axis, largest where x is smallest.", "P"),
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
    """The logarithm of the softmax, x_i - log(sum over j of exp(x_j)), accurate also near 0.

    A row of only -infinity stays so and passes no gradient; in PyTorch it is NaN.

    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3.
    """
    axis = find_axis(x, axis)
    return apply("log_softmax", x, axis=axis).named("output")


@operation((_output("1 for the largest entry along the axis, the first among equals; 0 for the others."),))
def hardmax(x: Scores, *, axis: Axis = -1) -> Value:
    """The limit of the softmax for large scales: 1 for the largest entry along an axis, 0 for all others.

    Among equal entries the first is chosen. All gradients are 0.

    Source: the operator Hardmax of ONNX.
    """
    axis = find_axis(x, axis)
    return apply("hardmax", x, axis=axis).named("output")
