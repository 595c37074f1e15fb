"""What became of a trace: whether it converged, fell all the way, grew without bound, or swung."""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from compute.arithmetic.namespace import Array
from compute.optimizers.objective import Parameters

TOLERANCE = 1e-6
ROUNDING = 1e-14  # of a loss: what it may rise by and still fall
GROWTH = 1e6  # times the first loss: what has grown so much diverges, however it swings
RISES = 3  # in a row at the end, to above the first: what rises so diverges
SWINGS = 5  # updates at the end whose signs alternate


@dataclass
class Summary:
    """Of a trace, in floats. Steps are counted from 1; step 0 is the start.

    stopped_by: `steps`, `gradient_norm`, `loss`, `not_finite` or `size`; converged_at: the first step from
    which on the gradient's norm stayed at most the tolerance; monotone: whether the loss never rose; rose_at:
    where it first did; diverging_from: the step behind the least loss, where a trace ends in numbers that are
    not finite, a million times above its first loss, or above it after three rises in a row; oscillating:
    parameters whose last five updates alternate in sign. Without a loss the gradient's norm takes its place.
    None: not known.
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
    """The summary of a trace as it is made. It keeps five updates, and none of the steps."""

    def __init__(self, tolerance: float = TOLERANCE) -> None:
        self.steps = 0
        self._tolerance = tolerance
        self._norm: float | None = None
        self._converged_at: int | None = None
        self._rose_at: int | None = None
        self._rises, self._least, self._least_at = 0, math.inf, 0
        self._first: float | None = None
        self._last: float | None = None
        self._has_loss = self._open = False
        self._updates: deque[Parameters] = deque(maxlen=SWINGS)

    def see_norm(self, number: int, norm: float | None) -> None:
        """Take note of the norm of all gradients at a step's parameters; None where it is not known."""
        self._norm = norm
        if norm is None or not norm <= self._tolerance:
            self._converged_at = None
        elif self._converged_at is None:
            self._converged_at = number

    def see_update(self, update: Parameters) -> None:
        """Take note of what a step added."""
        self._updates.append(update)

    def see(self, number: int, size: float | None, is_loss: bool) -> None:
        """Take note of a step's loss, or else of its gradient's norm; None where it is not known."""
        self.steps, self._has_loss = number, is_loss
        if size is None or math.isnan(size):
            self._open = True
            self._last = size
            return
        last, self._last = self._last, size
        if self._first is None:
            self._first = size
        elif last is not None and size > last:
            self._rises += 1
            if self._rose_at is None and size - last > ROUNDING * max(abs(size), abs(last)):
                self._rose_at = number
        else:
            self._rises = 0
        if size < self._least:
            self._least, self._least_at = size, number

    def conclude(self, stopped_by: str) -> Summary:
        """The summary, once the last step was seen."""
        found = Summary(
            steps=self.steps,
            stopped_by=stopped_by,
            converged_at=self._converged_at,
            tolerance=self._tolerance,
            gradient_norm=self._norm,
            diverging_from=self._least_at + 1 if self._diverges(stopped_by) else None,
        )
        if self._has_loss:
            found.first_loss, found.last_loss = self._first, self._last
            if not self._open or self._last is not None:  # NaN at the end leaves the rest known
                found.least_loss = self._least if math.isfinite(self._least) else None
                found.least_loss_at = None if found.least_loss is None else self._least_at
            if self._rose_at is not None:
                found.monotone, found.rose_at = False, self._rose_at
            elif not self._open and self.steps:
                found.monotone = True
        if len(self._updates) == SWINGS:
            found.oscillating = [
                name for name in self._updates[0] if _alternates([one[name] for one in self._updates])
            ]
        return found

    def _diverges(self, stopped_by: str) -> bool:
        last, first = self._last, self._first
        if last is None or first is None:
            return False
        if stopped_by == "not_finite":
            return self.steps > 0
        grown = last > GROWTH * max(abs(first), TOLERANCE)
        return self._converged_at is None and last > first and (self._rises >= RISES or grown)


def _alternates(updates: list[Array]) -> bool:
    """Whether an entry changed its sign with every update; of exact numbers with symbols it is not known."""
    if any(getattr(one, "free_symbols", None) for update in updates for one in np.ravel(np.asarray(update))):
        return False
    signs = np.sign(np.array([np.asarray(one, dtype=np.float64) for one in updates]))
    return bool((signs[1:] * signs[:-1] < 0).all(axis=0).any())
