"""Learning rate schedules."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from compute.arithmetic.expressions import Expression, number_expression
from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.rules.declaration import (
    Number,
    Setting,
    SettingField,
    is_true,
    parse_docstring,
    settings_from_signature,
)


@dataclass(frozen=True)
class Schedule:
    """The rate of a step, counted from 1, as a function of the base rate.

    formula: the rate in LaTeX.
    needs_losses: whether the rate depends on losses instead of the step. Its function then returns the rate
        after one more reduction.
    """

    name: str
    rate: Callable[..., Number]
    settings: Mapping[str, SettingField]
    summary: str
    source: str
    formula: str
    needs_losses: bool = False


Nested: TypeAlias = Callable[[int], Number]
"""Another schedule in a setting: the rate of a step, counted from the first of its own."""
SCHEDULES: dict[str, Schedule] = {}
PI = Expression("symbol", text="pi")
STEPS = Setting("Number of steps.", "T", least=1)
GAMMA = Setting("Factor of the rate.", r"\gamma", least=0)
LEAST = Setting("The least rate.", r"\eta_{\min}", least=0)


def _schedule(
    formula: str, needs_losses: bool = False
) -> Callable[[Callable[..., Number]], Callable[..., Number]]:
    def declare(rate: Callable[..., Number]) -> Callable[..., Number]:
        name, settings = rate.__name__, settings_from_signature(rate)
        SCHEDULES[name] = Schedule(name, rate, settings, *parse_docstring(rate), formula, needs_losses)
        return rate

    return declare


def _cosine(xp: Arithmetic, count: int, of: int) -> Number:
    """Return (1 + cos(pi count / of)) / 2."""
    share = Expression("divide", (number_expression(count), number_expression(of)))
    return (1 + xp.constant(Expression("cos", (Expression("multiply", (PI, share)),)), {})[()]) / 2


@_schedule(r"\eta_t = \eta")
def constant(xp: Arithmetic, rate: Number, step: int) -> Number:
    """The same rate at every step."""
    return rate


@_schedule(r"\eta_t = \eta \gamma^{\lfloor (t - 1) / s \rfloor}")
def step(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    size: Annotated[int, Setting("Number of steps between two changes of the rate.", "s", least=1)] = 10,
    factor: Annotated[Number, GAMMA] = 0.1,
) -> Number:
    """The rate is multiplied by a factor every so many steps."""
    return rate * factor ** ((step - 1) // size)


@_schedule(r"\eta_t = \eta \gamma^{k}, \quad k = |\{m : m < t\}|")
def multi_step(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    milestones: Annotated[
        Sequence[int], Setting("Numbers of steps, increasing, after which the rate changes.", "m", least=0)
    ],
    factor: Annotated[Number, GAMMA] = 0.1,
) -> Number:
    """The rate is multiplied by a factor after each of some steps.

    Source: PyTorch, MultiStepLR.
    """
    return rate * factor ** bisect_right(milestones, step - 1)


@_schedule(r"\eta_t = \eta \gamma^{t - 1}")
def exponential(
    xp: Arithmetic, rate: Number, step: int, *, factor: Annotated[Number, GAMMA] = 0.99
) -> Number:
    """The rate is multiplied by a factor at each step."""
    return rate * factor ** (step - 1)


@_schedule(r"\eta_t = \eta \left(a + (b - a) \frac{\min(t - 1, T)}{T}\right)")
def linear(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    start_factor: Annotated[Number, Setting("Factor of the rate at the first step.", "a", least=0)] = "1/3",
    end_factor: Annotated[Number, Setting("Factor of the rate after the steps.", "b", least=0)] = 1,
    steps: Annotated[int, STEPS] = 5,
) -> Number:
    """A factor of the rate changes linearly over the first steps, then stays.

    Source: PyTorch, LinearLR.
    """
    return rate * (start_factor + (end_factor - start_factor) * min(step - 1, steps) / steps)


@_schedule(r"\eta_t = \eta_{\min} + (\eta - \eta_{\min}) \left(1 - \frac{\min(t - 1, T)}{T}\right)^p")
def polynomial(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, STEPS] = 5,
    power: Annotated[Number, Setting("The power; 1 falls linearly.", "p", least=0)] = 1,
    least: Annotated[Number, LEAST] = 0,
) -> Number:
    """The rate falls to the least like a power of the steps that remain.

    Source: PyTorch, PolynomialLR, which has no least rate; Chen et al., DeepLab (2017), section 4.1.
    """
    remaining = steps - min(step - 1, steps)
    share = Expression("divide", (number_expression(remaining), number_expression(steps)))
    return least + (rate - least) * xp.constant(share, {})[()] ** power


@_schedule(
    r"\eta_t = \eta_{\min} + \frac{\eta - \eta_{\min}}{2}"
    r" \left(1 + \cos \frac{\pi \min(t - 1, T)}{T}\right)"
)
def cosine(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, STEPS] = 100,
    least: Annotated[Number, LEAST] = 0,
) -> Number:
    """Half a period of a cosine, from the rate down to the least.

    Source: Loshchilov and Hutter, SGDR (2017), equation 5, without restarts.
    """
    return least + (rate - least) * _cosine(xp, min(step - 1, steps), steps)


@_schedule(
    r"\eta_t = \eta_{\min} + \frac{\eta - \eta_{\min}}{2} \left(1 + \cos \frac{\pi s}{T_i}\right), \quad"
    r" T_i = c^i T, \ s \text{ steps after the last restart}"
)
def cosine_restarts(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, Setting("Number of steps before the first restart.", "T", least=1)] = 10,
    growth: Annotated[int, Setting("Factor of that number after each restart.", "c", least=1)] = 1,
    least: Annotated[Number, LEAST] = 0,
) -> Number:
    """Half periods of a cosine, each from the rate down to the least.

    Source: Loshchilov and Hutter, SGDR (2017), equation 5.
    """
    done, period = step - 1, steps
    if growth == 1:
        done %= steps
    while done >= period:
        done, period = done - period, period * growth
    return least + (rate - least) * _cosine(xp, done, period)


@_schedule(
    r"\eta_t \text{ from } \eta / d_1 \text{ up to } \eta \text{ at } t = p T"
    r" \text{, then down to } \eta / (d_1 d_2) \text{ at } t = T"
)
def one_cycle(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, STEPS] = 100,
    rise: Annotated[
        Number, Setting("Share of the steps in which the rate rises.", "p", least=0, below=1, decides=True)
    ] = 0.3,
    form: Annotated[Literal["cosine", "linear"], Setting("The shape of both parts.", "")] = "cosine",
    start_divisor: Annotated[Number, Setting("The rate divided by the first rate.", "d_1", least=1)] = 25,
    end_divisor: Annotated[Number, Setting("The first rate divided by the last.", "d_2", least=1)] = 10000,
    three_phase: Annotated[
        bool, Setting("Whether the rate first falls back to the first one, as fast as it rose.", "")
    ] = False,
) -> Number:
    """The rate rises from a part of it to all of it, then falls to almost nothing.

    Momentum is left as it is: PyTorch's cycles it by default.

    Source: Smith and Topin, Super-convergence (2018); the form is that of PyTorch's OneCycleLR.
    """
    first = rate / start_divisor
    last = first / end_divisor
    peak = rise * steps - 1
    done = min(step - 1, steps - 1)
    if done <= peak:
        begin, end, low, high = 0 * peak, peak, first, rate
    elif not three_phase:
        begin, end, low, high = peak, steps - 1, rate, last
    elif done <= 2 * peak:
        begin, end, low, high = peak, 2 * peak, rate, first
    else:
        begin, end, low, high = 2 * peak, steps - 1, first, last
    if not end > begin:
        return high
    share = (done - begin) / (end - begin)
    if form == "linear":
        return low + (high - low) * share
    angle = xp.constant(PI, {}) * share
    return high + (low - high) * (1 + xp.cos(angle)[()]) / 2


@_schedule(r"\eta_t = \eta \frac{\min(t, T)}{T}")
def warm_up(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, STEPS] = 10,
    then: Annotated[
        Nested | None, Setting("The schedule after these steps, counted from its first step.", "")
    ] = None,
) -> Number:
    """The rate grows linearly over the first steps, then stays constant or follows another schedule.

    Source: Goyal et al., Accurate, large minibatch SGD (2017), section 2.2.
    """
    if then is not None and step > steps:
        return then(step - steps)
    return rate * min(step, steps) / steps


@_schedule(r"\eta_t = \eta_i(t - m_i) \text{ for } m_i < t \le m_{i+1}")
def sequence(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    schedules: Annotated[Sequence[Nested], Setting("The schedules, in order.", "")],
    milestones: Annotated[
        Sequence[int],
        Setting(
            "Numbers of steps, increasing, after which the next schedule starts from its first step.",
            "m",
            least=0,
        ),
    ],
) -> Number:
    """Schedules one after the other, each counted from its own first step.

    Source: PyTorch, SequentialLR.
    """  # fmt: skip
    place = bisect_right(milestones, step - 1)
    return schedules[place](step - milestones[place - 1] if place else step)


@_schedule(
    r"\eta \leftarrow \max(\gamma \eta, \eta_{\min}) \text{ after } p \text{ steps without a better loss}",
    needs_losses=True,
)
def reduce_on_plateau(
    xp: Arithmetic,
    rate: Number,
    *,
    factor: Annotated[Number, Setting("Factor of the rate.", r"\gamma", least=0, below=1)] = 0.1,
    patience: Annotated[
        int, Setting("Number of steps without a better loss that are waited for.", "p", least=0)
    ] = 10,
    threshold: Annotated[Number, Setting("The least improvement of a better loss.", "", least=0)] = 1e-4,
    threshold_form: Annotated[
        Literal["relative", "absolute"], Setting("Whether the improvement is relative to the best loss.", "")
    ] = "relative",
    cooldown: Annotated[
        int, Setting("Number of steps after a reduction in which no step counts as bad.", "", least=0)
    ] = 0,
    least: Annotated[Number, LEAST] = 0,
    epsilon: Annotated[Number, Setting("The least reduction that is made.", r"\epsilon", least=0)] = 1e-8,
    mode: Annotated[
        Literal["min", "max"], Setting("Whether a better loss is smaller or larger.", "")
    ] = "min",
    losses: Annotated[
        Sequence[Number] | None,
        Setting("The loss after each step, such as one of validation; by default, the trace's own.", ""),
    ] = None,
) -> Number:
    """The rate is multiplied by a factor when the loss has not improved for some steps.

    Source: PyTorch, ReduceLROnPlateau, called with the loss after each step.
    """  # fmt: skip
    reduced = rate * factor
    if is_true(reduced < least):
        reduced = least + 0 * rate
    return rate if is_true(rate - reduced <= epsilon) else reduced


@_schedule(r"\eta_t = \eta \min\left(\frac{t}{T}, \sqrt{\frac{T}{t}}\right)")
def inverse_square_root(
    xp: Arithmetic, rate: Number, step: int, *, steps: Annotated[int, STEPS] = 10
) -> Number:
    """The rate grows linearly over the first steps, then falls with the root of the step.

    Source: Vaswani et al., Attention is all you need (2017), equation 3, with the given rate as its maximum.
    """
    if step < steps:
        return rate * step / steps
    share = Expression("divide", (number_expression(steps), number_expression(step)))
    return rate * xp.constant(Expression("sqrt", (share,)), {})[()]
