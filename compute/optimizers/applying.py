"""An update rule applied to a parameter: to floats at once, to exact numbers entry by entry."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers.declaration import Buffers, Number, Optimizer, State
from compute.optimizers.objective import Parameters

ALL = "all parameters"


class Ruled(Protocol):
    """What of a course says how a parameter moves."""

    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def decay(self) -> Number | None: ...
    @property
    def decay_form(self) -> str: ...


def applied(course: Ruled, state: State) -> tuple[Array, Buffers]:
    """What is added to a parameter, or to an entry of it, and the buffers after."""
    if not isinstance(state.parameter, np.ndarray) or state.parameter.dtype != object:
        change, kept = apply_rule(course, state, course.settings, course.decay)
        return change + 0, kept  # a gradient of 0 moves by 0, and not by -0
    if course.optimizer.takes_all:
        return _whole(course, state)
    update = np.empty(state.parameter.shape, dtype=object)
    buffers: Buffers = {}
    entries = Entries(state.xp)
    for at in np.ndindex(update.shape):
        change, kept = apply_rule(course, entry_of(state, at, entries), course.settings, course.decay)
        update[at] = change
        for name, one in kept.items():
            buffers.setdefault(name, np.empty(update.shape, dtype=object))[at] = one
    settle = state.xp.simplify
    return settle(update, "update"), {name: settle(one, name) for name, one in buffers.items()}


def apply_rule(
    course: Ruled, state: State, settings: Mapping[str, Any], decay: Number | None
) -> tuple[Any, Buffers]:
    """The rule's own change with decay that is not in the gradient, in any kind of number."""
    change = course.optimizer.rule(state, **settings)
    if decay is not None and course.decay_form == "decoupled":
        change = change - state.learning_rate * decay * state.parameter
    elif decay is not None and course.decay_form == "post":
        change = change - decay * (state.parameter + change)
    return change, state.kept


def _whole(course: Ruled, state: State) -> tuple[Array, Buffers]:
    """A rule of exact vectors. SymPy's numbers would take an array beside them for one of its own."""
    state.learning_rate = boxed(state.learning_rate)
    settings = {
        name: one if isinstance(one, bool | str | int) else boxed(one)
        for name, one in course.settings.items()
    }
    decay = None if course.decay is None else boxed(course.decay)
    change, buffers = apply_rule(course, state, settings, decay)
    return state.xp.simplify(change, "update"), {
        name: state.xp.simplify(one, name) for name, one in buffers.items()
    }


def boxed(number: Any) -> Array:
    """An exact number in an array of its own."""
    box = np.empty(1, dtype=object)  # of one without axes NumPy makes bare numbers again
    box[0] = number
    return box


def entry_of(state: State, at: tuple[int, ...], xp: Any) -> State:
    """The state of one entry of a parameter."""
    return State(
        xp, state.number, state.step, state.learning_rate, state.parameter[at], state.gradient[at],
        {name: one[at] for name, one in state.buffers.items()},
    )  # fmt: skip


class Entries:
    """A namespace's functions on single entries."""

    def __init__(self, xp: Arithmetic) -> None:
        self._xp = xp

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self._xp, name)

        def single(*operands: Any) -> Any:
            return function(*operands)[()]

        return single


def flatten(parameters: Parameters) -> Array:
    """All entries of all parameters as one vector."""
    return np.concatenate([np.reshape(one, -1) for one in parameters.values()])


def unflatten(flat: Array, parameters: Parameters) -> Parameters:
    """A vector as parameters of these shapes."""
    found, start = {}, 0
    for name, one in parameters.items():
        found[name] = flat[start : start + one.size].reshape(one.shape)
        start += one.size
    return found
