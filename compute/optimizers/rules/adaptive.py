"""Adaptive optimizers: a learning rate per entry, from squared gradients."""

from dataclasses import replace
from typing import Annotated, Literal

from compute.optimizers.rules.declaration import (
    Change,
    Number,
    Setting,
    State,
    When,
    declare_variant,
    optimizer,
)

EPSILON = Setting("Keeps the denominator from zero.", r"\epsilon", least=0)
RHO = Setting("Decay rate of the mean of squares.", r"\rho", least=0, below=1)
BETA_1 = Setting("Decay rate of the mean of gradients.", r"\beta_1", least=0, below=1)
BETA_2 = Setting("Decay rate of the mean of squares.", r"\beta_2", least=0, below=1)
SCALED = r"\frac{g_t}{\sqrt{v_t} + \epsilon}"
CENTERED = r"\frac{g_t}{\sqrt{s_t} + \epsilon}"
CORRECTED = r"x_t = x_{t-1} - \eta_t \frac{m_t / (1 - \beta_1^t)}{\sqrt{%s_t / (1 - \beta_2^t)} + \epsilon}"
ADJUSTED = r" \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}"
PLAIN = r"x_t = x_{t-1} - \eta_t%s \frac{m_t}{\sqrt{%s_t} + \epsilon}"
FIRST = r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t"
SECOND = r"v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2"


@optimizer(
    r"G_t = G_{t-1} + g_t^2",
    r"x_t = x_{t-1} - \frac{\eta_t}{1 + (t - 1) \lambda} \frac{g_t}{\sqrt{G_t} + \epsilon}",
    learning_rate=0.01,
    buffers={"sum_of_squares": "G"},
    nonnegative=("sum_of_squares",),
)
def adagrad(
    state: State,
    *,
    rate_decay: Annotated[Number, Setting("How the rate decays with steps.", r"\lambda", least=0)] = 0,
    initial_accumulator: Annotated[
        Number, Setting("Initial value of the sum of squares.", "G_0", least=0)
    ] = 0,
    epsilon: Annotated[Number, EPSILON] = 1e-10,
) -> Change:
    """Adagrad: the rate of each entry falls with the sum of its squared gradients.

    Source: Duchi et al., Adaptive subgradient methods (2011), figure 1.
    """
    previous = state.previous("sum_of_squares", initial_accumulator)
    sum_of_squares = state.keep("sum_of_squares", previous + state.square(state.gradient))
    rate = state.learning_rate / (1 + (state.step - 1) * rate_decay)
    return -rate * state.gradient / (state.root(sum_of_squares) + epsilon)


@optimizer(
    r"v_t = \rho v_{t-1} + (1 - \rho) g_t^2",
    When(r"\bar g_t = \rho \bar g_{t-1} + (1 - \rho) g_t", centered=True),
    When(
        r"s_t = \rho \left(s_{t-1} + (1 - \rho) (g_t - \bar g_{t-1})^2\right) = v_t - \bar g_t^2",
        centered=True,
    ),
    When(r"x_t = x_{t-1} - \eta_t " + SCALED, centered=False, momentum=0),
    When(r"x_t = x_{t-1} - \eta_t " + CENTERED, centered=True, momentum=0),
    When(r"b_t = \mu b_{t-1} + " + SCALED, centered=False, momentum=lambda value: value != 0),
    When(r"b_t = \mu b_{t-1} + " + CENTERED, centered=True, momentum=lambda value: value != 0),
    When(r"x_t = x_{t-1} - \eta_t b_t", momentum=lambda value: value != 0),
    learning_rate=0.01,
    buffers={"mean_of_squares": "v", "mean_gradient": r"\bar g", "variance": "s", "velocity": "b"},
    nonnegative=("mean_of_squares", "variance"),
)
def rmsprop(
    state: State,
    *,
    rho: Annotated[Number, RHO] = 0.99,
    momentum: Annotated[Number, Setting("Decay rate of the velocity.", r"\mu", least=0)] = 0,
    centered: Annotated[bool, Setting("Whether to subtract the mean gradient before squaring.", "")] = False,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
) -> Change:
    """RMSProp: gradients divided by the root of a running mean of their squares.

    The centered variance is updated incrementally: as a difference of two means it would lose all its digits,
        and its sign, if gradients hardly change.

    Source: Tieleman and Hinton, Neural networks for machine learning (2012), lecture 6.5; centered: Graves,
    Generating sequences with recurrent neural networks (2013), equations 38 to 45; its variance: Finch,
    Incremental calculation of weighted mean and variance (2009), section 9.
    """
    gradient = state.gradient
    previous = state.previous("mean_of_squares")
    squares = state.keep("mean_of_squares", rho * previous + (1 - rho) * state.square(gradient))
    if centered:
        mean = state.previous("mean_gradient")
        state.keep("mean_gradient", rho * mean + (1 - rho) * gradient)
        deviation = (1 - rho) * state.square(gradient - mean)
        squares = state.keep("variance", rho * (state.previous("variance") + deviation))
    scaled = gradient / (state.root(squares) + epsilon)
    if momentum:
        scaled = state.keep("velocity", momentum * state.previous("velocity") + scaled)
    return -state.learning_rate * scaled


