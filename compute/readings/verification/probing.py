"""Perturb values, and evaluate again what depends on them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import UnfitEntries
from compute.readings.evaluation import Evaluation, Instruction
from compute.readings.verification.differences import Slopes, find_slopes
from compute.readings.verification.evidence import Check
from compute.readings.verification.judging import Compared, Standard, judge, judge_alone
from compute.readings.verification.rounding import Again, Rounded

DRAWN = 23  # the random seed for samples of entries and signs of directions
SMALLEST_SCALE = 1e-290  # steps of a smaller scale would be subnormal
SMALLEST_OWN = 1e-304  # the same for steps that are scaled by a smaller entry
COMPLEX = 2.0**-100  # imaginary step relative to the smallest perturbed entry, too small to affect real parts
LEAST = 1e-305
TOLERANCE = 1e-6  # a smaller bend, relative to the largest slope, is no kink


class Probe:
    """One value of an evaluation that is perturbed, and the outputs that depend on it.

    index: of the value; base: the unperturbed values; instructions: those that depend on the value.
    weights: by index of an output, the weights of its entries in a sum of all outputs; None to keep every
        entry of the outputs apart.
    rounded: returns the same evaluation with random rounding.
    allowed: see `find_slopes`.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        base: Mapping[int, Array],
        index: int,
        instructions: Sequence[Instruction],
        outputs: Sequence[int],
        weights: Mapping[int, Array] | None = None,
        rounded: Callable[[], Rounded] | None = None,
        allowed: float | None = None,
    ) -> None:
        self.evaluation, self.index, self.instructions = evaluation, index, instructions
        self._allowed = allowed
        self._rounded, self._again = rounded, list[Instruction]()
        moving = {index, *(one for one, *_ in instructions)}
        self.outputs = [one for one in outputs if one in moving]
        self._values = dict(base)
        self.refused = False  # moved values, by a step that takes only some numbers
        self.base = np.array(base[index])
        self._start = self._flat(base)
        self._weights = None if weights is None else self._flat(weights)
        infinite = ~np.isfinite(self._start)
        if self._weights is not None:
            infinite = (infinite & (self._weights != 0)).any(keepdims=True)
        self.infinite: Array = infinite
        self._nothing = np.full(1 if weights is not None else self._start.size, np.nan)
        self._sizes = np.where(np.isfinite(self._start), np.abs(self._start), 0)
        self._varying = np.zeros(self._start.shape, dtype=bool)  # outputs that the last change was one of
        self.magnitude: Array = self._sum(self._sizes, absolute=True)

    def _flat(self, arrays: Mapping[int, Array]) -> Array:
        return np.concatenate([np.ravel(arrays[one]) for one in self.outputs] or [np.zeros(0)])

    def _sum(self, changes: Array, *, absolute: bool = False) -> Array:
        if self._weights is None:
            return changes
        weights = np.abs(self._weights) if absolute else self._weights
        found: Array = np.where(weights == 0, 0, weights * changes).sum(keepdims=True)
        return found

    def change(self, moved: Array) -> Array:
        """Return the change of the outputs for a perturbed value; NaN if a step rejects it."""
        return self._change(moved, self.evaluation, self.instructions)

    def rounded_change(self, moved: Array) -> Array:
        """Return the same with random rounding in every step on the way to the outputs."""
        assert self._rounded is not None
        rounded = self._rounded()
        self._again = self._again or rounded.instructions(self.instructions)
        return self._change(moved, rounded.evaluation, self._again)

    def _change(self, moved: Array, evaluation: Evaluation, instructions: Sequence[Instruction]) -> Array:
        found = self._moved(moved, evaluation, instructions)
        if found is None:
            return self._nothing
        self._varying = found != self._start
        return self._sum(np.where(self._varying, found - self._start, 0))

    def _moved(
        self, moved: Array, evaluation: Evaluation, instructions: Sequence[Instruction]
    ) -> Array | None:
        """Return the outputs for a perturbed value; None if a step rejects it."""
        self._values[self.index] = moved
        try:
            evaluation.execute(instructions, self._values)
        except UnfitEntries:
            self.refused = True
            return None
        return self._flat(self._values)

    def derivative(self, direction: Array, again: Again) -> Array:
        """Return the derivatives of the outputs along a direction by a complex step; NaN if there is none.

        again: the evaluation over `ComplexStep`.
        """
        own = np.abs(self.base[np.isfinite(self.base) & (self.base != 0) & (direction != 0)])
        least = min(1.0, float(np.min(own, initial=1.0)))
        step = max(COMPLEX * least / float(np.abs(direction).max()), LEAST)
        moved = self.base + 1j * step * direction
        found = self._moved(moved, again.evaluation, again.instructions(self.instructions))
        if found is None:
            return self._nothing
        return self._sum(np.where(np.isfinite(found), np.imag(found), np.nan)) / step

    def entry(self, place: int, reference: float, expected: Array) -> tuple[Slopes, float]:
        """Return the slopes along one entry, and the unit of its steps. expected: the gradient's slopes."""
        was, size = float(self.base.flat[place]), _size(self.base)
        own = abs(was) if np.isfinite(was) else 0.0

        def moved(step: float) -> Array:
            found = self.base.copy()
            found.flat[place] = was + step
            return found

        scale = _power_of_two(max(own, size, SMALLEST_SCALE))
        return self._slopes(moved, scale, own if own > SMALLEST_OWN else 0.0, reference, expected), scale

    def along(self, direction: Array, reference: float, expected: Array) -> Slopes:
        """Return the slopes along a direction."""
        return self._slopes(lambda step: self.base + step * direction, 1.0, 0.0, reference, expected)

    def _slopes(
        self, moved: Callable[[float], Array], scale: float, closer: float, reference: float, expected: Array
    ) -> Slopes:
        magnitudes: dict[float, Array] = {}

        def change(step: float) -> Array:
            found = self.change(moved(step))
            magnitudes[step] = self._sum(np.where(self._varying, self._sizes, 0), absolute=True)
            return found

        return find_slopes(
            change,
            scale,
            closer,
            self.magnitude,
            reference,
            TOLERANCE,
            expected if expected.size == self.magnitude.size else None,  # it does not lead to the outputs
            None if self._rounded is None else lambda step: self.rounded_change(moved(step)),
            self._allowed,
            magnitudes.__getitem__,
        )

    def direction(self) -> Array:
        """Return a direction with a random sign and the magnitude of the value at each entry."""
        signs = np.random.default_rng(DRAWN).choice((-1.0, 1.0), self.base.shape)
        own = np.where(np.isfinite(self.base), np.abs(self.base), 0)
        found: Array = signs * np.where(own == 0, _size(self.base), own)
        return found

    def sample(self, many: int) -> list[int]:
        """Return the places of `many` entries, or of all if there are no more; always the same."""
        if self.base.size <= many:
            return list(range(self.base.size))
        drawn = np.random.default_rng(DRAWN).choice(self.base.size, many, replace=False)
        return sorted(int(one) for one in drawn)


