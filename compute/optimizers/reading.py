"""The reading of a trace: which steps are shown, where it stops, and what became of it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.scalars import Scalars
from compute.errors import QuestionErrors
from compute.optimizers.gradients import norm_of
from compute.optimizers.objective import Parameters
from compute.optimizers.squares import overflows
from compute.optimizers.summary import TOLERANCE, Summary, Watch
from compute.optimizers.trace import Run, TraceStep, follow
from compute.readings.notes import Note

TOGETHER = 32  # steps that are made without a look around
LITTLE = 200_000  # operations of a step of which so many are


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

    course: Run
    start: Parameters
    steps: int
    every: int = 1
    stop: Stop = field(default_factory=Stop)

    def __post_init__(self) -> None:
        self.summary: Summary | None = None
        self.notes: list[Note] = []
        self._beyond: set[tuple[str, str]] = set()
        arithmetic, work = self.course.arithmetic, self.course.objective.work
        self._exact, self._single = arithmetic.simplifies, isinstance(arithmetic, Scalars)
        self._stops, self._is_open = self.stop != Stop(), False
        self._together = TOGETHER if work <= LITTLE and not self._exact else 1

    def run(self, abandoned: Callable[[], bool] = lambda: False) -> Iterator[TraceStep]:
        """The steps that are shown, as they are made.

        abandoned: whether nobody wants any more; it is asked now and then, between those that are shown too.
        """
        watch = Watch(TOLERANCE if self.stop.gradient_norm is None else self.stop.gradient_norm)
        steps = follow(self.course, self.start, self.steps)
        reason, last, shown_last = None, None, False
        while reason is None:
            if abandoned():
                return
            made, reason = self._some(steps, watch)
            for step, is_shown in made:
                last, shown_last = step, is_shown
                if is_shown:
                    self._look(step)
                    yield step
        if last is not None and not shown_last:
            self._look(last)
            yield last
        self.summary = watch.conclude(reason)
        self.notes += self._remarks(self.summary, last)

    def _look(self, step: TraceStep) -> None:
        """Note buffers of a step that is shown which are too large to be shown as floats."""
        for parameter, kept in step.state.items():
            for buffer, one in kept.items():
                if (parameter, buffer) not in self._beyond and overflows(one):
                    self._beyond.add((parameter, buffer))
                    message = (
                        f"{buffer} of {parameter} is beyond {self.course.arithmetic.name} at step"
                        f" {step.number} and is returned as Infinity; updates are computed from its root,"
                        " which is finite"
                    )
                    self.notes.append(Note("overflow", parameter, message))

    def _some(
        self, steps: Iterator[TraceStep], watch: Watch
    ) -> tuple[list[tuple[TraceStep, bool]], str | None]:
        """The next steps with whether they are shown, and why there are no more, if so.

        Those that are neither shown nor the last are left out. Steps that take no time come several at once.
        """
        found: list[tuple[TraceStep, bool]] = []
        step: TraceStep | None = None
        try:
            with np.errstate(all="ignore"):
                for _ in range(self._together):
                    step = next(steps, None)
                    if step is None:
                        return found, "steps"
                    reason = self._seen(step, watch)
                    if step.number % self.every == 0:
                        found.append((step, True))
                    elif reason is not None or step.number == self.steps:
                        found.append((step, False))
                    if reason is not None:
                        return found, reason
        except QuestionErrors as error:
            if not watch.steps:
                raise  # there is no trace to return
            message = error.errors[0].message.partition(";")[0]
            self.notes.append(
                Note("stopped", "trace", f"the trace ends behind step {watch.steps}: {message}")
            )
            return found, "size"
        return found, None

    def _seen(self, step: TraceStep, watch: Watch) -> str | None:
        """Take note of a step; why the trace stops there, if it does."""
        loss, gradient, number = self._measured(step.loss), step.gradient, step.number
        norm = None if gradient is None else self._norm(gradient)
        if gradient is not None:
            watch.see_norm(number, norm)
        watch.see(number, norm if step.loss is None else loss, step.loss is not None)
        if step.made is not None:
            watch.see_update(step.made.update)
        if not self._is_finite(step):
            return "not_finite"
        if self._stops:
            self._is_open = self._is_open or None in (
                norm if self.stop.gradient_norm is not None and gradient is not None else 0,
                loss if self.stop.loss is not None else 0,
            )
            bound = self.stop.gradient_norm
            if bound is not None and norm is not None and norm <= bound:
                return "gradient_norm"
            bound = self.stop.loss
            if bound is not None and loss is not None and loss <= bound:
                return "loss"
        return None

    def _measured(self, number: Any) -> float | None:
        """A number as a float, if it is one."""
        if number is None:
            return None
        return self.course.measure(number[()]) if self._exact else float(number)

    def _norm(self, gradient: Parameters) -> float | None:
        if self._exact:
            return self._measured(norm_of(self.course.arithmetic, gradient))
        if self._single:
            return math.hypot(*gradient.values())
        return float(norm_of(self.course.arithmetic, gradient))

    def _is_finite(self, step: TraceStep) -> bool:
        numbers = step.parameters.values()
        if self._single:
            return math.isfinite(step.loss or 0.0) and all(map(math.isfinite, numbers))
        is_finite = self.course.arithmetic.is_finite
        return (step.loss is None or is_finite(step.loss)) and all(map(is_finite, numbers))

    def _is_singular(self, last: TraceStep | None) -> bool:
        """Whether a step of all parameters at once has no value, though all that it is made from has one."""
        if last is None or last.made is None or not self.course.optimizer.takes_all:
            return False
        finite = self.course.arithmetic.is_finite
        made = (*last.made.gradient.values(), *(one for kept in last.state.values() for one in kept.values()))
        return all(map(finite, map(np.asarray, made)))

    def _measured_rate(self, step: int) -> float | None:
        return self.course.measure(self.course.rate(step))

    def _remarks(self, summary: Summary, last: TraceStep | None) -> list[Note]:
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
        if self._is_open:
            found.append(
                Note("stop_when", "trace", "free symbols leave open whether it should have stopped before")
            )
        return found
