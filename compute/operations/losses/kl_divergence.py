"""The Kullback-Leibler divergence between distributions."""

from typing import Annotated, Literal

from compute.dimensions import Size
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import size_expression
from compute.operations.framework.declaration import Attribute, Input, operation
from compute.operations.framework.shape_checks import require_same_shape
from compute.operations.losses.reductions import OUTPUT, reduce_losses, sum_entries


@operation(
    (
        ValueSpec("log_target", "", "...", "The logarithm of the target.", "u", may_be_infinite=True),
        ValueSpec("log_prediction", "", "...", "The logarithm of the prediction.", "v", may_be_infinite=True),
        ValueSpec("log_ratio", "", "...", "The first less the second.", "r"),
        ValueSpec("losses", "", "...", "What each outcome adds: the target times the logarithm of the ratio.",
              r"\ell"),
        ValueSpec("divergences", "", "...", "The divergence of each distribution along the last axis.",
              r"D_{\mathrm{KL}}"),
        OUTPUT,
    )
)  # fmt: skip
def kl_divergence(
    prediction: Annotated[
        Value, Input("... c", "The distribution that is held against the target, along the last axis.", "q")
    ],
    target: Annotated[Value, Input("... c", "The distribution that is true, along the last axis.", "p")],
    *,
    prediction_is_log: Annotated[
        bool, Attribute("Whether the prediction holds log-probabilities, as PyTorch's kl_div expects.")
    ] = False,
    target_is_log: Annotated[
        bool, Attribute("Whether the target holds log-probabilities (log_target in PyTorch).")
    ] = False,
    reduction: Annotated[
        Literal["mean", "batchmean", "sum", "none"],
        Attribute(
            "mean: of what all outcomes add, as in PyTorch; it is no divergence. batchmean: the sum over"
            " the number of distributions along the first axis, which of one distribution is its"
            " divergence. sum, none: their sum, or each for itself."
        ),
    ] = "mean",
) -> Value:
    """The Kullback-Leibler divergence of a prediction q from a target p: sum of p (log p - log q).

    Where the target is 0 nothing is added and no gradient passed (0 log 0 = 0). Where q is 0 and p is not, it
    is infinite. That distributions sum to 1 is not asked.

    Source: Kullback and Leibler, On Information and Sufficiency (1951), equation 2.4; Bishop, Pattern
    Recognition and Machine Learning (2006), equation 1.113.
    """  # fmt: skip
    require_same_shape(target, prediction, "target")
    if target_is_log:
        p, log_target = apply("exp", target), target
    else:
        p = apply("admitted", target, only="weights")
        log_target = apply("log_probability", p, complement=False, least=None)
    log_prediction = prediction
    if not prediction_is_log:
        q = apply("admitted", prediction, only="weights")
        log_prediction = apply("log_probability", q, complement=False, least=None)
    ratio = log_target.named("log_target") - log_prediction.named("log_prediction")
    losses = apply("weigh", p, ratio.named("log_ratio")).named("losses")
    apply("sum_over", losses, axis=-1).named("divergences")
    if reduction != "batchmean":
        return reduce_losses(losses, reduction)
    count: Size = losses.shape[0] if losses.rank > 1 else 1
    return (sum_entries(losses) / apply("constant", graph=losses.graph, **size_expression(count))).named(
        "output"
    )
