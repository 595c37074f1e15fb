"""Update rules on single Python floats, as in the papers and the ONNX documentation.

A rule takes the settings, one parameter's state (changed in place), its gradient g after clipping and coupled
decay, the rate eta and the step t from 1; it returns the update of the parameter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi, sqrt
from typing import Any

Settings = Mapping[str, Any]
State = dict[str, float]
Rule = Callable[[Settings, State, float, float, int], float]
Gradient = Callable[[list[float], int], list[float]]


@dataclass(frozen=True)
class Record:
    """One step. update: the rule's own update, without decoupled decay or decay after the update."""

    rate: float
    gradient: list[float]
    update: list[float]
    parameters: list[float]
    state: list[State]


def number(given: Settings, name: str, default: float) -> float:
    return float(given.get(name, default))


def gradient_descent(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Cauchy 1847; Robbins and Monro 1951 if gradients are samples."""
    return -eta * g


def momentum(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Polyak 1964, with Sutskever et al. 2013 for the notation and ONNX's beta as 1 - dampening."""
    return -eta * _velocity(given, state, g, t)


def nesterov(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Nesterov 1983 in the variables of Bengio et al. 2013: the gradient is taken at x."""
    return -eta * (g + number(given, "momentum", 0.9) * _velocity(given, state, g, t))


def nesterov_lookahead(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Sutskever et al. 2013, equations 3 and 4, with g taken at x + beta V."""
    state["velocity"] = number(given, "momentum", 0.9) * state["velocity"] - eta * g
    return state["velocity"]


def _velocity(given: Settings, state: State, g: float, t: int) -> float:
    beta, scale = number(given, "momentum", 0.9), 1 - number(given, "dampening", 0)
    if given.get("form", "sum") == "average":
        scale = 1 - beta
    elif t == 1 and given.get("undamped_start", True):
        scale = 1
    state["velocity"] = beta * state["velocity"] + scale * g
    return state["velocity"]


def adagrad(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Duchi, Hazan and Singer 2011, figure 1 with a diagonal matrix; epsilon is added to the root."""
    state["sum_of_squares"] += g * g
    rate = eta / (1 + (t - 1) * number(given, "rate_decay", 0))
    return -rate * g / (sqrt(state["sum_of_squares"]) + number(given, "epsilon", 1e-10))


def rmsprop(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Tieleman and Hinton 2012, lecture 6.5; centered and with momentum: Graves 2013, equations 38 to 41,
    with epsilon added to the root instead of inside, and the rate outside the velocity.
    """
    rho = number(given, "rho", 0.99)
    variance = state["mean_of_squares"] = rho * state["mean_of_squares"] + (1 - rho) * g * g
    if given.get("centered", False):
        state["mean_gradient"] = rho * state["mean_gradient"] + (1 - rho) * g
        variance -= state["mean_gradient"] ** 2
    scaled = g / (sqrt(variance) + number(given, "epsilon", 1e-8))
    beta = number(given, "momentum", 0)
    if beta == 0:
        return -eta * scaled
    state["velocity"] = beta * state["velocity"] + scaled
    return -eta * state["velocity"]


def adadelta(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Zeiler 2012, algorithm 1; the average is of the update before the rate."""
    rho, epsilon = number(given, "rho", 0.9), number(given, "epsilon", 1e-6)
    state["mean_of_squares"] = rho * state["mean_of_squares"] + (1 - rho) * g * g
    update = sqrt(state["mean_of_squared_updates"] + epsilon) / sqrt(state["mean_of_squares"] + epsilon) * g
    state["mean_of_squared_updates"] = rho * state["mean_of_squared_updates"] + (1 - rho) * update * update
    return -eta * update


def adam(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Kingma and Ba 2015, algorithm 1, or with epsilon_form "uncorrected" the order of computation at the end
    of its section 2. The largest second moment (Reddi, Kale and Kumar 2018, algorithm 2) is the largest of
    the uncorrected ones and is corrected by the present step.
    """
    beta_1, beta_2 = number(given, "beta_1", 0.9), number(given, "beta_2", 0.999)
    m, v = _moments(given, state, g)
    if given["name"] == "amsgrad" or given.get("amsgrad", False):
        v = state["largest_second_moment"] = max(state["largest_second_moment"], v)
    count = number(given, "count_from", 1) + t - 1
    first = second = 1.0
    if given.get("bias_correction", True) and count > 0:
        first, second = 1 - beta_1**count, 1 - beta_2**count
    epsilon = number(given, "epsilon", 1e-8)
    if given.get("epsilon_form", "corrected") == "corrected":
        return -eta * (m / first) / (sqrt(v / second) + epsilon)
    return -eta * sqrt(second) / first * m / (sqrt(v) + epsilon)


def _moments(given: Settings, state: State, g: float) -> tuple[float, float]:
    beta_1, beta_2 = number(given, "beta_1", 0.9), number(given, "beta_2", 0.999)
    state["first_moment"] = beta_1 * state["first_moment"] + (1 - beta_1) * g
    state["second_moment"] = beta_2 * state["second_moment"] + (1 - beta_2) * g * g
    return state["first_moment"], state["second_moment"]


def adamax(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Kingma and Ba 2015, algorithm 2. The paper has no epsilon; here |g| + epsilon is in the maximum."""
    beta_1, beta_2 = number(given, "beta_1", 0.9), number(given, "beta_2", 0.999)
    state["first_moment"] = beta_1 * state["first_moment"] + (1 - beta_1) * g
    state["infinity_norm"] = max(beta_2 * state["infinity_norm"], abs(g) + number(given, "epsilon", 1e-8))
    return -eta / (1 - beta_1**t) * state["first_moment"] / state["infinity_norm"]


def nadam(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Dozat 2016, algorithm 2, where the momentum of step t is beta_1 (1 - 0.96^(t psi) / 2). The moment
    itself decays with beta_1; the paper's decays with mu_t.
    """
    beta_1, beta_2 = number(given, "beta_1", 0.9), number(given, "beta_2", 0.999)
    psi = number(given, "momentum_decay", 0.004)
    m, v = _moments(given, state, g)
    mu, following = (beta_1 * (1 - 0.5 * float(0.96 ** (step * psi))) for step in (t, t + 1))
    product = state["momentum_product"] = state["momentum_product"] * mu
    m_hat = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
    return -eta * m_hat / (sqrt(v / (1 - beta_2**t)) + number(given, "epsilon", 1e-8))


def radam(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Liu et al. 2020, algorithm 2, but rectified where rho_t > 5 instead of 4. The paper has no epsilon;
    here it is added to the uncorrected root.
    """
    beta_1, beta_2 = number(given, "beta_1", 0.9), number(given, "beta_2", 0.999)
    m, v = _moments(given, state, g)
    m_hat = m / (1 - beta_1**t)
    longest = 2 / (1 - beta_2) - 1
    length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
    if length <= 5:
        return -eta * m_hat
    adaptive = sqrt(1 - beta_2**t) / (sqrt(v) + number(given, "epsilon", 1e-8))
    above, below = (length - 4) * (length - 2) * longest, (longest - 4) * (longest - 2) * length
    return -eta * m_hat * sqrt(above / below) * adaptive


def rprop(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Riedmiller and Braun 1993 without backtracking after a sign change: Igel and Huesken 2003, iRprop-."""
    agreement = g * state["previous_gradient"]
    if agreement > 0:
        state["step_size"] = min(
            state["step_size"] * number(given, "eta_plus", 1.2), number(given, "step_max", 50)
        )
    elif agreement < 0:
        state["step_size"] = max(
            state["step_size"] * number(given, "eta_minus", 0.5), number(given, "step_min", 1e-6)
        )
        g = 0.0
    state["previous_gradient"] = g
    return -_sign(g) * state["step_size"]


def lion(given: Settings, state: State, g: float, eta: float, t: int) -> float:
    """Chen et al. 2023, algorithm 2; its decay is decoupled."""
    beta_1, beta_2 = number(given, "beta_1", 0.9), number(given, "beta_2", 0.99)
    direction = beta_1 * state["momentum"] + (1 - beta_1) * g
    state["momentum"] = beta_2 * state["momentum"] + (1 - beta_2) * g
    return -eta * _sign(direction)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


ADAPTIVE = ("first_moment", "second_moment")
# The rule of every optimizer and the names of its buffers.
RULES: dict[str, tuple[Rule, tuple[str, ...]]] = {
    "gradient_descent": (gradient_descent, ()),
    "momentum": (momentum, ("velocity",)),
    "nesterov": (nesterov, ("velocity",)),
    "nesterov_lookahead": (nesterov_lookahead, ("velocity",)),
    "adagrad": (adagrad, ("sum_of_squares",)),
    "rmsprop": (rmsprop, ("mean_of_squares",)),
    "adadelta": (adadelta, ("mean_of_squares", "mean_of_squared_updates")),
    "adam": (adam, ADAPTIVE),
    "adamw": (adam, ADAPTIVE),
    "amsgrad": (adam, (*ADAPTIVE, "largest_second_moment")),
    "adamax": (adamax, ("first_moment", "infinity_norm")),
    "nadam": (nadam, (*ADAPTIVE, "momentum_product")),
    "radam": (radam, ADAPTIVE),
    "rprop": (rprop, ("step_size", "previous_gradient")),
    "lion": (lion, ("momentum",)),
}
RATES = {
    **dict.fromkeys(("adam", "adamw", "amsgrad", "radam"), 0.001),
    **dict.fromkeys(("adamax", "nadam"), 0.002),
    "adadelta": 1,
    "lion": 1e-4,
}


def trace(optimizer: Settings, gradient: Gradient, start: list[float], steps: int) -> list[Record]:
    """Run an optimizer on a flat list of parameters.

    gradient(x, t): the objective's gradient at x in step t, called once per step.
    """
    name = optimizer["name"]
    rule, _ = RULES[name]
    x, found = list(start), []
    state = [initial_state(optimizer) for _ in x]
    weight_decay = optimizer.get("weight_decay", 0.01 if name == "adamw" else 0)
    decay = optimizer.get("decay", "decoupled" if name in ("adamw", "lion") else "coupled")
    for t in range(1, steps + 1):
        eta = rate(optimizer, t)
        point = list(x)
        if name == "nesterov_lookahead":
            point = [x[i] + optimizer.get("momentum", 0.9) * state[i]["velocity"] for i in range(len(x))]
        asked = gradient(point, t)
        g = clip(optimizer, asked)
        if optimizer.get("maximize", False):
            g = [-one for one in g]
        if decay == "coupled":
            g = [g[i] + weight_decay * x[i] for i in range(len(x))]
        update = [rule(optimizer, state[i], g[i], eta, t) for i in range(len(x))]
        for i in range(len(x)):
            before, x[i] = x[i], x[i] + update[i]
            if decay == "decoupled":
                x[i] -= eta * weight_decay * before
            elif decay == "post":
                x[i] *= 1 - weight_decay
        found.append(Record(eta, asked, update, list(x), [dict(one) for one in state]))
    return found


def initial_state(optimizer: Settings) -> State:
    state = dict.fromkeys(RULES[optimizer["name"]][1], 0.0)
    if optimizer["name"] == "rmsprop":
        if optimizer.get("centered", False):
            state["mean_gradient"] = 0.0
        if optimizer.get("momentum", 0) != 0:
            state["velocity"] = 0.0
    if optimizer.get("amsgrad", False):
        state["largest_second_moment"] = 0.0
    if "sum_of_squares" in state:
        state["sum_of_squares"] = optimizer.get("initial_accumulator", 0)
    if "momentum_product" in state:
        state["momentum_product"] = 1.0
    if "step_size" in state:
        state["step_size"] = rate(optimizer, 1)
    return state


def clip(optimizer: Settings, gradient: list[float]) -> list[float]:
    """Pascanu, Mikolov and Bengio 2013, algorithm 1, for the norm."""
    most, longest = optimizer.get("clip_value"), optimizer.get("clip_norm")
    if most is not None:
        gradient = [min(max(g, -most), most) for g in gradient]
    if longest is not None:
        norm = sqrt(sum(g * g for g in gradient))
        factor = min(1.0, longest / (norm + optimizer.get("clip_epsilon", 1e-6)))
        gradient = [factor * g for g in gradient]
    return gradient


def rate(optimizer: Settings, t: int) -> float:
    """Of step t from 1. Cosine: Loshchilov and Hutter 2017, equation 5, once; inverse square root: Vaswani et
    al. 2017, section 5.3, scaled so that the largest rate is the rate given.
    """
    eta: float = optimizer.get("learning_rate", RATES.get(optimizer["name"], 0.01))
    schedule = optimizer.get("schedule", {"name": "constant"})
    if not isinstance(schedule, Mapping):
        return float(schedule[t - 1])
    name, steps = schedule["name"], schedule.get("steps", 1)
    if name == "step":
        eta *= schedule["factor"] ** ((t - 1) // schedule["size"])
    elif name == "exponential":
        eta *= schedule["factor"] ** (t - 1)
    elif name == "cosine":
        least = schedule.get("least", 0)
        eta = least + (eta - least) * (1 + cos(pi * min(t - 1, steps) / steps)) / 2
    elif name == "warm_up":
        eta *= min(t, steps) / steps
    elif name == "inverse_square_root":
        eta *= min(t / steps, sqrt(steps / t))
    return eta
