"""The reading of a trace: which steps are shown, where it stops, and what became of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors
from compute.notes import Note
from compute.optimizers.gradients import norm_of
from compute.optimizers.objective import Parameters
from compute.optimizers.summary import TOLERANCE, Summary, Watch
from compute.optimizers.trace import Course, Step, follow


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a trace stops before its last step: as soon as one of these is not above its bound."""

    gradient_norm: float | None = None
    loss: float | None = None


@dataclass
class Trace:
    """A trace to be run once; summary, notes: what is known of it behind the last step.

    every: which steps are shown; the start and the last one always are.
    """

    course: Course
    start: Parameters
    steps: int
    every: int = 1
    stop: Stop = field(default_factory=Stop)

    def __post_init__(self) -> None:
        self.summary: Summary | None = None
        self.notes: list[Note] = []

    def run(self) -> Iterator[Step]:
        """The steps that are shown, as they are made."""
        watch = Watch(TOLERANCE if self.stop.gradient_norm is None else self.stop.gradient_norm)
        held: Step | None = None
        last: Step | None = None
        reason = "steps"
        steps = follow(self.course, self.start, self.steps)
        while True:
            try:
                with np.errstate(all="ignore"):  # not around a yield: it would hold for who asks, too
                    step = next(steps, None)
                    found = None if step is None else self._seen(step, watch)
            except QuestionErrors as error:
                if not watch.steps:
                    raise  # there is no trace to return
                reason = "size"
                message = (
                    f"the trace ends behind step {watch.steps}: {error.errors[0].message.partition(';')[0]}"
                )
                self.notes.append(Note("stopped", "trace", message))
                break
            if step is None:
                break
            held = last = step
            if step.number % self.every == 0:
                held = None
                yield step
            if found is not None:
                reason = found
                break
        if held is not None:
            yield held
        self.summary = watch.conclude(reason)
        self.notes += self._remarks(self.summary, last)

    def _seen(self, step: Step, watch: Watch) -> str | None:
        """Take note of a step; why the trace stops there, if it does."""
        loss = self._measured(step.loss)
        norm = None if step.gradient is None else self._norm(step.gradient)
        if step.gradient is not None:
            watch.see_norm(step.number, norm)
        watch.see(step.number, norm if step.loss is None else loss, step.loss is not None)
        if step.made is not None:
            watch.see_update(step.made.update)
        if not self._is_finite(step):
            return "not_finite"
        bound = self.stop.gradient_norm
        if bound is not None and norm is not None and norm <= bound:
            return "gradient_norm"
        bound = self.stop.loss
        return "loss" if bound is not None and loss is not None and loss <= bound else None

    def _measured(self, number: Any) -> float | None:
        """A number as a float, if it is one."""
        if number is None or not self.course.arithmetic.settles:
            return None if number is None else float(number)
        return self.course.measure(number[()])

    def _norm(self, gradient: Parameters) -> float | None:
        if self.course.arithmetic.settles:
            return self._measured(norm_of(self.course.arithmetic, gradient))
        return math.hypot(*(math.sqrt(np.vdot(one, one)) if one.shape else one for one in gradient.values()))

    def _is_finite(self, step: Step) -> bool:
        if step.loss is not None and not self._finite(step.loss):
            return False
        return all(self._finite(one) for one in step.parameters.values())

    def _finite(self, one: Array) -> bool:
        if one.shape or self.course.arithmetic.settles:
            return self.course.arithmetic.is_finite(one)
        return math.isfinite(one)

    def _is_singular(self, last: Step | None) -> bool:
        """Whether a step of all parameters at once has no value, though all that it is made from has one."""
        if last is None or last.made is None or not self.course.optimizer.takes_all:
            return False
        finite = self.course.arithmetic.is_finite
        made = (*last.made.gradient.values(), *(one for kept in last.state.values() for one in kept.values()))
        return all(map(finite, map(np.asarray, made)))

    def _measured_rate(self, step: int) -> float | None:
        return self.course.measure(self.course.rate(step))

    def _remarks(self, summary: Summary, last: Step | None) -> list[Note]:
        found = []
        if summary.stopped_by == "not_finite" and not summary.steps:
            found.append(Note("not_finite", "start", "the start, or its loss, is not finite"))
        elif summary.stopped_by == "not_finite" and self._is_singular(last):
            message = f"the Hessian has no inverse at step {summary.steps}, where the trace ends"
            found.append(Note("singular", "hessian", message))
        elif summary.stopped_by == "not_finite":
            message = f"numbers are not finite from step {summary.steps} on, where the trace ends"
            found.append(Note("diverged", "trace", message))
        rates = {self._measured_rate(one) for one in (1, max(summary.steps, 1))}
        if rates == {0.0}:
            found.append(Note("no_step", "learning_rate", "the learning rate is 0: parameters never move"))
        if self.stop != Stop() and self.course.arithmetic.settles and summary.monotone is None:
            found.append(
                Note("stop_when", "trace", "free symbols leave open whether it should have stopped before")
            )
        return found
