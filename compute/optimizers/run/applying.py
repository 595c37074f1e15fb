"""Applying an update rule to a parameter: floats at once, exact numbers entry by entry."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers.rules.declaration import Buffers, Number, Optimizer, State
from compute.optimizers.run.objective import Parameters

ALL = "all parameters"


class RuleSettings(Protocol):
    """The part of a run that determines how a parameter is updated."""

    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def decay(self) -> Number | None: ...
    @property
    def decay_form(self) -> str: ...


def compute_update(run: RuleSettings, state: State) -> tuple[Array, Buffers]:
    """Return the update of a parameter, or of one of its entries, and its new buffers."""
    if not isinstance(state.parameter, np.ndarray) or state.parameter.dtype != object:
        change, buffers = apply_rule(run, state, run.settings, run.decay)
        return change + 0, buffers  # turns -0 into 0
    if run.optimizer.updates_jointly:
        return _update_vector(run, state)
    update = np.empty(state.parameter.shape, dtype=object)
    buffers = {}
    xp = EntrywiseNamespace(state.xp)
    for index in np.ndindex(update.shape):
        change, buffers_after = apply_rule(run, entry_state(state, index, xp), run.settings, run.decay)
        update[index] = change
        for name, value in buffers_after.items():
            buffers.setdefault(name, np.empty(update.shape, dtype=object))[index] = value
    simplify = state.xp.simplify
    return simplify(update, "update"), {name: simplify(buffer, name) for name, buffer in buffers.items()}


def apply_rule(
    run: RuleSettings, state: State, settings: Mapping[str, Any], decay: Number | None
) -> tuple[Any, Buffers]:
    """Return the rule's update, with decoupled or post decay, and its new buffers, in any kind of number."""
    change = run.optimizer.rule(state, **settings)
    if decay is not None and run.decay_form == "decoupled":
        change = change - state.learning_rate * decay * state.parameter
    elif decay is not None and run.decay_form == "post":
        change = change - decay * (state.parameter + change)
    return change, state.new_buffers


def _update_vector(run: RuleSettings, state: State) -> tuple[Array, Buffers]:
    """Apply a rule to an exact vector.

    Numbers are boxed: SymPy would otherwise convert an array operand to one of its own.
    """
    boxed = replace(state, learning_rate=box(state.learning_rate))
    settings = {
        name: value if isinstance(value, bool | str | int) else box(value)
        for name, value in run.settings.items()
    }
    decay = None if run.decay is None else box(run.decay)
    change, buffers = apply_rule(run, boxed, settings, decay)
    return state.xp.simplify(change, "update"), {
        name: state.xp.simplify(buffer, name) for name, buffer in buffers.items()
    }


def box(number: Any) -> Array:
    """Return an exact number as an array of shape (1,)."""
    array = np.empty(1, dtype=object)  # NumPy would unbox an array without axes
    array[0] = number
    return array


def entry_state(state: State, index: tuple[int, ...], xp: Any) -> State:
    """Return the state of one entry of a parameter."""
    return State(
        xp, state.number, state.step, state.learning_rate, state.parameter[index], state.gradient[index],
        {name: buffer[index] for name, buffer in state.buffers.items()},
        substituted={name: buffer[index] for name, buffer in (state.substituted or {}).items()},
    )  # fmt: skip


class EntrywiseNamespace:
    """A namespace whose functions return the single entry of their result."""

    def __init__(self, xp: Arithmetic) -> None:
        self._xp = xp

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self._xp, name)

        def single(*operands: Any) -> Any:
            return function(*operands)[()]

        return single


def flatten(parameters: Parameters) -> Array:
    """Concatenate all entries of all parameters into one vector."""
    return np.concatenate([np.reshape(parameter, -1) for parameter in parameters.values()])


def unflatten(flat: Array, parameters: Parameters) -> Parameters:
    """Split a vector into arrays with the shapes of these parameters."""
    result, start = {}, 0
    for name, parameter in parameters.items():
        result[name] = flat[start : start + parameter.size].reshape(parameter.shape)
        start += parameter.size
    return result
