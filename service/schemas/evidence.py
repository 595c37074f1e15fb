"""Evidence on the wire: what `verify` asks for."""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from compute.readings.verification import evidence
from service.schemas.formats import SPECIAL
from service.schemas.types import LEFT_OUT, AnswerEntry, Wire

_WORDS = {repr(number): word for word, number in SPECIAL.items()}
BOUNDED = "rounded up to one digit, and to at least 1e-9"


class SymbolicProof(Wire):
    """In exact arithmetic: the proof for entries that are free symbols."""

    verdict: str = Field(description="`proved` or `undecided`.")
    proved: int = Field(
        description="The number of entries whose gradient is proved equal to SymPy's derivative."
    )
    entries: int = Field(description="The number of entries that are free symbols.")
    how: str


class Check(Wire):
    """A gradient or a Jacobian compared with numerical differences."""

    verdict: str = Field(
        description="`agrees`, `disagrees`, or `inconclusive`: at a kink, where something is not finite, or"
        " where rounding hides the slope."
    )
    entries: int = Field(description="The number of entries.")
    checked: int = Field(description="The number of entries checked one by one.")
    inconclusive: int = Field(description="The number of checked entries without a verdict.")
    largest_relative_error: float = Field(
        0, description=f"The largest relative error of the others; {BOUNDED}."
    )
    relative_to: str = Field(
        "",
        description="The scale of the relative error: the largest entry of the `gradient` or of the"
        " `difference`, or the `terms` if both are mere rounding of these.",
    )
    at: list[int] = Field([], description="The index of the entry with the largest error, which is shown.")
    analytic: AnswerEntry = Field(LEFT_OUT, description="The answer's value at that entry.")
    numeric: AnswerEntry = Field(LEFT_OUT, description="The value by differences at that entry, to 9 digits.")
    step: float = Field(0, description="The smallest step of these differences.")
    reason: str = Field("", description="The reason for a verdict other than `agrees`.")
    direction: str = Field(
        "",
        description="If not every entry was checked: the verdict on the derivative along a random direction.",
    )
    symbolic: SymbolicProof = Field(LEFT_OUT, description="The proof in exact arithmetic.")


class JacobianCheck(Check):
    """A Jacobian compared with numerical differences."""

    of: str
    wrt: str


class Invariant(Wire):
    """An equation that a value has to satisfy."""

    value: str
    statement: str
    holds: bool = Field(
        False,
        description="Whether it holds up to rounding; left out if rounding hides it, or if exact arithmetic"
        " cannot decide it.",
    )
    largest_difference: AnswerEntry = Field(
        LEFT_OUT, description="Rounded up to one digit; left out if there are free symbols."
    )
    verdict: str = Field("", description="In exact arithmetic: `proved`, `refuted` or `undecided`.")
    how: str = Field("", description="In exact arithmetic: the method that led to the verdict.")
    point: dict[str, str] = Field({}, description="If refuted: values of the symbols that refute it.")


class Condition(Wire):
    """A value with few reliable digits because of rounding."""

    value: str
    magnification: float = Field(
        description="The factor by which relative changes of all numbers on the way to it are magnified,"
        " relative to its largest entry; rounded up to one digit."
    )
    digits: int = Field(description="The number of reliable decimal digits of the largest entry.")
    at: list[int] = Field(description="The index of the entry with the largest change relative to itself.")
    entry_magnification: float = Field(description="The magnification of that entry.")
    entry_digits: int = Field(description="The number of reliable decimal digits of that entry.")


class Evidence(Wire):
    """Evidence that an answer is right, independent of the rules that computed it."""

    said: list[str] = Field(description="The checks that were made, in sentences.")
    gradients: dict[str, Check] = Field({}, description="By name, if `upstream` was sent.")
    jacobians: list[JacobianCheck] = Field([], description="One for each Jacobian that was asked for.")
    invariants: list[Invariant] = Field(description="Equations that the computed values have to satisfy.")
    condition: list[Condition] = Field(
        description="Values in which changes are magnified 1e4 times (100 times in float32), or 1e10 times"
        " (1e5 times) in a single entry; empty if there is no such value."
    )
    point: dict[str, str] = Field({}, description="In exact arithmetic: the numbers put in for symbols.")


def evidence_json(found: evidence.Evidence) -> dict[str, Any]:
    """Evidence as it is sent; what does not apply is left out."""
    body: dict[str, Any] = {"said": found.said}
    if found.gradients:
        body["gradients"] = {name: _said(asdict(check)) for name, check in found.gradients.items()}
    if found.jacobians:
        body["jacobians"] = [
            {"of": one.of, "wrt": one.wrt, **_said(asdict(one.check))} for one in found.jacobians
        ]
    body["invariants"] = [
        {"value": one.value, "statement": one.statement, **_said(_bounded(asdict(one.equality)))}
        for one in found.invariants
    ]
    body["condition"] = [asdict(one) for one in found.conditions]
    if found.point:
        body["point"] = found.point
    return body


def _bounded(equality: dict[str, Any]) -> dict[str, Any]:
    largest = equality["largest_difference"]
    return equality | {"largest_difference": None if largest is None else evidence.round_up(largest)}


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what does not apply; numbers that JSON has none of in words."""
    return {
        name: _WORDS.get(repr(one), one) if isinstance(one, float) else one
        for name, one in fields.items()
        if one is not None
    }
