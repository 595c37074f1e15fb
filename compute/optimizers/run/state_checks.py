"""Checks of the state that a trace starts from."""

from typing import Any

from compute.arithmetic.namespace import Arithmetic, Array
from compute.errors import Path, QuestionError, QuestionErrors, describe, unknown_name
from compute.optimizers.rules.declaration import is_true
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.plateau import BUFFERS, RATE
from compute.optimizers.run.trace_names import TraceNames

FIELD = "state"
COUNTS = BUFFERS[1:]
COUNTED_IN_STEPS = ("bad_steps", "reductions")  # at most one in each step
MAX_COUNT = 2**31 - 1
MAX_EXACT_STEP = 1_000  # powers of exact numbers grow with the number of the step


def check_state(names: TraceNames, state: InitialState, arithmetic: Arithmetic) -> None:
    """Raise QuestionErrors unless a state has every buffer that steps read, finite and of its shape."""
    if arithmetic.simplifies and state.step > MAX_EXACT_STEP:
        expected = f"at most {MAX_EXACT_STEP} in exact arithmetic"
        raise QuestionErrors([QuestionError(("step",), "is too large", expected, f"{state.step}")])
    kept = names.kept()
    needed = {
        owner: [name for name in buffers if name not in names.unread] for owner, buffers in kept.items()
    }
    if not state.buffers:
        if state.step and any(needed.values()):
            listed = dict.fromkeys(name for buffers in needed.values() for name in buffers)
            expected = f"the buffers after step {state.step}: {', '.join(listed)}"
            raise QuestionErrors([QuestionError((FIELD,), "is required with a step", expected, "nothing")])
        return
    errors: list[QuestionError] = []
    for owner, buffers in state.buffers.items():
        if owner not in kept:
            errors.append(unknown_name((FIELD, owner), "parameter with buffers", owner, kept))
            continue
        for name, array in buffers.items():
            path: Path = (FIELD, owner, name)
            if name not in kept[owner]:
                errors.append(unknown_name(path, f"buffer of {names.rule}", name, kept[owner]))
            else:
                errors += _check_buffer(path, names, owner, name, array, arithmetic)
    for owner, required in needed.items():
        for name in required:
            if name not in state.buffers.get(owner, {}):
                expected = f"the buffer after step {state.step}"
                errors.append(QuestionError((FIELD, owner, name), "is missing", expected, "nothing"))
    if errors:
        raise QuestionErrors(errors)


def _check_buffer(
    path: Path, names: TraceNames, owner: str, name: str, array: Array, arithmetic: Arithmetic
) -> list[QuestionError]:
    """Return the errors of one buffer."""
    shape = names.buffer_shape(owner)
    if array.shape != shape:
        expected, received = (f"shape {[*each]}" for each in (shape, array.shape))
        return [QuestionError(path, "does not have the shape of the buffer", expected, received)]
    if not arithmetic.simplifies and not arithmetic.is_finite(array):
        return [QuestionError(path, "is not finite", "finite numbers", "NaN or Infinity")]
    if owner == RATE and name in COUNTS:
        return _check_count(path, array, names.before if name in COUNTED_IN_STEPS else MAX_COUNT)
    if name in names.nonnegative:
        entries: list[Any] = array.reshape(-1).tolist()
        below = next((entry for entry in entries if is_true(entry < 0)), None)
        if below is not None:
            return [QuestionError(path, "has to be at least 0", "at least 0", describe(below))]
    return []


def _check_count(path: Path, array: Array, most: int) -> list[QuestionError]:
    """Return the error of a number of steps or reductions that is no whole number in its bounds."""
    count = array[()]
    if is_true(count >= 0) and is_true(count <= most) and count == int(count):
        return []
    expected = f"a whole number from 0 to {most}"
    return [QuestionError(path, "does not count what happened before", expected, describe(count))]
