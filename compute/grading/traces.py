"""The computation of an optimizer's trace, step by step, with any of its values replaced."""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Array
from compute.errors import QuestionErrors, UnfitEntries
from compute.grading.computations import Computation, Slot
from compute.grading.trace_setup import TraceSetup, trace_setup
from compute.optimizers.rules.declaration import Buffers
from compute.optimizers.run.config import OptimizerConfig
from compute.optimizers.run.misconceptions import MISTAKES, with_mistake
from compute.optimizers.run.objective import Parameters
from compute.optimizers.run.places import Place, Substitute
from compute.optimizers.run.plateau import RATE
from compute.optimizers.run.question import PreparedTrace
from compute.optimizers.run.reading import Trace
from compute.optimizers.run.summary import Summary
from compute.optimizers.run.trace import Run, TraceStep, follow, resume
from compute.optimizers.run.trace_names import TraceNames

LOSSES = ("loss", "batch.loss")  # nothing is computed from them, unless a schedule needs losses


class TraceComputation(Computation):
    """The computation of some values of a trace.

    setup: its question; run: the run of it, which may make a mistake.
    wanted: their names, as `TraceNames` finds them; slots have their paths as names.
    codes: the mistakes that the run makes.
    touched: the parts of a step that a mistake computes in its own way; None for other settings, under which
        any may differ.
    """

    def __init__(
        self,
        setup: TraceSetup,
        run: Run,
        steps: int,
        wanted: Iterable[str],
        codes: tuple[str, ...] = (),
        touched: frozenset[str] | None = frozenset(),
    ) -> None:
        self.setup, self.run, self.start, self.steps = setup, run, setup.start, steps
        self._wanted, self._codes, self._touched = tuple(wanted), codes, touched
        self.names = TraceNames(run, self.start, steps)
        found = {place for name in self._wanted if (place := self.names.find(name)) is not None}
        self._before = run.initial.step
        self._last = max((place.step for place in found), default=self._before)
        in_order = (place for step in range(self._before, self._last + 1) for place in self.names.at(step))
        self._places = {Slot("value", place.path): place for place in in_order if place in found}
        self._slots = {place: slot for slot, place in self._places.items()}
        self._order = {slot: number for number, slot in enumerate(self._places)}
        self.slots = tuple(self._places)
        self._ancestors: dict[Slot, frozenset[Place]] = {}

    def with_optimizer(self, optimizer: OptimizerConfig) -> "TraceComputation":
        """Return the computation of the same values by another optimizer. Raises QuestionErrors."""
        setup = replace(self.setup, optimizer=optimizer)
        return TraceComputation(setup, setup.run(), self.steps, self._wanted, touched=None)

    def with_inputs(self, inputs: Mapping[str, Array]) -> "TraceComputation":
        """Return the same computation, with the same mistakes, of other numbers; see `TraceSetup`.

        Raises UnfitEntries if a number is out of bounds.
        """
        other = copy.copy(self)
        for cached in ("_plain_run", "whole", "allowed"):
            other.__dict__.pop(cached, None)
        other.setup = self.setup.with_inputs(inputs)
        other.start = other.setup.start
        with _unfit_as("trace"):
            other.run = other.setup.run()
        for code in self._codes:  # a mistake may have no meaning for these numbers
            other.run = with_mistake(other.run, code) or other.run
        return other

    def mistaken(self, *codes: str) -> "TraceComputation | None":
        """Return the computation with mistakes made together; None where one of them has no meaning."""
        run: Run | None = self.run
        touched = self._touched or frozenset()
        for code in codes:
            run = None if run is None else with_mistake(run, code)
            touched |= MISTAKES[code].touched
        if run is None:
            return None
        return TraceComputation(self.setup, run, self.steps, self._wanted, (*self._codes, *codes), touched)

    def results(self) -> Mapping[Slot, Array]:
        """Return the result of every slot."""
        return {slot: np.asarray(self._base[place]) for slot, place in self._places.items()}

    def sweep(self, replace: Callable[[Slot, Array], Array]) -> None:
        """Compute all slots in order. Each is passed to `replace`, whose result stands in its place."""

        def substitute(place: Place, value: Any) -> Any:
            slot = self._slots.get(place)
            if slot is None:
                return value
            shown = np.asarray(value)
            replaced = replace(slot, shown)
            return value if replaced is shown else self.names.number(place, replaced)

        self._follow(substitute)

    def expected(self, slot: Slot, replaced: Mapping[Slot, Array]) -> Array:
        """Return the result of a slot if others have these arrays in their places.

        Raises UnfitEntries if a step rejects an entry.
        """
        target, order = self._places[slot], self._order
        last = order[slot]
        earlier = {
            self._places[other]: array
            for other, array in replaced.items()
            if order.get(other, last) < last and self._is_used(self._places[other])
        }
        is_given = target.step == self._before and target.part == "parameters"
        return np.asarray(self._compute(target, earlier) if earlier and not is_given else self._base[target])

    def _is_used(self, place: Place) -> bool:
        """Return whether something may be computed from a value."""
        return place.part not in LOSSES or (place.part == "loss" and self.names.depends_on_losses)

    def affects(self, slot: Slot, replaced: frozenset[Slot]) -> bool:
        """Return whether steps that were replaced by a mistake can change a slot, with others replaced."""
        target = self._places.get(slot)
        if target is None:
            return False
        if self._touched is None:
            return True
        cut = {self._places[other] for other in replaced if other in self._places} - {target}
        return any(place.part in self._touched for place in self._reach(target, cut))

    def depends(self, slot: Slot, on: Slot) -> bool:
        """Return whether a slot depends on another one."""
        return self._places[on] in self._ancestors_of(slot)

    @cached_property
    def whole(self) -> tuple[list[TraceStep], Summary]:
        """All steps with nothing replaced, until numbers are not finite, and their summary."""
        trace = Trace(self.run, self.start, self.steps)
        steps = list(trace.shown_steps())
        assert trace.summary is not None  # it was not abandoned
        return steps, trace.summary

    @property
    def _base(self) -> dict[Place, Any]:
        """The value of each slot with nothing replaced."""
        return self._plain_run[0]

    @cached_property
    def _plain_run(self) -> tuple[dict[Place, Any], list[TraceStep]]:
        """The value of each slot, and the steps, with nothing replaced."""
        values: dict[Place, Any] = {}

        def keep(place: Place, value: Any) -> Any:
            if place in self._slots:
                values[place] = value
            return value

        return values, self._follow(keep)

    def _follow(self, substitute: Substitute) -> list[TraceStep]:
        closing = any(_needs_loss(place) and place.step == self._last for place in self._slots)
        with np.errstate(all="ignore"), _unfit_as("trace"):
            count = self._last - self._before
            steps = follow(self.run, self.start, count, closing=closing, substitute=substitute)
            return list(steps)

    def _compute(self, target: Place, earlier: Mapping[Place, Any]) -> Any:
        """Compute a value from others, from the last step that they leave unchanged or replace entirely."""

        def substitute(place: Place, value: Any) -> Any:
            if place == target:
                raise _Reached(value)
            return self.names.number(place, earlier[place]) if place in earlier else value

        first, closing = self._first_step(earlier), _needs_loss(target)
        try:
            with np.errstate(all="ignore"), _unfit_as(target.path):
                for _ in resume(self.run, first, target.step, closing=closing, substitute=substitute):
                    pass
        except _Reached as reached:
            return reached.value
        raise AssertionError(target)  # every slot is computed

    def _first_step(self, earlier: Mapping[Place, Any]) -> TraceStep:
        """Return the step to compute from, if these values are replaced."""
        if self.run.renews_gradient:
            for step in sorted({place.step for place in earlier}, reverse=True):
                if all(place in earlier for place in self.names.needed_after(step)):
                    return self._whole_step(step, earlier)
        _, steps = self._plain_run
        step = min(place.step for place in earlier)
        if step > self._before:
            return steps[step - 1 - self._before]
        places = {name: Place(step, "parameters", name) for name in self.start}
        start = {
            name: self.names.number(place, earlier[place])
            for name, place in places.items()
            if place in earlier
        }
        return replace(steps[0], parameters={**self.start, **start})

    def _whole_step(self, step: int, earlier: Mapping[Place, Any]) -> TraceStep:
        """Return a step of which everything is replaced that later steps are computed from."""
        parameters: Parameters = {}
        state: dict[str, Buffers] = {owner: {} for owner in self.run.owners(self.start)}
        for place in self.names.needed_after(step):
            number = self.names.number(place, earlier[place])
            if place.part == "parameters":
                parameters[place.parameter] = number
            else:
                state.setdefault(place.parameter, {})[place.buffer] = number
        return TraceStep(step, parameters, None, None, state)

    def _ancestors_of(self, slot: Slot) -> frozenset[Place]:
        """Return the values that a slot is computed from."""
        found = self._ancestors.get(slot)
        if found is None:
            target = self._places[slot]
            found = self._ancestors[slot] = frozenset(self._reach(target, frozenset())) - {target}
        return found

    def _reach(self, target: Place, cut: Collection[Place]) -> Iterator[Place]:
        """Yield a value and those that it is computed from, but none behind those that are cut."""
        reached, pending = {target}, [target]
        while pending:
            place = pending.pop()
            yield place
            for operand in self.names.operands(place):
                if operand not in reached and operand not in cut:
                    reached.add(operand)
                    pending.append(operand)


def trace_computation(
    prepared: PreparedTrace, wanted: Iterable[str], touched: frozenset[str] | None = frozenset()
) -> TraceComputation:
    """Return the computation of some values of a prepared trace. touched: see `TraceComputation`."""
    trace = prepared.trace
    return TraceComputation(trace_setup(prepared), trace.run, trace.steps, wanted, touched=touched)


def _needs_loss(place: Place) -> bool:
    """Return whether a value is known only with the loss of its step."""
    return place.part == "loss" or place.parameter == RATE


class _Reached(Exception):
    """The value that was asked for was computed."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@contextmanager
def _unfit_as(name: str) -> Iterator[None]:
    """Raise errors of the block as UnfitEntries of a value."""
    try:
        yield
    except UnfitEntries:
        raise
    except QuestionErrors as errors:
        error = errors.errors[0]
        raise UnfitEntries(name, error.message, error.expected, error.received) from None
