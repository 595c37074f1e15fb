"""Find the steps at which numbers stopped being finite, and the entries that each such origin reaches.

Values and gradients are followed alike: an `ExecutedStep` is one step of a run, forward or backward. An
origin is a step that turns finite numbers into infinite ones or NaN, or an input that holds such numbers. Its
reach is every entry that follows from it, told apart where a step has several origins before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import LISTED
from compute.graph.graph import Value
from compute.graph.numerics import NO_HAZARD, Hazard, first_index
from compute.readings.notes.witness import NonFiniteEvent, NonFiniteRecorder, root_id

DETAILED = 1_000_000  # work of a step up to which several origins before it are told apart


@dataclass(frozen=True, slots=True)
class ExecutedStep:
    """One step of a run.

    key: the key of its result: the index of a value, or the slot of a gradient.
    operands: the keys of its operands.
    value: the value that it computes or pulls a gradient back through; None for a sum of gradients.
    run: executes the step in another namespace.
    """

    key: int
    operands: tuple[int, ...]
    value: Value | None
    run: Callable[[Arithmetic, Sequence[Any]], Array]

    @property
    def is_backward(self) -> bool:
        return self.key < 0

    @property
    def work(self) -> int:
        """The approximate work of the step, apart from its entries."""
        cost = (0,) if self.value is None or self.value.applied is None else self.value.applied.cost
        return sum(part for part in cost if isinstance(part, int))

    @property
    def hazard(self) -> Hazard:
        """The hazard that its primitive declares."""
        if self.value is None or self.value.primitive is None:
            return NO_HAZARD
        return self.value.primitive.hazard_of(self.value.attributes)


@dataclass(frozen=True, slots=True)
class NanTransition:
    """The step at which infinities of an origin became NaN. index: an entry of the recorded event."""

    key: int
    event: NonFiniteEvent
    index: tuple[int, ...]


@dataclass(slots=True)
class Origin:
    """A place where numbers stopped being finite.

    step: the step at which they did; None if they came in non-finite.
    outlines: see `Arithmetic.outlines`; at: the non-finite entries that began there.
    event: the recorded event inside the step.
    transition: where its infinities first became NaN.
    is_meant: whether it is an intended -infinity that needs no note.
    is_listed: False for the one origin that represents all beyond the limit.
    steps: the number of origins that it represents; number: its place among all origins.
    reach: keys of all numbers that are not finite because of it.
    """

    key: int
    step: ExecutedStep | None
    array: Array
    outlines: Array
    at: Array
    event: NonFiniteEvent | None = None
    transition: NanTransition | None = None
    is_meant: bool = False
    is_listed: bool = True
    steps: int = 0
    number: int = 0
    reach: list[int] = field(default_factory=list)


class Tracing:
    """Follows the steps of a run in order. origins: what it found."""

    def __init__(self, arithmetic: Arithmetic, arrays: Mapping[int, Array]) -> None:
        self.arithmetic = arithmetic
        self.arrays = arrays
        self.origins: list[Origin] = []
        self._room = LISTED
        self._rest: int | None = None  # the number of the origin that stands for all that are not followed
        self._marks: dict[int, dict[int, Array]] = {}  # by key and by number of the origin: which entries

    def receive(self, key: int, *, may_be_infinite: bool = False) -> None:
        """Start an origin at numbers that were passed into the run, if any is not finite."""
        outlines = np.asarray(self.arithmetic.outlines(self.arrays[key]))
        bad = ~np.isfinite(outlines)
        if bad.any():
            meant = may_be_infinite and _is_negative(outlines[bad])
            self._begin(Origin(key, None, self.arrays[key], outlines, bad, is_meant=meant))

    def follow(self, step: ExecutedStep, *, may_be_infinite: bool = False) -> None:
        """Follow one step, after all steps that compute its operands."""
        array = self.arrays[step.key]
        outlines = np.asarray(self.arithmetic.outlines(array))
        bad = ~np.isfinite(outlines)
        if not bad.any():
            return
        before = [self._marks.get(key, {}) for key in step.operands]
        numbers = sorted({number for marks in before for number in marks})
        fresh, event, became_nan = bad, None, list[NonFiniteEvent]()
        may = not step.is_backward and (step.hazard.meant or may_be_infinite)
        untold = True  # whether the recorder cannot tell which entries are fresh
        if not may or not _is_negative(outlines[bad]):
            seen = self._record(step, [self.arrays[key] for key in step.operands])
            event = next((one for one in seen.fresh_events() if _fits(one.fresh, bad)), None)
            untold = seen.is_blind or (event is not None and event.fresh.shape != bad.shape)
            became_nan = list(seen.nan_events())
        if numbers and untold:
            fresh = self._find_fresh(step, before, bad)
        elif numbers:
            fresh = bad & (False if event is None else event.fresh)
        self._mark_reached(step, numbers, before, bad & ~fresh, bad)
        for number in numbers:
            self._note_transition(step, number, before, became_nan, np.isnan(outlines))
        if fresh.any():
            meant = may and _is_negative(outlines[fresh])
            self._begin(Origin(step.key, step, array, outlines, fresh, event, is_meant=meant))

    def _note_transition(
        self,
        step: ExecutedStep,
        number: int,
        before: list[dict[int, Array]],
        events: list[NonFiniteEvent],
        undefined: Array,
    ) -> None:
        """Record where in a step infinities of an origin became NaN, if the step's result holds NaN."""
        origin, marks = self.origins[number], self._marks.get(step.key, {})
        if origin.transition is not None or np.isnan(origin.outlines[origin.at]).any():
            return
        # A step may replace NaN inside it, as for 0 log 0: only NaN in its result counts.
        if not undefined.any():
            return
        for event in events:
            shown = event.became_nan & (undefined if event.became_nan.shape == undefined.shape else True)
            roots = {root_id(one) for one in event.operands}
            taking = [
                spoiled[number]
                for key, spoiled in zip(step.operands, before, strict=True)
                if number in spoiled and root_id(self.arrays[key]) in roots
            ]
            if number in marks and (marks[number] & undefined).any():
                taking.append(marks[number] & undefined)
            for at in taking:
                here = shown & (at if at.shape == shown.shape else True)
                if here.any():
                    origin.transition = NanTransition(step.key, event, first_index(here))
                    return

    def allow_more_origins(self) -> None:
        """Reset the number of origins that are followed, for another part of the run."""
        self._room, self._rest = LISTED, None

    def _begin(self, origin: Origin) -> None:
        number = origin.number = len(self.origins)
        if self._room > 0 or self._rest is None:
            self.origins.append(origin)
            if self._room == 0:
                self._rest, origin.is_listed = number, False
            elif not origin.is_meant:
                self._room -= 1
        else:
            number = self._rest
        self.origins[number].steps += not origin.is_meant
        self.origins[number].reach.append(origin.key)
        self._marks.setdefault(origin.key, {})[number] = origin.at

    def entries_reached(self, origin: Origin, key: int) -> Array:
        """Return which non-finite entries follow from an origin."""
        return self._marks[key][origin.number]

    def _record(self, step: ExecutedStep, operands: Sequence[Any]) -> NonFiniteRecorder:
        recorder = NonFiniteRecorder(self.arithmetic)
        xp: Any = recorder
        step.run(xp, operands)
        return recorder

    def _mark_reached(
        self, step: ExecutedStep, numbers: list[int], before: list[dict[int, Array]], left: Array, bad: Array
    ) -> None:
        """Mark, for each origin before a step, the entries of the result that it reaches.

        left: the non-finite entries that are not fresh; bad: all non-finite entries.
        """
        if not numbers or not left.any():
            return
        reached: dict[int, Array] = {}
        if len(numbers) > 1 and step.work + bad.size <= DETAILED:
            for number in numbers:
                at = self._reached_by(step, number, before) & left
                if at.any():
                    reached[number] = at
        covered = np.zeros_like(bad)
        for at in reached.values():
            covered |= at
        if (left & ~covered).any():  # several origins make these entries together
            for number in numbers:
                reached[number] = reached.get(number, False) | (left & ~covered)
        self._marks.setdefault(step.key, {}).update(reached)
        for number in reached:
            self.origins[number].reach.append(step.key)

    def _reached_by(self, step: ExecutedStep, number: int, before: list[dict[int, Array]]) -> Array:
        """Return which entries are not finite if this origin is the only one."""
        operands = []
        for key, marks in zip(step.operands, before, strict=True):
            operands.append(self._repair(self.arrays[key], marks.get(number)) if marks else self.arrays[key])
        return self._find_nonfinite(step, operands)

    def _find_fresh(self, step: ExecutedStep, before: list[dict[int, Array]], bad: Array) -> Array:
        """Return which entries are not finite even if all operands are."""
        operands = [
            self._repair(self.arrays[key], None) if marks else self.arrays[key]
            for key, marks in zip(step.operands, before, strict=True)
        ]
        return bad & self._find_nonfinite(step, operands)

    def _find_nonfinite(self, step: ExecutedStep, operands: Sequence[Any]) -> Array:
        result = step.run(self.arithmetic, operands)
        return np.asarray(~np.isfinite(self.arithmetic.outlines(result)))

    def _repair(self, array: Array, kept: Array | None) -> Array:
        """Return an array with 1 in place of its non-finite entries, except those to keep."""
        bad = ~np.isfinite(self.arithmetic.outlines(array))
        repaired = np.array(array)
        repaired[bad if kept is None else bad & ~kept] = self.arithmetic.whole(np.array(1))
        return repaired


def _is_negative(outlines: Array) -> bool:
    return bool((outlines == -np.inf).all())


def _fits(fresh: Array, bad: Array) -> bool:
    """Return whether fresh entries inside a step can be those of its result."""
    return fresh.shape != bad.shape or bool((fresh & bad).any())