def _power_of_two(scale: float) -> float:
    """Return the largest power of two up to `scale`, whose fractions add to an entry without rounding."""
    return float(np.exp2(np.floor(np.log2(scale))))


def _size(array: Array) -> float:
    """Return a typical size of the entries of an array, not tiny beside the largest and at most 1.

    The bounds keep an entry such as -1e9 of a mask from setting the steps of all others.
    """
    sizes = np.abs(array[np.isfinite(array) & (array != 0)])
    return min(max(float(np.median(sizes)), 1e-3 * float(sizes.max())), 1.0) if sizes.size else 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A gradient compared with slopes: of some entries, and of a direction if these are not all entries.

    rows: the gradient, with one row per output.
    places: the places of the compared entries in a row.
    """

    rows: Array
    places: list[int]
    entries: Compared | None
    direction: Array
    along: Compared | None

    def judge(self, standard: Standard) -> Check:
        """Return the verdict."""
        if self.entries is not None:
            return judge(self.entries, self.rows.size, standard, self.along)
        assert self.along is not None
        return judge_alone(self.along, self.rows.size, standard)

    def with_witness(self, probe: Probe, again: Again) -> "Comparison":
        """Return the comparison with derivatives by a complex step added."""
        entries, along = self.entries, self.along
        if entries is not None:
            found = []
            for place in self.places:
                direction = np.zeros(probe.base.shape)
                direction.flat[place] = 1
                found.append(np.broadcast_to(probe.derivative(direction, again), len(self.rows)))
            entries = replace(entries, witness=np.concatenate(found))
        if along is not None:
            slope = probe.derivative(self.direction.reshape(probe.base.shape), again)
            along = replace(along, witness=np.broadcast_to(slope, len(self.rows)))
        return replace(self, entries=entries, along=along)

    def with_rounding(self, others: Iterable[Array]) -> "Comparison":
        """Return the comparison with the rounding of the gradient, as these others measure it."""
        rows = (one.reshape(self.rows.shape) for one in others)
        apart = [np.where(one == self.rows, 0, one - self.rows) for one in rows]
        entries, along = self.entries, self.along
        if entries is not None:
            entries = replace(entries, rounding=_most([one[:, self.places].T.ravel() for one in apart]))
        if along is not None:
            parts = (np.where(one == 0, 0, one * self.direction) for one in apart)
            along = replace(along, rounding=_most([one.sum(axis=-1) for one in parts]))
        return replace(self, entries=entries, along=along)


def _most(changes: Sequence[Array]) -> Array:
    found: Array = np.max(np.abs(changes), axis=0)
    return np.where(np.isnan(found), np.inf, found)


def compare_with_slopes(probe: Probe, gradient: Array, many: int) -> Comparison:
    """Compare a gradient with the slopes of at most `many` entries, and of a direction.

    gradient: of the value's shape, after that of the outputs if they are kept apart.
    """
    rows = gradient.reshape(-1, probe.base.size).astype(np.float64)
    outer = gradient.shape[: gradient.ndim - probe.base.ndim]
    reference = _largest(rows)
    places = probe.sample(many)
    found: list[Slopes] = []
    scales: list[float] = []
    for place in places:
        slope, fraction_of = probe.entry(place, reference, rows[:, place])
        found.append(_placed(slope, len(rows)))
        scales.append(fraction_of)
    first = second = None
    if places:
        at = [(*row, *_index(place, probe.base.shape)) for place in places for row in np.ndindex(*outer)]
        scale = np.repeat(scales, len(rows))
        first = Compared(
            at,
            rows[:, places].T.ravel(),
            _joined(found),
            scale,
            np.tile(_spread(probe.magnitude, len(rows)), len(places)) / scale,
            np.tile(_spread(probe.infinite, len(rows)), len(places)) > 0,
            reference,
            probe.refused,
        )
    direction = probe.direction().ravel()
    if len(places) < probe.base.size:
        parts = np.where(rows == 0, 0, rows * direction)
        usual = _largest(np.sqrt((parts**2).sum(axis=-1)))
        slope = probe.along(direction.reshape(probe.base.shape), usual, parts.sum(axis=-1))
        second = Compared(
            [tuple(int(one) for one in row) for row in np.ndindex(*outer)],
            parts.sum(axis=-1),
            _placed(slope, len(rows)),
            np.ones(len(rows)),
            _spread(probe.magnitude, len(rows)),
            _spread(probe.infinite, len(rows)) > 0,
            usual,
            probe.refused,
        )
    return Comparison(rows, places, first, direction, second)


def _spread(magnitude: Array, rows: int) -> Array:
    return magnitude if magnitude.size == rows else np.zeros(rows)


def _placed(found: Slopes, rows: int) -> Slopes:
    """Return the slopes of all outputs; zeros if the outputs do not depend on the value."""
    if found.numeric.size == rows:
        return found
    zero, unknown = np.zeros(rows), np.full(rows, np.nan)
    return Slopes(zero, zero, unknown, unknown, np.full(rows, np.inf), zero, zero > 0)


def _joined(found: Sequence[Slopes]) -> Slopes:
    return Slopes(*(np.concatenate([getattr(one, name) for one in found]) for name in Slopes.__slots__))


def _index(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(one) for one in np.unravel_index(place, shape)) if shape else ()


def _largest(array: Array) -> float:
    finite = np.where(np.isfinite(array), np.abs(array), 0)
    return float(finite.max(initial=0))