@optimizer(
    r"v_t = \rho v_{t-1} + (1 - \rho) g_t^2",
    r"\Delta_t = \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} g_t",
    r"u_t = \rho u_{t-1} + (1 - \rho) \Delta_t^2",
    r"x_t = x_{t-1} - \eta_t \Delta_t",
    learning_rate=1,
    buffers={"mean_of_squares": "v", "mean_of_squared_updates": "u"},
    nonnegative=("mean_of_squares", "mean_of_squared_updates"),
)
def adadelta(
    state: State,
    *,
    rho: Annotated[Number, RHO] = 0.9,
    epsilon: Annotated[Number, EPSILON] = 1e-6,
) -> Change:
    """Adadelta: updates in the unit of the parameter, without a rate to choose.

    Source: Zeiler, ADADELTA (2012), algorithm 1.
    """
    squares = state.keep(
        "mean_of_squares", rho * state.previous("mean_of_squares") + (1 - rho) * state.square(state.gradient)
    )
    previous = state.previous("mean_of_squared_updates")
    change = state.root(previous + epsilon) / state.root(squares + epsilon) * state.gradient
    state.keep("mean_of_squared_updates", rho * previous + (1 - rho) * state.square(change))
    return -state.learning_rate * change


def moments(state: State, beta_1: Number, beta_2: Number, amsgrad: bool) -> tuple[Number, Number]:
    """Return Adam's mean of gradients and of their squares, or the largest such mean so far."""
    first, squares = _first(state, beta_1), _second(state, beta_2)
    return first, largest(state, squares) if amsgrad else squares


def largest(state: State, squares: Number) -> Number:
    """Return the largest mean of squares so far."""
    before = state.buffers.get("largest_second_moment")
    value = squares if before is None else state.maximum(before, squares)
    return state.keep("largest_second_moment", value)


def _first(state: State, beta: Number) -> Number:
    return state.keep("first_moment", beta * state.previous("first_moment") + (1 - beta) * state.gradient)


def _second(state: State, beta: Number) -> Number:
    previous = state.previous("second_moment")
    return state.keep("second_moment", beta * previous + (1 - beta) * state.square(state.gradient))


@optimizer(
    FIRST,
    SECOND,
    When(r"t = 0, 1, 2, \dots, \text{ and nothing is corrected at } 0", count_from=0, bias_correction=True),
    When(r"t = T, T + 1, \dots", count_from=lambda value: value > 1, bias_correction=True),
    When(r"\hat v_t = \max(\hat v_{t-1}, v_t)", amsgrad=True),
    When(CORRECTED % "v", amsgrad=False, epsilon_form="corrected", bias_correction=True),
    When(CORRECTED % r"\hat v", amsgrad=True, epsilon_form="corrected", bias_correction=True),
    When(PLAIN % (ADJUSTED, "v"), amsgrad=False, epsilon_form="uncorrected", bias_correction=True),
    When(PLAIN % (ADJUSTED, r"\hat v"), amsgrad=True, epsilon_form="uncorrected", bias_correction=True),
    When(PLAIN % ("", "v"), amsgrad=False, bias_correction=False),
    When(PLAIN % ("", r"\hat v"), amsgrad=True, bias_correction=False),
    learning_rate=0.001,
    buffers={"first_moment": "m", "second_moment": "v", "largest_second_moment": r"\hat v"},
    nonnegative=("second_moment", "largest_second_moment"),
)
def adam(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, BETA_2] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
    amsgrad: Annotated[bool, Setting("Whether to divide by the largest mean of squares so far.", "")] = False,
    epsilon_form: Annotated[
        Literal["corrected", "uncorrected"],
        Setting(
            "Whether epsilon is added to the bias-corrected root, as in PyTorch, or before the correction.",
            "",
            unused_when=("bias_correction", False),
        ),
    ] = "corrected",
    bias_correction: Annotated[
        bool, Setting("Whether to correct the means for their start at zero.", "")
    ] = True,
    count_from: Annotated[
        int,
        Setting(
            "The number of the first step. ONNX counts from 0, and does not correct step 0.",
            "T",
            unused_when=("bias_correction", False),
        ),
    ] = 1,
) -> Change:
    """Adam: running means of gradients and of their squares, both corrected for their start at zero.

    Source: Kingma and Ba, Adam (2015), algorithm 1; uncorrected epsilon: section 2; amsgrad: Reddi et al., On
    the convergence of Adam and beyond (2018), algorithm 2.
    """
    first, squares = moments(state, beta_1, beta_2, amsgrad)
    count = state.step - 1 + count_from
    corrected = bias_correction and count > 0
    correction_1: Number
    correction_2: Number
    correction_1, correction_2 = (1 - beta_1**count, 1 - beta_2**count) if corrected else (1, 1)
    if epsilon_form == "corrected" or not corrected:
        return -state.learning_rate * (first / correction_1) / (state.root(squares / correction_2) + epsilon)
    rate = state.learning_rate * state.xp.sqrt(correction_2) / correction_1
    return -rate * first / (state.root(squares) + epsilon)


