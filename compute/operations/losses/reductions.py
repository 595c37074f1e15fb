"""Reduction of the losses of samples to one number, shared by all losses."""

from typing import Annotated, Literal, TypeAlias

from compute.dimensions import product
from compute.graph.graph import Value, apply
from compute.graph.spec import ValueSpec
from compute.operations.framework.constants import add_size
from compute.operations.framework.declaration import Attribute

Reduction: TypeAlias = Annotated[
    Literal["mean", "sum", "none"],
    Attribute("The reduction of the losses: mean, sum, or none to return all of them."),
]

LOSSES = ValueSpec("losses", "", "...", "The loss of each entry or sample.", r"\ell")
OUTPUT = ValueSpec("output", "", "...", "The loss: the mean or the sum of the losses, or all of them.", "L")


def flatten(a: Value) -> Value:
    """Flatten a value to one axis, row by row."""
    return apply("reshape", a, to=(product(a.shape),))


def sum_entries(a: Value) -> Value:
    """Return the sum of all entries."""
    return apply("sum_over", flatten(a), axis=-1)


def average_entries(a: Value) -> Value:
    """Return the mean of all entries."""
    return sum_entries(a) / add_size(a.graph, product(a.shape))


def reduce_losses(losses: Value, reduction: str, weight: Value | None = None) -> Value:
    """Reduce losses and name the output. weight: the divisor of the mean; None for the number of losses."""
    if reduction == "none":
        return apply("identity", losses).named("output")
    if reduction == "sum":
        return sum_entries(losses).named("output")
    losses.graph.conventions["mean_over"] = "all losses" if weight is None else "total_weight"
    return (average_entries(losses) if weight is None else sum_entries(losses) / weight).named("output")
