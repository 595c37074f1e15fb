"""Notes on numbers that are finite but unreliable."""

from typing import Any

from compute.graph.numerics import DIAGNOSES
from compute.question.declared_readings.declaration import (
    Amounts,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.readings.notes import Note, diagnose

TIMES = 2  # as much work as the values and gradients took


class _Planned(PlannedReading):
    def __init__(self, planning: Planning) -> None:
        self._planning = planning

    def predict(self, work: Work) -> Amounts:
        return Amounts(work=TIMES * (work.forward + work.backward))

    def run(self, run: Execution) -> list[Note]:
        plans = self._planning.evaluation, self._planning.differentiation
        return diagnose(*plans, run.values, run.gradients, run.observed)


class DiagnoseReading(Reading):
    """Notes on numbers that are finite but unreliable."""

    field = RequestField(
        "diagnose",
        bool,
        False,
        "Whether `notes` also report numbers that are finite but unreliable; floats only. "
        + " ".join(f"`{code}`: {meaning}." for code, meaning in DIAGNOSES.items()),
        "Diagnose",
    )
    part = None
    floats_only = True
    exact_refusal = "is about rounding and the range of floats, and exact numbers have neither"
    compared = True

    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        return _Planned(planning)
