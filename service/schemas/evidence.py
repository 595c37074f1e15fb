"""Evidence on the wire: what `verify` asks for."""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from compute.verification import evidence
from service.schemas.formats import SPECIAL
from service.schemas.types import LEFT_OUT, AnswerEntry, Wire

_WORDS = {repr(number): word for word, number in SPECIAL.items()}
BOUNDED = "rounded up to one digit, and to 1e-9 where it is less"


class SymbolicProof(Wire):
    """In exact arithmetic: what was shown of the entries that are free symbols."""

    verdict: str = Field(description="`proved` or `undecided`.")
    proved: int = Field(description="Entries whose gradient is shown to be SymPy's own derivative.")
    entries: int = Field(description="Entries that are free symbols.")
    how: str


class Check(Wire):
    """A gradient or a Jacobian beside differences."""

    verdict: str = Field(
        description="`agrees`, `disagrees`, or `inconclusive`: at a kink, where something is not finite, or"
        " where rounding hides the slope."
    )
    entries: int = Field(description="How many there are.")
    checked: int = Field(description="How many were checked one by one.")
    inconclusive: int = Field(description="Of how many of these nothing can be said.")
    largest_relative_error: float = Field(0, description=f"Of the others; {BOUNDED}.")
    relative_to: str = Field(
        "",
        description="What that is relative to: the largest entry of the `gradient` or of the `difference`, or"
        " the `terms` that both are rounding of.",
    )
    at: list[int] = Field([], description="The index of the entry shown: the worst.")
    analytic: AnswerEntry = Field(LEFT_OUT, description="What the answer holds there.")
    numeric: AnswerEntry = Field(LEFT_OUT, description="What differences give there, to 9 digits.")
    step: float = Field(0, description="The smallest step of the differences there.")
    reason: str = Field("", description="Why it is no agreement.")
    direction: str = Field(
        "", description="Where not every entry was checked: the verdict on one random direction of all."
    )
    symbolic: SymbolicProof = Field(LEFT_OUT, description="In exact arithmetic.")


class JacobianCheck(Check):
    """The same of a Jacobian."""

    of: str
    wrt: str


class Invariant(Wire):
    """An equation that was promised of a value."""

    value: str
    statement: str
    holds: bool = Field(
        False, description="To rounding; left out where exact arithmetic leaves it undecided."
    )
    largest_difference: AnswerEntry = Field(
        LEFT_OUT, description="Rounded up to one digit; left out where symbols are free."
    )
    verdict: str = Field("", description="In exact arithmetic: `proved`, `refuted` or `undecided`.")
    how: str = Field("", description="In exact arithmetic: how the verdict was reached.")
    point: dict[str, str] = Field({}, description="Where refuted: numbers for the symbols that show it.")


class Condition(Wire):
    """A value of which rounding leaves little certain."""

    value: str
    magnification: float = Field(
        description="How many times larger relative changes of all numbers on the way come out, beside its"
        " largest entry; rounded up to one digit."
    )
    digits: int = Field(description="How many decimal digits of the largest entry are certain.")
    at: list[int] = Field(description="The entry that changes most beside itself.")
    entry_magnification: float = Field(description="The same for it.")
    entry_digits: int = Field(description="The same for it.")


class Evidence(Wire):
    """That an answer is right, found without the rules that it was found by."""

    said: list[str] = Field(description="What was done, in sentences.")
    gradients: dict[str, Check] = Field({}, description="By name, where `upstream` was sent.")
    jacobians: list[JacobianCheck] = Field([], description="Where `jacobian` was sent.")
    invariants: list[Invariant] = Field(description="Promised equations of what was computed.")
    condition: list[Condition] = Field(
        description="Where changes are magnified 1e4 times (in float32 100), or 1e10 times (1e5) in a single"
        " entry; nothing where all is well."
    )
    point: dict[str, str] = Field({}, description="In exact arithmetic: the numbers that stood for symbols.")


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
    return equality | {"largest_difference": None if largest is None else evidence.bounded(largest)}


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what does not apply; numbers that JSON has none of in words."""
    return {
        name: _WORDS.get(repr(one), one) if isinstance(one, float) else one
        for name, one in fields.items()
        if one is not None
    }
