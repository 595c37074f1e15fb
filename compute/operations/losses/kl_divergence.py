"""The Kullback-Leibler divergence between distributions."""

from typing import Annotated, Literal

from compute.dimensions import Size
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_size
from compute.operations.framework.declaration import Attribute, Input, operation
from compute.operations.framework.shape_checks import require_same_shape
from compute.operations.losses.reductions import OUTPUT, reduce_losses, sum_entries


@operation(
    (
        ValueSpec("log_target", "", "...", "The logarithm of the target.", "u", may_be_infinite=True),
        ValueSpec("log_prediction", "", "...", "The logarithm of the prediction.", "v", may_be_infinite=True),
        ValueSpec("log_ratio", "", "...", "log_target minus log_prediction.", "r"),
        ValueSpec("losses", "", "...", "The term of each outcome: the target times log_ratio.", r"\ell"),
        ValueSpec("divergences", "", "...", "The divergence of each distribution along the last axis.",
              r"D_{\mathrm{KL}}"),
        OUTPUT,
    )
)  # fmt: skip
def kl_divergence(
    prediction: Annotated[Value, Input("... c", "The predicted distribution, along the last axis.", "q")],
    target: Annotated[Value, Input("... c", "The true distribution, along the last axis.", "p")],
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
            "mean: the mean of all terms, as in PyTorch; it is not a divergence. batchmean: the sum divided"
            " by the length of the first axis; for a single distribution, its divergence. sum: the sum of all"
            " terms. none: all terms."
        ),
    ] = "mean",
) -> Value:
    """The Kullback-Leibler divergence of a prediction q from a target p: sum of p (log p - log q).

    Outcomes with target 0 add nothing and pass no gradient (0 log 0 = 0). It is infinite if q is 0 where p is
    not. Distributions need not sum to 1.

    Source: Kullback and Leibler, On Information and Sufficiency (1951), equation 2.4; Bishop, Pattern
    Recognition and Machine Learning (2006), equation 1.113.
    """  # fmt: skip
    require_same_shape(target, prediction, "target")
    if target_is_log:
        p, log_target = apply("exp", target), target
    else:
        p = apply("check_entries", target, only="weights")
        log_target = apply("log_probability", p, complement=False, least=None)
    log_prediction = prediction
    if not prediction_is_log:
        q = apply("check_entries", prediction, only="weights")
        log_prediction = apply("log_probability", q, complement=False, least=None)
    ratio = log_target.named("log_target") - log_prediction.named("log_prediction")
    losses = apply("weighted_product", p, ratio.named("log_ratio")).named("losses")
    apply("sum_over", losses, axis=-1).named("divergences")
    if reduction != "batchmean":
        return reduce_losses(losses, reduction)
    count: Size = losses.shape[0] if losses.rank > 1 else 1
    return (sum_entries(losses) / add_size(losses.graph, count)).named("output")
