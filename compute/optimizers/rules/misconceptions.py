"""Known mistakes in the rules of all optimizers, of momentum, Lion and Newton's method."""

from typing import Any

import numpy as np

from compute.optimizers.rules.declaration import OPTIMIZERS, Change, Number, Rule, State
from compute.optimizers.rules.mistakes import COURSES, altered, mistaken_rule

ALL_BUT_RPROP = tuple(OPTIMIZERS.keys() - {"rprop"})
AVERAGING = (
    *("adam", "adamw", "amsgrad", "nadam", "radam", "adamax", "adagrad", "rmsprop", "adadelta"),
    *("momentum", "nesterov", "nesterov_lookahead"),
)


# All optimizers


@mistaken_rule(
    {"optimizer.sign": ALL_BUT_RPROP},
    message="To make the loss smaller, parameters move against the gradient: look at the sign of the update.",
    note="the update was added with the opposite sign, uphill",
    source="deep-learning-with-python#19",
)
def sign(right: Rule, state: State, **settings: Any) -> Change:
    """Move uphill."""
    return -right(state, **settings)


@mistaken_rule(
    {"optimizer.rate_left_out": ALL_BUT_RPROP},
    message="A step is only part of the direction: look at where the learning rate enters the update.",
    note="the learning rate was left out of the update",
    source=COURSES,
)
def rate_left_out(right: Rule, state: State, **settings: Any) -> Change:
    """Take a learning rate of 1."""
    return right(altered(state, learning_rate=1), **settings)


@mistaken_rule(
    {"optimizer.state_after_update": AVERAGING},
    message="Within a step the running means and velocities are renewed first, and the update is made from"
    " the new ones: look at the order of the two.",
    note="the update was made from the buffers of the step before, which were renewed after it",
    source=COURSES,
)
def state_after_update(right: Rule, state: State, **settings: Any) -> Change:
    """Use the buffers of the step before."""
    before: dict[str, Any] = {}

    def previous(name: str, start: Number = 0) -> Any:
        before[name] = state.previous(name, start)
        return before[name]

    def keep(name: str, value: Any) -> Any:
        return before.get(name, state.keep(name, value))

    return right(altered(state, previous=previous, keep=keep), **settings)


# Momentum


@mistaken_rule(
    {"momentum.average_for_sum": ["momentum"]},
    message="There are two kinds of velocity, a sum and an average of gradients: look at the factor of the"
    " new gradient.",
    note="the velocity was an average, with the gradient times 1 - beta; the same as form average",
    source="mlx#87; fastbook#174; keras#13971",
)
def average_for_sum(right: Rule, state: State, **settings: Any) -> Change:
    """Multiply the gradient by 1 - beta."""
    return right(state, **(settings | {"form": "average"}))


@mistaken_rule(
    {"momentum.sum_for_average": ["momentum"]},
    message="There are two kinds of velocity, a sum and an average of gradients: look at the factor of the"
    " new gradient.",
    note="the velocity was a sum, with the whole gradient; the same as form sum",
    source="mlx#87",
)
def sum_for_average(right: Rule, state: State, **settings: Any) -> Change:
    """Add the whole gradient."""
    return right(state, **(settings | {"form": "sum", "dampening": 0}))


@mistaken_rule(
    {"momentum.rate_inside": ["momentum", "nesterov"]},
    message="The learning rate belongs to the update here, not to the velocity: look at what the velocity is"
    " a sum of.",
    note="the velocity was beta V - eta g and was added to the parameters; these are the same as long as the"
    " rate is constant",
    source="NLeSC#2; brainstorm#96",
)
def rate_inside(right: Rule, state: State, **settings: Any) -> Change:
    """Keep the negative gradient times the rate in the velocity."""
    inside = altered(state, gradient=-state.learning_rate * state.gradient, learning_rate=-1)
    return right(inside, **settings)


@mistaken_rule(
    {"momentum.rate_inside_subtracted": ["momentum", "nesterov"]},
    message="The learning rate belongs to the update here, not to the velocity: look at what the velocity is"
    " a sum of.",
    note="the velocity was beta V + eta g and was subtracted from the parameters; these are the same as long"
    " as the rate is constant",
    source="NLeSC#2; brainstorm#96",
)
def rate_inside_subtracted(right: Rule, state: State, **settings: Any) -> Change:
    """Keep the gradient times the rate in the velocity."""
    return right(altered(state, gradient=state.learning_rate * state.gradient, learning_rate=1), **settings)


@mistaken_rule(
    {"momentum.sign_of_state": ["momentum", "nesterov"]},
    message="The minus sign appears once, either in the velocity or in the update: look at both.",
    note="the velocity was beta V - g and was subtracted from the parameters",
    source="deep-learning-with-python#19",
)
def sign_of_state(right: Rule, state: State, **settings: Any) -> Change:
    """Subtract the gradient from the velocity, and the velocity from the parameters."""
    return right(altered(state, gradient=-state.gradient), **settings)


