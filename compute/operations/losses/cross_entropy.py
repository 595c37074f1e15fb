"""The cross entropy of classifications: of logits, and of log-probabilities."""

from typing import Annotated

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, number_expression
from compute.errors import QuestionError
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import between, literal, size_of
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.losses.class_targets import (
    IGNORED,
    WEIGHTS,
    Axis,
    Classes,
    ClassWeights,
    IgnoreIndex,
    check_indices,
    classes,
    holds_indices,
)
from compute.operations.losses.reductions import OUTPUT, Reduction, reduced, total

LOSSES = ValueSpec("losses", "", "...", "The loss of each sample; 0 where it is ignored.", r"\ell")


@operation(
    (
        ValueSpec("log_probabilities", "", "...", "The logarithm of the softmax over classes.", r"\log p"),
        ValueSpec("probabilities", "", "...", "The softmax over classes.", "p", on_request=True),
        ValueSpec("one_hot", "", "...", "1 at the class of each sample; zeros where it is ignored.", "y"),
        ValueSpec(
            "smoothed_target", "", "...",
            "The target as a distribution over classes: (1 - s) of it, and s evenly over all classes.", "q",
        ),
        ValueSpec("weighted_target", "", "...", "The same, times the weight of each class.", r"q_{w}"),
        LOSSES,
        *WEIGHTS,
        OUTPUT,
    )
)  # fmt: skip
def cross_entropy(
    logits: Annotated[Value, Input("... c", "A score for each class, along the axis of classes.", "z")],
    target: Annotated[
        Value,
        Input(
            "...",
            "The class of each sample, without the axis of classes; or its probability of each"
            " class, of the shape of the logits.",
            "t",
        ),
    ],
    class_weights: ClassWeights = None,
    *,
    axis: Axis = -1,
    label_smoothing: Annotated[
        Constant,
        Attribute(
            "How much of the target is spread evenly over all classes, from 0 to 1.", minimum=0, maximum=1
        ),
    ] = 0,
    ignore_index: IgnoreIndex = IGNORED,
    reduction: Reduction = "mean",
) -> Value:
    """The cross entropy between targets and the softmax of logits: - sum of w_c q_c log p_c over classes c.

    The mean over class indices divides by the sum of their weights, and over distributions by the number of
    samples, as in PyTorch. These may sum to something other than 1, as there. Of samples that are all ignored
    there is no mean, which is refused.

    Source: Goodfellow et al., Deep Learning (2016), equation 6.33; label smoothing: Szegedy et al.,
    Rethinking the Inception Architecture (2016), section 7. ONNX: SoftmaxCrossEntropyLoss, with axis 1.
    """  # fmt: skip
    graph = logits.graph
    smoothing = between(graph, "label_smoothing", label_smoothing, 0, 1)
    smooths = bool(smoothing.symbols()) or evaluate(smoothing) != 0
    where = classes(logits, axis, ignore_index, "logits")
    logits.axes = where.labels if where.axis != -1 else logits.axes
    inner = ("log_probabilities", "one_hot", "smoothed_target", "weighted_target")
    shown = any(map(graph.needs_value, inner)) or graph.is_requested("probabilities")
    logs = None
    if shown or smooths or target.shape == where.shape:
        logs, p = _likelihoods(_counted_logits(logits, target, where), where)
        where = Classes(logs.shape, where.axis, ignore_index)
        graph.promise(p, "the probabilities of each sample sum to 1", lambda: _sums(p, where))
    weights = None if class_weights is None else where.weights(class_weights)
    each = None
    if not holds_indices(target, where):
        _check_nothing_is_ignored(logits, ignore_index)
    else:
        each = where.target_weights(target, weights, some=reduction == "mean").named("target_weights")
    if logs is None:
        losses = apply("class_surprise", logits, target, axis=where.axis, ignored=ignore_index)
        if weights is not None and each is not None:
            losses = apply("weigh", each, losses)
    else:
        spread = _distribution(target, where, each is not None, smoothing if smooths else None)
        if weights is not None:
            spread = (spread * weights).named("weighted_target", leading=where.labels)
        losses = apply("negative", apply("sum_over", apply("weigh", spread, logs), axis=where.axis))
    return _reduced(losses.named("losses"), each, reduction)


