"""Running an optimizer step by step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers.rules.declaration import Buffers, Number, Optimizer, State
from compute.optimizers.run.applying import ALL, compute_update, flatten, unflatten
from compute.optimizers.run.averages import AVERAGE, Averaging
from compute.optimizers.run.gradients import Clipping, add_decay, clip_gradients
from compute.optimizers.run.hessians import Hessian
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.objective import LossAndGradients, Objective, Parameters, ProgramObjective
from compute.optimizers.run.places import Place, Substitute
from compute.optimizers.run.plateau import RATE, Plateau
from compute.optimizers.run.traced_numbers import Writer


@dataclass(frozen=True)
class Run:
    """Everything that a trace is computed from.

    number: converts a constant to the numbers of the trace.
    rate: the learning rate of a step.
    settings: the rule's hyperparameters.
    write: writes a number in LaTeX.
    to_float: converts a number to a float, or None if symbols are free.
    decay: weight decay.
    decay_form: `coupled` adds it to the gradient, `decoupled` subtracts it from the parameters with the
        update, `post` shrinks the parameters after the update.
    maximize: whether the loss is maximized: its gradient is negated.
    hessian: for rules that use it.
    initial: the state before the first step.
    groups: the runs of parameters with settings of their own, by parameter.
    has_own_rates: whether the learning rate of a group is its own.
    average: the running average of parameters, if any.
    plateau: what reduces the learning rate when losses stop improving, if anything.
    renews_gradient: False for the mistake of using the gradient of the first step at every step.
    """

    optimizer: Optimizer
    objective: Objective
    arithmetic: Arithmetic
    number: Callable[[Any], Number]
    rate: Callable[[int], Number]
    settings: Mapping[str, Any]
    write: Writer
    to_float: Callable[[Any], float | None]
    decay: Number | None = None
    decay_form: str = "coupled"
    maximize: bool = False
    clipping: Clipping = field(default_factory=Clipping)
    hessian: Hessian | None = None
    initial: InitialState = field(default_factory=InitialState)
    groups: Mapping[str, "Run"] = field(default_factory=dict)
    has_own_rates: bool = False
    average: Averaging | None = None
    plateau: Plateau | None = None
    renews_gradient: bool = True

    def of(self, name: str) -> "Run":
        """Return the run with the settings of a parameter."""
        return self.groups.get(name, self)

    def rate_at(self, step: int, state: Mapping[str, Buffers]) -> Number:
        """Return the learning rate of a step. state: after the step before."""
        rate = self.rate(step)
        return rate if self.plateau is None else self.plateau.reduced(rate, state.get(RATE, {}))

    @property
    def decays_gradient(self) -> bool:
        """True if weight decay is added to the gradient."""
        return self.decay is not None and self.decay_form == "coupled"

    @property
    def changes_gradient(self) -> bool:
        """True if the rule uses a gradient other than that of the loss."""
        return bool(self.clipping) or any(
            run.maximize or run.decays_gradient for run in (self, *self.groups.values())
        )

    def owners(self, names: Iterable[str]) -> list[str]:
        """Return what the buffers of the rule belong to: parameters, or all of them together."""
        return [ALL] if self.optimizer.updates_jointly else [*names]


@dataclass(slots=True)
class StepRecord:
    """The numbers that a step was computed from.

    learning_rate: of all parameters, or by parameter if groups have their own.
    gradient: of the loss, at the parameters before the step unless the rule looks ahead.
    used_gradient: the same, clipped, negated to maximize, and decayed.
    rows, batch_loss: the rows of the data that the step used, and the loss on them.
    before, state_before: parameters and buffers before the step.
    average: the running average of parameters after the step, if it is asked for.
    """

    learning_rate: Number | dict[str, Number]
    gradient: Parameters
    used_gradient: Parameters
    update: Parameters
    rows: Sequence[int] | None
    batch_loss: Array | None
    before: Parameters
    state_before: Mapping[str, Buffers]
    average: Parameters | None = None

    def rate_of(self, name: str) -> Number:
        """Return the learning rate of a parameter."""
        rate = self.learning_rate
        return rate[name] if isinstance(rate, dict) else rate


@dataclass(slots=True)
class TraceStep:
    """The result of a step.

    The start has no record; it is step 0 unless steps were made before.

    loss, gradient: on all data, at these parameters; gradient is None after the last of given gradients.
    state: buffers, by parameter and name.
    """

    number: int
    parameters: Parameters
    loss: Array | None
    gradient: Parameters | None
    state: Mapping[str, Buffers]
    record: StepRecord | None = None


def follow(
    run: Run,
    start: Parameters,
    steps: int,
    *,
    closing: bool = True,
    substitute: Substitute | None = None,
) -> Iterator[TraceStep]:
    """Yield the steps of a trace, each computed from the one before; none is kept.

    steps: the number of steps to make.
    closing: whether to compute loss and gradient at the last parameters, too.
    substitute: called with every value; what it returns stands in the place of the value.
    """
    before = run.initial.step
    parameters = _substitute_each(substitute, before, "parameters", dict(start))
    state: dict[str, Buffers] = {owner: {} for owner in run.owners(start)}
    state |= {owner: dict(buffers) for owner, buffers in run.initial.buffers.items()}
    first = TraceStep(before, parameters, None, None, state)
    return resume(run, first, before + steps, closing=closing, substitute=substitute)


def resume(
    run: Run,
    first: TraceStep,
    last: int,
    *,
    closing: bool = True,
    substitute: Substitute | None = None,
) -> Iterator[TraceStep]:
    """Yield a step, its loss and gradient computed anew, and those up to the last, as `follow` does."""
    objective, optimizer = run.objective, run.optimizer
    end = None if objective.steps is None else run.initial.step + objective.steps
    evaluate_all: Callable[[Parameters], LossAndGradients] | None = None
    if isinstance(objective, ProgramObjective) and (objective.batches or optimizer.looks_ahead):
        evaluate_all = objective.evaluate_all  # the step's gradient comes without this loss
    parameters, state, record = first.parameters, first.state, first.record
    for number in range(first.number, last + 1):
        result: LossAndGradients | None = None
        if (end is None or number < end) and (closing or number < last):
            gradient_point = _look_ahead(run, parameters, state) if optimizer.looks_ahead else parameters
            result = objective.at(gradient_point, number + 1)
        current = result if evaluate_all is None or result is None else evaluate_all(parameters)
        loss, gradient = (None, None) if current is None else (current.loss, current.gradient)
        loss = _substitute_one(substitute, number, "loss", loss)
        if run.plateau is not None and number > first.number:
            state = _observe_loss(run, run.plateau, number, loss, state, substitute)
        yield TraceStep(number, parameters, loss, gradient, state, record)
        if result is None or number == last:
            return
        after = number + 1
        rate = _learning_rate(run, after, parameters, state, substitute)
        batch_loss = result.loss if objective.batches else None
        batch_loss = _substitute_one(substitute, after, "batch.loss", batch_loss)
        gradient = result.gradient if record is None or run.renews_gradient else record.gradient
        gradient = _substitute_each(substitute, after, "gradient", gradient)
        used_gradient = gradient
        if run.changes_gradient:
            used_gradient = _use_gradient(run, gradient, parameters)
            used_gradient = _substitute_each(substitute, after, "used_gradient", used_gradient)
        update, state_after = _compute_updates(run, after, rate, parameters, used_gradient, state, substitute)
        update = _substitute_each(substitute, after, "update", update)
        rows = objective.rows(after)
        record = StepRecord(rate, gradient, used_gradient, update, rows, batch_loss, parameters, state)
        parameters = _apply_update(run, parameters, update, after)
        parameters = _substitute_each(substitute, after, "parameters", parameters)
        if run.average is not None:
            running = run.average.follow(run.arithmetic, parameters, record.before, state)
            running = _substitute_each(substitute, after, "state", running, AVERAGE)
            average = run.average.correct(run.arithmetic, running, after)
            record.average = _substitute_each(substitute, after, "average", average)
            for name, array in running.items():
                state_after[name] = {**state_after.get(name, {}), AVERAGE: array}
        if RATE in state:
            state_after[RATE] = state[RATE]
        state = state_after


def _substitute_one(substitute: Substitute | None, step: int, part: str, value: Any) -> Any:
    return value if substitute is None or value is None else substitute(Place(step, part), value)


def _substitute_each(
    substitute: Substitute | None, step: int, part: str, arrays: Parameters, buffer: str = ""
) -> Parameters:
    if substitute is None:
        return arrays
    return {name: substitute(Place(step, part, name, buffer), array) for name, array in arrays.items()}


def _look_ahead(run: Run, parameters: Parameters, state: Mapping[str, Buffers]) -> Parameters:
    """Return the parameters plus momentum times the velocity."""
    xp = run.arithmetic
    return {
        name: xp.add(array, xp.multiply(run.of(name).settings["momentum"], state[name]["velocity"]))
        if "velocity" in state[name]
        else array
        for name, array in parameters.items()
    }


def _learning_rate(
    run: Run,
    step: int,
    parameters: Parameters,
    state: Mapping[str, Buffers],
    substitute: Substitute | None,
) -> Number | dict[str, Number]:
    if run.has_own_rates:
        rates = {name: run.of(name).rate_at(step, state) for name in parameters}
        return _substitute_each(substitute, step, "learning_rate", rates)
    return _substitute_one(substitute, step, "learning_rate", run.rate_at(step, state))


def _observe_loss(
    run: Run,
    plateau: Plateau,
    number: int,
    loss: Array | None,
    state: Mapping[str, Buffers],
    substitute: Substitute | None,
) -> Mapping[str, Buffers]:
    """Return the state after the loss of a step was seen."""
    observed = plateau.loss_of(number - run.initial.step, loss)
    if observed is None:
        return state
    buffers = plateau.observe(state.get(RATE, {}), observed, run.number, run.to_float)
    if substitute is not None:
        buffers = {
            name: substitute(Place(number, "state", RATE, name), value) for name, value in buffers.items()
        }
    return {**state, RATE: buffers}


def _use_gradient(run: Run, gradient: Parameters, parameters: Parameters) -> Parameters:
    """Return the gradient as the rule uses it: clipped, negated to maximize, and decayed."""
    xp = run.arithmetic
    used = clip_gradients(xp, gradient, run.clipping) if run.clipping else gradient
    return {name: _ascend_and_decay(run.of(name), array, parameters[name]) for name, array in used.items()}


def _ascend_and_decay(run: Run, gradient: Array, parameter: Array) -> Array:
    """Return the gradient of a parameter, negated to maximize, with coupled weight decay."""
    if run.maximize:
        gradient = run.arithmetic.negative(gradient)
    if run.decay is not None and run.decays_gradient:
        gradient = add_decay(run.arithmetic, gradient, parameter, run.decay)
    return gradient


def _compute_updates(
    run: Run,
    number: int,
    rate: Number | dict[str, Number],
    parameters: Parameters,
    gradient: Parameters,
    state: Mapping[str, Buffers],
    substitute: Substitute | None,
) -> tuple[Parameters, dict[str, Buffers]]:
    """Return the update of each parameter, and the buffers after the step."""
    if run.optimizer.updates_jointly:
        hessian = run.hessian
        assert hessian is not None  # set for rules that update jointly
        vector_state = State(
            run.arithmetic, run.number, number, rate,
            flatten(parameters), flatten(gradient), state[ALL],
            lambda: _use_hessian(run, hessian(parameters, number)),
        )  # fmt: skip
        change, buffers = _compute_update(run, vector_state, ALL, substitute)
        return unflatten(change, parameters), {ALL: buffers}
    update: Parameters = {}
    state_after: dict[str, Buffers] = {}
    for name, parameter in parameters.items():
        own = rate[name] if isinstance(rate, dict) else rate
        parameter_state = State(
            run.arithmetic, run.number, number, own, parameter, gradient[name], state[name]
        )
        update[name], state_after[name] = _compute_update(run.of(name), parameter_state, name, substitute)
    return update, state_after


def _compute_update(
    run: Run, state: State, owner: str, substitute: Substitute | None
) -> tuple[Array, Buffers]:
    """Compute an update, again for each buffer that is replaced, in the order in which they are kept."""
    if substitute is None:
        return compute_update(run, state)
    state.substituted = substituted = {}
    change, buffers = compute_update(run, state)
    for name in tuple(buffers):
        value = substitute(Place(state.step, "state", owner, name), buffers[name])
        if value is not buffers[name]:
            substituted[name], state.new_buffers = value, {}
            change, buffers = compute_update(run, state)
    return change, buffers


def _use_hessian(run: Run, hessian: Array) -> Array:
    """Return the Hessian of the loss as the rule uses it: negated to maximize, with coupled weight decay."""
    hessian = run.arithmetic.negative(hessian) if run.maximize else hessian
    if run.decay is None or not run.decays_gradient:
        return hessian
    decayed: Array = hessian + np.eye(len(hessian), dtype=np.int64).astype(hessian.dtype) * run.decay
    return decayed


def _apply_update(run: Run, parameters: Parameters, update: Parameters, number: int) -> Parameters:
    if not run.arithmetic.simplifies:
        return {name: np.add(array, update[name]) if array.shape else array + update[name]
                for name, array in parameters.items()}  # fmt: skip
    xp = run.arithmetic
    return {
        name: xp.simplify(xp.add(array, update[name]), f"{name} at step {number}")
        for name, array in parameters.items()
    }
