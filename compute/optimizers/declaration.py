"""How an optimizer is declared: one function, whose signature and docstring say everything about it.

Its first parameter is the `State` of one parameter at one step; its keyword parameters are hyperparameters.
It returns what is added to the parameter, and keeps buffers by their textbook names. Schemas, documentation
and the list of optimizers follow.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from compute.arithmetic.namespace import Arithmetic, Array
from compute.optimizers import squares

Number: TypeAlias = Any
"""A hyperparameter in the numbers of the trace: a float, or an exact number."""
Buffers: TypeAlias = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Setting:
    """A hyperparameter.

    least, below: the least it may be, and what it has to be less than; not_below: a setting that it may not
    be less than; idle: a setting and the value of it with which this one has no meaning; decides: whether the
    rule goes by its size, so that no symbol can stand for it.
    """

    meaning: str
    symbol: str
    least: float | None = None
    below: float | None = None
    not_below: str = ""
    idle: tuple[str, Any] | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting with its name, default, and choices where it is no number."""

    name: str
    default: Any
    declared: Setting
    choices: tuple[Any, ...] = ()
    is_switch: bool = False
    is_whole: bool = False


def within(xp: Any, a: Any, low: Any, high: Any) -> Any:
    """What is nearest to numbers between two bounds, in any namespace that has maxima and opposites."""
    return xp.negative(xp.maximum(xp.negative(xp.maximum(a, low)), xp.negative(high)))


@dataclass(slots=True)
class State:
    """One parameter before a step, or one entry of it.

    step: counted from 1; buffers: what the step before kept, empty at the first; number: a
    constant in the numbers of the trace; hessian: the second derivatives of the loss by all entries of all
    parameters, for rules that ask for them; kept: the buffers that this step leaves; plain: what is made of
    them before the rule goes on, where numbers write how they came about.
    """

    xp: Arithmetic
    number: Callable[[Any], Number]
    step: int
    learning_rate: Number
    parameter: Array
    gradient: Array
    buffers: Buffers = field(default_factory=dict)
    hessian: Callable[[], Array] | None = None
    kept: Buffers = field(default_factory=dict)
    plain: Callable[[Any], Any] | None = None

    def before(self, name: str, start: Number = 0) -> Array:
        """A buffer as the step before left it; at the first step it is filled with what it starts from."""
        if name in self.buffers:
            return self.buffers[name]
        found: Array = self.parameter * 0 + start  # of the kind that the parameter is
        return found

    def keep(self, name: str, worth: Any) -> Any:
        """A buffer as this step leaves it, for what the rule makes of it."""
        self.kept[name] = worth = squares.plain(worth)
        return worth if self.plain is None else self.plain(worth)

    def square(self, a: Any) -> Any:
        """The square of numbers, to be added up and kept; of floats of any size."""
        xp: Any = self.xp
        return squares.square(xp, a) if self.plain is None else xp.square(a)

    def root(self, total: Any) -> Any:
        """The root of a sum of squares."""
        return squares.root(self.xp, total) if self.plain is None else self.xp.sqrt(total)

    def larger(self, one: Any, other: Any) -> Any:
        """The larger of two sums of squares, entry by entry."""
        return squares.larger(self.xp, one, other) if self.plain is None else self.xp.maximum(one, other)

    def within(self, a: Any, low: Any, high: Any) -> Any:
        """What is nearest to it between two bounds, entry by entry."""
        xp: Any = self.xp
        return within(xp, a, low, high) if self.plain is None else xp.within(a, low, high)


Change: TypeAlias = Any
"""What is added to a parameter, or to an entry of it, in the numbers of the trace."""
Rule: TypeAlias = Callable[..., Change]
"""From a state and hyperparameters to what is added to the parameter; buffers are kept on the way."""


class When:
    """A formula that holds where settings have these values, or fulfil these conditions."""

    def __init__(self, formula: str, **settings: Any) -> None:
        self.formula, self.settings = formula, settings

    def holds(self, said: Mapping[str, Any]) -> bool:
        """Whether it does with all that is said."""
        return all(
            worth(said[name]) if callable(worth) else said[name] == worth
            for name, worth in self.settings.items()
        )


@dataclass(frozen=True)
class Optimizer:
    """An update rule with its settings.

    formulas: its equations in LaTeX, in order, some of them for certain settings alone; buffers: the symbols
    of what it keeps, by name; learning_rate, weight_decay, decay: what they are where nothing is said;
    takes_all: whether it moves all parameters at once, as one vector; looks_ahead: whether its gradient is
    taken a momentum's step of the velocity ahead; rate_at_start: whether it reads the learning rate at the
    first step alone.
    """

    name: str
    rule: Rule
    settings: Mapping[str, SettingField]
    formulas: tuple[str | When, ...]
    buffers: Mapping[str, str]
    learning_rate: float
    summary: str
    source: str
    weight_decay: float | None = None
    decay: str = "coupled"
    takes_all: bool = False
    looks_ahead: bool = False
    rate_at_start: bool = False

    def equations(self, settings: Mapping[str, Any]) -> list[str]:
        """The formulas as they are with these settings."""
        said = {name: settings.get(name, one.default) for name, one in self.settings.items()}
        return [
            one if isinstance(one, str) else one.formula
            for one in self.formulas
            if isinstance(one, str) or one.holds(said)
        ]


OPTIMIZERS: dict[str, Optimizer] = {}


def optimizer(
    *formulas: str | When, learning_rate: float, buffers: Mapping[str, str], **more: Any
) -> Callable[[Rule], Rule]:
    """Declare a rule as an optimizer under the function's name. more: see `Optimizer`."""

    def declare(rule: Rule) -> Rule:
        name = rule.__name__
        summary, source = described(rule)
        if not source:
            raise ValueError(f"{name} has to say its source")
        OPTIMIZERS[name] = Optimizer(
            name=name,
            rule=rule,
            settings=settings_of(rule),
            formulas=formulas,
            buffers=buffers,
            learning_rate=learning_rate,
            summary=summary,
            source=source,
            **more,
        )
        return rule

    return declare


def described(function: Callable[..., Any]) -> tuple[str, str]:
    """The first line of a docstring without its period, and what stands behind `Source:`, if anything."""
    summary, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n")
    return summary.rstrip("."), " ".join(rest.partition("Source:")[2].split())


def variant(name: str, of: str, summary: str, source: str, **defaults: Any) -> None:
    """Declare an optimizer that is another one with other defaults, of settings or of its own fields."""
    base = OPTIMIZERS[of]
    settings = {
        one.name: replace(one, default=defaults.pop(one.name, one.default)) for one in base.settings.values()
    }
    OPTIMIZERS[name] = replace(base, name=name, settings=settings, summary=summary, source=source, **defaults)


def settings_of(function: Callable[..., Any]) -> dict[str, SettingField]:
    """The keyword parameters of a function as settings."""
    hints = get_type_hints(function, include_extras=True)
    return {
        one.name: _setting(one.name, one.default, hints[one.name])
        for one in inspect.signature(function).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }


def _setting(name: str, default: Any, annotation: Any) -> SettingField:
    if get_origin(annotation) is not Annotated:
        raise ValueError(f"{name} has to be annotated with a Setting")
    kind, declared = get_args(annotation)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return SettingField(name, default, declared, choices, kind is bool, kind is int)
