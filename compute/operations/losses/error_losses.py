"""Regression losses: functions of the difference between predictions and targets."""

from typing import Annotated, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import number_expression
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_literal, parse_between, parse_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.shape_checks import require_same_shape
from compute.operations.losses.reductions import LOSSES, OUTPUT, Reduction, reduce_losses

Prediction: TypeAlias = Annotated[Value, Input("...", "The prediction, of any shape.", r"\hat{y}")]
Target: TypeAlias = Annotated[Value, Input("...", "The target, of the same shape.", "y")]
VALUES = (ValueSpec("error", "", "...", "The prediction minus the target.", "e"), LOSSES, OUTPUT)


def _error(prediction: Value, target: Value) -> Value:
    require_same_shape(target, prediction, "target")
    return (prediction - target).named("error")


@operation(VALUES)
def mse(prediction: Prediction, target: Target, *, reduction: Reduction = "mean") -> Value:
    """The squared error, without a factor 1/2.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 1.5.5.
    """
    error = _error(prediction, target)
    return reduce_losses(apply("power", error, exponent=number_expression(2)).named("losses"), reduction)


@operation(VALUES)
def mae(prediction: Prediction, target: Target, *, reduction: Reduction = "mean") -> Value:
    """The absolute error; its derivative at 0 is 0.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 1.5.5, for q = 1.
    """
    return reduce_losses(apply("absolute", _error(prediction, target)).named("losses"), reduction)


@operation(VALUES)
def huber(
    prediction: Prediction,
    target: Target,
    *,
    delta: Annotated[
        Constant, Attribute("The absolute error, above zero, up to which the loss is half its square.")
    ] = 1,
    reduction: Reduction = "mean",
) -> Value:
    """Huber's loss: e^2 / 2 for errors up to delta, and delta (|e| - delta / 2) for larger ones.

    Source: Huber, Robust Estimation of a Location Parameter (1964), section 4.
    """
    error = _error(prediction, target)
    bound = parse_constant(error.graph, "delta", delta, positive=True)["expression"]
    return reduce_losses(apply("huber_function", error, delta=bound).named("losses"), reduction)


@operation(VALUES)
def smooth_l1(
    prediction: Prediction,
    target: Target,
    *,
    beta: Annotated[
        Constant,
        Attribute(
            "The absolute error up to which the loss is quadratic; with 0 it is the absolute error.",
            minimum=0,
        ),
    ] = 1,
    reduction: Reduction = "mean",
) -> Value:
    """The smooth absolute error: e^2 / (2 beta) for errors up to beta, and |e| - beta / 2 for larger ones.

    It is Huber's loss with delta = beta, divided by beta.

    Source: Girshick, Fast R-CNN (2015), equation 3; beta as in PyTorch's smooth_l1_loss.
    """
    error = _error(prediction, target)
    graph = error.graph
    bound = parse_between(graph, "beta", beta, 0)
    if not bound.symbols() and evaluate(bound) == 0:
        return reduce_losses(apply("absolute", error).named("losses"), reduction)
    losses = apply("huber_function", error, delta=bound) / add_literal(graph, bound)
    return reduce_losses(losses.named("losses"), reduction)
