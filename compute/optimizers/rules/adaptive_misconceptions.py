"""Known mistakes in adaptive rules."""

from collections.abc import Mapping
from typing import Any

from compute.optimizers.rules.adaptive import largest, moments
from compute.optimizers.rules.declaration import Change, Number, Rule, State
from compute.optimizers.rules.mistakes import COURSES, altered, mistaken_rule
from compute.optimizers.rules.squares import Square

ADAM = ("adam", "adamw", "amsgrad")
ADAMS = (*ADAM, "nadam", "radam")


# Roots and squares


def _root_left_out(total: Any) -> Any:
    return total.value if isinstance(total, Square) else total


@mistaken_rule(
    {
        "adam.no_root": ADAMS,
        "rmsprop.no_root": ["rmsprop"],
        "adagrad.no_root": ["adagrad"],
        "adadelta.no_root": ["adadelta"],
    },
    message="The divisor has the unit of a gradient, not of its square: look at how the squares enter it.",
    note="the root of the squares was left out",
    source=COURSES,
)
def no_root(right: Rule, state: State, **settings: Any) -> Change:
    """Divide by the squares themselves."""
    return right(altered(state, root=_root_left_out), **settings)


@mistaken_rule(
    {
        "adam.epsilon_inside_root": ADAMS,
        "rmsprop.epsilon_inside_root": ["rmsprop"],
        "adagrad.epsilon_inside_root": ["adagrad"],
    },
    message="Epsilon keeps the divisor from zero: look at whether it is added before or after the root.",
    note="epsilon was added under the root",
    source="d2l-zh#502; keras#17391",
)
def epsilon_inside_root(right: Rule, state: State, *, epsilon: Number, **settings: Any) -> Change:
    """Add epsilon under the root."""
    inside = altered(state, root=lambda total: state.root(total + epsilon))
    return right(inside, epsilon=0, **settings)


@mistaken_rule(
    {
        "adam.epsilon_left_out": ADAMS,
        "rmsprop.epsilon_left_out": ["rmsprop"],
        "adagrad.epsilon_left_out": ["adagrad"],
    },
    message="Something small keeps the divisor from zero: look at whether it is all there.",
    note="epsilon was left out",
    source=COURSES,
)
def epsilon_left_out(right: Rule, state: State, **settings: Any) -> Change:
    """Add nothing to the root."""
    return right(state, **(settings | {"epsilon": 0}))


@mistaken_rule(
    {
        "adam.gradient_not_squared": ADAMS,
        "rmsprop.gradient_not_squared": ["rmsprop"],
        "adagrad.gradient_not_squared": ["adagrad"],
    },
    message="The divisor measures the size of gradients, whatever their sign: look at what is collected for"
    " it.",
    note="gradients were collected without being squared",
    source=COURSES,
)
def gradient_not_squared(right: Rule, state: State, **settings: Any) -> Change:
    """Collect gradients in the place of their squares."""
    return right(altered(state, square=lambda gradient: gradient), **settings)


# Adam


def _correction(beta: Number, state: State, settings: Mapping[str, Any]) -> Number:
    """Return what a mean is divided by at this step."""
    count = state.step - 1 + settings["count_from"]
    return 1 - beta**count if settings["bias_correction"] and count > 0 else 1


def _scaled(state: State, mean: Number, squares: Number, epsilon: Number) -> Change:
    return -state.learning_rate * mean / (state.root(squares) + epsilon)


def _corrected(state: State, first: Number, squares: Number, settings: Mapping[str, Any]) -> Change:
    """Return Adam's update from means that are not corrected yet."""
    return _scaled(
        state,
        first / _correction(settings["beta_1"], state, settings),
        squares / _correction(settings["beta_2"], state, settings),
        settings["epsilon"],
    )


@mistaken_rule(
    {"adam.no_bias_correction": ADAM},
    message="Both means start at zero and are too small at first: look at what makes up for that.",
    note="the means were not corrected; the same as bias_correction false",
    source="mlx-rs#301",
)
def no_bias_correction(right: Rule, state: State, **settings: Any) -> Change:
    """Use the means as they are."""
    return right(state, **(settings | {"bias_correction": False}))


