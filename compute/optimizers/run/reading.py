"""Reading a trace: which steps are shown, when it stops, and its summary and notes."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.scalars import Scalars
from compute.errors import QuestionErrors
from compute.optimizers.rules.squares import overflows
from compute.optimizers.run.gradients import global_norm
from compute.optimizers.run.objective import Parameters, ProgramObjective
from compute.optimizers.run.places import Place, Substitute
from compute.optimizers.run.summary import TOLERANCE, Summary, Watch
from compute.optimizers.run.trace import Run, TraceStep, follow
from compute.readings.notes import Note

BATCHED_STEPS = 32  # small steps made between two checks for an abandoned request
SMALL_STEP_WORK = 200_000  # operations of a small step


@dataclass(frozen=True, slots=True)
class Stop:
    """When to stop before the last step: as soon as a number is at most its bound.

    loss: if the loss is maximized, as soon as it is at least this.
    """

    gradient_norm: float | None = None
    loss: float | None = None


@dataclass
class Trace:
    """A trace to be run once.

    steps: the number of steps to make.
    every: show every so many steps, besides the start and the last.
    substituted: values that stand in the places of those that would be computed.
    summary, notes: known after the last step.
    """

    run: Run
    start: Parameters
    steps: int
    every: int = 1
    stop: Stop = field(default_factory=Stop)
    substituted: Mapping[Place, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.summary: Summary | None = None
        self.notes: list[Note] = []
        self._overflowed: set[tuple[str, str]] = set()
        arithmetic, work = self.run.arithmetic, self.run.objective.work
        self._is_exact, self._is_scalar = arithmetic.simplifies, isinstance(arithmetic, Scalars)
        self._stops, self._is_undecided = self.stop != Stop(), False
        self._batch_size = BATCHED_STEPS if work <= SMALL_STEP_WORK and not self._is_exact else 1

    def shown_steps(self, abandoned: Callable[[], bool] = lambda: False) -> Iterator[TraceStep]:
        """Yield the steps that are shown, as they are made.

        abandoned: whether the request was abandoned; called now and then, also between shown steps.
        """
        tolerance = TOLERANCE if self.stop.gradient_norm is None else self.stop.gradient_norm
        ascends = self.run.maximize and isinstance(self.run.objective, ProgramObjective)
        watch = Watch(tolerance, self.before, ascends)
        steps = follow(self.run, self.start, self.steps, substitute=self._substitute())
        reason, last, shown_last = None, None, False
        while reason is None:
            if abandoned():
                return
            batch, reason = self._next_steps(steps, watch)
            for step, is_shown in batch:
                last, shown_last = step, is_shown
                if is_shown:
                    self._note_overflow(step)
                    yield step
        if last is not None and not shown_last:
            self._note_overflow(last)
            yield last
        self.summary = watch.conclude(reason)
        self.notes += self._final_notes(self.summary, last)

    @property
    def before(self) -> int:
        """The number of the last step before the trace."""
        return self.run.initial.step

    @property
    def last(self) -> int:
        """The number of the last step."""
        return self.before + self.steps

    def _substitute(self) -> Substitute | None:
        substituted = self.substituted
        return (lambda place, value: substituted.get(place, value)) if substituted else None

    def _note_overflow(self, step: TraceStep) -> None:
        """Add a note for each buffer of a shown step that overflows as a float."""
        for parameter, buffers in step.state.items():
            for buffer, value in buffers.items():
                if (parameter, buffer) not in self._overflowed and overflows(value):
                    self._overflowed.add((parameter, buffer))
                    message = (
                        f"{buffer} of {parameter} is beyond {self.run.arithmetic.name} at step"
                        f" {step.number} and is returned as Infinity; updates are computed from its root,"
                        " which is finite"
                    )
                    self.notes.append(Note("overflow", parameter, message))

    def _next_steps(
        self, steps: Iterator[TraceStep], watch: Watch
    ) -> tuple[list[tuple[TraceStep, bool]], str | None]:
        """Make the next steps; return them with whether each is shown, and why the trace ends, if it does.

        Steps that are neither shown nor the last are left out. Small steps are made several at a time.
        """
        steps_made: list[tuple[TraceStep, bool]] = []
        step: TraceStep | None = None
        try:
            with np.errstate(all="ignore"):
                for _ in range(self._batch_size):
                    step = next(steps, None)
                    if step is None:
                        return steps_made, "steps"
                    reason = self._observe(step, watch)
                    if step.number % self.every == 0 or step.number == self.before:
                        steps_made.append((step, True))
                    elif reason is not None or step.number == self.last:
                        steps_made.append((step, False))
                    if reason is not None:
                        return steps_made, reason
        except QuestionErrors as error:
            if not watch.steps:
                raise  # no step was made
            message = error.errors[0].message.partition(";")[0]
            self.notes.append(Note("stopped", "trace", f"the trace ends after step {watch.last}: {message}"))
            return steps_made, "size"
        return steps_made, None

    def _observe(self, step: TraceStep, watch: Watch) -> str | None:
        """Record a step in the summary; return why the trace stops there, if it does."""
        loss, gradient, number = self._to_float(step.loss), step.gradient, step.number
        norm = None if gradient is None else self._norm(gradient)
        if gradient is not None:
            watch.add_norm(number, norm)
        watch.add_loss(number, norm if step.loss is None else loss, step.loss is not None)
        if step.record is not None:
            watch.add_update(step.record.update)
        if not self._is_finite(step):
            return "not_finite"
        if self._stops:
            self._is_undecided = self._is_undecided or None in (
                norm if self.stop.gradient_norm is not None and gradient is not None else 0,
                loss if self.stop.loss is not None else 0,
            )
            bound = self.stop.gradient_norm
            if bound is not None and norm is not None and norm <= bound:
                return "gradient_norm"
            bound = self.stop.loss
            if (
                bound is not None
                and loss is not None
                and (loss >= bound if self.run.maximize else loss <= bound)
            ):
                return "loss"
        return None

    def _to_float(self, number: Any) -> float | None:
        """Return a number as a float, or None if symbols are free."""
        if number is None:
            return None
        return self.run.to_float(number[()]) if self._is_exact else float(number)

    def _norm(self, gradient: Parameters) -> float | None:
        if self._is_exact:
            return self._to_float(global_norm(self.run.arithmetic, gradient))
        if self._is_scalar:
            return math.hypot(*gradient.values())
        return float(global_norm(self.run.arithmetic, gradient))

    def _is_finite(self, step: TraceStep) -> bool:
        numbers = step.parameters.values()
        if self._is_scalar:
            return math.isfinite(step.loss or 0.0) and all(map(math.isfinite, numbers))
        is_finite = self.run.arithmetic.is_finite
        return (step.loss is None or is_finite(step.loss)) and all(map(is_finite, numbers))

    def _is_singular(self, last: TraceStep | None) -> bool:
        """Return whether a joint step is not finite, although its gradients and buffers are."""
        if last is None or last.record is None or not self.run.optimizer.updates_jointly:
            return False
        finite = self.run.arithmetic.is_finite
        arrays = (
            *last.record.gradient.values(),
            *(buffer for buffers in last.state.values() for buffer in buffers.values()),
        )
        return all(map(finite, map(np.asarray, arrays)))

    def _rates_at(self, step: int) -> set[float | None]:
        return {run.to_float(run.rate(step)) for run in (self.run, *self.run.groups.values())}

    def _final_notes(self, summary: Summary, last: TraceStep | None) -> list[Note]:
        notes, number = [], self.before + summary.steps
        if summary.stopped_by == "not_finite" and not summary.steps:
            notes.append(Note("not_finite", "start", "the start, or its loss, is not finite"))
        elif summary.stopped_by == "not_finite" and self._is_singular(last):
            message = f"the Hessian has no inverse at step {number}, where the trace ends"
            notes.append(Note("singular", "hessian", message))
        elif summary.stopped_by == "not_finite":
            message = f"numbers are not finite from step {number} on, where the trace ends"
            notes.append(Note("diverged", "trace", message))
        rates = self._rates_at(self.before + 1) | self._rates_at(max(number, self.before + 1))
        if rates == {0.0} and not self.substituted:
            notes.append(Note("no_step", "learning_rate", "the learning rate is 0: parameters never move"))
        if self._is_undecided:
            notes.append(
                Note("stop_when", "trace", "free symbols leave open whether it should have stopped before")
            )
        return notes
