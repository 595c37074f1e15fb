"""Evidence that an answer is right, independent of the rules that computed it."""

from dataclasses import asdict, dataclass
from typing import Any

from compute.graph.graph import Graph
from compute.question.declared_readings.declaration import (
    Amounts,
    AnswerPart,
    Execution,
    PlannedReading,
    Planning,
    Reading,
    RequestField,
    Work,
)
from compute.readings.described import Entry, described
from compute.readings.verification import evidence
from compute.readings.verification.invariants import build_sides
from compute.readings.verification.plan import Answered, Verification, plan_verification

BOUNDED = "rounded up to one digit, and to at least 1e-9"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolicProof:
    """In exact arithmetic: the proof for entries that are free symbols."""

    verdict: str = described("`proved` or `undecided`.")
    proved: int = described("The number of entries whose gradient is proved equal to SymPy's derivative.")
    entries: int = described("The number of entries that are free symbols.")
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A gradient or a Jacobian compared with numerical differences."""

    verdict: str = described(
        "`agrees`, `disagrees`, or `inconclusive`: at a kink, where something is not finite, or where"
        " rounding hides the slope."
    )
    entries: int = described("The number of entries.")
    checked: int = described("The number of entries checked one by one.")
    inconclusive: int = described("The number of checked entries without a verdict.")
    largest_relative_error: float = described(
        f"The largest relative error of the others; {BOUNDED}.", default=None
    )
    relative_to: str = described(
        "The scale of the relative error: the largest entry of the `gradient` or of the `difference`, or the"
        " `terms` if both are mere rounding of these.",
        default=None,
    )
    at: list[int] = described("The index of the entry with the largest error, which is shown.", default=None)
    analytic: Entry = described("The answer's value at that entry.", default=None)
    numeric: Entry = described("The value by differences at that entry, to 9 digits.", default=None)
    step: float = described("The smallest step of these differences.", default=None)
    reason: str = described("The reason for a verdict other than `agrees`.", default=None)
    direction: str = described(
        "If not every entry was checked: the verdict on the derivative along a random direction.",
        default=None,
    )
    symbolic: SymbolicProof = described("The proof in exact arithmetic.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JacobianCheck(Check):
    """A Jacobian compared with numerical differences."""

    of: str
    wrt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """An equation that a value has to satisfy."""

    value: str
    statement: str
    holds: bool = described(
        "Whether it holds up to rounding; left out if rounding hides it, or if exact arithmetic cannot decide"
        " it.",
        default=None,
    )
    largest_difference: Entry = described(
        "Rounded up to one digit; left out if there are free symbols.", default=None
    )
    verdict: str = described("In exact arithmetic: `proved`, `refuted` or `undecided`.", default=None)
    how: str = described("In exact arithmetic: the method that led to the verdict.", default=None)
    point: dict[str, str] = described("If refuted: values of the symbols that refute it.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A value with few reliable digits because of rounding."""

    value: str
    magnification: float = described(
        "The factor by which relative changes of all numbers on the way to it are magnified, relative to its"
        " largest entry; rounded up to one digit."
    )
    digits: int = described("The number of reliable decimal digits of the largest entry.")
    at: list[int] = described("The index of the entry with the largest change relative to itself.")
    entry_magnification: float = described("The magnification of that entry.")
    entry_digits: int = described("The number of reliable decimal digits of that entry.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Evidence that an answer is right, independent of the rules that computed it."""

    said: list[str] = described("The checks that were made, in sentences.")
    gradients: dict[str, Check] = described("By name, if `upstream` was sent.", default_factory=dict)
    jacobians: list[JacobianCheck] = described(
        "One for each Jacobian that was asked for.", default_factory=list
    )
    invariants: list[Invariant] = described("Equations that the computed values have to satisfy.")
    condition: list[Condition] = described(
        "Values in which changes are magnified 1e4 times (100 times in float32), or 1e10 times (1e5 times) in"
        " a single entry; empty if there is no such value."
    )
    point: dict[str, str] = described(
        "In exact arithmetic: the numbers put in for symbols.", default_factory=dict
    )


class _Planned(PlannedReading):
    def __init__(self, planning: Planning, sides: Any) -> None:
        self._planning, self._sides = planning, sides
        self._pairs = [(pair.of, pair.wrt) for pair in planning.requests.get("jacobian", ())]

    def predict(self, work: Work) -> Amounts:
        planning = self._planning
        self._verification: Verification = plan_verification(
            Answered(
                planning.evaluation, planning.seeds, planning.differentiated, self._pairs, planning.returned,
                self._sides, work.total,
            )
        )  # fmt: skip
        self.held = self._verification.held
        return Amounts(work=self._verification.work, entries=self._verification.entries)

    def run(self, run: Execution) -> evidence.Evidence:
        names = self._planning.graph.names
        gradients = {name: run.gradients.totals[names[name].index] for name in self._planning.differentiated}
        jacobians = [one.value for one in run.parts.get("jacobians", ())]
        return self._verification.verify(run.values, run.upstream, gradients, jacobians)


def _documented(found: evidence.Evidence) -> Evidence:
    """Return evidence as it is documented: flat, and without numbers that rounding decides."""
    return Evidence(
        said=found.said,
        gradients={name: Check(**_check(check)) for name, check in found.gradients.items()},
        jacobians=[JacobianCheck(of=one.of, wrt=one.wrt, **_check(one.check)) for one in found.jacobians],
        invariants=[
            Invariant(value=one.value, statement=one.statement, **_bounded(asdict(one.equality)))
            for one in found.invariants
        ],
        condition=[Condition(**asdict(one)) for one in found.conditions],
        point=found.point,
    )


def _check(check: evidence.Check) -> dict[str, Any]:
    symbolic = None if check.symbolic is None else SymbolicProof(**asdict(check.symbolic))
    return asdict(check) | {"symbolic": symbolic}


def _bounded(equality: dict[str, Any]) -> dict[str, Any]:
    largest = equality["largest_difference"]
    del equality["at"]
    return equality | {"largest_difference": None if largest is None else evidence.round_up(largest)}


class VerifyReading(Reading):
    """Evidence that an answer is right."""

    field = RequestField(
        "verify",
        bool,
        False,
        "Whether to return `evidence` that the answer is right: gradients compared with differences of"
        " recomputed values, equations that values satisfy, and the number of digits that rounding leaves"
        " reliable.",
        "Verify",
    )
    part = AnswerPart("evidence", Evidence, "Evidence for the answer, if `verify` is true.")

    def extend(self, graph: Graph) -> Any:
        return build_sides(graph)

    def plan(self, planning: Planning, request: Any) -> PlannedReading:
        return _Planned(planning, planning.extensions[self.field.name])

    def document(self, result: evidence.Evidence, is_exact: bool) -> Evidence:
        return _documented(result)
