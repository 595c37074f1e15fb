"""Negative log-likelihoods of normal and Poisson distributions."""

from typing import Annotated

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import HALF, number_expression, parse
from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_literal, parse_between
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import rule
from compute.operations.framework.shape_checks import require_broadcast, require_same_shape
from compute.operations.losses.error_losses import Prediction, Target
from compute.operations.losses.reductions import LOSSES, OUTPUT, Reduction, reduce_losses


@operation(
    (
        ValueSpec("error", "", "...", "The prediction minus the target.", "e"),
        ValueSpec("log_variance", "", "...", "The logarithm of the variance.", "s"),
        ValueSpec("scaled_square", "", "...", "The squared error divided by the variance.", "r"),
        LOSSES,
        OUTPUT,
    )
)
def gaussian_nll(
    prediction: Prediction,
    target: Target,
    variance: Annotated[
        Value,
        Input("...", "The variance of each prediction, above 0.", r"\sigma^{2}", broadcast=True),
    ],
    *,
    full: Annotated[bool, Attribute("Whether the constant log(2 pi) / 2 is added.")] = False,
    reduction: Reduction = "mean",
) -> Value:
    """The negative log-likelihood of normal distributions: (log v + e^2 / v) / 2 for a variance v.

    Source: Nix and Weigend, Estimating the Mean and Variance of the Target Probability Distribution (1994),
    equation 5. In PyTorch gaussian_nll_loss, which raises variances below 1e-6 to it.
    """
    graph = prediction.graph
    require_same_shape(target, prediction, "target")
    error = (prediction - target).named("error")
    if variance.is_assumed:
        require_same_shape(variance, error, "variance")
    require_broadcast(variance, error.shape, "variance")
    admitted = apply("check_entries", variance, only="variances")
    logs = apply("log", admitted).named("log_variance")
    scaled = (apply("power", error, exponent=number_expression(2)) / admitted).named("scaled_square")
    losses = add_literal(graph, HALF) * (logs + scaled)
    if full:
        losses = losses + add_literal(graph, parse("log(2*pi)/2"))
    return reduce_losses(losses.named("losses"), reduction)


@operation(
    (
        ValueSpec("rate", "", "...", "The expected number of events.", r"\lambda"),
        ValueSpec("log_rate", "", "...", "The logarithm of the rate.", "s", may_be_infinite=True),
        LOSSES,
        OUTPUT,
    ),
    rules=(rule("epsilon", {"prediction_is_log": (False,)}),),
)
def poisson_nll(
    prediction: Prediction,
    target: Annotated[Value, Input("...", "The numbers of events, of the same shape.", "k")],
    *,
    prediction_is_log: Annotated[
        bool, Attribute("Whether the prediction is the logarithm of the rate; otherwise it is the rate.")
    ] = True,
    epsilon: Annotated[
        Constant,
        Attribute("With prediction_is_log false: added to the rate in the logarithm. PyTorch has 1e-8."),
    ] = 0,
    reduction: Reduction = "mean",
) -> Value:
    """The negative log-likelihood of Poisson distributions: rate - k log rate, without the term log k!.

    Source: Cameron and Trivedi, Regression Analysis of Count Data (1998), equation 3.6. In PyTorch
    poisson_nll_loss.
    """
    graph = prediction.graph
    require_same_shape(target, prediction, "target")
    counts = apply("check_entries", target, only="weights")
    added = parse_between(graph, "epsilon", epsilon, 0)
    shifts = bool(added.symbols()) or evaluate(added) != 0
    if prediction_is_log:
        if shifts:
            raise QuestionError(
                ("epsilon",), "has no use if the prediction is the logarithm of the rate",
                "prediction_is_log false, or no epsilon", describe(epsilon),
            )  # fmt: skip
        log = apply("identity", prediction).named("log_rate")
        rate = apply("exp", log).named("rate")
    else:
        rate = apply("identity", apply("check_entries", prediction, only="weights")).named("rate")
        shifted = rate + add_literal(graph, added) if shifts else rate
        log = apply("log_probability", shifted, complement=False, least=None).named("log_rate")
    return reduce_losses((rate - apply("weighted_product", counts, log)).named("losses"), reduction)
