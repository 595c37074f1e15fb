"""Running an optimizer step by step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers.rules.declaration import Buffers, Number, Optimizer, State
from compute.optimizers.run.applying import ALL, compute_update, flatten, unflatten
from compute.optimizers.run.gradients import Clipping, add_decay, clip_gradients
from compute.optimizers.run.hessians import Hessian
from compute.optimizers.run.objective import LossAndGradients, Objective, Parameters, ProgramObjective
from compute.optimizers.run.places import Place, Substitute
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
    hessian: for rules that use it.
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
    clipping: Clipping = field(default_factory=Clipping)
    hessian: Hessian | None = None
    renews_gradient: bool = True

    @property
    def changes_gradient(self) -> bool:
        """True if the rule uses a gradient other than that of the loss."""
        return bool(self.clipping) or (self.decay is not None and self.decay_form == "coupled")


@dataclass(slots=True)
class StepRecord:
    """The numbers that a step was computed from.

    gradient: of the loss, at the parameters before the step unless the rule looks ahead.
    used_gradient: the same, clipped and decayed.
    rows, batch_loss: the rows of the data that the step used, and the loss on them.
    before, state_before: parameters and buffers before the step.
    """

    learning_rate: Number
    gradient: Parameters
    used_gradient: Parameters
    update: Parameters
    rows: Sequence[int] | None
    batch_loss: Array | None
    before: Parameters
    state_before: Mapping[str, Buffers]


@dataclass(slots=True)
class TraceStep:
    """The result of a step.

    Step 0 is the start and has no record.

    loss, gradient: on all data, at these parameters; gradient is None after the last of given gradients.
    state: the rule's buffers, by parameter and name.
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

    closing: whether to compute loss and gradient at the last parameters, too.
    substitute: called with every value; what it returns stands in the place of the value.
    """
    parameters = _substitute_each(substitute, 0, "parameters", dict(start))
    state: Mapping[str, Buffers] = {name: {} for name in ([ALL] if run.optimizer.updates_jointly else start)}
    first = TraceStep(0, parameters, None, None, state)
    return resume(run, first, steps, closing=closing, substitute=substitute)


def resume(
    run: Run,
    first: TraceStep,
    steps: int,
    *,
    closing: bool = True,
    substitute: Substitute | None = None,
) -> Iterator[TraceStep]:
    """Yield a step, its loss and gradient computed anew, and the steps after it, as `follow` does."""
    objective, xp, optimizer = run.objective, run.arithmetic, run.optimizer
    gradient_count = objective.steps
    evaluate_all: Callable[[Parameters], LossAndGradients] | None = None
    if isinstance(objective, ProgramObjective) and (objective.batches or optimizer.looks_ahead):
        evaluate_all = objective.evaluate_all  # the step's gradient comes without this loss
    parameters, state, record = first.parameters, first.state, first.record
    for number in range(first.number, steps + 1):
        result: LossAndGradients | None = None
        if (gradient_count is None or number < gradient_count) and (closing or number < steps):
            gradient_point = _look_ahead(run, parameters, state) if optimizer.looks_ahead else parameters
            result = objective.at(gradient_point, number + 1)
        current = result if evaluate_all is None or result is None else evaluate_all(parameters)
        loss, gradient = (None, None) if current is None else (current.loss, current.gradient)
        loss = _substitute_one(substitute, number, "loss", loss)
        yield TraceStep(number, parameters, loss, gradient, state, record)
        if result is None or number == steps:
            return
        after = number + 1
        rate = _substitute_one(substitute, after, "learning_rate", run.rate(after))
        batch_loss = result.loss if objective.batches else None
        batch_loss = _substitute_one(substitute, after, "batch.loss", batch_loss)
        gradient = result.gradient if record is None or run.renews_gradient else record.gradient
        gradient = _substitute_each(substitute, after, "gradient", gradient)
        used_gradient = clip_gradients(xp, gradient, run.clipping) if run.clipping else gradient
        if run.decay is not None and run.decay_form == "coupled":
            used_gradient = add_decay(xp, used_gradient, parameters, run.decay)
        if run.changes_gradient:
            used_gradient = _substitute_each(substitute, after, "used_gradient", used_gradient)
        update, state_after = _compute_updates(run, after, rate, parameters, used_gradient, state, substitute)
        update = _substitute_each(substitute, after, "update", update)
        rows = objective.rows(after)
        record = StepRecord(rate, gradient, used_gradient, update, rows, batch_loss, parameters, state)
        parameters, state = _apply_update(run, parameters, update, after), state_after
        parameters = _substitute_each(substitute, after, "parameters", parameters)


def _substitute_one(substitute: Substitute | None, step: int, part: str, value: Any) -> Any:
    return value if substitute is None or value is None else substitute(Place(step, part), value)


def _substitute_each(substitute: Substitute | None, step: int, part: str, arrays: Parameters) -> Parameters:
    if substitute is None:
        return arrays
    return {name: substitute(Place(step, part, name), array) for name, array in arrays.items()}


def _look_ahead(run: Run, parameters: Parameters, state: Mapping[str, Buffers]) -> Parameters:
    """Return the parameters plus momentum times the velocity."""
    xp, momentum = run.arithmetic, run.settings["momentum"]
    return {
        name: xp.add(array, xp.multiply(momentum, state[name]["velocity"])) if state[name] else array
        for name, array in parameters.items()
    }


def _compute_updates(
    run: Run,
    number: int,
    rate: Number,
    parameters: Parameters,
    gradient: Parameters,
    state: Mapping[str, Buffers],
    substitute: Substitute | None,
) -> tuple[Parameters, Mapping[str, Buffers]]:
    """Return the update of each parameter, and the buffers after the step."""
    if run.optimizer.updates_jointly:
        hessian = run.hessian
        assert hessian is not None  # set for rules that update jointly
        vector_state = State(
            run.arithmetic, run.number, number, rate,
            flatten(parameters), flatten(gradient), state[ALL],
            lambda: _decay_hessian(run, hessian(parameters, number)),
        )  # fmt: skip
        change, buffers = _compute_update(run, vector_state, ALL, substitute)
        return unflatten(change, parameters), {ALL: buffers}
    update: Parameters = {}
    state_after: dict[str, Buffers] = {}
    for name, parameter in parameters.items():
        parameter_state = State(
            run.arithmetic, run.number, number, rate, parameter, gradient[name], state[name]
        )
        update[name], state_after[name] = _compute_update(run, parameter_state, name, substitute)
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


def _decay_hessian(run: Run, hessian: Array) -> Array:
    """Add coupled weight decay to the Hessian of the loss."""
    if run.decay is None or run.decay_form != "coupled":
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