@mistaken_rule(
    {"momentum.velocity_subtracted": ["momentum", "nesterov"]},
    message="The velocity keeps the direction of earlier steps: look at the sign of the old velocity in the"
    " new one.",
    note="the velocity was g - beta V",
    source="deep-learning-with-python#19",
)
def velocity_subtracted(right: Rule, state: State, **settings: Any) -> Change:
    """Subtract the old velocity from the gradient."""
    buffers = {name: -buffer for name, buffer in state.buffers.items()}
    return right(altered(state, buffers=buffers), **settings)


@mistaken_rule(
    {"momentum.nesterov": ["momentum"]},
    message="The parameters move along the velocity itself here: look at whether the update looks one step"
    " ahead.",
    note="the update was eta (g + beta V), that of Nesterov's momentum",
    source="pytorch#5920; pylearn2#1030",
)
def nesterov_for_momentum(right: Rule, state: State, *, momentum: Number, **settings: Any) -> Change:
    """Move along the gradient plus the decayed velocity."""
    right(state, momentum=momentum, **settings)
    return -state.learning_rate * (state.gradient + momentum * state.new_buffers["velocity"])


@mistaken_rule(
    {"nesterov.plain_momentum": ["nesterov"]},
    message="Nesterov's update looks one step ahead: look at what is added to the velocity in the update.",
    note="the update was eta V, that of plain momentum",
    source="pytorch#5920; pylearn2#1030",
)
def momentum_for_nesterov(right: Rule, state: State, **settings: Any) -> Change:
    """Move along the velocity alone."""
    right(state, **settings)
    return -state.learning_rate * state.new_buffers["velocity"]


@mistaken_rule(
    {"momentum.forgotten": ["momentum", "nesterov"]},
    message="Momentum carries part of the last velocity into the next step: look at what the velocity starts"
    " from.",
    note="every step was one of plain gradient descent, without the velocity of the step before",
    source=COURSES,
)
def momentum_forgotten(right: Rule, state: State, **settings: Any) -> Change:
    """Take a momentum of 0."""
    return right(state, **(settings | {"momentum": 0}))


@mistaken_rule(
    {"momentum.velocity_not_decayed": ["momentum", "nesterov"]},
    message="Only part of the old velocity is kept: look at its factor.",
    note="the velocity was V + g, without beta",
    source=COURSES,
)
def velocity_not_decayed(right: Rule, state: State, *, momentum: Number, **settings: Any) -> Change:
    """Keep the whole velocity."""
    buffers = {name: buffer / momentum for name, buffer in state.buffers.items()}
    return right(altered(state, buffers=buffers), momentum=momentum, **settings)


@mistaken_rule(
    {"momentum.weights_exchanged": ["momentum"]},
    message="Most of the velocity is kept at each step: look at which factor belongs to the old velocity, and"
    " which to the gradient.",
    note="the velocity was (1 - beta) V + beta g",
    source=COURSES,
)
def velocity_weights_exchanged(right: Rule, state: State, *, momentum: Number, **settings: Any) -> Change:
    """Average with the two factors exchanged."""
    return right(state, momentum=1 - momentum, **(settings | {"form": "average"}))


# Lion and Newton's method


@mistaken_rule(
    {"lion.no_sign": ["lion"]},
    message="Lion moves every entry by the same amount: look at what is taken of the mean.",
    note="the mean itself was used, not its sign",
    source=COURSES,
)
def no_sign(right: Rule, state: State, *, beta_1: Number, beta_2: Number) -> Change:
    """Move along the mean."""
    mean = state.previous("momentum")
    state.keep("momentum", beta_2 * mean + (1 - beta_2) * state.gradient)
    return -state.learning_rate * (beta_1 * mean + (1 - beta_1) * state.gradient)


@mistaken_rule(
    {"newton.hessian_not_inverted": ["newton"]},
    message="Where the loss is steeply curved, Newton's step is short: look at how the Hessian enters it.",
    note="the gradient was multiplied by the Hessian, not by its inverse",
    source=COURSES,
)
def hessian_not_inverted(right: Rule, state: State, *, damping: Number) -> Change:
    """Multiply by the Hessian."""
    hessian = _hessian(state)
    return -state.learning_rate * (hessian @ state.gradient + damping * state.gradient)


@mistaken_rule(
    {"newton.diagonal_only": ["newton"]},
    message="Second derivatives with respect to two different entries matter, too: look at which entries of"
    " the Hessian were used.",
    note="the gradient was divided by the diagonal of the Hessian, without its other entries",
    source=COURSES,
)
def diagonal_only(right: Rule, state: State, *, damping: Number) -> Change:
    """Divide by the diagonal of the Hessian."""
    return -state.learning_rate * state.gradient / (np.diagonal(_hessian(state)) + damping)


@mistaken_rule(
    {"newton.hessian_left_out": ["newton"]},
    message="Newton's step uses second derivatives: look at what the gradient is multiplied by.",
    note="the gradient alone was used, without the Hessian",
    source=COURSES,
)
def hessian_left_out(right: Rule, state: State, *, damping: Number) -> Change:
    """Move along the gradient."""
    _hessian(state)
    return -state.learning_rate * state.gradient


def _hessian(state: State) -> Any:
    assert state.hessian is not None  # set for rules that update jointly
    return state.keep("hessian", state.hessian())
