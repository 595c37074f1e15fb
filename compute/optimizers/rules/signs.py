"""Optimizers that use the signs of gradients."""

from typing import Annotated

from compute.optimizers.rules.declaration import Change, Number, Setting, State, optimizer


@optimizer(
    r"\delta_t = \operatorname{clip}\left(\delta_{t-1} \cdot \{\eta^+, \eta^-, 1\},\ "
    r"\delta_{\min}, \delta_{\max}\right)"
    r" \text{ by the sign of } g_t g_{t-1}",
    r"x_t = x_{t-1} - \operatorname{sign}(g_t) \delta_t, \quad g_t = 0 \text{ where the sign changed}",
    learning_rate=0.01,
    buffers={"step_size": r"\delta", "previous_gradient": "g"},
    nonnegative=("step_size",),
    rate_at_start=True,
)
def rprop(
    state: State,
    *,
    eta_minus: Annotated[
        Number, Setting("Factor of the step if the sign changed.", r"\eta^-", least=0)
    ] = 0.5,
    eta_plus: Annotated[
        Number, Setting("Factor of the step if the sign did not change.", r"\eta^+", least=1)
    ] = 1.2,
    step_min: Annotated[Number, Setting("The shortest step.", r"\delta_{\min}", least=0)] = 1e-6,
    step_max: Annotated[Number, Setting("The longest step.", r"\delta_{\max}", not_below="step_min")] = 50,
) -> Change:
    """Rprop: steps that grow while a gradient keeps its sign and shrink when it changes.

    Source: Riedmiller and Braun, A direct adaptive method for faster backpropagation learning (1993),
    equations 4 to 7, without taking steps back.
    """
    xp, gradient = state.xp, state.gradient
    zero = gradient * 0
    sign_product = xp.sign(gradient) * xp.sign(state.previous("previous_gradient"))
    unchanged, changed = xp.greater(sign_product, zero), xp.greater(zero, sign_product)
    factor = xp.where(unchanged, zero + eta_plus, xp.where(changed, zero + eta_minus, zero + 1))
    size = state.previous("step_size", state.learning_rate) * factor
    size = state.keep("step_size", state.clip(size, zero + step_min, zero + step_max))
    gradient = state.keep("previous_gradient", xp.where(changed, zero, gradient))
    return -xp.sign(gradient) * size


@optimizer(
    r"c_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t",
    r"x_t = x_{t-1} - \eta_t \operatorname{sign}(c_t)",
    r"m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t",
    learning_rate=1e-4,
    buffers={"momentum": "m"},
    decay="decoupled",
)
def lion(
    state: State,
    *,
    beta_1: Annotated[
        Number, Setting("Weight of the mean in the update.", r"\beta_1", least=0, below=1)
    ] = 0.9,
    beta_2: Annotated[Number, Setting("Decay rate of the mean.", r"\beta_2", least=0, below=1)] = 0.99,
) -> Change:
    """Lion: the sign of a running mean of gradients.

    Source: Chen et al., Symbolic discovery of optimization algorithms (2023), algorithm 2.
    """
    mean = state.previous("momentum")
    interpolated = beta_1 * mean + (1 - beta_1) * state.gradient
    state.keep("momentum", beta_2 * mean + (1 - beta_2) * state.gradient)
    return -state.learning_rate * state.xp.sign(interpolated)
