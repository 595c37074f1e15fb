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


def follow(run: Run, start: Parameters, steps: int, *, closing: bool = True) -> Iterator[TraceStep]:
    """Yield the steps of a trace, each computed from the one before; none is kept.

    closing: whether to compute loss and gradient at the last parameters, too.
    """
    objective, xp, optimizer = run.objective, run.arithmetic, run.optimizer
    gradient_count = objective.steps
    evaluate_all: Callable[[Parameters], LossAndGradients] | None = None
    if isinstance(objective, ProgramObjective) and (objective.batches or optimizer.looks_ahead):
        evaluate_all = objective.evaluate_all  # the step's gradient comes without this loss
    parameters = dict(start)
    state: Mapping[str, Buffers] = {name: {} for name in ([ALL] if optimizer.updates_jointly else start)}
    record: StepRecord | None = None
    for number in range(steps + 1):
        result: LossAndGradients | None = None
        if (gradient_count is None or number < gradient_count) and (closing or number < steps):
            gradient_point = _look_ahead(run, parameters, state) if optimizer.looks_ahead else parameters
            result = objective.at(gradient_point, number + 1)
        current = result if evaluate_all is None or result is None else evaluate_all(parameters)
        loss, gradient = (None, None) if current is None else (current.loss, current.gradient)
        yield TraceStep(number, parameters, loss, gradient, state, record)
        if result is None or number == steps:
            return
        gradient, rate = result.gradient, run.rate(number + 1)
        used_gradient = clip_gradients(xp, gradient, run.clipping) if run.clipping else gradient
        if run.decay is not None and run.decay_form == "coupled":
            used_gradient = add_decay(xp, used_gradient, parameters, run.decay)
        update, state_after = _compute_updates(run, number + 1, rate, parameters, used_gradient, state)
        rows = objective.rows(number + 1)
        batch_loss = result.loss if objective.batches else None
        record = StepRecord(rate, gradient, used_gradient, update, rows, batch_loss, parameters, state)
        parameters, state = _apply_update(run, parameters, update, number + 1), state_after


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
        change, buffers = compute_update(run, vector_state)
        return unflatten(change, parameters), {ALL: buffers}
    update: Parameters = {}
    state_after: dict[str, Buffers] = {}
    for name, parameter in parameters.items():
        parameter_state = State(
            run.arithmetic, run.number, number, rate, parameter, gradient[name], state[name]
        )
        update[name], state_after[name] = compute_update(run, parameter_state)
    return update, state_after


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
