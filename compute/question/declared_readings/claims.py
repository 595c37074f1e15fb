"""Equations of a program that are verified for these numbers, or in exact arithmetic for all symbols."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array, Equality
from compute.question.declared_readings.declaration import (
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
)
from compute.readings.described import described
from compute.readings.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether an equation holds: for these numbers up to rounding, or in exact arithmetic for all symbols."""

    holds: bool | None = described("Null if it depends on unknown values, or is undecided.")
    largest_difference: float | None = described(
        "Null if there are free symbols, or if a side is not finite."
    )
    verdict: str | None = described(
        "In exact arithmetic: `proved`, `refuted` or `undecided`; null if unknown.", default=None
    )
    how: str | None = described(
        "In exact arithmetic: the method that led to the verdict. In floats: that a side is NaN, which equals"
        " nothing.",
        default=None,
    )
    point: dict[str, str] | None = described(
        "If refuted: values of the symbols for which the sides differ.", default=None
    )


class _Planned(PlannedReading):
    """sides: the indices of the two sides of each equation; None if one cannot be computed."""

    def __init__(self, evaluation: Evaluation, sides: list[tuple[int, int] | None]) -> None:
        self._arithmetic, self._sides = evaluation.arithmetic, sides
        evaluation.request(index for pair in sides if pair for index in pair)

    def run(self, run: Execution) -> list[Equality]:
        return [self._equality(run.values, sides) for sides in self._sides]

    def _equality(self, values: Mapping[int, Array], sides: tuple[int, int] | None) -> Equality:
        """Return whether two sides are equal; undecided if they depend on unknown values."""
        if sides is None or not all(index in values for index in sides):
            return Equality(None, None)
        arithmetic = self._arithmetic
        left, right = np.broadcast_arrays(*(values[index] for index in sides))
        equality = arithmetic.equality(left, right)
        nan = np.isnan(arithmetic.outlines(left)) | np.isnan(arithmetic.outlines(right))
        return _without_nan(equality, nan)


def _without_nan(equality: Equality, nan: Array) -> Equality:
    """Return the equality, refuted if a side is NaN."""
    if not nan.any():
        return equality
    at = [int(index) for index in np.argwhere(nan)[0]]
    how = f"a side is NaN{f' at {at}' if at else ''}, and NaN equals nothing, not even itself"
    return Equality(False, None, equality.verdict and "refuted", how)


class ClaimsReading(Reading):
    """Equations of a program, verified."""

    field = RequestField(
        "claims",
        list[str],
        [],
        "Equations to verify for these numbers, such as p[0] == 1 - p[1].",
        "ClaimTexts",
        100,
    )
    part = AnswerPart("claims", list[Claim], "The verified equations, in the order of the request.")
    programs_only = True

    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        sides = [claim.sides and (claim.sides[0].index, claim.sides[1].index) for claim in planning.claims]
        return _Planned(planning.evaluation, sides)

    def document(self, result: list[Equality], is_exact: bool) -> list[Any]:
        claims = [asdict(equality) for equality in result]
        # Exact claims have every field, null or not.
        return claims if is_exact else [Claim(**claim) for claim in claims]
