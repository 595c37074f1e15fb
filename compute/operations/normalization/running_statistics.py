"""Running statistics of batches: what inference normalizes by, and how training moves them."""

from typing import Any

from compute.arithmetic.expressions import Expression, number_expression, parse
from compute.errors import QuestionError, QuestionErrors
from compute.graph.value import Value, apply
from compute.operations.framework.constants import bounded
from compute.operations.framework.declaration import Constant
from compute.operations.normalization.normalizing import Moments, Rows

CORRECTION = parse("N/(N - 1)")
UPDATED = ("new_running_mean", "new_running_variance")


def running_moments(rows: Rows, running: dict[str, Value | None]) -> Moments:
    """Those of batches before, named as the batch's own are. Raises QuestionErrors where one is missing."""
    missing = [name for name, value in running.items() if value is None]
    if missing:
        raise QuestionErrors(
            QuestionError(
                (name,),
                "inference normalizes by running statistics, and these did not come",
                "one number for each channel, or training true",
                "nothing",
            )
            for name in missing
        )
    mean, variance = (
        rows.statistic(apply("identity", value), name)
        for name, value in zip(("mean", "variance"), running.values(), strict=True)
        if value is not None
    )
    rows.graph.conventions["statistics"] = "running"
    return Moments(mean, variance, rows.x - rows.along(mean), own=False)


def weights_of(x: Value, momentum: Constant | None, momentum_of: str) -> tuple[Any, Any]:
    """What of the running statistics is kept, and what is taken of the batch's, as constant settings."""
    if momentum is None:
        momentum = 0.1 if momentum_of == "batch" else 0.9
    x.graph.conventions["momentum"] = momentum
    said = bounded(x.graph, "momentum", momentum, least=0, most=1)
    rest = said | {"expression": Expression("subtract", (number_expression(1), said["expression"]))}
    return (rest, said) if momentum_of == "batch" else (said, rest)


def moved(running: Value, batch: Value, weights: tuple[Any, Any]) -> Value:
    """The running statistic with that of the batch in it."""
    keep, take = (apply("constant", graph=running.graph, **weight) for weight in weights)
    return keep * running + take * batch


def check_unbiased(rows: Rows) -> None:
    """Refuse a variance divided by one less than the number of entries where there is one."""
    if rows.count == 1:
        raise QuestionError(
            ("x",),
            "the unbiased variance of a single entry for each channel divides by zero",
            "more than one entry for each channel, no running_variance, or unbiased_running_variance false",
            "one entry for each channel",
        )


def unbiased(rows: Rows, variance: Value) -> Value:
    """The variance divided by one less than the number of entries."""
    factor = apply("constant", graph=rows.graph, expression=CORRECTION, sizes={"N": rows.count})
    return factor * variance
