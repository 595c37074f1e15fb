"""Rubrics from requests."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from compute.grading.comparison import DEFAULT, Tolerance
from compute.grading.computations import Slot
from compute.grading.forms import FROM_ONE, PLACES_FROM_ONE, TRANSPOSED
from compute.grading.judgements import Rules
from compute.grading.rubrics import BestOf, Penalty
from compute.grading.scores import read_fraction

FORMS = {form.name for form in (TRANSPOSED, FROM_ONE, PLACES_FROM_ONE)}
TRIVIAL = {"credit": Fraction(1), "half": Fraction(1, 2), "none": Fraction(0)}


def read_marks(fields: Mapping[str, Any], question: str) -> dict[Slot, Fraction]:
    """Return the marks of a rubric, by slot."""
    values = {Slot("value", name, question): marks for name, marks in fields["marks"].items()}
    gradients = {Slot("gradient", name, question): marks for name, marks in fields["gradient_marks"].items()}
    return {slot: read_fraction(marks) for slot, marks in (values | gradients).items()}


def read_tolerance(model: Any) -> Tolerance:
    """Return a tolerance; the default if nothing is set."""
    return DEFAULT if model is None else Tolerance(**model.__dict__)


def read_tolerances(fields: Mapping[str, Any]) -> dict[str, Tolerance]:
    """Return the tolerances of single names."""
    return {name: read_tolerance(model) for name, model in fields["tolerances"].items()}


def read_rules(fields: Mapping[str, Any], accepted: Iterable[Any]) -> Rules:
    """Return the rules of marking. accepted: the accepted conventions, of which some are forms of writing."""
    follow = fields["follow_through"]
    details = follow.__dict__ if not isinstance(follow, bool) else {}
    forms = {
        form: read_fraction(model.credit)
        for model in accepted
        for form, chosen in (model.__pydantic_extra__ or {}).items()
        if form in FORMS and chosen is True
    }
    return Rules(
        follow=follow is not False,
        follow_credit=read_fraction(details.get("credit", 1)),
        trivial_credit=TRIVIAL[details.get("trivial", "credit")],
        consistent=details.get("consistent", False),
        infinity_credit=read_fraction(fields["infinity_credit"]),
        precision_credit=read_fraction(fields["precision_credit"]),
        forms=forms,
        find_misconceptions=fields["misconceptions"],
    )


def read_cut(fields: Mapping[str, Any]) -> frozenset[str]:
    """Return the names whose values may not follow from a student's own."""
    follow = fields["follow_through"]
    return frozenset() if isinstance(follow, bool) else frozenset(follow.except_)


def read_penalties(fields: Mapping[str, Any]) -> list[Penalty]:
    """Return the penalties of a rubric."""
    return [Penalty(model.when, read_fraction(model.points)) for model in fields["penalties"]]


def read_choices(fields: Mapping[str, Any], slots: Iterable[Slot]) -> list[BestOf]:
    """Return the choices of a rubric. Names are those of values, gradients, or questions of an exam."""
    marked = list(slots)
    return [
        BestOf(tuple([slot for slot in marked if slot.name in model.names or slot.question in model.names]),
               model.count)
        for model in fields["best_of"]
    ]  # fmt: skip
