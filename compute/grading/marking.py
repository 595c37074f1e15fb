"""Marking: a student's values laid over a computation.

Each value is compared with the right one; with the one that follows from all values that the student showed
before it; and with the one that follows from the wrong ones among these. If none fits, other conventions and
known mistakes are tried, and the value is a slip: charged once, and in place for all that follows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.grading.comparison import (
    ENOUGH_ENTRIES,
    FLOATS,
    Entries,
    Numbers,
    Undecided,
    are_floats,
    differs,
    is_certain,
    stands_for_infinity,
)
from compute.grading.computations import Computation, Slot
from compute.grading.explanations import Explanations, Variant
from compute.grading.judgements import Found, Judgement, Part, Rules
from compute.grading.rounding import propagate
from compute.grading.slips import find_slip

MOST_WIDENED = 5.0  # times the allowed deviation, of what rounding by hand may add
TOLD_APART = 2.5  # allowed deviations between a mistake and the value without it
SURE = 1e-5  # relative deviation up to which few entries are evidence of a mistake
MOST_RUNS = 3_000  # evaluations that explanations may cost
MAX_PAIRED = 6  # mistakes that are tried in pairs
SURE_SLIPS = ("sign", "factor_of_ten")  # which no known mistake makes in one entry alone
MAX_PLACED = 3  # slips whose effects are told apart
SMALL_CHANGE = 1e-3
NO_CHANGE = 1e-6  # relative difference of results that are the same


class Expectations(NamedTuple):
    """The values that are expected after the wrong ones, and after all that were shown; None if unknown."""

    after_wrong: Array | None
    after_all: Array | None


class Marker:
    """Judges the parts of one submission.

    runs_left: the evaluations that explanations may still cost.
    """

    def __init__(
        self,
        computation: Computation,
        parts: Sequence[Part],
        explanations: Callable[[], Explanations],
        rules: Rules,
        numbers: Numbers = FLOATS,
        runs: int = MOST_RUNS,
    ) -> None:
        order = {slot: place for place, slot in enumerate(computation.slots)}
        self.parts = sorted(parts, key=lambda part: order[part.slot])
        self._computation, self._explain = computation, explanations
        self.runs_left = runs
        self._rules, self._numbers = rules, numbers
        self._reference = computation.results()
        self._wrong: dict[Slot, Array] = {}
        self._earlier: dict[Slot, Array] = {}
        self._after_all: dict[Slot, Array] = {}
        self._errors: dict[Slot, Array] = {}  # how far each shown value may be off by rounding
        self._known: list[tuple[Variant, Slot]] = []
        self._charged_at: dict[Slot, Slot] = {}  # where a mistake was charged that shows again

    @cached_property
    def _explanations(self) -> Explanations:
        return self._explain()

    def mark(self) -> dict[Slot, Judgement]:
        """Return the judgement of each part."""
        direct = {part.slot: self._judge_direct(part) for part in self.parts}
        if all(judgement.verdict == "correct" for judgement in direct.values()):
            return direct
        self._follow_all()
        judged = {}
        for part in self.parts:
            judged[part.slot] = self._judge(part, direct[part.slot])
            judged[part.slot].measure(part.written)
            self._earlier[part.slot] = part.written
        return judged

    def judge_shape(self, part: Part) -> Judgement:
        """Return the judgement of a value of a wrong shape, which some mistakes give."""
        right = np.zeros(part.written.shape, dtype=bool)
        judgement = Judgement("incorrect", right, self._reference[part.slot], flags=["shape"])
        if not self._rules.find_misconceptions:
            return judgement
        for variant in self._explanations.mistakes:
            results = {} if variant.computation is None else variant.computation.results()
            expected = results.get(part.slot)
            if expected is not None and self._is_evidence(part, expected, None):
                judgement.misconceptions.append(_find(variant, part, expected))
        return judgement

    def _judge_direct(self, part: Part) -> Judgement:
        expected = self._reference[part.slot]
        try:
            right = self._numbers.right(part.written, expected, self._allowed(part))
            right = right if part.blank is None else right | part.blank
        except Undecided:
            return Judgement("ungradable", np.zeros(expected.shape, dtype=bool), expected)
        return Judgement("correct" if right.all() else "incorrect", right, expected)

    def _allowed(self, part: Part) -> Array:
        """Return the allowed deviation from the right value, which all submissions share."""
        key, kept = (part.slot, part.tolerance), self._computation.allowed
        if key not in kept:
            kept[key] = self._numbers.allowed(self._reference[part.slot], part.tolerance)
        return kept[key]

    def _right(self, part: Part, expected: Array, written: Array | None = None) -> Entries:
        written = part.written if written is None else written
        if expected.shape != written.shape:
            return np.zeros(written.shape, dtype=bool)
        right = self._numbers.right(written, expected, self._numbers.allowed(expected, part.tolerance))
        return right if part.blank is None else right | part.blank

    def _is_right(self, part: Part, expected: Array | None) -> bool:
        try:
            return expected is not None and bool(self._right(part, expected).all())
        except Undecided:
            return False

    def _follow_all(self) -> None:
        """Compute each value with all shown values before it in place."""
        shown = {part.slot: part.written for part in self.parts}

        def replace(slot: Slot, computed: Array) -> Array:
            self._after_all[slot] = computed
            return shown.get(slot, computed)

        try:
            self._computation.sweep(replace)
        except UnfitEntries:
            return  # what follows cannot be computed from such values

    def _expected(self, slot: Slot, replaced: Mapping[Slot, Array]) -> Array | None:
        if not replaced:
            return self._reference[slot]
        try:
            return self._computation.expected(slot, replaced)
        except UnfitEntries:
            return None

    def _judge(self, part: Part, direct: Judgement) -> Judgement:
        if direct.verdict == "ungradable":
            return direct
        after_wrong = self._expected(part.slot, self._wrong)
        after_all = self._after_all.get(part.slot, after_wrong)
        expectations = Expectations(after_wrong, after_all)
        if direct.verdict == "correct" and not self._rules.consistent:
            return self._as_correct(part, direct, after_wrong)
        followed = next((each for each in expectations if self._is_right(part, each)), None)
        if followed is None:
            followed = self._rounded(part, after_all, self._earlier)
        if followed is not None:
            return self._as_following(part, followed, direct)
        if (judgement := self._as_infinity(part)) is not None:
            return judgement
        if (judgement := self._as_known(part, expectations)) is not None:
            return judgement
        if (judgement := self._as_form(part)) is not None:
            return judgement
        return self._as_slip(part, direct, expectations)

    def _as_correct(self, part: Part, direct: Judgement, after_wrong: Array | None) -> Judgement:
        self._note_error(part, self._reference[part.slot])
        if self._wrong and after_wrong is not None and not self._is_right(part, after_wrong):
            direct.right_in_spite_of = self._causes(part.slot, after_wrong)
        return direct

    def _rounded(self, part: Part, base: Array | None, replaced: Mapping[Slot, Array]) -> Array | None:
        """Return the expected array if rounding before it explains the deviation."""
        if base is None or not are_floats(base, part.written):
            return None
        if base.shape != part.written.shape or not self._errors:
            return None
        allowed = self._numbers.allowed(base, part.tolerance)
        with np.errstate(all="ignore"):
            deviation = np.abs(part.written - base)
        if not (deviation <= (1 + MOST_WIDENED) * allowed)[np.isfinite(base)].all():
            return None
        uncertain = {slot: error for slot, error in self._errors.items() if slot in replaced}
        effect = propagate(self._computation, part.slot, base, replaced, uncertain)
        right = self._numbers.right(part.written, base, allowed + np.minimum(effect, MOST_WIDENED * allowed))
        return base if right.all() else None

    def _note_error(self, part: Part, expected: Array) -> None:
        """Note the rounding error of a value that is right: known, since the right one is."""
        if are_floats(part.written, expected):
            with np.errstate(all="ignore"):
                error = np.abs(part.written - expected)
            self._errors[part.slot] = np.nan_to_num(error, nan=0.0, posinf=0.0)

    def _as_following(self, part: Part, expected: Array, direct: Judgement) -> Judgement:
        self._note_error(part, expected)
        causes = self._causes(part.slot, expected) if self._wrong else []
        right = np.ones(part.written.shape, dtype=bool)
        if not causes:  # rounding went through
            if direct.verdict == "correct":
                return direct
            return Judgement("correct", right, expected, flags=["rounded"])
        if not (self._rules.follow and part.may_follow):
            self._wrong[part.slot] = part.written
            return Judgement("incorrect", direct.right, direct.expected, follows_from=causes,
                             flags=["not_followed"])  # fmt: skip
        causes = list(dict.fromkeys(self._charged_at.get(cause, cause) for cause in causes))
        judgement = Judgement("follow_through", right, expected, self._rules.follow_credit, causes)
        if self._is_trivial(part.slot, expected):
            judgement.flags.append("trivial")
            judgement.credit *= self._rules.trivial_credit
        if are_floats(expected) and np.isnan(expected).any() and not np.isnan(direct.expected).any():
            judgement.flags.append("not_a_number")
            judgement.credit = Fraction(0)
        return judgement

    def _causes(self, slot: Slot, expected: Array) -> list[Slot]:
        """Return the slips that a result follows from: those that change it."""
        before = [other for other in self._wrong if self._computation.depends(slot, other)]
        if len(before) > MAX_PLACED:
            return before
        causes = []
        for other in before:
            without = {name: array for name, array in self._wrong.items() if name != other}
            result = self._expected(slot, without)
            if result is None or self._differ(result, expected):
                causes.append(other)
        if not causes and before and self._differ(self._reference[slot], expected):
            return before
        return causes

    def _differ(self, first: Array, second: Array) -> bool:
        if not are_floats(first, second):
            return not np.array_equal(first, second)
        return differs(first, second, NO_CHANGE * np.abs(np.nan_to_num(second)))

    def _is_trivial(self, slot: Slot, expected: Array) -> bool:
        """Return whether slips made a result trivial: constant, or independent of everything but them."""
        reference = self._reference[slot]
        if not are_floats(expected, reference):
            return False
        if expected.size > 1 and np.ptp(expected) == 0 and np.ptp(reference) > 0:
            return True
        if not expected.any() and reference.any():
            return True
        others = [
            each
            for each in self._computation.slots
            if each not in self._wrong and self._computation.depends(slot, each) and each != slot
            and are_floats(self._reference[each])
        ]  # fmt: skip
        if not others:
            return False
        moved = {each: self._reference[each] * (1 + SMALL_CHANGE) + SMALL_CHANGE for each in others}
        right = {each: self._reference[each] for each in self._wrong}
        before = self._expected(slot, {**moved, **right})
        after = self._expected(slot, {**moved, **self._wrong})
        if before is None or after is None:
            return False
        return self._differ(before, reference) and not self._differ(after, expected) and expected.size > 1

    def _as_infinity(self, part: Part) -> Judgement | None:
        """Accept a large negative number for -infinity."""
        expected = self._reference[part.slot]
        if not are_floats(part.written, expected):
            return None
        large = stands_for_infinity(part.written, expected)
        right = self._right(part, expected) | large
        if not large.any() or not right.all():
            return None
        self._wrong[part.slot] = part.written
        return Judgement(
            "accepted",
            right,
            expected,
            self._rules.infinity_credit,
            matched={"infinity": "a large negative number"},
        )

    def _as_form(self, part: Part) -> Judgement | None:
        """Recognize another form of the right entries, such as their transpose."""
        for form, array in part.others().items():
            for replaced in (self._wrong, self._earlier):
                expected = self._expected(part.slot, replaced)
                if expected is not None and self._right(part, expected, array).all():
                    return self._in_form(part, form, array, expected)
        return None

    def _in_form(self, part: Part, form: str, array: Array, expected: Array) -> Judgement:
        """Return the judgement of a value in another form, which stands in its expected form from here on."""
        right, credit = np.ones(expected.shape, dtype=bool), self._rules.forms.get(form)
        judgement = Judgement("incorrect", ~right, expected, matched={form: True})
        if credit is not None:
            judgement.verdict, judgement.credit, judgement.right = "accepted", credit, right
            self._wrong[part.slot] = array
            return judgement
        # A transposed matrix may also be the first sign of a convention, which then explains later values.
        expectations = Expectations(expected, expected)
        if (convention := self._find_convention(part, expectations)) is not None:
            array, judgement.matched = part.written, convention.settings
            self._known.append((convention, part.slot))
            if convention.credit is not None:
                judgement.verdict, judgement.credit, judgement.right = "accepted", convention.credit, right
        if judgement.verdict == "incorrect" and self._rules.find_misconceptions:
            judgement.misconceptions = self._find_mistakes(part, expectations)
        self._wrong[part.slot] = array
        return judgement

    def _as_known(self, part: Part, expectations: Expectations) -> Judgement | None:
        """Recognize a convention or a mistake that an earlier value has shown; it is charged once."""
        variants = [variant for variant, _ in self._known]
        candidates = [*self._known]
        made = [variant for variant in variants if variant.mistakes]
        if len(made) > 1 and self._explanations.combined is not None:
            candidates.append((self._explanations.combined(made), self._known[0][1]))
        for variant, first in candidates:
            expected = self._fit(variant, part, expectations)
            if expected is not None:
                self._wrong[part.slot] = part.written
                self._note_error(part, expected)
                right = np.ones(part.written.shape, dtype=bool)
                judgement = Judgement("follow_through", right, expected, self._rules.follow_credit, [first])
                judgement.same_as = self._charged_at[part.slot] = first
                judgement.matched = variant.settings or None
                if not (self._rules.follow and part.may_follow):
                    judgement.verdict, judgement.right = "incorrect", ~right
                return judgement
        return None

    def _as_slip(self, part: Part, direct: Judgement, expectations: Expectations) -> Judgement:
        nearest = max(
            (each for each in (direct.expected, *expectations) if each is not None),
            key=lambda expected: int(self._right(part, expected).sum()),
        )
        right = self._right(part, nearest)
        judgement = Judgement("incorrect", right, nearest)
        self._judge_slip(judgement, part, expectations)
        self._wrong[part.slot] = part.written
        if are_floats(part.written, nearest):
            units = part.half_units()
            is_whole = (part.written == np.round(part.written)) & (units >= 0.5)
            self._errors[part.slot] = np.where(is_whole, 0.0, units)
        return judgement

    def _judge_slip(self, judgement: Judgement, part: Part, expectations: Expectations) -> None:
        """Add the explanation of a wrong value to its judgement."""
        if self._is_imprecise(part, judgement.expected):
            judgement.flags.append("precision")
            judgement.credit = self._rules.precision_credit
            return
        if (convention := self._find_convention(part, expectations)) is not None:
            judgement.matched = convention.settings
            self._known.append((convention, part.slot))
            if convention.credit is not None:
                judgement.verdict, judgement.credit = "accepted", convention.credit
                judgement.right = np.ones(part.written.shape, dtype=bool)
                return
        allowed = self._numbers.allowed(judgement.expected, part.tolerance)
        judgement.slip = find_slip(part.written, judgement.expected, judgement.right, allowed)
        is_sure = judgement.slip is not None and judgement.slip.kind in SURE_SLIPS and part.written.size > 1
        if is_sure or not self._rules.find_misconceptions:
            return
        judgement.misconceptions = self._find_mistakes(part, expectations)
        if judgement.misconceptions and part.written.size > 1:
            judgement.slip = None

    def _is_imprecise(self, part: Part, expected: Array) -> bool:
        """Return whether rounding is the only fault: the right numbers round to what was written."""
        if not are_floats(part.written, expected):
            return False
        units = part.half_units()
        with np.errstate(all="ignore"):
            near = np.abs(part.written - expected) <= units * 1.02
        rounded = near | (part.written == expected)
        is_whole = (units >= 0.5).all()
        return bool(rounded.all() and units.any() and not is_whole and part.written.any())

    def _fit(self, variant: Variant, part: Part, expectations: Expectations) -> Array | None:
        """Return the value that a variant expects, if it is the student's and not what is expected anyway."""
        computation = variant.computation if self.runs_left > 0 else None
        if computation is None or part.slot not in computation.slots:
            return None
        ways: list[tuple[Mapping[Slot, Array], Array | None]] = [(self._wrong, expectations.after_wrong)]
        if self._earlier.keys() != self._wrong.keys():
            ways.append((self._earlier, expectations.after_all))
        if self._wrong:
            ways.append(({}, self._reference[part.slot]))
        for replaced, plain in ways:
            if not computation.affects(part.slot, frozenset(replaced)):
                continue
            self.runs_left -= 1
            try:
                expected = computation.expected(part.slot, replaced)
            except (UnfitEntries, TypeError, ValueError, AttributeError):  # not for exact numbers, or not now
                continue
            if self._is_evidence(part, expected, plain):
                return expected
        return None

    def _is_evidence(self, part: Part, expected: Array, plain: Array | None) -> bool:
        """Return whether a value agrees with a variant, and the variant differs from what is expected."""
        written = part.written
        if expected.shape != written.shape:
            return False
        try:
            if not self._right(part, expected).all():
                return False
        except Undecided:
            return False
        if not are_floats(written, expected):
            return plain is None or self._differ(expected, plain)
        allowed = self._numbers.allowed(expected, part.tolerance)
        if plain is not None and not differs(expected, plain, allowed, TOLD_APART):
            return False
        if plain is not None and written.size >= ENOUGH_ENTRIES:
            changed = ~np.isclose(expected, plain, rtol=1e-9, atol=0, equal_nan=True)
            if np.count_nonzero(changed) >= ENOUGH_ENTRIES:
                return True
        bound = np.minimum(allowed, np.maximum(1.1 * part.half_units(), SURE * np.abs(expected)))
        bound = np.maximum(bound, 1e-12 * np.abs(expected).max(initial=0.0))
        return bool(self._numbers.right(written, expected, bound).all())

    def _find_convention(self, part: Part, expectations: Expectations) -> Variant | None:
        """Return the convention that a value follows: a listed one, or one that explains the most values."""
        fitting = [variant for variant in self._explanations.conventions
                   if self._fit(variant, part, expectations) is not None]  # fmt: skip
        if len(fitting) < 2:
            return fitting[0] if fitting else None
        return max(fitting, key=lambda variant: (variant.credit is not None, self._count_explained(variant)))

    def _count_explained(self, variant: Variant) -> int:
        computation = variant.computation
        if computation is None:
            return 0
        results = computation.results()
        return sum(self._is_right(part, results.get(part.slot)) for part in self.parts)

    def _find_mistakes(self, part: Part, expectations: Expectations) -> list[Found]:
        """Return the known mistakes that reproduce a value, or pairs if no single one does."""
        found: list[tuple[Variant, Array]] = []
        touching: list[Variant] = []
        for variant in self._explanations.mistakes:
            computation = variant.computation
            if computation is None:
                continue
            if (expected := self._fit(variant, part, expectations)) is not None:
                found.append((variant, expected))
            elif computation.affects(part.slot, frozenset(self._earlier)):
                touching.append(variant)
        if not found:
            found = self._first_fit(self._explanations.placed, part, expectations)
        if not found and part.written.size >= ENOUGH_ENTRIES:
            pairs = self._explanations.pairs(touching[:MAX_PAIRED])
            found = self._first_fit(pairs, part, expectations)
        self._known += [(variant, part.slot) for variant, _ in found]
        return [_find(variant, part, expected) for variant, expected in found]

    def _first_fit(
        self, variants: Iterable[Variant], part: Part, expectations: Expectations
    ) -> list[tuple[Variant, Array]]:
        """Return the first variant that reproduces a value, with the value that it expects."""
        for variant in variants:
            if (expected := self._fit(variant, part, expectations)) is not None:
                return [(variant, expected)]
        return []


def _find(variant: Variant, part: Part, expected: Array) -> Found:
    """Return the mistakes of a variant that reproduces a value."""
    return Found(variant.mistakes, "exact" if is_certain(part.written, expected) else "possible")
