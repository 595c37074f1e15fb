"""Margin losses of scores, classes, distances and angles."""

from typing import Annotated, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import HALF, number_expression
from compute.errors import QuestionError, describe
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_constant, add_literal, add_size, parse_between
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, rule
from compute.operations.framework.shape_checks import require_same_shape, require_shape
from compute.operations.losses.class_targets import ClassWeights, check_indices, find_classes
from compute.operations.losses.reductions import LOSSES, OUTPUT, Reduction, reduce_losses

Margin: TypeAlias = Annotated[Constant, Attribute("The margin from which on the loss is 0.")]
Squared: TypeAlias = Annotated[bool, Attribute("Whether shortfalls from the margin are squared.")]
Signs: TypeAlias = Annotated[Value, Input("...", "1 or -1 for each sample.", "y")]
TWO, ZERO = number_expression(2), number_expression(0)


def _shortfall(a: Value, squared: bool) -> Value:
    """Return max(0, a) or its square; the derivative at 0 is 0."""
    positive = apply("leaky_relu", a, slope=ZERO)
    return apply("power", positive, exponent=TWO) if squared else positive


def _select_by_sign(target: Value, positive: Value, negative: Value) -> Value:
    """Return the entries of `positive` where the target is 1, and of `negative` where it is -1."""
    one, half = add_literal(target.graph, 1), add_literal(target.graph, HALF)
    return half * (one + target) * positive + half * (one - target) * negative


@operation(
    (
        ValueSpec("margins", "", "...", "The target times the score: above 0 if its sign is right.", "m"),
        LOSSES,
        OUTPUT,
    )
)
def hinge(
    scores: Annotated[Value, Input("...", "A score per sample, whose sign is the prediction.", "f")],
    target: Signs,
    *,
    margin: Margin = 1,
    squared: Squared = False,
    reduction: Reduction = "mean",
) -> Value:
    """The hinge loss of two classes: max(0, margin - y f), or its square. At the margin the derivative is 0.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 7.44. PyTorch's
    hinge_embedding_loss is another loss, hinge_embedding here.
    """
    require_same_shape(target, scores, "target")
    margins = (apply("check_entries", target, only="signs") * scores).named("margins")
    losses = _shortfall(add_constant(scores.graph, "margin", margin) - margins, squared)
    return reduce_losses(losses.named("losses"), reduction)


@operation(
    (
        ValueSpec("shortfalls", "", "...", "max(0, margin - d), the loss of pairs with target -1.", "s"),
        LOSSES,
        OUTPUT,
    )
)
def hinge_embedding(
    distances: Annotated[Value, Input("...", "The distance of each pair.", "d")],
    target: Annotated[Value, Input("...", "1 for similar pairs, -1 for dissimilar pairs.", "y")],
    *,
    margin: Margin = 1,
    reduction: Reduction = "mean",
) -> Value:
    """The hinge loss of distances: d for similar pairs, and max(0, margin - d) for dissimilar pairs.

    Source: Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping (2006), section 2.1,
    without the squares. In PyTorch hinge_embedding_loss.
    """
    require_same_shape(target, distances, "target")
    apart = add_constant(distances.graph, "margin", margin) - distances
    shortfalls = apply("positive_part", apart).named("shortfalls")
    losses = _select_by_sign(apply("check_entries", target, only="signs"), distances, shortfalls)
    return reduce_losses(losses.named("losses"), reduction)


