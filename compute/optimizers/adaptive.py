"""Optimizers with a rate of its own for each entry, from the gradients' squares."""

from dataclasses import replace
from typing import Annotated, Literal

from compute.optimizers.declaration import Change, Number, Setting, State, When, optimizer, variant

EPSILON = Setting("What keeps the denominator from zero.", r"\epsilon", least=0)
RHO = Setting("How much of the mean of squares stays.", r"\rho", least=0, below=1)
BETA_1 = Setting("How much of the mean of gradients stays.", r"\beta_1", least=0, below=1)
BETA_2 = Setting("How much of the mean of squares stays.", r"\beta_2", least=0, below=1)
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
)
def adagrad(
    state: State,
    *,
    rate_decay: Annotated[Number, Setting("How the rate decays with steps.", r"\lambda", least=0)] = 0,
    initial_accumulator: Annotated[Number, Setting("What the sum starts from.", "G_0", least=0)] = 0,
    epsilon: Annotated[Number, EPSILON] = 1e-10,
) -> Change:
    """Adagrad: each entry's rate falls with the sum of its squared gradients.

    Source: Duchi et al., Adaptive subgradient methods (2011), figure 1.
    """
    before = state.before("sum_of_squares", initial_accumulator)
    total = state.keep("sum_of_squares", before + state.square(state.gradient))
    rate = state.learning_rate / (1 + (state.step - 1) * rate_decay)
    return -rate * state.gradient / (state.root(total) + epsilon)


@optimizer(
    r"v_t = \rho v_{t-1} + (1 - \rho) g_t^2",
    When(r"\bar g_t = \rho \bar g_{t-1} + (1 - \rho) g_t", centered=True),
    When(
        r"s_t = \rho \left(s_{t-1} + (1 - \rho) (g_t - \bar g_{t-1})^2\right) = v_t - \bar g_t^2",
        centered=True,
    ),
    When(r"x_t = x_{t-1} - \eta_t " + SCALED, centered=False, momentum=0),
    When(r"x_t = x_{t-1} - \eta_t " + CENTERED, centered=True, momentum=0),
    When(r"b_t = \mu b_{t-1} + " + SCALED, centered=False, momentum=lambda one: one != 0),
    When(r"b_t = \mu b_{t-1} + " + CENTERED, centered=True, momentum=lambda one: one != 0),
    When(r"x_t = x_{t-1} - \eta_t b_t", momentum=lambda one: one != 0),
    learning_rate=0.01,
    buffers={"mean_of_squares": "v", "mean_gradient": r"\bar g", "variance": "s", "velocity": "b"},
)
def rmsprop(
    state: State,
    *,
    rho: Annotated[Number, RHO] = 0.99,
    momentum: Annotated[Number, Setting("How much of the velocity stays.", r"\mu", least=0)] = 0,
    centered: Annotated[bool, Setting("Whether squares are taken about the mean gradient.", "")] = False,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
) -> Change:
    """RMSProp: gradients over the root of a running mean of their squares.

    The centered variance is updated from the step before. As a difference of two means it would lose all its
    digits, and its sign, where gradients hardly change.

    Source: Tieleman and Hinton, Neural networks for machine learning (2012), lecture 6.5; centered: Graves,
    Generating sequences with recurrent neural networks (2013), equations 38 to 45; its variance: Finch,
    Incremental calculation of weighted mean and variance (2009), section 9.
    """
    gradient = state.gradient
    before = state.before("mean_of_squares")
    squares = state.keep("mean_of_squares", rho * before + (1 - rho) * state.square(gradient))
    if centered:
        mean = state.before("mean_gradient")
        state.keep("mean_gradient", rho * mean + (1 - rho) * gradient)
        moved = (1 - rho) * state.square(gradient - mean)
        squares = state.keep("variance", rho * (state.before("variance") + moved))
    scaled = gradient / (state.root(squares) + epsilon)
    if momentum:
        scaled = state.keep("velocity", momentum * state.before("velocity") + scaled)
    return -state.learning_rate * scaled


@optimizer(
    r"v_t = \rho v_{t-1} + (1 - \rho) g_t^2",
    r"\Delta_t = \frac{\sqrt{u_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}} g_t",
    r"u_t = \rho u_{t-1} + (1 - \rho) \Delta_t^2",
    r"x_t = x_{t-1} - \eta_t \Delta_t",
    learning_rate=1,
    buffers={"mean_of_squares": "v", "mean_of_squared_updates": "u"},
)
def adadelta(
    state: State,
    *,
    rho: Annotated[Number, RHO] = 0.9,
    epsilon: Annotated[Number, EPSILON] = 1e-6,
) -> Change:
    """Adadelta: steps in the unit of the parameter, without a rate to choose.

    Source: Zeiler, ADADELTA (2012), algorithm 1.
    """
    squares = state.keep(
        "mean_of_squares", rho * state.before("mean_of_squares") + (1 - rho) * state.square(state.gradient)
    )
    before = state.before("mean_of_squared_updates")
    change = state.root(before + epsilon) / state.root(squares + epsilon) * state.gradient
    state.keep("mean_of_squared_updates", rho * before + (1 - rho) * state.square(change))
    return -state.learning_rate * change


def _first(state: State, beta: Number) -> Number:
    return state.keep("first_moment", beta * state.before("first_moment") + (1 - beta) * state.gradient)


def _second(state: State, beta: Number) -> Number:
    before = state.before("second_moment")
    return state.keep("second_moment", beta * before + (1 - beta) * state.square(state.gradient))


