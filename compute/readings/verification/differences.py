"""Slopes from finite differences.

Central differences with steps that shrink fourfold, extrapolated twice (Richardson): the error falls with the
product of the squares of three steps, and steps stay large enough for rounding to be small. At a kink, the
slopes to the left and to the right differ however small the step; for a smooth function, their difference
vanishes with the step.

The rounding of an output is first assumed to be a few units in its last place. If slopes are not as expected,
or none is found, it is measured: rounding inside may be far larger than the output, as in 1 - cos(x), and may
look like a slope or a kink, or hide a change.

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
FINER = tuple(RATIO**-power for power in range(14, 18))  # further steps for a second search
CLOSER = tuple(RATIO**-power for power in range(-4, 6))  # for an entry that is tiny beside its neighbours
EVALUATIONS = 2 * (len(STEPS) + len(FINER) + len(CLOSER))  # evaluations that one slope takes at most
HALFWAY = len(STEPS) // 2  # the step at which rounding is measured, besides 0 and the largest step
MEASURED = 6  # evaluations that this measurement takes
USUAL = 8  # evaluations of a slope with no kink near
TARGET = 1e-9  # error, relative to the largest slope, at which a search ends
ROUGH = 1e-2  # if the smallest step changes an output by more than this part of the largest change: no slope
ROUNDING = 4 * float(np.finfo(np.float64).eps)
STEADY = 0.5  # part of the bend at a kink by which the bend and the slope may vary from step to step
CLEAR = 1e-3  # part of another estimate's error below which an estimate replaces it
SURE = 5  # multiple of its estimated error that a difference must reach to count against another number
LEAST = float(np.finfo(np.float64).smallest_subnormal)

Moved = Callable[[float], Array]
"""The change of the outputs for a step of the input, as a vector; NaN if nothing can be computed."""
Noise: TypeAlias = Callable[[float, Array], Array]
"""The rounding errors of the outputs, for a step and a mask of the outputs that it does not change."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """The slope of each output.

    numeric: the slope or, if there is none, the last difference quotient.
    error: an estimate of its error; infinite if there is no slope.
    step: the step that it was found with.
    bend: the slope to the right minus that to the left, if they differ however small the step; NaN otherwise.
    kink: the smallest step at which they differ; infinite if they never do.
    noise: the part of the error that is rounding.
    beside: whether the entry is tiny beside its neighbours and a kink is about as far off as it is large.
    """

    numeric: Array
    error: Array
    step: Array
    bend: Array
    kink: Array
    noise: Array
    beside: Array


def find_slopes(
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
    """Estimate the slopes of outputs along one line.

    scale: the unit of steps.
    closer: the unit of steps if those are too large; 0 for none.
    magnitude: the magnitude of each output, whose rounding limits how small a step may be.
    reference: a slope that errors are relative to.
    tolerance: the largest difference of left and right slopes, relative to it, that is no kink.
    expected: expected slopes; others are tested again for too large steps and for rounding.
    rounded: as `moved`, with random rounding in every step on the way to the outputs.
    allowed: the largest difference from the expected slopes; `tolerance` by default.
    varying: the magnitude of the part of the outputs that a step changes, if that may be less than all.
    """
    evaluated: dict[float, Array] = {}

    def once(step: float) -> Array:
        found = evaluated.get(step)
        if found is None:
            found = evaluated[step] = moved(step)
        return found

    def search(noise: Noise, steps: Sequence[float]) -> _Search:
        found = _Search(once, noise, reference, tolerance, tolerance if allowed is None else allowed)
        found.search(scale * step for step in steps)
        doubted = ~found.done if expected is None else ~found.done | found.find_doubtful(expected)
        if 0 < closer < scale * CLOSER[-1] and doubted.any():
            found.search_closer([closer * step for step in CLOSER], doubted)
        elif expected is not None:
            found.give_up_rough([scale * step for step in STEPS[-2:]], expected, magnitude)
        return found

    def assumed(step: float, still: Array) -> Array:
        size = magnitude if varying is None else np.maximum(varying(step), varying(-step))
        return np.where(still, 0, ROUNDING * size)

    first = search(assumed, STEPS)
    if rounded is None or expected is None or not (doubted := first.find_doubtful(expected)).any():
        return first.result()
    again = search(_measured(once, rounded, scale), STEPS + FINER)
    return _either(doubted, again.result(), first.result())


def _measured(moved: Moved, rounded: Moved, scale: float) -> Noise:
    """Return a noise function from measured rounding.

    Rounding is measured at three steps; the noise at a step is the larger of those measured around it.
    """

    def largest(*steps: float) -> Array:
        apart = [np.abs(rounded(step) - (moved(step) if step else 0)) for step in steps]
        noise: Array = np.max(apart, axis=0) + LEAST  # underflow hides smaller differences
        return np.where(np.isnan(noise), np.inf, noise)

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

    def search(self, steps: Iterable[float]) -> None:
        """Try smaller and smaller steps, until every slope is found."""
        central: list[Array] = []
        bends: list[Array] = []
        self.bend_before: Array | float = np.nan  # the bend that larger steps gave
        self.was_steady: Array | bool = True  # and whether it was the same as that of still larger ones
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

    def search_closer(self, steps: Iterable[float], doubted: Array) -> None:
        """Search doubtful slopes again with far smaller steps.

        The new slope is taken if there was none, if it is more certain, or if it differs: then the function
        varies between the two scales.
        """
        names = ("numeric", "error", "step", "noised")
        before, kink = {name: getattr(self, name) for name in names}, self.kink
        self.error, self.kink = (np.where(doubted, np.inf, one) for one in (self.error, kink))
        self.done = self.done & ~doubted
        self.search(steps)
        self.beside, self.kink = doubted & np.isfinite(self.kink), np.minimum(kink, self.kink)
        apart = np.abs(self.numeric - before["numeric"]) > SURE * (self.error + before["error"])
        keeps = doubted & (before["error"] < self.error) & ~apart
        for name in names:
            setattr(self, name, np.where(keeps, before[name], getattr(self, name)))
        self.done |= keeps

    def _weigh(self, central: list[Array], bends: list[Array], noise: Array, step: float) -> None:
        """Update the estimates with the differences of the last three steps."""
        once = [_extrapolated(one, other, 2) for one, other in pairwise(central)]
        slope = _extrapolated(once[0], once[1], 4)
        # Without a second derivative errors fall no faster than steps, which shows here.
        truncation = np.maximum(np.abs(slope - once[1]), np.abs(once[1] - once[0]) / 3)
        # If its sides have different second derivatives, as of relu(x)**2 at 0, errors fall exactly so.
        sided = [_extrapolated(one, other, 1) for one, other in pairwise(central)]
        left = np.abs(sided[1] - sided[0])
        clear = left <= CLEAR * truncation
        slope, truncation = np.where(clear, sided[1], slope), np.where(clear, left, truncation)
        # For a smooth function the bend is odd in the step: this is what is left of it at a kink.
        less = [_extrapolated(one, other, 1) for one, other in pairwise(bends)]
        bend = _extrapolated(less[0], less[1], 3)
        size = np.maximum(self.reference, np.abs(slope))
        finite = np.isfinite(slope) & np.isfinite(bend)  # neither overflows
        bent = finite & (np.abs(bend) > np.maximum(self.tolerance * size, 5 * noise))
        # At a kink all of this is steady; if a function varies from step to step, some may be so by chance.
        varying = (np.abs(less[1] - less[0]), np.abs(bend - self.bend_before), truncation)
        steady = np.max(varying, axis=0) <= STEADY * np.abs(bend)
        kinked = steady & self.was_steady
        self.bend_before, self.was_steady = bend, steady | np.isnan(self.bend_before)
        error = truncation + noise
        better = finite & ~bent & ~self.done & (error < self.error)
        self.numeric = np.where(better, slope, self.numeric)
        self.error, self.step = np.where(better, error, self.error), np.where(better, step, self.step)
        self.noised = np.where(better, noise, self.noised)
        self.bend = np.where(bent & ~self.done, np.where(kinked, bend, np.nan), self.bend)
        self.kink = np.where(bent & kinked & ~self.done, step, self.kink)
        # If only rounding is left, smaller steps have more of it.
        enough = (error <= TARGET * size) | (truncation <= noise)
        self.done |= finite & ~bent & enough

    def _differs(self, expected: Array) -> Array:
        size = np.maximum(self.reference, np.abs(self.numeric))
        found: Array = np.abs(self.numeric - expected) > self.allowed * size
        return found

    def find_doubtful(self, expected: Array) -> Array:
        """Return which slopes are not as expected, or not found at all."""
        doubtful: Array = np.isinf(self.error) | self._differs(expected)
        return doubtful

    def give_up_rough(self, steps: Iterable[float], expected: Array, magnitude: Array) -> None:
        """Give up unexpected slopes of outputs that vary faster than any step, such as sin(1e12).

        Far smaller steps make no smaller change of such outputs.
        """
        other = np.isfinite(self.error) & self._differs(expected)
        if self.widest is None or not other.any():
            return
        change = np.max([np.abs(self.moved(sign * step)) for step in steps for sign in (1, -1)], axis=0)
        rough = (change > ROUGH * self.widest) & (change > ROUNDING / TARGET**0.5 * magnitude)
        self.error = np.where(other & rough, np.inf, self.error)

    def result(self) -> Slopes:
        none = np.isinf(self.error)
        numeric = np.where(none, self.last, self.numeric)
        bend = np.where(none, self.bend, np.nan)
        return Slopes(numeric, self.error, self.step, bend, self.kink, self.noised, self.beside)


def _extrapolated(one: Array, other: Array, order: int) -> Array:
    """Return the Richardson extrapolation that removes the error of this order; `other` has the smaller step.

    The error falls with this power of the step.
    """
    factor = RATIO**order
    return (factor * other - one) / (factor - 1)
