"""Gradient descent, plain and with momentum."""

from dataclasses import replace
from typing import Annotated, Literal

from compute.optimizers.rules.declaration import Change, Number, Setting, State, When, optimizer

MOMENTUM = Setting("Decay rate of the velocity.", r"\beta", least=0)
DAMPENING = Setting("Share of the gradient that is not added to the velocity.", r"\tau", below=1)
AVERAGED = ("form", "average")
UNDAMPED = Setting("Whether the first velocity is the gradient itself, as in PyTorch and ONNX.", "")


@optimizer(r"x_t = x_{t-1} - \eta_t g_t", learning_rate=0.01, buffers={})
def gradient_descent(state: State) -> Change:
    """Gradient descent.

    Source: Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées (1847);
    Goodfellow et al., Deep Learning (2016), equation 4.5.
    """
    return -state.learning_rate * state.gradient


@optimizer(
    When(r"V_t = \beta V_{t-1} + (1 - \tau) g_t", form="sum"),
    When(r"V_1 = g_1", form="sum", undamped_start=True, dampening=lambda value: value != 0),
    When(r"V_t = \beta V_{t-1} + (1 - \beta) g_t", form="average"),
    r"x_t = x_{t-1} - \eta_t V_t",
    learning_rate=0.01,
    buffers={"velocity": "V"},
)
def momentum(
    state: State,
    *,
    momentum: Annotated[Number, MOMENTUM] = 0.9,
    dampening: Annotated[Number, replace(DAMPENING, unused_when=AVERAGED)] = 0,
    form: Annotated[
        Literal["sum", "average"],
        Setting("sum: V = beta V + (1 - tau) g; average: V = beta V + (1 - beta) g.", ""),
    ] = "sum",
    undamped_start: Annotated[bool, replace(UNDAMPED, unused_when=AVERAGED)] = True,
) -> Change:
    """Gradient descent with momentum.

    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964), equation 9; the
    average: Kingma and Ba (2015), section 2.
    """
    if form == "average":
        dampening, undamped_start = momentum, False
    velocity = _velocity(state, momentum, dampening, undamped_start)
    return -state.learning_rate * velocity


def _velocity(state: State, momentum: Number, dampening: Number, undamped_start: bool) -> Change:
    is_first = state.step == 1 and "velocity" not in state.buffers
    share = 1 if is_first and undamped_start else 1 - dampening
    return state.keep("velocity", momentum * state.previous("velocity") + share * state.gradient)


@optimizer(
    r"V_t = \beta V_{t-1} + (1 - \tau) g_t",
    r"x_t = x_{t-1} - \eta_t (g_t + \beta V_t)",
    learning_rate=0.01,
    buffers={"velocity": "V"},
)
def nesterov(
    state: State,
    *,
    momentum: Annotated[Number, MOMENTUM] = 0.9,
    dampening: Annotated[Number, DAMPENING] = 0,
    undamped_start: Annotated[bool, UNDAMPED] = True,
) -> Change:
    """Nesterov's momentum as in PyTorch: the gradient is taken at the parameters.

    Source: Sutskever et al., On the importance of initialization and momentum (2013), in the form of Bengio
    et al., Advances in optimizing recurrent networks (2013), equation 7.
    """
    velocity = _velocity(state, momentum, dampening, undamped_start)
    return -state.learning_rate * (state.gradient + momentum * velocity)


@optimizer(
    r"g_t = \nabla f(x_{t-1} + \beta V_{t-1})",
    r"V_t = \beta V_{t-1} - \eta_t g_t",
    r"x_t = x_{t-1} + V_t",
    learning_rate=0.01,
    buffers={"velocity": "V"},
    looks_ahead=True,
)
def nesterov_lookahead(
    state: State,
    *,
    momentum: Annotated[Number, MOMENTUM] = 0.9,
) -> Change:
    """Nesterov's momentum as first written: the gradient is taken ahead, along the velocity.

    Source: Sutskever et al., On the importance of initialization and momentum (2013), equations 3 and 4.
    """
    return state.keep(
        "velocity", momentum * state.previous("velocity") - state.learning_rate * state.gradient
    )
