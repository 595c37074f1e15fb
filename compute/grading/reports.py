"""The grade of a submission: an item for every name, and exact scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import numpy as np

from compute.arithmetic.namespace import Array
from compute.grading.comparison import FLOATS, Numbers, Tolerance
from compute.grading.computations import Computation, Slot
from compute.grading.explanations import Explanations
from compute.grading.forms import EXPECTED, Expected, Fitted, fit
from compute.grading.judgements import Judgement, Part, Verdict
from compute.grading.marking import MOST_RUNS, Marker
from compute.grading.rubrics import Rubric
from compute.grading.scores import add_up, round_half_up, round_together

ORDER: tuple[Verdict, ...] = ("ungradable", "incorrect", "follow_through", "accepted", "correct")
"""The verdict of an item is the first of these that one of its steps has."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A tensor that a student wrote for one name.

    half_units: half a unit of the last digit of each entry.
    """

    array: Array
    half_units: Callable[[], Array]


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason why an answer cannot be graded. code: public; message: for the student."""

    code: str
    message: str


@dataclass
class Item:
    """The grade of one name.

    score: None if it cannot be graded; exact: before rounding.
    counts: whether its marks count.
    judgements: of the whole value, or of each of its steps, with their slots.
    fault: the reason why it cannot be graded.
    """

    slot: Slot
    verdict: Verdict
    marks: Fraction
    exact: Fraction | None = Fraction(0)
    score: Fraction | None = Fraction(0)
    counts: bool = True
    judgements: list[tuple[Slot, Judgement]] = field(default_factory=list)
    fault: Fault | None = None
    flags: list[str] = field(default_factory=list)


@dataclass
class Report:
    """The grade of a submission. taken_off: the penalties that applied.

    is_complete: whether all known mistakes were tried.
    """

    items: list[Item]
    score: Fraction
    max_score: Fraction
    gradable: bool
    taken_off: list[tuple[str, Fraction]]
    is_complete: bool = True


def grade(
    computation: Computation,
    explanations: Callable[[Computation], Explanations],
    rubric: Rubric,
    answers: Mapping[Slot, Answered | Fault],
    rows: Mapping[Slot, Sequence[Slot]],
    describe: Callable[[Slot], Expected],
    numbers: Numbers = FLOATS,
    runs: int = MOST_RUNS,
) -> Report:
    """Grade a submission.

    explanations: returns the conventions and mistakes to try, if something is wrong.
    runs: the most evaluations that explanations may cost.
    answers: what the student wrote, by slot; all of the rubric's slots that are missing here are missing.
    rows: for a value that stacks steps, the slots of the steps.
    describe: returns the shape and kind of a slot.
    """
    sheet = _Sheet(computation, rubric, rows, describe)
    for slot, answer in answers.items():
        sheet.add(slot, answer)
    explain = partial(explanations, computation)
    marker = Marker(computation, sheet.parts, explain, rubric.rules, numbers, runs)
    judged = marker.mark()
    judged |= {slot: marker.judge_shape(part) for slot, part in sheet.misshapen.items()}
    marks = rubric.marks or {slot: Fraction(1) for slot in answers}
    slots = dict.fromkeys((*marks, *answers))
    items = [sheet.item(slot, marks.get(slot, Fraction(0)), judged) for slot in slots]
    report = total(items, rubric)
    report.is_complete = marker.runs_left > 0
    return report


