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
    """The outcome of a trace, in floats. Steps are counted from 1; step 0 is the start. None: not known.

    stopped_by: `steps`, `gradient_norm`, `loss`, `not_finite` or `size`.
    converged_at: the first step from which on the gradient's norm stayed within the tolerance.
    monotone: whether the loss never rose.
    rose_at: the step at which it first rose.
    diverging_from: the step after the least loss, if the trace ends in numbers that are not finite, a million
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
    """Builds the summary of a trace as it is made, keeping five updates and no steps."""

    def __init__(self, tolerance: float = TOLERANCE) -> None:
        self.steps = 0
        self._tolerance = tolerance
        self._norm: float | None = None
        self._converged_at: int | None = None
        self._rose_at: int | None = None
        self._rises, self._least, self._least_at = 0, math.inf, 0
        self._first: float | None = None
        self._last: float | None = None
        self._has_loss = self._has_unknown = False
        self._updates: deque[Parameters] = deque(maxlen=SWINGS)

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
        self.steps, self._has_loss = step, is_loss
        if size is None or math.isnan(size):
            self._has_unknown = True
            self._last = size
            return
        last, self._last = self._last, size
        if self._first is None:
            self._first = size
        elif last is not None and size > last:
            self._rises += 1
            if self._rose_at is None and size - last > ROUNDING * max(abs(size), abs(last)):
                self._rose_at = step
        else:
            self._rises = 0
        if size < self._least:
            self._least, self._least_at = size, step

    def conclude(self, stopped_by: str) -> Summary:
        """Return the summary after the last step."""
        summary = Summary(
            steps=self.steps,
            stopped_by=stopped_by,
            converged_at=self._converged_at,
            tolerance=self._tolerance,
            gradient_norm=self._norm,
            diverging_from=self._least_at + 1 if self._diverges(stopped_by) else None,
        )
        if self._has_loss:
            summary.first_loss, summary.last_loss = self._first, self._last
            if not self._has_unknown or self._last is not None:  # NaN at the end leaves the rest known
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
        last, first = self._last, self._first
        if last is None or first is None:
            return False
        if stopped_by == "not_finite":
            return self.steps > 0
        grown = last > GROWTH * max(abs(first), TOLERANCE)
        return self._converged_at is None and last > first and (self._rises >= RISES or grown)


def _alternates(updates: list[Array]) -> bool:
    """Return whether an entry changed its sign with every update; False if free symbols leave it unknown."""
    entries = (entry for update in updates for entry in np.ravel(np.asarray(update)))
    if any(getattr(entry, "free_symbols", None) for entry in entries):
        return False
    signs = np.sign(np.array([np.asarray(update, dtype=np.float64) for update in updates]))
    return bool((signs[1:] * signs[:-1] < 0).all(axis=0).any())