@mistaken_rule(
    {"adam.epsilon_not_corrected": ADAM},
    message="Epsilon is added to the corrected root: look at whether the correction comes before or after"
    " it.",
    note="epsilon was added before the correction of the second moment; the same as epsilon_form uncorrected",
    source="pytorch#22628; tensorflow#9047; nanochat#304; keras#14035",
)
def epsilon_not_corrected(right: Rule, state: State, **settings: Any) -> Change:
    """Correct the root together with epsilon."""
    return right(state, **(settings | {"epsilon_form": "uncorrected"}))


@mistaken_rule(
    {"adam.correction_without_power": ADAM},
    message="The correction fades from step to step: look at how it depends on the number of the step.",
    note="the means were divided by 1 - beta at every step, without the power",
    source="ML-From-Scratch#35; npfl114#79",
)
def correction_without_power(right: Rule, state: State, **settings: Any) -> Change:
    """Correct every step like the first."""
    return right(state, **(settings | {"count_from": 2 - state.step}))


@mistaken_rule(
    {"adam.correction_counts_one_more": ADAM},
    message="The correction depends on the number of the step: look at which number the first step has.",
    note="the power of beta in the correction was one too many",
    source="pytorch-a3c#12",
)
def correction_counts_one_more(right: Rule, state: State, *, count_from: int, **settings: Any) -> Change:
    """Count one step more."""
    return right(state, count_from=count_from + 1, **settings)


