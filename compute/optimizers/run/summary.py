"""The outcome of a trace: whether it converged, decreased monotonically, diverged or oscillated."""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from compute.arithmetic.namespace import Array
from compute.optimizers.run.objective import Parameters

TOLERANCE = 1e-6
ROUNDING = 1e-14  # relative rise of the loss that still counts as monotone
GROWTH = 1e6  # a last loss this many times the first means divergence, even if it oscillates
RISES = 3  # this many rises in a row at the end, to above the first loss, mean divergence
SWINGS = 5  # this many updates of alternating sign at the end mean oscillation


@dataclass
class Summary:
    """The outcome of a trace, in floats. Step 0 is the start, unless steps were made before. None: not known.

    steps: the number of steps made.
    stopped_by: `steps`, `gradient_norm`, `loss`, `not_finite` or `size`.
    converged_at: the first step from which on the gradient's norm stayed within the tolerance.
    monotone: whether the loss never rose, or if it is maximized, never fell.
    rose_at: the step at which it first did.
    diverging_from: the step after the best loss, if the trace ends in numbers that are not finite, a million
        times above its first loss, or above it after three rises in a row. Without a loss the gradient's norm
        is used.
    oscillating: parameters whose last five updates alternate in sign.
    """

    steps: int = 0
    stopped_by: str = "steps"
    converged_at: int | None = None
    tolerance: float = TOLERANCE
    gradient_norm: float | None = None
    monotone: bool | None = None
    rose_at: int | None = None
    diverging_from: int | None = None
    oscillating: list[str] = field(default_factory=list)
    first_loss: float | None = None
    last_loss: float | None = None
    least_loss: float | None = None
    least_loss_at: int | None = None


class Watch:
    """Builds the summary of a trace as it is made, keeping five updates and no steps.

    before: the number of the last step before the trace.
    ascends: whether the loss is to rise.
    last: the number of the last step so far.
    """

    def __init__(self, tolerance: float = TOLERANCE, before: int = 0, ascends: bool = False) -> None:
        self.last = self._before = before
        self._sign = -1 if ascends else 1
        self._tolerance = tolerance
        self._norm: float | None = None
        self._converged_at: int | None = None
        self._rose_at: int | None = None
        self._least, self._least_at = math.inf, before
        self._rises, self._best, self._best_at = 0, math.inf, before  # of the loss, or of its negative
        self._first: float | None = None
        self._size: float | None = None
        self._has_loss = self._has_unknown = False
        self._updates: deque[Parameters] = deque(maxlen=SWINGS)

    @property
    def steps(self) -> int:
        """The number of steps made."""
        return self.last - self._before

    def add_norm(self, step: int, norm: float | None) -> None:
        """Add the norm of all gradients at a step's parameters; None if it is not known."""
        self._norm = norm
        if norm is None or not norm <= self._tolerance:
            self._converged_at = None
        elif self._converged_at is None:
            self._converged_at = step

    def add_update(self, update: Parameters) -> None:
        """Add the update of a step."""
        self._updates.append(update)

    def add_loss(self, step: int, size: float | None, is_loss: bool) -> None:
        """Add a step's loss, or without one its gradient's norm; None if it is not known."""
        self.last, self._has_loss = step, is_loss
        if size is None or math.isnan(size):
            self._has_unknown = True
            self._size = size
            return
        last, self._size = self._size, size
        goal = self._sign * size
        if self._first is None:
            self._first = size
        elif last is not None and goal > self._sign * last:
            self._rises += 1
            if self._rose_at is None and abs(size - last) > ROUNDING * max(abs(size), abs(last)):
                self._rose_at = step
        else:
            self._rises = 0
        if size < self._least:
            self._least, self._least_at = size, step
        if goal < self._best:
            self._best, self._best_at = goal, step

    def conclude(self, stopped_by: str) -> Summary:
        """Return the summary after the last step."""
        summary = Summary(
            steps=self.steps,
            stopped_by=stopped_by,
            converged_at=self._converged_at,
            tolerance=self._tolerance,
            gradient_norm=self._norm,
            diverging_from=self._best_at + 1 if self._diverges(stopped_by) else None,
        )
        if self._has_loss:
            summary.first_loss, summary.last_loss = self._first, self._size
            if not self._has_unknown or self._size is not None:  # NaN at the end leaves the rest known
                summary.least_loss = self._least if math.isfinite(self._least) else None
                summary.least_loss_at = None if summary.least_loss is None else self._least_at
            if self._rose_at is not None:
                summary.monotone, summary.rose_at = False, self._rose_at
            elif not self._has_unknown and self.steps:
                summary.monotone = True
        if len(self._updates) == SWINGS:
            summary.oscillating = [
                name for name in self._updates[0] if _alternates([update[name] for update in self._updates])
            ]
        return summary

    def _diverges(self, stopped_by: str) -> bool:
        last, first = self._size, self._first
        if last is None or first is None:
            return False
        if stopped_by == "not_finite":
            return self.steps > 0
        last, first = self._sign * last, self._sign * first
        grown = last > GROWTH * max(abs(first), TOLERANCE)
        return self._converged_at is None and last > first and (self._rises >= RISES or grown)


def _alternates(updates: list[Array]) -> bool:
    """Return whether an entry changed its sign with every update; False if free symbols leave it unknown."""
    entries = (entry for update in updates for entry in np.ravel(np.asarray(update)))
    if any(getattr(entry, "free_symbols", None) for entry in entries):
        return False
    signs = np.sign(np.array([np.asarray(update, dtype=np.float64) for update in updates]))
    return bool((signs[1:] * signs[:-1] < 0).all(axis=0).any())
