"""The cross entropy of yes and no: of probabilities, and of logits."""

from typing import Annotated

from compute.arithmetic.expressions import Expression
from compute.errors import QuestionError, describe
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
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
            "The logarithm of the probability of yes.",
            r"\ell_{1}",
            may_be_infinite=True,
        ),
        ValueSpec(
            "log_complements",
            "",
            "...",
            "The logarithm of the probability of no.",
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
        Value | None, Input("...", "The probability of yes, of any shape.", "p", optional="the logits say it")
    ] = None,
    *,
    target: Annotated[Value, Input("...", "1 for yes, 0 for no, or a probability of yes.", "y")],
    logits: Annotated[
        Value | None,
        Input(
            "...",
            "In place of probabilities: what the sigmoid makes them of.",
            "z",
            optional="there are probabilities",
        ),
    ] = None,
    weights: Annotated[
        Value | None,
        Input("...", "What each loss is multiplied by, none below 0.", "w", broadcast=True, optional="1"),
    ] = None,
    positive_weight: Annotated[
        Value | None,
        Input(
            "...",
            "What the loss of a yes is multiplied by, such as one number for each column.",
            r"\beta",
            broadcast=True,
            optional="1",
        ),
    ] = None,
    log_minimum: Annotated[
        Constant | None,
        Attribute(
            "Of probabilities: the least that a logarithm is taken to be; PyTorch has -100. If not said"
            " there is none: the loss of a certain and wrong prediction is infinite."
        ),
    ] = None,
    reduction: Reduction = "mean",
) -> Value:
    """The binary cross entropy: - w (beta y log p + (1 - y) log(1 - p)), where 0 log 0 = 0.

    p is a probability, or the sigmoid of a logit; of logits the loss is finite however large they are. The
    mean divides by the number of entries, whatever they weigh. Where a logarithm is less than log_minimum the
    derivative is 0.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.90. In PyTorch
    binary_cross_entropy, and of logits binary_cross_entropy_with_logits with pos_weight.
    """  # fmt: skip
    graph, source = target.graph, probabilities if logits is None else logits
    if source is None or (probabilities is not None and logits is not None):
        raise QuestionError(
            ("probabilities",), "one of probabilities and logits says what is predicted", "either of them",
            "neither" if source is None else "both",
        )  # fmt: skip
    require_same_shape(target, source, "target")
    target = apply("admitted", target, only="probabilities")
    inner = any(map(graph.needs_value, ("log_probabilities", "log_complements")))
    if logits is not None and log_minimum is not None:
        raise QuestionError(
            ("log_minimum",), "the logarithms of logits need none", "probabilities, or no log_minimum",
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
    """The logarithms of the probabilities of yes and of no."""
    if is_probability:
        source.graph.conventions["log_minimum"] = "none" if log_minimum is None else log_minimum
        p, least = apply("admitted", source, only="probabilities"), _parse_bound(source, log_minimum)
        yes, no = (apply("log_probability", p, complement=one, least=least) for one in (False, True))
        return yes, no
    return apply("log_sigmoid", source), apply("log_sigmoid", apply("negative", source))


def _compose_losses(
    source: Value, target: Value, positive_weight: Value | None, logarithms: tuple[Value, Value]
) -> Value:
    """The losses, from logarithms that get their names."""
    yes, no = logarithms[0].named("log_probabilities"), logarithms[1].named("log_complements")
    said = apply("weigh", target, yes)
    if positive_weight is not None:
        said = _admit_weights(positive_weight, source, "positive_weight") * said
    return apply("negative", said + apply("weigh", add_literal(source.graph, 1) - target, no))


def _admit_weights(value: Value, over: Value, name: str) -> Value:
    require_broadcast(value, over.shape, name)
    return apply("admitted", value, only="weights")


def _parse_bound(target: Value, said: Constant | None) -> Expression | None:
    """The bound of the logarithms, which is a number."""
    if said is None:
        return None
    parsed: Expression = parse_constant(target.graph, "log_minimum", said)["expression"]
    if not is_numeric(target.graph, parsed):
        raise QuestionError(("log_minimum",), "is no bound", "a constant without names", describe(said))
    return parsed
