"""The cross entropy of logits, and the negative log-likelihood of log-probabilities."""

from typing import Annotated

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import Expression, number_expression
from compute.errors import QuestionError
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_literal, add_size, parse_between
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.losses.class_targets import (
    IGNORED,
    WEIGHTS,
    Axis,
    Classes,
    ClassWeights,
    IgnoreIndex,
    check_indices,
    find_classes,
    holds_indices,
)
from compute.operations.losses.reductions import OUTPUT, Reduction, reduce_losses, sum_entries

LOSSES = ValueSpec("losses", "", "...", "The loss of each sample; 0 where it is ignored.", r"\ell")


@operation(
    (
        ValueSpec("log_probabilities", "", "...", "The logarithm of the softmax over classes.", r"\log p"),
        ValueSpec("probabilities", "", "...", "The softmax over classes.", "p", on_request=True),
        ValueSpec("one_hot", "", "...", "1 at the class of each sample; zeros where it is ignored.", "y"),
        ValueSpec(
            "smoothed_target", "", "...",
            "The target as a distribution over classes: (1 - s) times it, plus s times the uniform one.", "q",
        ),
        ValueSpec("weighted_target", "", "...", "smoothed_target times the weight of each class.", r"q_{w}"),
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
            "The class of each sample, without the axis of classes; or a probability for each class, in the"
            " shape of the logits.",
            "t",
        ),
    ],
    class_weights: ClassWeights = None,
    *,
    axis: Axis = -1,
    label_smoothing: Annotated[
        Constant,
        Attribute(
            "s: the part of the target that is spread evenly over all classes, from 0 to 1.",
            minimum=0,
            maximum=1,
        ),
    ] = 0,
    ignore_index: IgnoreIndex = IGNORED,
    reduction: Reduction = "mean",
) -> Value:
    """The cross entropy between targets and the softmax of logits: - sum of w_c q_c log p_c over classes c.

    The mean divides by the sum of weights if the target holds class indices, and by the number of samples if
    it holds distributions, as in PyTorch. As there, distributions need not sum to 1. If all samples are
    ignored there is no mean, and the request is refused.

    Source: Goodfellow et al., Deep Learning (2016), equation 6.33; label smoothing: Szegedy et al.,
    Rethinking the Inception Architecture (2016), section 7. ONNX: SoftmaxCrossEntropyLoss, with axis 1.
    """  # fmt: skip
    graph = logits.graph
    smoothing = parse_between(graph, "label_smoothing", label_smoothing, 0, 1)
    smooths = bool(smoothing.symbols()) or evaluate(smoothing) != 0
    classes = find_classes(logits, axis, ignore_index, "logits")
    logits.axes = classes.labels if classes.axis != -1 else logits.axes
    inner = ("log_probabilities", "one_hot", "smoothed_target", "weighted_target")
    shown = any(map(graph.needs_value, inner)) or graph.is_requested("probabilities")
    logs = None
    if shown or smooths or target.shape == classes.shape:
        logs, p = _name_probabilities(_clear_ignored(logits, target, classes), classes)
        classes = Classes(logs.shape, classes.axis, ignore_index)
        graph.promise(p, "the probabilities of each sample sum to 1", lambda: _probability_sums(p, classes))
    weights = None if class_weights is None else classes.broadcast_weights(class_weights)
    sample_weights = None
    if not holds_indices(target, classes):
        _check_nothing_is_ignored(logits, ignore_index)
    else:
        sample_weights = classes.target_weights(target, weights, refuse_none=reduction == "mean").named(
            "target_weights"
        )
    if logs is None:
        losses = apply("class_surprise", logits, target, axis=classes.axis, ignored=ignore_index)
        if weights is not None and sample_weights is not None:
            losses = apply("weighted_product", sample_weights, losses)
    else:
        has_indices = sample_weights is not None
        target = _target_distribution(target, classes, has_indices, smoothing if smooths else None)
        if weights is not None:
            target = (target * weights).named("weighted_target", leading=classes.labels)
        losses = apply(
            "negative", apply("sum_over", apply("weighted_product", target, logs), axis=classes.axis)
        )
    return _reduce(losses.named("losses"), sample_weights, reduction)


