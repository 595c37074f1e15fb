"""The triplet loss of an anchor, a similar vector and a dissimilar vector."""

from typing import Annotated

from compute.arithmetic.constants import evaluate
from compute.arithmetic.expressions import number_expression
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_constant, add_literal, parse_between
from compute.operations.framework.declaration import Attribute, Constant, Input, operation
from compute.operations.framework.shape_checks import require_same_shape
from compute.operations.losses.reductions import LOSSES, OUTPUT, Reduction, reduce_losses


@operation(
    (
        ValueSpec("positive_distances", "", "...", "The distance of each anchor to its positive.", "d^{+}"),
        ValueSpec("negative_distances", "", "...", "The distance of each anchor to its negative.", "d^{-}"),
        LOSSES,
        OUTPUT,
    )
)
def triplet(
    anchor: Annotated[Value, Input("... d", "The vector of each anchor, along the last axis.", "a")],
    positive: Annotated[Value, Input("... d", "A vector that should be near each anchor.", "p")],
    negative: Annotated[Value, Input("... d", "A vector that should be further away.", "n")],
    *,
    margin: Annotated[Constant, Attribute("The difference of distances from which on the loss is 0.")] = 1,
    squared: Annotated[
        bool, Attribute("Whether distances are squared, as in the paper; in PyTorch they are not.")
    ] = False,
    epsilon: Annotated[
        Constant, Attribute("Added to each coordinate of a difference. PyTorch has 1e-6.")
    ] = 0,
    reduction: Reduction = "mean",
) -> Value:
    """The triplet loss: max(0, d(anchor, positive) - d(anchor, negative) + margin).

    The derivative of the distance of two equal vectors is 0.

    Source: Schroff et al., FaceNet (2015), equation 3. In PyTorch triplet_margin_loss.
    """
    graph = anchor.graph
    added = parse_between(graph, "epsilon", epsilon, 0)
    distances = []
    for name, other in (("positive", positive), ("negative", negative)):
        require_same_shape(other, anchor, name)
        difference = anchor - other
        if added.symbols() or evaluate(added) != 0:
            difference = difference + add_literal(graph, added)
        if squared:
            distance = apply("sum_over", apply("power", difference, exponent=number_expression(2)), axis=-1)
        else:
            distance = apply("length_over", difference, axis=-1, added=None, vanishing=True)
            graph.conventions["derivative_of_norm_at_0"] = 0
        distances.append(distance.named(f"{name}_distances"))
    shortfall = distances[0] - distances[1] + add_constant(graph, "margin", margin)
    return reduce_losses(apply("positive_part", shortfall).named("losses"), reduction)