@operation(
    (
        ValueSpec("target_scores", "", "...", "The score of the class of each sample.", "x_t"),
        ValueSpec(
            "violations", "", "...",
            "max(0, margin - x_t + x_c), or its square, for other classes c; 0 for the class itself.", "v",
        ),
        LOSSES,
        OUTPUT,
    )
)  # fmt: skip
def multi_margin(
    scores: Annotated[Value, Input("... c", "A score for each class, along the last axis.", "x")],
    target: Annotated[Value, Input("...", "The class of each sample.", "t")],
    class_weights: ClassWeights = None,
    *,
    margin: Margin = 1,
    squared: Squared = False,
    reduction: Reduction = "mean",
) -> Value:
    """The hinge loss of several classes: the sum of violations of all others over the number of classes.

    The mean divides by the number of samples, not by their weights. At the margin the derivative is 0.

    Source: Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition (1999). In PyTorch
    multi_margin_loss, where squared is p = 2.
    """
    graph, classes = scores.graph, find_classes(scores, -1, None, "scores")
    check_indices(target, classes)
    target_scores = classes.pick(scores, target).named("target_scores")
    differences = scores - apply("expand_dims", target_scores, axis=-1)
    others = add_literal(graph, 1) - classes.one_hot(target)
    violations = others * _shortfall(add_constant(graph, "margin", margin) + differences, squared)
    violations = violations.named("violations", leading=classes.labels)
    count = add_size(graph, classes.count)
    losses = apply("sum_over", violations, axis=-1) / count
    if class_weights is not None:
        losses = (
            classes.target_weights(target, classes.broadcast_weights(class_weights), refuse_none=False)
            * losses
        )
    return reduce_losses(losses.named("losses"), reduction)


@operation(
    (
        ValueSpec("products", "", "...", "The dot product of each pair.", r"x_1 \cdot x_2"),
        ValueSpec("norms_1", "", "...", "The length of each first vector.", r"\left\|x_1\right\|"),
        ValueSpec("norms_2", "", "...", "The length of each second vector.", r"\left\|x_2\right\|"),
        ValueSpec("similarity", "", "...", "The cosine of the angle between the two.", r"\cos"),
        LOSSES,
        OUTPUT,
    ),
    rules=(rule("margin", {"target": SENT}),),
)
def cosine(
    x1: Annotated[Value, Input("... d", "The first vector of each pair, along the last axis.", "x_1")],
    x2: Annotated[Value, Input("... d", "The second vector of each pair.", "x_2")],
    target: Annotated[
        Value | None,
        Input("...", "1 for similar pairs, -1 for dissimilar pairs.", "y", optional="all are similar"),
    ] = None,
    *,
    margin: Annotated[
        Constant, Attribute("The cosine up to which dissimilar pairs have loss 0. Only with a target.")
    ] = 0,
    epsilon: Annotated[
        Constant,
        Attribute(
            "Added to the square of each length. With 0, the textbook definition, zero vectors are refused."
            " PyTorch has 1e-12."
        ),
    ] = 0,
    reduction: Reduction = "mean",
) -> Value:
    """The cosine loss: 1 - cos for similar pairs, and max(0, cos - margin) for dissimilar pairs.

    Source: Manning et al., Introduction to Information Retrieval (2008), equation 6.10, for the cosine. In
    PyTorch cosine_embedding_loss.
    """
    graph = x1.graph
    require_same_shape(x2, x1, "x2")
    added = parse_between(graph, "epsilon", epsilon, 0)
    guards = bool(added.symbols()) or evaluate(added) > 0
    products = apply("sum_over", x1 * x2, axis=-1).named("products")
    lengths = []
    for name, side in (("norms_1", x1), ("norms_2", x2)):
        vectors = side if guards else apply("check_entries", side, only="directions")
        offset = added if guards else None
        lengths.append(apply("length_over", vectors, axis=-1, added=offset, vanishing=False).named(name))
    similarity = (products / (lengths[0] * lengths[1])).named("similarity")
    losses = add_literal(graph, 1) - similarity
    if target is not None:
        require_shape(target, similarity.shape, "target", "one number for each pair")
        excess = apply("positive_part", similarity - add_constant(graph, "margin", margin))
        losses = _select_by_sign(apply("check_entries", target, only="signs"), losses, excess)
    elif margin != 0:
        raise QuestionError(
            ("margin",), "has no use without a target, when all pairs are similar", "a target, or no margin",
            describe(margin),
        )  # fmt: skip
    return reduce_losses(losses.named("losses"), reduction)
