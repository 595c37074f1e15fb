"""Losses that ask for a margin: of scores, of classes, of distances and of angles."""

from typing import Annotated, TypeAlias

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import HALF, number_expression
from compute.errors import QuestionError, describe
from compute.graph.spec import ValueSpec
from compute.graph.value import Value, apply
from compute.operations.framework.constants import between, constant, literal, size_of
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.rules import SENT, rule
from compute.operations.framework.shape_checks import alike, shaped
from compute.operations.losses.class_targets import ClassWeights, check_indices, classes
from compute.operations.losses.reductions import LOSSES, OUTPUT, Reduction, reduced

Margin: TypeAlias = Annotated[Constant, Attribute("How far beyond the boundary nothing is lost any more.")]
Squared: TypeAlias = Annotated[bool, Attribute("Whether what is short of the margin is squared.")]
Signs: TypeAlias = Annotated[Value, Input("...", "1 or -1 for each sample.", "y")]
TWO, ZERO = number_expression(2), number_expression(0)


def _short(a: Value, squared: bool) -> Value:
    """What is above 0, or its square; the derivative at 0 is 0."""
    found = apply("leaky_relu", a, slope=ZERO)
    return apply("power", found, exponent=TWO) if squared else found


def _by_sign(target: Value, positive: Value, negative: Value) -> Value:
    """One value where the target is 1, another where it is -1."""
    one, half = literal(target.graph, 1), literal(target.graph, HALF)
    return half * (one + target) * positive + half * (one - target) * negative


@operation(
    (
        ValueSpec("margins", "", "...", "The target times the score: above 0 where its sign is right.", "m"),
        LOSSES,
        OUTPUT,
    )
)
def hinge(
    scores: Annotated[Value, Input("...", "A score for each sample, whose sign is the prediction.", "f")],
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
    alike(target, scores, "target")
    margins = (apply("admitted", target, only="signs") * scores).named("margins")
    losses = _short(constant(scores.graph, "margin", margin) - margins, squared)
    return reduced(losses.named("losses"), reduction)


@operation(
    (
        ValueSpec("shortfalls", "", "...", "max(0, margin - d), the loss of what ought to be apart.", "s"),
        LOSSES,
        OUTPUT,
    )
)
def hinge_embedding(
    distances: Annotated[Value, Input("...", "How far the members of each pair are apart.", "d")],
    target: Annotated[Value, Input("...", "1 for pairs that belong together, -1 for others.", "y")],
    *,
    margin: Margin = 1,
    reduction: Reduction = "mean",
) -> Value:
    """The hinge loss of distances: d where pairs belong together, and max(0, margin - d) where they do not.

    Source: Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping (2006), section 2.1,
    without the squares. In PyTorch hinge_embedding_loss.
    """
    alike(target, distances, "target")
    apart = constant(distances.graph, "margin", margin) - distances
    shortfalls = apply("positive_part", apart).named("shortfalls")
    losses = _by_sign(apply("admitted", target, only="signs"), distances, shortfalls)
    return reduced(losses.named("losses"), reduction)


@operation(
    (
        ValueSpec("target_scores", "", "...", "The score of the class of each sample.", "x_t"),
        ValueSpec(
            "violations", "", "...",
            "max(0, margin - x_t + x_c), or its square, of the other classes c; 0 for the class itself.", "v",
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
    """The hinge loss of several classes: the violations of all others, over the number of classes.

    The mean divides by the number of samples, whatever they weigh. At the margin the derivative is 0.

    Source: Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition (1999). In PyTorch
    multi_margin_loss, where squared is p = 2.
    """
    graph, where = scores.graph, classes(scores, -1, None, "scores")
    check_indices(target, where)
    target_scores = where.picked(scores, target).named("target_scores")
    behind = scores - apply("expand", target_scores, axis=-1)
    others = literal(graph, 1) - where.one_hot(target)
    violations = others * _short(constant(graph, "margin", margin) + behind, squared)
    violations = violations.named("violations", leading=where.labels)
    count = apply("constant", graph=graph, **size_of(where.count))
    losses = apply("sum_over", violations, axis=-1) / count
    if class_weights is not None:
        losses = where.target_weights(target, where.weights(class_weights), some=False) * losses
    return reduced(losses.named("losses"), reduction)


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
        Input("...", "1 for pairs that ought to be alike, -1 for others.", "y", optional="all are alike"),
    ] = None,
    *,
    margin: Annotated[
        Constant, Attribute("Up to which cosine others lose nothing; other than 0 only with a target.")
    ] = 0,
    epsilon: Annotated[
        Constant,
        Attribute(
            "What is added to the square of each length; 0 as it is written in books, where vectors of"
            " zeros are refused. PyTorch has 1e-12."
        ),
    ] = 0,
    reduction: Reduction = "mean",
) -> Value:
    """The loss of angles: 1 - cos of pairs that ought to be alike, and max(0, cos - margin) of others.

    Source: Manning et al., Introduction to Information Retrieval (2008), equation 6.10, for the cosine. In
    PyTorch cosine_embedding_loss.
    """
    graph = x1.graph
    alike(x2, x1, "x2")
    added = between(graph, "epsilon", epsilon, 0)
    guards = bool(added.symbols()) or evaluate(added) > 0
    products = apply("sum_over", x1 * x2, axis=-1).named("products")
    lengths = []
    for name, one in (("norms_1", x1), ("norms_2", x2)):
        vectors = one if guards else apply("admitted", one, only="directions")
        more = added if guards else None
        lengths.append(apply("length_over", vectors, axis=-1, added=more, vanishing=False).named(name))
    similarity = (products / (lengths[0] * lengths[1])).named("similarity")
    losses = literal(graph, 1) - similarity
    if target is not None:
        shaped(target, similarity.shape, "target", "one number for each pair")
        beyond = apply("positive_part", similarity - constant(graph, "margin", margin))
        losses = _by_sign(apply("admitted", target, only="signs"), losses, beyond)
    elif margin != 0:
        raise QuestionError(
            ("margin",), "has no meaning where all pairs ought to be alike", "a target, or no margin",
            describe(margin),
        )  # fmt: skip
    return reduced(losses.named("losses"), reduction)