def _check_nothing_is_ignored(logits: Value, ignore_index: int) -> None:
    """Raise QuestionError for a class to ignore if targets are probabilities."""
    if ignore_index != IGNORED:
        raise QuestionError(
            ("ignore_index",), "has no use if target holds probabilities",
            "class indices as target, or no ignore_index", f"{ignore_index}",
        )  # fmt: skip
    logits.graph.conventions["ignore_index"] = "none"


def _reduce(losses: Value, sample_weights: Value | None, reduction: str) -> Value:
    """Name the output. sample_weights: the weights of samples in the mean; None for equal ones."""
    if sample_weights is None or reduction != "mean":
        return reduce_losses(losses, reduction)
    return reduce_losses(losses, reduction, sum_entries(sample_weights).named("total_weight"))


def _clear_ignored(logits: Value, target: Value, classes: Classes) -> Value:
    """Replace logits of ignored samples that are not finite by 0, without gradient."""
    if target.is_assumed or target.shape != classes.samples or classes.ignored is None:
        return logits
    counts = apply("not_ignored", target, ignored=classes.ignored)
    return apply("clear_masked", logits, apply("expand_dims", counts, axis=classes.axis))


def _name_probabilities(logits: Value, classes: Classes) -> tuple[Value, Value]:
    """Name the log-probabilities and the probabilities; given probabilities determine their logarithms."""
    if not logits.graph.is_given("probabilities"):
        logs = apply("log_softmax", logits, axis=classes.axis).named(
            "log_probabilities", leading=classes.labels
        )
        labels = Classes(logs.shape, classes.axis, classes.ignored).labels
        return logs, apply("exp", logs).named("probabilities", leading=labels)
    p = apply("softmax", logits, axis=classes.axis).named("probabilities", leading=classes.labels)
    labels = Classes(p.shape, classes.axis, classes.ignored).labels
    logs = apply(
        "log_probability", apply("check_entries", p, only="probabilities"), complement=False, least=None
    )
    return logs.named("log_probabilities", leading=labels), p


def _probability_sums(p: Value, classes: Classes) -> tuple[Value, Value]:
    ones = apply("broadcast_to", add_literal(p.graph, 1), to=classes.samples)
    return apply("sum_over", p, axis=classes.axis), ones


def _target_distribution(
    target: Value, classes: Classes, indices: bool, smoothing: Expression | None
) -> Value:
    """Name the target as a smoothed distribution over classes. indices: whether it holds class indices."""
    if indices:
        distribution = classes.one_hot(target).named("one_hot", leading=classes.labels)
    else:
        distribution = apply("check_entries", target, only="probabilities")
    if smoothing is not None:
        graph = target.graph
        kept = add_literal(graph, Expression("subtract", (number_expression(1), smoothing)))
        even = add_literal(graph, smoothing) / add_size(graph, classes.count)
        if indices:  # ignored samples stay zero
            counted = classes.target_weights(target, None, refuse_none=False)
            even = even * apply("expand_dims", counted, axis=classes.axis)
        distribution = kept * distribution + even
    return distribution.named("smoothed_target", leading=classes.labels)


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
    """The negative log-likelihood of classes: - w_t log p_t, for given log-probabilities.

    The mean divides by the sum of the weights, as in PyTorch. If all samples are ignored there is no mean,
    and the request is refused.

    Source: Goodfellow et al., Deep Learning (2016), section 5.5. ONNX:
    NegativeLogLikelihoodLoss, with axis 1.
    """
    classes = find_classes(log_probabilities, axis, ignore_index, "log_probabilities")
    if classes.axis != -1:
        log_probabilities.axes = classes.labels
    check_indices(target, classes)
    weights = None if class_weights is None else classes.broadcast_weights(class_weights)
    sample_weights = classes.target_weights(target, weights, refuse_none=reduction == "mean").named(
        "target_weights"
    )
    picked = classes.pick(log_probabilities, target).named("target_log_probabilities")
    losses = apply(
        "negative", picked if weights is None else apply("weighted_product", sample_weights, picked)
    )
    return _reduce(losses.named("losses"), sample_weights, reduction)
