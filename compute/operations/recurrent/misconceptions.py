"""Known mistakes in recurrent layers."""

from compute.graph.graph import Value, apply
from compute.operations.framework.misconceptions import DoesNotApply, Step, misconception, stop_gradient
from compute.operations.layers.activation import activate
from compute.operations.recurrent.stages import (
    applied,
    operand_user,
    previous,
    row_of_input,
    terms,
    zeros_like,
)

ARGUMENTS = ("preactivation[t]", "input_terms[t]")
LAYERS = ("rnn", "lstm", "gru")


@misconception(
    "rnn.no_recurrence",
    at="preactivation[t]",
    of=("rnn", "lstm"),
    message="Look at what a step takes over from the step before.",
    note="the term of the previous state was left out",
    source="seen in courses",
)
def no_recurrence(step: Step) -> Value:
    """Leave out the term of the previous state."""
    of_input, of_state = terms(step)
    return step.rebuilt({operand_user(step, "add", 1, of_state): of_input})


@misconception(
    "rnn.weights_swapped",
    at="preactivation[t]",
    of=("rnn", "lstm"),
    message="Look at which weights belong to the input, and which to the previous state.",
    note="the weights of the input and of the previous state were exchanged",
    source="seen in courses",
)
def weights_swapped(step: Step) -> Value:
    """Exchange both weights."""
    of_input, of_state = terms(step)
    (x, w_x), (state, w_h) = of_input.inputs, of_state.inputs
    return step.rebuilt({of_input: apply("project", x, w_h), of_state: apply("project", state, w_x)})


@misconception(
    "rnn.initial_state_ignored",
    at="preactivation[t]",
    of=("rnn", "lstm"),
    message="Look at the state before the first step: the question says what it is.",
    note="the first step started from zeros instead of the initial state",
    source="seen in courses",
)
def initial_state_ignored(step: Step) -> Value | None:
    """Start from zeros."""
    of_state = terms(step)[1]
    state, weights = of_state.inputs
    if previous(state) is not None or not _is_sent(state):
        return None
    zeros = zeros_like(state, step.constant(0))
    return step.rebuilt({of_state: apply("project", zeros, weights)})


def _is_sent(state: Value) -> bool:
    """Return whether an initial state is not the default, zeros of its own."""
    return not applied(state, "constant")


def _row(step: Step) -> Value:
    """Return the row of the input that a step reads."""
    of_input = step.find("project") if step.name.startswith("input_terms") else terms(step)[0]
    return row_of_input(of_input.inputs[0])


def _reads_backwards(step: Step) -> bool:
    """Return whether the steps of the layer run from the last to the first."""
    direction = step.settings["direction"]
    is_second = direction == "both" and step.graph.full_name("").endswith("reverse.")
    return direction == "reverse" or is_second


@misconception(
    "rnn.inputs_one_late",
    at=ARGUMENTS,
    of=LAYERS,
    message="Look at which input each step reads: its own, or that of the step before.",
    note="each step read the input of the step before; the first one read zeros",
    source="seen in courses",
)
def inputs_one_late(step: Step) -> Value:
    """Read each input one step late."""
    row = _row(step)
    late = row.attributes["at"] + (1 if _reads_backwards(step) else -1)
    if 0 <= late < step.size(row.inputs[0], -2):
        return step.rebuilt({row: apply("time_step", *row.inputs, at=late)})
    return step.rebuilt({row: zeros_like(row, step.constant(0))})


@misconception(
    "rnn.read_backwards",
    at=ARGUMENTS,
    of=LAYERS,
    message="Look at the order in which the steps read the sequence.",
    note="the sequence was read from its other end",
    source="seen in courses",
)
def read_backwards(step: Step) -> Value | None:
    """Read the sequence from its other end."""
    row = _row(step)
    at = step.size(row.inputs[0], -2) - 1 - row.attributes["at"]
    if at == row.attributes["at"]:
        return None
    return step.rebuilt({row: apply("time_step", *row.inputs, at=at)})


def _earlier_state(step: Step) -> tuple[Value, int]:
    """Return the state before a step and its number. Raises DoesNotApply for the initial state."""
    state = terms(step)[1].inputs[0]
    before = previous(state)
    if before is None:
        raise DoesNotApply("the initial state")
    return state, before


@misconception(
    "rnn.preactivation_carried_on",
    at="preactivation[t]",
    of=("rnn",),
    message="Look at what a step hands on to the next one: the activation comes first.",
    note="the preactivation was handed on to the next step instead of the hidden state",
    source="seen in courses",
)
def preactivation_carried_on(step: Step) -> Value:
    """Carry the preactivation on."""
    state, before = _earlier_state(step)
    return step.rebuilt({state: step[f"preactivation[{before}]"]})


@misconception(
    "rnn.gradient_last_step_only",
    at="preactivation[t]",
    of=("rnn",),
    message="The state before a step depends on the weights too: look at which paths the gradient takes.",
    note="the state before each step was treated as a constant, so that no gradient went back in time",
    source="d2l-en#2616",
)
def gradient_last_step_only(step: Step) -> Value:
    """Pass no gradient on to the step before."""
    state, _ = _earlier_state(step)
    return step.rebuilt({state: stop_gradient(state)})


@misconception(
    "rnn.gradient_last_term_only",
    at="preactivation[t]",
    of=("rnn",),
    message="The recurrent weights are used at every step: look at how many terms their gradient has.",
    note="the gradient of the recurrent weights has the term of the last step alone",
    source="seen in courses",
)
def gradient_last_term_only(step: Step) -> Value | None:
    """Pass no gradient on to the recurrent weights at any step but the last."""
    of_state = terms(step)[1]
    row = _row(step)
    if row.attributes["at"] == step.size(row.inputs[0], -2) - 1:
        return None
    state, weights = of_state.inputs
    return step.rebuilt({of_state: apply("project", state, stop_gradient(weights))})


@misconception(
    "rnn.gradient_state_not_shifted",
    at="preactivation[t]",
    of=("rnn",),
    message="Look at which state the recurrent weights were multiplied with in each step.",
    note="the gradient of the recurrent weights was taken with the state after each step, not before it",
    source="zero_to_gpt#9",
)
def gradient_state_not_shifted(step: Step) -> Value:
    """Multiply the gradient of each step with the state after it."""
    of_state = terms(step)[1]
    weights = of_state.inputs[1]
    after = stop_gradient(activate(step.value, step.settings["activation"]))
    shifted = Step(of_state, "").with_gradient_through(weights, apply("project", after, weights))
    return step.rebuilt({of_state: shifted})


@misconception(
    "rnn.gradient_step_not_accumulated",
    at="hidden",
    of=LAYERS,
    message="Each state enters the loss itself and through the steps after it: look whether both are there.",
    note="only the last state got the gradient of its own output; earlier ones got that of later steps alone",
    source="CS231n-2017#7",
)
def gradient_step_not_accumulated(step: Step) -> Value:
    """Pass the gradient of the outputs on to the last state alone."""
    if step.value.primitive is None or step.value.primitive.name != "stack" or len(step.operands) == 1:
        raise DoesNotApply("no steps")
    last = 0 if _reads_backwards(step) else len(step.operands) - 1
    states = [state if at == last else stop_gradient(state) for at, state in enumerate(step.operands)]
    return apply("stack", *states, **step.attributes)


MISCONCEPTIONS = (
    no_recurrence,
    weights_swapped,
    initial_state_ignored,
    inputs_one_late,
    read_backwards,
    preactivation_carried_on,
    gradient_last_step_only,
    gradient_last_term_only,
    gradient_state_not_shifted,
    gradient_step_not_accumulated,
)
