"""Following an optimizer step by step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers.applying import ALL, applied, flatten, unflatten
from compute.optimizers.declaration import Buffers, Number, Optimizer, State
from compute.optimizers.gradients import Clipping, clipped, decayed
from compute.optimizers.hessians import Hessian
from compute.optimizers.objective import LossAndGradients, Objective, Parameters, ProgramObjective
from compute.optimizers.written import Writer


@dataclass(frozen=True)
class Run:
    """All that a trace follows.

    number: a constant in the numbers of the trace; rate: the learning rate of each step; settings: the rule's
    hyperparameters; write: a number in LaTeX; measure: a number as a float, or None where symbols are free;
    decay: weight decay, which is added to the gradient (`coupled`), taken from the parameters beside the
    update (`decoupled`), or from what the update leaves (`post`); hessian: for rules that ask for it.
    """

    optimizer: Optimizer
    objective: Objective
    arithmetic: Arithmetic
    number: Callable[[Any], Number]
    rate: Callable[[int], Number]
    settings: Mapping[str, Any]
    write: Writer
    measure: Callable[[Any], float | None]
    decay: Number | None = None
    decay_form: str = "coupled"
    clipping: Clipping = field(default_factory=Clipping)
    hessian: Hessian | None = None

    @property
    def uses_another_gradient(self) -> bool:
        """Whether rules see something else than the gradient itself."""
        return bool(self.clipping) or (self.decay is not None and self.decay_form == "coupled")


@dataclass(slots=True)
class StepRecord:
    """How a step was made.

    gradient: where it was taken, which is at the parameters before the step unless the rule looks ahead;
    used: the same, clipped and decayed; update: what was added; rows, batch_loss: the part of the data that
    it saw, and its loss there; before, state_before: what it was made from.
    """

    learning_rate: Number
    gradient: Parameters
    used: Parameters
    update: Parameters
    rows: Sequence[int] | None
    batch_loss: Array | None
    before: Parameters
    state_before: Mapping[str, Buffers]


@dataclass(slots=True)
class TraceStep:
    """Where a step led: parameters, their loss on all data, and what the rule keeps, by parameter and name.

    Step 0 is the start, and was not made. gradient: of the loss on all data, at these parameters; None behind
    the last of those that are handed in.
    """

    number: int
    parameters: Parameters
    loss: Array | None
    gradient: Parameters | None
    state: Mapping[str, Buffers]
    made: StepRecord | None = None


def follow(course: Run, start: Parameters, steps: int, *, closing: bool = True) -> Iterator[TraceStep]:
    """The steps of a trace as they are made. Each is made from the one before; none is kept.

    closing: whether loss and gradient are wanted at the last parameters too.
    """
    objective, xp, optimizer = course.objective, course.arithmetic, course.optimizer
    bounded = objective.steps
    whole: Callable[[Parameters], LossAndGradients] | None = None
    if isinstance(objective, ProgramObjective) and (objective.batches or optimizer.looks_ahead):
        whole = objective.whole  # the pass for a step's gradient does not find the loss at its parameters
    parameters = dict(start)
    state: Mapping[str, Buffers] = {name: {} for name in ([ALL] if optimizer.takes_all else start)}
    made: StepRecord | None = None
    for number in range(steps + 1):
        seen: LossAndGradients | None = None
        if (bounded is None or number < bounded) and (closing or number < steps):
            place = _ahead(course, parameters, state) if optimizer.looks_ahead else parameters
            seen = objective.at(place, number + 1)
        here = seen if whole is None or seen is None else whole(parameters)
        loss, gradient = (None, None) if here is None else (here.loss, here.gradient)
        yield TraceStep(number, parameters, loss, gradient, state, made)
        if seen is None or number == steps:
            return
        gradient, rate = seen.gradient, course.rate(number + 1)
        used = clipped(xp, gradient, course.clipping) if course.clipping else gradient
        if course.decay is not None and course.decay_form == "coupled":
            used = decayed(xp, used, parameters, course.decay)
        update, after = _updates(course, number + 1, rate, parameters, used, state)
        rows = objective.rows(number + 1)
        batch_loss = seen.loss if objective.batches else None
        made = StepRecord(rate, gradient, used, update, rows, batch_loss, parameters, state)
        parameters, state = _moved(course, parameters, update, number + 1), after


def _ahead(course: Run, parameters: Parameters, state: Mapping[str, Buffers]) -> Parameters:
    """A momentum's step of the velocity ahead."""
    xp, momentum = course.arithmetic, course.settings["momentum"]
    return {
        name: xp.add(one, xp.multiply(momentum, state[name]["velocity"])) if state[name] else one
        for name, one in parameters.items()
    }


def _updates(
    course: Run,
    number: int,
    rate: Number,
    parameters: Parameters,
    gradient: Parameters,
    state: Mapping[str, Buffers],
) -> tuple[Parameters, Mapping[str, Buffers]]:
    """What is added to each parameter, and the buffers after."""
    if course.optimizer.takes_all:
        hessian = course.hessian
        assert hessian is not None  # a course of such a rule has it
        whole = State(
            course.arithmetic, course.number, number, rate,
            flatten(parameters), flatten(gradient), state[ALL],
            lambda: _with_decay(course, hessian(parameters, number)),
        )  # fmt: skip
        change, buffers = applied(course, whole)
        return unflatten(change, parameters), {ALL: buffers}
    update: Parameters = {}
    after: dict[str, Buffers] = {}
    for name, parameter in parameters.items():
        one = State(course.arithmetic, course.number, number, rate, parameter, gradient[name], state[name])
        update[name], after[name] = applied(course, one)
    return update, after


def _with_decay(course: Run, hessian: Array) -> Array:
    """The second derivatives of the loss with the decay that its gradient has."""
    if course.decay is None or course.decay_form != "coupled":
        return hessian
    found: Array = hessian + np.eye(len(hessian), dtype=np.int64).astype(hessian.dtype) * course.decay
    return found


def _moved(course: Run, parameters: Parameters, update: Parameters, number: int) -> Parameters:
    if not course.arithmetic.simplifies:
        return {name: np.add(one, update[name]) if one.shape else one + update[name]
                for name, one in parameters.items()}  # fmt: skip
    xp = course.arithmetic
    return {
        name: xp.simplify(xp.add(one, update[name]), f"{name} at step {number}")
        for name, one in parameters.items()
    }