@mistaken_rule(
    {"adam.correction_applied_twice": ADAM},
    message="The means are corrected once: look at what was subtracted from one, and how often.",
    note="the correction was subtracted from 1 once more, so that the means were divided by powers of beta",
    source="AdaBound-tensorflow#3",
)
def correction_applied_twice(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Divide by 1 minus the corrections."""
    first, squares = moments(state, beta_1, beta_2, settings["amsgrad"])
    return _scaled(
        state,
        first / (1 - _correction(beta_1, state, settings)),
        squares / (1 - _correction(beta_2, state, settings)),
        epsilon,
    )


@mistaken_rule(
    {"adam.only_first_corrected": ADAM},
    message="Both means start at zero: look at whether each of them is corrected.",
    note="only the mean of gradients was corrected",
    source=COURSES,
)
def only_first_corrected(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Correct the mean of gradients alone."""
    first, squares = moments(state, beta_1, beta_2, settings["amsgrad"])
    return _scaled(state, first / _correction(beta_1, state, settings), squares, epsilon)


@mistaken_rule(
    {"adam.only_second_corrected": ADAM},
    message="Both means start at zero: look at whether each of them is corrected.",
    note="only the mean of squares was corrected",
    source=COURSES,
)
def only_second_corrected(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Correct the mean of squares alone."""
    first, squares = moments(state, beta_1, beta_2, settings["amsgrad"])
    return _scaled(state, first, squares / _correction(beta_2, state, settings), epsilon)


@mistaken_rule(
    {"adam.corrected_moments_carried_on": ADAM},
    message="The correction is for the update alone: look at which means go into the next step.",
    note="the corrected means of a step were carried on to the next one",
    source=COURSES,
)
def corrected_moments_carried_on(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, **settings: Any
) -> Change:
    """Start from the corrected means of the step before."""
    buffers = dict(state.buffers)
    if buffers:
        before = altered(state, step=state.step - 1)
        for name, beta in (("first_moment", beta_1), ("second_moment", beta_2)):
            buffers[name] = buffers[name] / _correction(beta, before, settings)
    return right(altered(state, buffers=buffers), beta_1=beta_1, beta_2=beta_2, **settings)


@mistaken_rule(
    {"adam.betas_swapped": (*ADAMS, "adamax"), "lion.betas_swapped": ["lion"]},
    message="There are two decay rates, for two means: look at which belongs to which.",
    note="beta_1 and beta_2 were exchanged",
    source=COURSES,
)
def betas_swapped(right: Rule, state: State, *, beta_1: Number, beta_2: Number, **settings: Any) -> Change:
    """Exchange the decay rates."""
    return right(state, beta_1=beta_2, beta_2=beta_1, **settings)


@mistaken_rule(
    {"adam.moments_not_averaged": ADAM},
    message="Both moments are running means, not sums: look at the factor of what is new.",
    note="gradients and squares were added whole, without 1 - beta",
    source=COURSES,
)
def moments_not_averaged(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Add gradients and squares whole."""
    first = state.keep("first_moment", beta_1 * state.previous("first_moment") + state.gradient)
    added = beta_2 * state.previous("second_moment") + state.square(state.gradient)
    squares = state.keep("second_moment", added)
    if settings["amsgrad"]:
        squares = largest(state, squares)
    return _corrected(
        state, first, squares, settings | {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    )


@mistaken_rule(
    {"adam.weights_exchanged": ADAM},
    message="Most of a running mean is kept at each step: look at which factor belongs to the old mean, and"
    " which to what is new.",
    note="the means were (1 - beta) of the old and beta of the new, both of them",
    source=COURSES,
)
def moment_weights_exchanged(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Average with the factors exchanged."""
    first, squares = moments(state, 1 - beta_1, 1 - beta_2, settings["amsgrad"])
    return _corrected(
        state, first, squares, settings | {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    )


@mistaken_rule(
    {"adam.gradient_for_first_moment": ADAM},
    message="Adam has two means, and the update is made from both: look at what is divided by the root.",
    note="the gradient itself was divided by the root, not its mean",
    source=COURSES,
)
def gradient_for_first_moment(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Divide the gradient by the root."""
    _, squares = moments(state, beta_1, beta_2, settings["amsgrad"])
    return _scaled(state, state.gradient, squares / _correction(beta_2, state, settings), epsilon)


@mistaken_rule(
    {"adam.second_moment_left_out": ADAM},
    message="Adam has two means, and the update is made from both: look at what the first one is divided by.",
    note="the mean of gradients was not divided by the root of the mean of squares",
    source=COURSES,
)
def second_moment_left_out(
    right: Rule, state: State, *, beta_1: Number, beta_2: Number, epsilon: Number, **settings: Any
) -> Change:
    """Move along the mean of gradients."""
    first, _ = moments(state, beta_1, beta_2, settings["amsgrad"])
    return -state.learning_rate * first / _correction(beta_1, state, settings)


# RMSProp and Adagrad


@mistaken_rule(
    {"rmsprop.weights_exchanged": ["rmsprop"], "adadelta.weights_exchanged": ["adadelta"]},
    message="Most of a running mean is kept at each step: look at which factor belongs to the old mean, and"
    " which to the new square.",
    note="the mean was (1 - rho) of the old and rho of the new square",
    source=COURSES,
)
def mean_weights_exchanged(right: Rule, state: State, *, rho: Number, **settings: Any) -> Change:
    """Average with the factors exchanged."""
    return right(state, rho=1 - rho, **settings)


@mistaken_rule(
    {"rmsprop.last_square_only": ["rmsprop"]},
    message="The divisor remembers earlier gradients: look at what its mean of squares starts from.",
    note="the square of the last gradient was used, without those before",
    source=COURSES,
)
def last_square_only(right: Rule, state: State, **settings: Any) -> Change:
    """Keep no mean of squares."""
    return right(state, **(settings | {"rho": 0}))


@mistaken_rule(
    {"rmsprop.sum_for_mean": ["rmsprop"]},
    message="Old squares fade with time: look at their factor, and at that of the new square.",
    note="squares were summed as in Adagrad, without rho",
    source=COURSES,
)
def sum_for_mean(
    right: Rule, state: State, *, rho: Number, momentum: Number, centered: bool, epsilon: Number
) -> Change:
    """Sum the squares."""
    if centered or momentum:
        return right(state, rho=rho, momentum=momentum, centered=centered, epsilon=epsilon)
    added = state.previous("mean_of_squares") + state.square(state.gradient)
    return _scaled(state, state.gradient, state.keep("mean_of_squares", added), epsilon)


@mistaken_rule(
    {"adagrad.last_square_only": ["adagrad"]},
    message="The divisor remembers all earlier gradients: look at what its sum of squares starts from.",
    note="the square of the last gradient was used, without those before",
    source=COURSES,
)
def no_sum(right: Rule, state: State, **settings: Any) -> Change:
    """Start the sum anew at every step."""
    return right(altered(state, buffers={}), **settings)