def _check_nothing_is_ignored(logits: Value, ignore_index: int) -> None:
    """Refuse a class to ignore beside probabilities, of which no sample has one class."""
    if ignore_index != IGNORED:
        raise QuestionError(
            ("ignore_index",), "has no meaning where target holds probabilities",
            "class indices as target, or no ignore_index", f"{ignore_index}",
        )  # fmt: skip
    logits.graph.conventions["ignore_index"] = "none"


def _reduced(losses: Value, each: Value | None, reduction: str) -> Value:
    """The output; each: how much each sample counts for the mean, where not all count the same."""
    if each is None or reduction != "mean":
        return reduced(losses, reduction)
    return reduced(losses, reduction, total(each).named("total_weight"))


def _counted_logits(logits: Value, target: Value, where: Classes) -> Value:
    """The logits; of samples that are ignored with 0 for what is not finite, which gets no gradient."""
    if target.is_assumed or target.shape != where.samples or where.ignored is None:
        return logits
    counts = apply("not_ignored", target, ignored=where.ignored)
    return apply("clear_masked", logits, apply("expand", counts, axis=where.axis))


def _likelihoods(logits: Value, where: Classes) -> tuple[Value, Value]:
    """The logarithms of the probabilities, and these; where these are given, their logarithms."""
    if not logits.graph.is_given("probabilities"):
        logs = apply("log_softmax", logits, axis=where.axis).named("log_probabilities", leading=where.labels)
        labels = Classes(logs.shape, where.axis, where.ignored).labels
        return logs, apply("exp", logs).named("probabilities", leading=labels)
    p = apply("softmax", logits, axis=where.axis).named("probabilities", leading=where.labels)
    labels = Classes(p.shape, where.axis, where.ignored).labels
    found = apply("log_probability", apply("admitted", p, only="probabilities"), complement=False, least=None)
    return found.named("log_probabilities", leading=labels), p


def _sums(p: Value, where: Classes) -> tuple[Value, Value]:
    ones = apply("stretch", literal(p.graph, 1), to=where.samples)
    return apply("sum_over", p, axis=where.axis), ones


def _distribution(target: Value, where: Classes, indices: bool, smoothing: Expression | None) -> Value:
    """The target as a distribution over classes, smoothed."""
    if indices:
        spread = where.one_hot(target).named("one_hot", leading=where.labels)
    else:
        spread = apply("admitted", target, only="probabilities")
    if smoothing is not None:
        graph, count = target.graph, size_of(where.count)
        kept = literal(graph, Expression("subtract", (number_expression(1), smoothing)))
        even = literal(graph, smoothing) / apply("constant", graph=graph, **count)
        if indices:  # nothing is spread over the classes of what is ignored
            counted = where.target_weights(target, None, some=False)
            even = even * apply("expand", counted, axis=where.axis)
        spread = kept * spread + even
    return spread.named("smoothed_target", leading=where.labels)


@operation(
    (
        ValueSpec("target_log_probabilities", "", "...", "The log-probability of the class of each sample.",
              r"\log p_t"),
        LOSSES,
        *WEIGHTS,
        OUTPUT,
    )
)  # fmt: skip
def nll(
    log_probabilities: Annotated[
        Value, Input("... c", "The log-probability of each class, along the axis of classes.", r"\log p")
    ],
    target: Annotated[Value, Input("...", "The class of each sample, without the axis of classes.", "t")],
    class_weights: ClassWeights = None,
    *,
    axis: Axis = -1,
    ignore_index: IgnoreIndex = IGNORED,
    reduction: Reduction = "mean",
) -> Value:
    """The negative log-likelihood of classes: - w_t log p_t, for log-probabilities that are known.

    The mean divides by the sum of the weights, as in PyTorch. Of samples that are all ignored there is no
    mean, which is refused.

    Source: Goodfellow et al., Deep Learning (2016), section 5.5. ONNX:
    NegativeLogLikelihoodLoss, with axis 1.
    """
    where = classes(log_probabilities, axis, ignore_index, "log_probabilities")
    if where.axis != -1:
        log_probabilities.axes = where.labels
    check_indices(target, where)
    weights = None if class_weights is None else where.weights(class_weights)
    each = where.target_weights(target, weights, some=reduction == "mean").named("target_weights")
    picked = where.picked(log_probabilities, target).named("target_log_probabilities")
    losses = apply("negative", picked if weights is None else apply("weigh", each, picked))
    return _reduced(losses.named("losses"), each, reduction)