@optimizer(
    FIRST,
    SECOND,
    When(r"t = 0, 1, 2, \dots, \text{ and nothing is corrected at } 0", count_from=0, bias_correction=True),
    When(r"t = T, T + 1, \dots", count_from=lambda one: one > 1, bias_correction=True),
    When(r"\hat v_t = \max(\hat v_{t-1}, v_t)", amsgrad=True),
    When(CORRECTED % "v", amsgrad=False, epsilon_form="corrected", bias_correction=True),
    When(CORRECTED % r"\hat v", amsgrad=True, epsilon_form="corrected", bias_correction=True),
    When(PLAIN % (ADJUSTED, "v"), amsgrad=False, epsilon_form="uncorrected", bias_correction=True),
    When(PLAIN % (ADJUSTED, r"\hat v"), amsgrad=True, epsilon_form="uncorrected", bias_correction=True),
    When(PLAIN % ("", "v"), amsgrad=False, bias_correction=False),
    When(PLAIN % ("", r"\hat v"), amsgrad=True, bias_correction=False),
    learning_rate=0.001,
    buffers={"first_moment": "m", "second_moment": "v", "largest_second_moment": r"\hat v"},
)
def adam(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, BETA_2] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
    amsgrad: Annotated[bool, Setting("Whether the largest mean of squares so far is taken.", "")] = False,
    epsilon_form: Annotated[
        Literal["corrected", "uncorrected"],
        Setting(
            "Whether epsilon stands beside the corrected root, as in PyTorch, or before it is corrected.",
            "",
            idle=("bias_correction", False),
        ),
    ] = "corrected",
    bias_correction: Annotated[
        bool, Setting("Whether the means are corrected for where they start.", "")
    ] = True,
    count_from: Annotated[
        int,
        Setting(
            "What the first step is counted as. ONNX's counts from 0, where nothing is corrected.",
            "T",
            idle=("bias_correction", False),
        ),
    ] = 1,
) -> Change:
    """Adam: running means of gradients and of their squares, both corrected for where they start.

    Source: Kingma and Ba, Adam (2015), algorithm 1; uncorrected epsilon: section 2; amsgrad: Reddi et al., On
    the convergence of Adam and beyond (2018), algorithm 2.
    """
    first, squares = _first(state, beta_1), _second(state, beta_2)
    if amsgrad:
        before = state.buffers.get("largest_second_moment")
        largest = squares if before is None else state.larger(before, squares)
        squares = state.keep("largest_second_moment", largest)
    count = state.step - 1 + count_from
    corrected = bias_correction and count > 0
    fix_1: Number
    fix_2: Number
    fix_1, fix_2 = (1 - beta_1**count, 1 - beta_2**count) if corrected else (1, 1)
    if epsilon_form == "corrected" or not corrected:
        return -state.learning_rate * (first / fix_1) / (state.root(squares / fix_2) + epsilon)
    rate = state.learning_rate * state.xp.sqrt(fix_2) / fix_1
    return -rate * first / (state.root(squares) + epsilon)


variant(
    "adamw",
    "adam",
    "AdamW: Adam with decay that is taken from the parameters and not added to gradients",
    "Loshchilov and Hutter, Decoupled weight decay regularization (2019), algorithm 2.",
    weight_decay=0.01,
    decay="decoupled",
)
variant(
    "amsgrad",
    "adam",
    "AMSGrad: Adam with the largest mean of squares so far",
    "Reddi et al., On the convergence of Adam and beyond (2018), algorithm 2.",
    amsgrad=True,
)


@optimizer(
    FIRST,
    r"u_t = \max(\beta_2 u_{t-1}, |g_t| + \epsilon)",
    r"x_t = x_{t-1} - \frac{\eta_t}{1 - \beta_1^t} \frac{m_t}{u_t}",
    learning_rate=0.002,
    buffers={"first_moment": "m", "infinity_norm": "u"},
)
def adamax(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, BETA_2] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
) -> Change:
    """Adamax: Adam with the largest gradient in the place of the mean square.

    Source: Kingma and Ba, Adam (2015), algorithm 2.
    """
    first, before = _first(state, beta_1), beta_2 * state.before("infinity_norm")
    norm = state.keep("infinity_norm", state.xp.maximum(before, state.xp.absolute(state.gradient) + epsilon))
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
)
def nadam(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, BETA_2] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
    momentum_decay: Annotated[
        Number, Setting("How the momentum changes with steps.", r"\psi", least=0)
    ] = 0.004,
) -> Change:
    """NAdam: Adam with Nesterov's momentum.

    Source: Dozat, Incorporating Nesterov momentum into Adam (2016), algorithm 2.
    """
    first, second = _first(state, beta_1), _second(state, beta_2)
    base = state.number("0.96")

    def weight(step: int) -> Number:
        return beta_1 * (1 - base ** (step * momentum_decay) / 2)

    now, ahead = weight(state.step), weight(state.step + 1)
    product = state.keep("momentum_product", state.before("momentum_product", 1) * now)
    root = state.root(second / (1 - beta_2**state.step)) + epsilon
    step = (1 - now) / (1 - product) * state.gradient + ahead / (1 - product * ahead) * first
    return -state.learning_rate * step / root


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
)
def radam(
    state: State,
    *,
    beta_1: Annotated[Number, BETA_1] = 0.9,
    beta_2: Annotated[Number, replace(BETA_2, decides=True)] = 0.999,
    epsilon: Annotated[Number, EPSILON] = 1e-8,
) -> Change:
    """RAdam: Adam whose adaptive rate waits until its variance can be told.

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
