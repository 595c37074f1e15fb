"""Running statistics of batches: their use in inference and their update in training."""

from typing import Any

from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.errors import QuestionError, QuestionErrors
from compute.graph.graph import Value, apply
from compute.operations.framework.constants import parse_bounded
from compute.operations.framework.declaration import Constant
from compute.operations.normalization.normalizing import Moments, Rows

CORRECTION = parse("N/(N - 1)")
UPDATED = ("new_running_mean", "new_running_variance")


def running_moments(rows: Rows, running: dict[str, Value | None]) -> Moments:
    """Name the running statistics as the moments of the rows. Raises QuestionErrors for missing ones."""
    missing = [name for name, value in running.items() if value is None]
    if missing:
        raise QuestionErrors(
            QuestionError(
                (name,),
                f"{name} is required for inference",
                "one number per channel, or training true",
                "nothing",
            )
            for name in missing
        )
    mean, variance = (
        rows.name_statistic(apply("identity", value), name)
        for name, value in zip(("mean", "variance"), running.values(), strict=True)
        if value is not None
    )
    rows.graph.conventions["statistics"] = "running"
    return Moments(mean, variance, rows.x - rows.expand(mean), own=False)


def momentum_weights(x: Value, momentum: Constant | None, momentum_of: str) -> tuple[Any, Any]:
    """Return the weights of the running statistics and of the batch's, as constant settings."""
    if momentum is None:
        momentum = 0.1 if momentum_of == "batch" else 0.9
    x.graph.conventions["momentum"] = momentum
    weight = parse_bounded(x.graph, "momentum", momentum, least=0, most=1)
    rest = weight | {"expression": Expression("subtract", (number_expression(1), weight["expression"]))}
    return (rest, weight) if momentum_of == "batch" else (weight, rest)


def update_statistic(running: Value, batch: Value, weights: tuple[Any, Any]) -> Value:
    """Return a running statistic updated with that of the batch."""
    kept, added = (apply("constant", graph=running.graph, **weight) for weight in weights)
    return kept * running + added * batch


def check_unbiased(rows: Rows) -> None:
    """Raise QuestionError if the unbiased variance would divide by zero."""
    if rows.count == 1:
        raise QuestionError(
            ("x",),
            "the unbiased variance of a single entry per channel divides by zero",
            "more than one entry per channel, no running_variance, or unbiased_running_variance false",
            "one entry per channel",
        )


def unbias(rows: Rows, variance: Value) -> Value:
    """Return the variance divided by N - 1 instead of N."""
    factor = apply("constant", graph=rows.graph, expression=CORRECTION, sizes={"N": rows.count})
    return factor * variance
