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
from compute.graph.numerics import NO_HAZARD, Hazard, first_index
from compute.graph.value import Value
from compute.readings.notes.witness import NonFiniteEvent, NonFiniteRecorder, root

DETAILED = 1_000_000  # work of a step up to which several origins before it are told apart


@dataclass(frozen=True, slots=True)
class ExecutedStep:
    """One step of a run.

    key: where its result stands among the numbers of the run: an index of a value, or a slot of a gradient.
    value: what it computes or carries a gradient through; None for a sum of gradients. run: the step in
    another namespace.
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
        """About how much it takes, beside its entries."""
        cost = (0,) if self.value is None or self.value.applied is None else self.value.applied.cost
        return sum(part for part in cost if isinstance(part, int))

    @property
    def hazard(self) -> Hazard:
        """What its primitive says of it."""
        if self.value is None or self.value.primitive is None:
            return NO_HAZARD
        return self.value.primitive.hazard_of(self.value.attributes)


@dataclass(frozen=True, slots=True)
class NanTransition:
    """Where infinities of an origin became NaN. index: an entry of what was seen inside the step."""

    key: int
    fault: NonFiniteEvent
    index: tuple[int, ...]


@dataclass(slots=True)
class Origin:
    """Where numbers stopped being finite.

    site: None where they came in; at: at which entries; outlines: see `Arithmetic.outlines`; fault: what was
    seen inside the step; turn: where it first became NaN; reach: keys of all that is not finite because of
    it; is_meant: -infinity that no one needs to be told of; is_listed: whether it stands for itself, and not
    for all that there was no room to follow; steps: for how many it stands; number: its place among all.
    """

    key: int
    site: ExecutedStep | None
    array: Array
    outlines: Array
    at: Array
    fault: NonFiniteEvent | None = None
    turn: NanTransition | None = None
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

    def came_in(self, key: int, *, may_be_infinite: bool = False) -> None:
        """Numbers that the run was handed."""
        outlines = np.asarray(self.arithmetic.outlines(self.arrays[key]))
        bad = ~np.isfinite(outlines)
        if bad.any():
            meant = may_be_infinite and _is_negative(outlines[bad])
            self._begin(Origin(key, None, self.arrays[key], outlines, bad, is_meant=meant))

    def step(self, site: ExecutedStep, *, may_be_infinite: bool = False) -> None:
        """One step; what it works on has been followed before."""
        array = self.arrays[site.key]
        outlines = np.asarray(self.arithmetic.outlines(array))
        bad = ~np.isfinite(outlines)
        if not bad.any():
            return
        before = [self._marks.get(key, {}) for key in site.operands]
        numbers = sorted({number for marks in before for number in marks})
        fresh, fault, turned = bad, None, list[NonFiniteEvent]()
        may = not site.is_backward and (site.hazard.meant or may_be_infinite)
        apart = True  # whether nothing inside the step tells what is fresh
        if not may or not _is_negative(outlines[bad]):
            seen = self._witness(site, [self.arrays[key] for key in site.operands])
            fault = next((one for one in seen.fresh() if _fits(one.fresh, bad)), None)
            apart = seen.is_blind or (fault is not None and fault.fresh.shape != bad.shape)
            turned = list(seen.turned())
        if numbers and apart:
            fresh = self._unmoved(site, before, bad)
        elif numbers:
            fresh = bad & (False if fault is None else fault.fresh)
        self._hand_on(site, numbers, before, bad & ~fresh, bad)
        for number in numbers:
            self._turn(site, number, before, turned, np.isnan(outlines))
        if fresh.any():
            meant = may and _is_negative(outlines[fresh])
            self._begin(Origin(site.key, site, array, outlines, fresh, fault, is_meant=meant))

    def _turn(
        self,
        site: ExecutedStep,
        number: int,
        before: list[dict[int, Array]],
        faults: list[NonFiniteEvent],
        undefined: Array,
    ) -> None:
        """Note where in a step infinities of an origin became NaN, if NaN came out of the step."""
        origin, marks = self.origins[number], self._marks.get(site.key, {})
        if origin.turn is not None or np.isnan(origin.outlines[origin.at]).any():
            return
        # NaN inside a step may be put aside, as 0 log 0 is: only NaN in its result counts.
        if not undefined.any():
            return
        for fault in faults:
            shown = fault.turned & (undefined if fault.turned.shape == undefined.shape else True)
            roots = {root(one) for one in fault.operands}
            taking = [
                spoiled[number]
                for key, spoiled in zip(site.operands, before, strict=True)
                if number in spoiled and root(self.arrays[key]) in roots
            ]
            if number in marks and (marks[number] & undefined).any():
                taking.append(marks[number] & undefined)
            for at in taking:
                here = shown & (at if at.shape == shown.shape else True)
                if here.any():
                    origin.turn = NanTransition(site.key, fault, first_index(here))
                    return

    def make_room(self) -> None:
        """Follow as many origins again, for another part of the run."""
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

    def reached_at(self, origin: Origin, key: int) -> Array:
        """Which entries of what is not finite follow from an origin."""
        return self._marks[key][origin.number]

    def _witness(self, site: ExecutedStep, operands: Sequence[Any]) -> NonFiniteRecorder:
        witness = NonFiniteRecorder(self.arithmetic)
        xp: Any = witness
        site.run(xp, operands)
        return witness

    def _hand_on(
        self, site: ExecutedStep, numbers: list[int], before: list[dict[int, Array]], left: Array, bad: Array
    ) -> None:
        """Mark what follows from the origins before a step: each with the entries that it reaches."""
        if not numbers or not left.any():
            return
        found: dict[int, Array] = {}
        if len(numbers) > 1 and site.work + bad.size <= DETAILED:
            for number in numbers:
                at = self._reached(site, number, before) & left
                if at.any():
                    found[number] = at
        covered = np.zeros_like(bad)
        for at in found.values():
            covered |= at
        if (left & ~covered).any():  # what takes several of them together
            for number in numbers:
                found[number] = found.get(number, False) | (left & ~covered)
        self._marks.setdefault(site.key, {}).update(found)
        for number in found:
            self.origins[number].reach.append(site.key)

    def _reached(self, site: ExecutedStep, number: int, before: list[dict[int, Array]]) -> Array:
        """Which entries are not finite for this origin alone."""
        operands = []
        for key, marks in zip(site.operands, before, strict=True):
            operands.append(self._mended(self.arrays[key], marks.get(number)) if marks else self.arrays[key])
        return self._infinite(site, operands)

    def _unmoved(self, site: ExecutedStep, before: list[dict[int, Array]], bad: Array) -> Array:
        """Which entries are not finite whatever came before."""
        operands = [
            self._mended(self.arrays[key], None) if marks else self.arrays[key]
            for key, marks in zip(site.operands, before, strict=True)
        ]
        return bad & self._infinite(site, operands)

    def _infinite(self, site: ExecutedStep, operands: Sequence[Any]) -> Array:
        found = site.run(self.arithmetic, operands)
        return np.asarray(~np.isfinite(self.arithmetic.outlines(found)))

    def _mended(self, array: Array, kept: Array | None) -> Array:
        """An array with 1 for all that is not finite, but for what is kept."""
        bad = ~np.isfinite(self.arithmetic.outlines(array))
        mended = np.array(array)
        mended[bad if kept is None else bad & ~kept] = self.arithmetic.whole(np.array(1))
        return mended


def _is_negative(outlines: Array) -> bool:
    return bool((outlines == -np.inf).all())


def _fits(fresh: Array, bad: Array) -> bool:
    """Whether what was seen inside a step can be what came out of it."""
    return fresh.shape != bad.shape or bool((fresh & bad).any())
