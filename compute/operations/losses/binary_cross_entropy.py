"""The binary cross entropy of probabilities or logits."""

from typing import Annotated

from compute.arithmetic.expressions import Expression
from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_literal, is_numeric, parse_constant
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, rule
from compute.operations.framework.shape_checks import require_broadcast, require_same_shape
from compute.operations.losses.reductions import LOSSES, OUTPUT, Reduction, reduce_losses


@operation(
    (
        ValueSpec(
            "log_probabilities",
            "",
            "...",
            "The logarithm of the predicted probability.",
            r"\ell_{1}",
            may_be_infinite=True,
        ),
        ValueSpec(
            "log_complements",
            "",
            "...",
            "The logarithm of one minus the predicted probability.",
            r"\ell_{0}",
            may_be_infinite=True,
        ),
        LOSSES,
        OUTPUT,
    ),
    rules=(
        rule(
            None,
            {"logits": SENT, "probabilities": None},
            {"probabilities": SENT, "logits": None},
            unless_given=True,
        ),
        rule("log_minimum", {"logits": None}),
    ),
)
def binary_cross_entropy(
    probabilities: Annotated[
        Value | None,
        Input("...", "Predicted probabilities, of any shape.", "p", optional="the logits are sent"),
    ] = None,
    *,
    target: Annotated[Value, Input("...", "0 or 1, or a probability.", "y")],
    logits: Annotated[
        Value | None,
        Input(
            "...",
            "Instead of probabilities: logits, whose sigmoid is the probability.",
            "z",
            optional="the probabilities are sent",
        ),
    ] = None,
    weights: Annotated[
        Value | None,
        Input("...", "The factor of each loss, at least 0.", "w", broadcast=True, optional="1"),
    ] = None,
    positive_weight: Annotated[
        Value | None,
        Input(
            "...",
            "The factor of the loss of a positive target, such as one number per column.",
            r"\beta",
            broadcast=True,
            optional="1",
        ),
    ] = None,
    log_minimum: Annotated[
        Constant | None,
        Attribute(
            "With probabilities: a lower bound of logarithms; PyTorch has -100. By default there is none: the"
            " loss of a certain and wrong prediction is infinite."
        ),
    ] = None,
    reduction: Reduction = "mean",
) -> Value:
    """The binary cross entropy: - w (beta y log p + (1 - y) log(1 - p)), where 0 log 0 = 0.

    p is a probability, or the sigmoid of a logit; with logits the loss is finite however large they are. The
    mean divides by the number of entries, not by their weights. Where a logarithm is less than log_minimum
    the derivative is 0.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.90. In PyTorch
    binary_cross_entropy, and with logits binary_cross_entropy_with_logits with pos_weight.
    """  # fmt: skip
    graph, source = target.graph, probabilities if logits is None else logits
    if source is None or (probabilities is not None and logits is not None):
        raise QuestionError(
            ("probabilities",), "exactly one of probabilities and logits is required", "one of them",
            "neither" if source is None else "both",
        )  # fmt: skip
    require_same_shape(target, source, "target")
    target = apply("check_entries", target, only="probabilities")
    inner = any(map(graph.needs_value, ("log_probabilities", "log_complements")))
    if logits is not None and log_minimum is not None:
        raise QuestionError(
            ("log_minimum",), "has no use with logits", "probabilities, or no log_minimum",
            describe(log_minimum),
        )  # fmt: skip
    if logits is None or inner or positive_weight is not None:
        losses = _compose_losses(
            source, target, positive_weight, _logarithms(source, logits is None, log_minimum)
        )
    else:
        losses = apply("logit_surprise", logits, target)
    if weights is not None:
        losses = _admit_weights(weights, source, "weights") * losses
    return reduce_losses(losses.named("losses"), reduction)


def _logarithms(source: Value, is_probability: bool, log_minimum: Constant | None) -> tuple[Value, Value]:
    """Return the logarithms of the probability and of one minus the probability."""
    if is_probability:
        source.graph.conventions["log_minimum"] = "none" if log_minimum is None else log_minimum
        p, least = apply("check_entries", source, only="probabilities"), _parse_bound(source, log_minimum)
        yes, no = (apply("log_probability", p, complement=one, least=least) for one in (False, True))
        return yes, no
    return apply("log_sigmoid", source), apply("log_sigmoid", apply("negative", source))


def _compose_losses(
    source: Value, target: Value, positive_weight: Value | None, logarithms: tuple[Value, Value]
) -> Value:
    """Name the logarithms and return the losses."""
    yes, no = logarithms[0].named("log_probabilities"), logarithms[1].named("log_complements")
    positive = apply("weighted_product", target, yes)
    if positive_weight is not None:
        positive = _admit_weights(positive_weight, source, "positive_weight") * positive
    return apply("negative", positive + apply("weighted_product", add_literal(source.graph, 1) - target, no))


def _admit_weights(value: Value, over: Value, name: str) -> Value:
    require_broadcast(value, over.shape, name)
    return apply("check_entries", value, only="weights")


def _parse_bound(target: Value, log_minimum: Constant | None) -> Expression | None:
    """Return the lower bound of logarithms. Raises QuestionError if it has names."""
    if log_minimum is None:
        return None
    parsed: Expression = parse_constant(target.graph, "log_minimum", log_minimum)["expression"]
    if not is_numeric(target.graph, parsed):
        raise QuestionError(
            ("log_minimum",), "cannot be a bound", "a constant without names", describe(log_minimum)
        )
    return parsed
