"""Slopes from differences: what a small change of an input makes of outputs, by evaluating alone.

Central differences with steps that shrink fourfold, extrapolated twice (Richardson): the error falls with the
product of the squares of three steps, and steps stay large enough for rounding to be small. At a kink slopes
to the left and to the right differ however small the step, while of a smooth function the difference of the
two vanishes with it.

How far rounding moves an output is taken to be a few units of its last digit at first. Where slopes are not
what is expected, or where there seems to be none, it is measured: rounding inside may be far larger than the
output, as in 1 - cos(x), and looks like a slope, or like a kink, or hides that anything changed.

Source: Ridders, Accurate computation of F'(x) and F'(x) F''(x) (1982).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from compute.arithmetic.namespace import Array

RATIO = 4.0
STEPS = tuple(RATIO**-power for power in range(2, 14))
FINER = tuple(RATIO**-power for power in range(14, 18))  # where slopes are looked at again
CLOSER = tuple(RATIO**-power for power in range(-4, 6))  # of an entry that is tiny beside its neighbours
EVALUATIONS = 2 * (len(STEPS) + len(FINER) + len(CLOSER))  # that one slope takes at most
HALFWAY = len(STEPS) // 2  # the step at which rounding is measured, beside none and the largest
MEASURED = 6  # evaluations that this takes
USUAL = 8  # that it takes where nothing is near
TARGET = 1e-9  # beside the largest slope: closer than this no slope is looked for
ROUGH = 1e-2  # of a change by the largest step: the smallest makes one far below that, where there is a slope
ROUNDING = 4 * float(np.finfo(np.float64).eps)
STEADY = 0.5  # of the bend at a kink: by less it varies from one step to the next, as does the slope there
CLEAR = 1e-3  # of another estimate's error: by less one has to be off to be taken instead
SURE = 5  # how many times its own estimated error a difference has to be, to speak against another number
LEAST = float(np.finfo(np.float64).smallest_subnormal)

Moved = Callable[[float], Array]
"""How outputs change where the input is moved by a step, as a vector; NaN where nothing can be computed."""
Noise: TypeAlias = Callable[[float, Array], Array]
"""How much of outputs may be rounding, by the step and by which of them it does not change."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """The slope of each output.

    numeric: the slope, or where there is none what differences last gave; error: an estimate of how far off
    it may be, infinite where there is none; step: what it was found with; bend: how far the slope to the
    right is above that to the left, where they differ however small the step, and NaN elsewhere; kink: the
    smallest step at which they did, infinite where they never did; noise: the part of the error that is
    rounding; beside: where steps are parts of an entry that is tiny beside its neighbours, a kink is about as
    far off as the entry is large.
    """

    numeric: Array
    error: Array
    step: Array
    bend: Array
    kink: Array
    noise: Array
    beside: Array


def slopes(
    moved: Moved,
    scale: float,
    closer: float,
    magnitude: Array,
    reference: float,
    tolerance: float,
    expected: Array | None = None,
    rounded: Moved | None = None,
    allowed: float | None = None,
    varying: Moved | None = None,
) -> Slopes:
    """The slopes of outputs along one line.

    scale: what steps are fractions of; closer: what they are fractions of where these are too large, zero for
    nothing; magnitude: of each output, whose rounding tells how small a step may be; reference: a slope
    beside which errors are small; tolerance: how small, beside it, a difference of left and right has to be;
    expected: slopes that others than these are looked at again for, whether steps are small enough at all,
    and whether they are rounding; rounded: how outputs change where every step on the way to them rounds at
    random as well; allowed: how far from what is expected a slope may be, `tolerance` if it is not said;
    varying: the magnitude of what changes in outputs by a step, where that may be less than all of them.
    """
    evaluated: dict[float, Array] = {}

    def once(step: float) -> Array:
        found = evaluated.get(step)
        if found is None:
            found = evaluated[step] = moved(step)
        return found

    def search(noise: Noise, steps: Sequence[float]) -> _Search:
        found = _Search(once, noise, reference, tolerance, tolerance if allowed is None else allowed)
        found.along(scale * step for step in steps)
        doubted = ~found.done if expected is None else ~found.done | found.doubtful(expected)
        if 0 < closer < scale * CLOSER[-1] and doubted.any():
            found.look_closer([closer * step for step in CLOSER], doubted)
        elif expected is not None:
            found.doubt([scale * step for step in STEPS[-2:]], expected, magnitude)
        return found

    def assumed(step: float, still: Array) -> Array:
        size = magnitude if varying is None else np.maximum(varying(step), varying(-step))
        return np.where(still, 0, ROUNDING * size)

    first = search(assumed, STEPS)
    if rounded is None or expected is None or not (doubted := first.doubtful(expected)).any():
        return first.found()
    again = search(_measured(once, rounded, scale), STEPS + FINER)
    return _either(doubted, again.found(), first.found())


def _measured(moved: Moved, rounded: Moved, scale: float) -> Noise:
    """How much of outputs is rounding, where moved by a step: the most of what it is at the next larger and
    the next smaller step at which it is measured.
    """

    def largest(*steps: float) -> Array:
        apart = [np.abs(rounded(step) - (moved(step) if step else 0)) for step in steps]
        found: Array = np.max(apart, axis=0) + LEAST  # what vanishes is not seen
        return np.where(np.isnan(found), np.inf, found)

    halfway = scale * STEPS[HALFWAY]
    middle = largest(halfway, -halfway)
    near = np.maximum(middle, largest(0.0, 0.0))
    far = np.maximum(middle, largest(scale * STEPS[0], -scale * STEPS[0]))
    return lambda step, still: near if step <= halfway else far


def _either(choice: Array, one: Slopes, other: Slopes) -> Slopes:
    chosen = (np.where(choice, getattr(one, name), getattr(other, name)) for name in Slopes.__slots__)
    return Slopes(*chosen)


class _Search:
    def __init__(
        self, moved: Moved, noise: Noise, reference: float, tolerance: float, allowed: float
    ) -> None:
        self.moved, self.noise = moved, noise
        self.reference, self.tolerance, self.allowed = reference, tolerance, allowed
        self.widest: Array | None = None  # change, by the first step

    def _begin(self, shape: tuple[int, ...]) -> None:
        self.numeric = np.full(shape, np.nan)
        self.error, self.kink, self.noised = (np.full(shape, np.inf) for _ in range(3))
        self.step, self.bend, self.last = (np.full(shape, np.nan) for _ in range(3))
        self.done, self.beside = (np.zeros(shape, dtype=bool) for _ in range(2))

    def along(self, steps: Iterable[float]) -> None:
        """Look with smaller and smaller steps, until every slope is found."""
        central: list[Array] = []
        bends: list[Array] = []
        self.before: Array | float = np.nan  # the bend that larger steps gave
        self.settled: Array | bool = True  # and whether it was the same as that of still larger ones
        for step in steps:
            ahead, behind = self.moved(step), self.moved(-step)
            if self.widest is None:
                self._begin(ahead.shape)
                self.widest = np.maximum(np.abs(ahead), np.abs(behind))
            central.append((ahead - behind) / (2 * step))
            bends.append((ahead + behind) / step)
            self.last = np.where(np.isfinite(central[-1]), central[-1], self.last)
            if len(central) >= 3:
                still = (ahead == 0) & (behind == 0)
                self._weigh(central[-3:], bends[-3:], self.noise(step, still) / step, step)
                if self.done.all():
                    return

    def look_closer(self, steps: Iterable[float], doubted: Array) -> None:
        """Look at slopes in doubt with steps that are far smaller, and take what these give where larger ones
        gave none, a less certain one, or one that is another: the function varies between the two.
        """
        names = ("numeric", "error", "step", "noised")
        before, kink = {name: getattr(self, name) for name in names}, self.kink
        self.error, self.kink = (np.where(doubted, np.inf, one) for one in (self.error, kink))
        self.done = self.done & ~doubted
        self.along(steps)
        self.beside, self.kink = doubted & np.isfinite(self.kink), np.minimum(kink, self.kink)
        apart = np.abs(self.numeric - before["numeric"]) > SURE * (self.error + before["error"])
        keeps = doubted & (before["error"] < self.error) & ~apart
        for name in names:
            setattr(self, name, np.where(keeps, before[name], getattr(self, name)))
        self.done |= keeps

    def _weigh(self, central: list[Array], bends: list[Array], noise: Array, step: float) -> None:
        """What the last three steps tell."""
        once = [_extrapolated(one, other, 2) for one, other in pairwise(central)]
        slope = _extrapolated(once[0], once[1], 4)
        # Where a function has a slope and no second one, errors fall no faster than steps: which shows here.
        truncation = np.maximum(np.abs(slope - once[1]), np.abs(once[1] - once[0]) / 3)
        # They do so exactly where it has a second one on either side, as relu(x)**2 at 0.
        sided = [_extrapolated(one, other, 1) for one, other in pairwise(central)]
        left = np.abs(sided[1] - sided[0])
        clear = left <= CLEAR * truncation
        slope, truncation = np.where(clear, sided[1], slope), np.where(clear, left, truncation)
        # Of a smooth function the bend is odd in the step: this is what is left of it without one.
        less = [_extrapolated(one, other, 1) for one, other in pairwise(bends)]
        bend = _extrapolated(less[0], less[1], 3)
        size = np.maximum(self.reference, np.abs(slope))
        finite = np.isfinite(slope) & np.isfinite(bend)  # neither overflows
        bent = finite & (np.abs(bend) > np.maximum(self.tolerance * size, 5 * noise))
        # At a kink all of this is steady; where a function varies from step to step some may be by chance.
        varying = (np.abs(less[1] - less[0]), np.abs(bend - self.before), truncation)
        steady = np.max(varying, axis=0) <= STEADY * np.abs(bend)
        kinked = steady & self.settled
        self.before, self.settled = bend, steady | np.isnan(self.before)
        error = truncation + noise
        better = finite & ~bent & ~self.done & (error < self.error)
        self.numeric = np.where(better, slope, self.numeric)
        self.error, self.step = np.where(better, error, self.error), np.where(better, step, self.step)
        self.noised = np.where(better, noise, self.noised)
        self.bend = np.where(bent & ~self.done, np.where(kinked, bend, np.nan), self.bend)
        self.kink = np.where(bent & kinked & ~self.done, step, self.kink)
        # Where rounding is all that is seen, a smaller step sees more of it.
        enough = (error <= TARGET * size) | (truncation <= noise)
        self.done |= finite & ~bent & enough

    def _differs(self, expected: Array) -> Array:
        size = np.maximum(self.reference, np.abs(self.numeric))
        found: Array = np.abs(self.numeric - expected) > self.allowed * size
        return found

    def doubtful(self, expected: Array) -> Array:
        """Which slopes are not what is expected, or not found at all."""
        found: Array = np.isinf(self.error) | self._differs(expected)
        return found

    def doubt(self, steps: Iterable[float], expected: Array, magnitude: Array) -> None:
        """Give up slopes that are not what is expected, of outputs that vary faster than any step: steps that
        are far smaller make no smaller change of them, as of sin(1e12).
        """
        other = np.isfinite(self.error) & self._differs(expected)
        if self.widest is None or not other.any():
            return
        change = np.max([np.abs(self.moved(sign * step)) for step in steps for sign in (1, -1)], axis=0)
        rough = (change > ROUGH * self.widest) & (change > ROUNDING / TARGET**0.5 * magnitude)
        self.error = np.where(other & rough, np.inf, self.error)

    def found(self) -> Slopes:
        none = np.isinf(self.error)
        numeric = np.where(none, self.last, self.numeric)
        bend = np.where(none, self.bend, np.nan)
        return Slopes(numeric, self.error, self.step, bend, self.kink, self.noised, self.beside)


def _extrapolated(one: Array, other: Array, order: int) -> Array:
    """Without the error that falls with this power of the step; the other has the smaller step."""
    factor = RATIO**order
    return (factor * other - one) / (factor - 1)