class _Sheet:
    """The parts of a submission, and the faults of those that have none."""

    def __init__(
        self,
        computation: Computation,
        rubric: Rubric,
        rows: Mapping[Slot, Sequence[Slot]],
        describe: Callable[[Slot], Expected],
    ) -> None:
        self.parts: list[Part] = []
        self._computation, self._rubric, self._rows, self._describe = computation, rubric, rows, describe
        self._reference = computation.results()
        self._of: dict[Slot, list[Slot]] = {}  # the parts of each item
        self._faults: dict[Slot, Fault] = {}
        self._flags: dict[Slot, list[str]] = {}
        self.misshapen: dict[Slot, Part] = {}

    def add(self, slot: Slot, answer: Answered | Fault) -> None:
        """Add an answer, in the form that comes nearest to the expected one."""
        if isinstance(answer, Fault):
            self._faults[slot] = answer
            return
        if slot not in self._reference:
            self._faults[slot] = Fault("not_computed", "This question does not compute this value.")
            return
        reference, tolerance = self._reference[slot], self._rubric.tolerance_of(slot)
        if (answer.array.dtype == bool) != (reference.dtype == bool):
            words = "true or false" if reference.dtype == bool else "numbers"
            self._faults[slot] = Fault("wrong_kind", f"Expected {words}.")
            return
        expected = self._describe(slot)
        fitted = self._fit(answer.array, expected)
        others = partial(_other_forms, answer.array, expected)
        if not fitted and not others():
            self.misshapen[slot] = Part(slot, answer.array, tolerance, answer.half_units)
            return
        best = fitted[0] if len(fitted) == 1 else self._nearest(fitted, reference, tolerance)
        if best.form is not EXPECTED:
            self._flags[slot] = [best.form.name]
        may_follow = slot.name not in self._rubric.cut
        units = self._units(answer, best)
        self._add_parts(slot, Part(slot, best.array, tolerance, units, best.blank, may_follow, others))

    def _fit(self, written: Array, expected: Expected) -> list[Fitted]:
        """Return the readings of a tensor that lose nothing."""
        if written.shape == expected.shape and expected.band is None:
            return [Fitted(written, EXPECTED)]
        return [each for each in fit(written, expected) if each.form.loses_nothing]

    def _nearest(self, fitted: Sequence[Fitted], reference: Array, tolerance: Tolerance) -> Fitted:
        if not fitted:  # only another form has the right shape
            return Fitted(np.full(reference.shape, np.nan), EXPECTED)
        allowed = FLOATS.allowed(reference, tolerance)

        def count(each: Fitted) -> int:
            right = FLOATS.right(each.array, reference, allowed)
            return int((right if each.blank is None else right | each.blank).sum())

        return max(fitted, key=count)

    def _units(self, answer: Answered, fitted: Fitted) -> Callable[[], Array]:
        def units() -> Array:
            written = answer.half_units()
            if written.shape == fitted.array.shape:
                return written
            if written.size == fitted.array.size and fitted.form.name == "axes":
                return written.reshape(fitted.array.shape)
            return np.full(fitted.array.shape, float(written.max(initial=0.0)))

        return units

    def _add_parts(self, slot: Slot, whole: Part) -> None:
        """Add a value, or its steps if it stacks some."""
        rows = self._rows.get(slot)
        if not rows:
            self._of[slot] = [slot]
            self.parts.append(whole)
            return
        self._of[slot] = list(rows)
        known = {part.slot for part in self.parts}
        for at, row in enumerate(rows):
            if row not in known:  # a step that was answered by its own name stays
                self.parts.append(
                    Part(row, whole.written[..., at, :], whole.tolerance, _row(whole.half_units, at),
                         None, whole.may_follow)
                )  # fmt: skip

    def item(self, slot: Slot, marks: Fraction, judged: Mapping[Slot, Judgement]) -> Item:
        """Return the item of a slot."""
        if slot in self._faults:
            return Item(slot, "ungradable", marks, None, None, fault=self._faults[slot])
        if slot in self._of:
            judgements = [(part, judged[part]) for part in self._of[slot]]
            verdict = min((judgement.verdict for _, judgement in judgements), key=ORDER.index)
            exact = None if verdict == "ungradable" else marks
            if verdict not in ("correct", "ungradable"):
                exact = marks * self._share(judgements)
            fault = None
            if verdict == "ungradable":
                fault = Fault(
                    "undecided", "It could not be decided whether this equals the right expression."
                )
            return Item(slot, verdict, marks, exact, exact, judgements=judgements, fault=fault,
                        flags=self._flags.get(slot, []))  # fmt: skip
        if slot in self.misshapen:
            return Item(slot, "incorrect", marks, judgements=[(slot, judged[slot])])
        is_optional = slot in self._rubric.optional
        return Item(slot, "missing", marks, counts=not is_optional)

    def _share(self, judgements: Sequence[tuple[Slot, Judgement]]) -> Fraction:
        """Return the share of the marks that the parts of an item get."""
        shares = []
        for _, judgement in judgements:
            if judgement.verdict == "incorrect":
                share = Fraction(int(judgement.right.sum()), max(1, judgement.right.size))
                share = share if self._rubric.partial == "entries" else Fraction(0)
                if "precision" in judgement.flags:
                    share = max(share, judgement.credit)
                shares.append(share)
            else:
                shares.append(judgement.credit)
        return add_up(shares) / len(shares)


def _other_forms(written: Array, expected: Expected) -> dict[str, Array]:
    """Return the readings of a tensor in other forms, by name."""
    return {each.form.name: each.array for each in fit(written, expected) if not each.form.loses_nothing}


def _row(units: Callable[[], Array], at: int) -> Callable[[], Array]:
    return lambda: units()[..., at, :]


def total(items: list[Item], rubric: Rubric) -> Report:
    """Return the report of graded items: choices, penalties, and rounded scores that add up."""
    by_slot = {item.slot: item for item in items}
    for choice in rubric.best_of:
        chosen = [by_slot[slot] for slot in choice.slots if slot in by_slot]
        chosen.sort(key=lambda item: (item.exact or Fraction(0), item.marks), reverse=True)
        for item in chosen[choice.count :]:
            item.counts = False
    counted = [item for item in items if item.counts]
    scored = [item for item in counted if item.exact is not None]
    for item, score in zip(
        scored, round_together([item.exact or Fraction(0) for item in scored]), strict=True
    ):
        item.score = score
    reached = add_up(item.score or Fraction(0) for item in scored)
    taken_off = [(penalty.when, penalty.points) for penalty in rubric.penalties
                 if any(_occurs(penalty.when, item) for item in counted)]  # fmt: skip
    reached -= round_half_up(add_up(points for _, points in taken_off))
    most = add_up(item.marks for item in counted)
    gradable = all(item.verdict != "ungradable" or item.marks == 0 for item in items)
    return Report(items, max(Fraction(0), reached), round_half_up(most), gradable, taken_off)


def _occurs(what: str, item: Item) -> bool:
    """Return whether an item has a verdict, a flag, or a mistake."""
    if what == item.verdict or what in item.flags:
        return True
    return any(
        what in judgement.flags
        or any(what == mistake.code for found in judgement.misconceptions for mistake in found.mistakes)
        for _, judgement in item.judgements
    )
