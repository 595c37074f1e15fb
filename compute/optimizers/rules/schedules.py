"""Learning rate schedules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from compute.arithmetic.expressions import Expression, number_expression
from compute.arithmetic.namespace import Arithmetic
from compute.optimizers.rules.declaration import (
    Number,
    Setting,
    SettingField,
    parse_docstring,
    settings_from_signature,
)


@dataclass(frozen=True)
class Schedule:
    """The rate of a step, counted from 1, as a function of the base rate."""

    name: str
    rate: Callable[..., Number]
    settings: Mapping[str, SettingField]
    summary: str
    source: str


SCHEDULES: dict[str, Schedule] = {}
PI = Expression("symbol", text="pi")
STEPS = Setting("Number of steps.", "T", least=1)
GAMMA = Setting("Factor of the rate.", r"\gamma", least=0)


def _schedule(rate: Callable[..., Number]) -> Callable[..., Number]:
    name = rate.__name__
    SCHEDULES[name] = Schedule(name, rate, settings_from_signature(rate), *parse_docstring(rate))
    return rate


@_schedule
def constant(xp: Arithmetic, rate: Number, step: int) -> Number:
    """The same rate at every step."""
    return rate


@_schedule
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


@_schedule
def exponential(
    xp: Arithmetic, rate: Number, step: int, *, factor: Annotated[Number, GAMMA] = 0.99
) -> Number:
    """The rate is multiplied by a factor at each step."""
    return rate * factor ** (step - 1)


@_schedule
def cosine(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, STEPS] = 100,
    least: Annotated[Number, Setting("The rate at the end.", r"\eta_{\min}", least=0)] = 0,
) -> Number:
    """Half a period of a cosine, from the rate down to the least.

    Source: Loshchilov and Hutter, SGDR (2017), equation 5, without restarts.
    """
    share = Expression("divide", (number_expression(min(step - 1, steps)), number_expression(steps)))
    angle = xp.constant(Expression("cos", (Expression("multiply", (PI, share)),)), {})[()]
    return least + (rate - least) * (1 + angle) / 2


@_schedule
def warm_up(
    xp: Arithmetic,
    rate: Number,
    step: int,
    *,
    steps: Annotated[int, STEPS] = 10,
) -> Number:
    """The rate grows linearly over the first steps, then stays constant."""
    return rate * min(step, steps) / steps


@_schedule
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