declare_variant(
    "adamw",
    "adam",
    "AdamW: Adam with weight decay subtracted from the parameters, not added to the gradients",
    "Loshchilov and Hutter, Decoupled weight decay regularization (2019), algorithm 2.",
    weight_decay=0.01,
    decay="decoupled",
)
declare_variant(
    "amsgrad",
    "adam",
    "AMSGrad: Adam divided by the largest mean of squares so far",
    "Reddi et al., On the convergence of Adam and beyond (2018), algorithm 2.",
    amsgrad=True,
)


@optimizer(
    FIRST,
    r"u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)",
    r"x_t = x_{t-1} - \frac{\eta_t}{1 - \beta_1^t} \frac{m_t}{u_t}",
    learning_rate=0.002,
    buffers={"first_moment": "m", "infinity_norm": "u"},
    nonnegative=("infinity_norm",),
)
def adamax(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, BETA_2] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
) -> Change:
    """Adamax: Adam with an exponentially decayed infinity norm in place of the mean square.

    Source: Kingma and Ba, Adam (2015), algorithm 2.
    """
    first, decayed_norm = _first(state, beta_1), beta_2 * state.previous("infinity_norm")
    norm = state.keep(
        "infinity_norm", state.xp.maximum(decayed_norm, state.xp.absolute(state.gradient) + epsilon)
    )
    rate = state.learning_rate / (1 - beta_1**state.step)
    return -rate * first / norm


@optimizer(
    r"\Pi_t = \Pi_{t-1} \mu_t, \quad \mu_t = \beta_1 \left(1 - \tfrac{1}{2} 0.96^{t \psi}\right)",
    FIRST,
    SECOND,
    r"x_t = x_{t-1} - \eta_t \frac{\frac{1 - \mu_t}{1 - \Pi_t} g_t"
    r" + \frac{\mu_{t+1}}{1 - \Pi_{t+1}} m_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}",
    learning_rate=0.002,
    buffers={"first_moment": "m", "second_moment": "v", "momentum_product": r"\Pi"},
    nonnegative=("second_moment", "momentum_product"),
)
def nadam(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, BETA_2] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
    momentum_decay: Annotated[
        Number, Setting("Decay rate of the momentum schedule.", r"\psi", least=0)
    ] = 0.004,
) -> Change:
    """NAdam: Adam with Nesterov's momentum.

    Source: Dozat, Incorporating Nesterov momentum into Adam (2016), algorithm 2.
    """
    first, second = _first(state, beta_1), _second(state, beta_2)
    base = state.number("0.96")

    def momentum_at(step: int) -> Number:
        return beta_1 * (1 - base ** (step * momentum_decay) / 2)

    momentum, next_momentum = momentum_at(state.step), momentum_at(state.step + 1)
    product = state.keep("momentum_product", state.previous("momentum_product", 1) * momentum)
    root = state.root(second / (1 - beta_2**state.step)) + epsilon
    direction = (1 - momentum) / (1 - product) * state.gradient + next_momentum / (
        1 - product * next_momentum
    ) * first
    return -state.learning_rate * direction / root


@optimizer(
    FIRST,
    SECOND,
    r"\rho_\infty = \frac{2}{1 - \beta_2} - 1, \quad "
    r"\rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}",
    r"r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}",
    r"x_t = x_{t-1} - \eta_t \frac{m_t}{1 - \beta_1^t} r_t \frac{\sqrt{1 - \beta_2^t}}{\sqrt{v_t} + \epsilon}"
    r" \text{ if } \rho_t > 5, \text{ else } x_{t-1} - \eta_t \frac{m_t}{1 - \beta_1^t}",
    learning_rate=0.001,
    buffers={"first_moment": "m", "second_moment": "v"},
    nonnegative=("second_moment",),
)
def radam(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, replace(BETA_2, decides=True)] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
) -> Change:
    """RAdam: Adam with an adaptive rate only from the step at which its variance is tractable.

    Source: Liu et al., On the variance of the adaptive learning rate and beyond (2020), algorithm 2.
    """
    first, second, t = _first(state, beta_1), _second(state, beta_2), state.step
    mean = first / (1 - beta_1**t)
    longest = 2 / (1 - beta_2) - 1
    length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
    if not length > 5:
        return -state.learning_rate * mean
    ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    scale = state.xp.sqrt(ratio * (1 - beta_2**t))
    return -state.learning_rate * mean * scale / (state.root(second) + epsilon)
