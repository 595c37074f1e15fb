"""Declarations of optimizers: each is one function, with everything in its signature and docstring.

Its first parameter is the `State` of one parameter at one step; its keyword parameters are hyperparameters.
It returns the update of the parameter and keeps buffers by their textbook names. Schemas, documentation and
the list of optimizers are derived from it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from compute.arithmetic.namespace import Arithmetic, Array
from compute.names.suggestions import other_names
from compute.optimizers.rules import squares

Number: TypeAlias = Any
"""A hyperparameter in the numbers of the trace: a float, or an exact number."""
Buffers: TypeAlias = dict[str, Array]
REQUIRED = inspect.Parameter.empty  # the default of a setting without one


@dataclass(frozen=True, slots=True)
class Setting:
    """A hyperparameter.

    least: smallest allowed value.
    below: exclusive upper bound.
    not_below: name of a setting that is a lower bound.
    unused_when: a setting, and the value of it that makes this one unused.
    decides: whether the rule branches on its value, so that it cannot be a symbol.
    """

    meaning: str
    symbol: str
    least: float | None = None
    below: float | None = None
    not_below: str = ""
    unused_when: tuple[str, Any] | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting with its name and default.

    choices: its allowed values, if it is not a number.
    is_list: whether it is a list of such values.
    is_schedule: whether it is another schedule, or a list of them.
    """

    name: str
    default: Any
    declared: Setting
    choices: tuple[Any, ...] = ()
    is_switch: bool = False
    is_whole: bool = False
    is_list: bool = False
    is_schedule: bool = False

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is REQUIRED

    @property
    def is_number(self) -> bool:
        """Whether its values are constants, which may be text."""
        return not (self.choices or self.is_switch or self.is_whole or self.is_schedule)


def resolve_alias(name: str) -> str:
    """Return the name of an optimizer that may be an alias; the name itself if it is neither."""
    if name in OPTIMIZERS:
        return name
    return next((declared.name for declared in OPTIMIZERS.values() if name in declared.aliases), name)


def is_true(condition: Any) -> bool:
    """Return whether a comparison certainly holds; False if free symbols leave it undecided."""
    return condition is True or str(condition) == "True"


def clip(xp: Any, a: Any, low: Any, high: Any) -> Any:
    """Clip numbers to bounds, in any namespace with `maximum` and `negative`."""
    return xp.negative(xp.maximum(xp.negative(xp.maximum(a, low)), xp.negative(high)))


@dataclass(slots=True)
class State:
    """One parameter before a step, or one entry of it.

    number: converts a constant to the numbers of the trace.
    step: number of the step, counted from 1.
    buffers: buffers after the previous step; empty at the first step.
    hessian: second derivatives of the loss with respect to all entries of all parameters, for rules that use
        them.
    new_buffers: buffers after this step.
    as_leaf: replaces a buffer by its value, when formulas are traced.
    substituted: values that stand in the places of this step's buffers.
    """

    xp: Arithmetic
    number: Callable[[Any], Number]
    step: int
    learning_rate: Number
    parameter: Array
    gradient: Array
    buffers: Buffers = field(default_factory=dict)
    hessian: Callable[[], Array] | None = None
    new_buffers: Buffers = field(default_factory=dict)
    as_leaf: Callable[[Any], Any] | None = None
    substituted: Mapping[str, Any] | None = None

    def previous(self, name: str, start: Number = 0) -> Array:
        """Return a buffer after the previous step, or filled with `start` at the first step."""
        if name in self.buffers:
            return self.buffers[name]
        initial: Array = self.parameter * 0 + start  # has the parameter's shape and dtype
        return initial

    def keep(self, name: str, value: Any) -> Any:
        """Set a buffer of this step and return it for use in the rule."""
        value = squares.unwrap(value)
        if self.substituted is not None:
            value = self.substituted.get(name, value)
        self.new_buffers[name] = value
        return value if self.as_leaf is None else self.as_leaf(value)

    def square(self, a: Any) -> Any:
        """Return squares to be summed and kept, of floats of any magnitude."""
        xp: Any = self.xp
        return squares.square(xp, a) if self.as_leaf is None else xp.square(a)

    def root(self, total: Any) -> Any:
        """Return the root of a sum of squares."""
        return squares.root(self.xp, total) if self.as_leaf is None else self.xp.sqrt(total)

    def maximum(self, a: Any, b: Any) -> Any:
        """Return the entrywise maximum of two sums of squares."""
        return squares.maximum(self.xp, a, b) if self.as_leaf is None else self.xp.maximum(a, b)

    def clip(self, a: Any, low: Any, high: Any) -> Any:
        """Clip numbers to bounds, entry by entry."""
        xp: Any = self.xp
        return clip(xp, a, low, high) if self.as_leaf is None else xp.clip(a, low, high)


Change: TypeAlias = Any
"""The update of a parameter, or of an entry of it, in the numbers of the trace."""
Rule: TypeAlias = Callable[..., Change]
"""Maps a state and hyperparameters to the update of the parameter; keeps buffers in the state."""


class When:
    """A formula for certain settings, each given as a value or a predicate."""

    def __init__(self, formula: str, **settings: Any) -> None:
        self.formula, self.settings = formula, settings

    def applies(self, settings: Mapping[str, Any]) -> bool:
        """Return whether the formula is used under these settings."""
        return all(
            wanted(settings[name]) if callable(wanted) else settings[name] == wanted
            for name, wanted in self.settings.items()
        )


@dataclass(frozen=True)
class Optimizer:
    """An update rule with its settings.

    formulas: its equations in LaTeX, in order; some apply to certain settings only.
    buffers: the symbol of each buffer, by name.
    nonnegative: the buffers that are never negative.
    learning_rate, weight_decay, decay: defaults.
    updates_jointly: whether it updates all parameters at once, as one vector.
    looks_ahead: whether its gradient is taken at the parameters plus momentum times the velocity.
    rate_at_start: whether it reads the learning rate at the first step only.
    """

    name: str
    rule: Rule
    settings: Mapping[str, SettingField]
    formulas: tuple[str | When, ...]
    buffers: Mapping[str, str]
    learning_rate: float
    summary: str
    source: str
    nonnegative: tuple[str, ...] = ()
    weight_decay: float | None = None
    decay: str = "coupled"
    updates_jointly: bool = False
    looks_ahead: bool = False
    rate_at_start: bool = False

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names that it may be asked by, such as sgd."""
        return tuple(name for name in other_names(self.name) if name not in OPTIMIZERS)

    def equations(self, settings: Mapping[str, Any]) -> list[str]:
        """Return the formulas that apply under these settings."""
        values = {name: settings.get(name, field.default) for name, field in self.settings.items()}
        return [
            formula if isinstance(formula, str) else formula.formula
            for formula in self.formulas
            if isinstance(formula, str) or formula.applies(values)
        ]


OPTIMIZERS: dict[str, Optimizer] = {}


def optimizer(
    *formulas: str | When, learning_rate: float, buffers: Mapping[str, str], **more: Any
) -> Callable[[Rule], Rule]:
    """Declare a rule as an optimizer under the function's name. more: fields of `Optimizer`.

    Raises ValueError if the docstring names no source.
    """

    def declare(rule: Rule) -> Rule:
        name = rule.__name__
        summary, source = parse_docstring(rule)
        if not source:
            raise ValueError(f"the docstring of {name} has to name its source")
        OPTIMIZERS[name] = Optimizer(
            name=name,
            rule=rule,
            settings=settings_from_signature(rule),
            formulas=formulas,
            buffers=buffers,
            learning_rate=learning_rate,
            summary=summary,
            source=source,
            **more,
        )
        return rule

    return declare


def parse_docstring(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the first line of a docstring without its period, and the text after `Source:`."""
    summary, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n")
    return summary.rstrip("."), " ".join(rest.partition("Source:")[2].split())


def declare_variant(name: str, of: str, summary: str, source: str, **defaults: Any) -> None:
    """Declare an optimizer as another with other defaults, of its settings or fields."""
    base = OPTIMIZERS[of]
    settings = {
        name: replace(field, default=defaults.pop(name, field.default))
        for name, field in base.settings.items()
    }
    OPTIMIZERS[name] = replace(base, name=name, settings=settings, summary=summary, source=source, **defaults)


def settings_from_signature(function: Callable[..., Any]) -> dict[str, SettingField]:
    """Return the keyword-only parameters of a function as settings, by name."""
    hints = get_type_hints(function, include_extras=True)
    return {
        name: _setting(name, parameter.default, hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _setting(name: str, default: Any, annotation: Any) -> SettingField:
    if get_origin(annotation) is not Annotated:
        raise ValueError(f"{name} has to be annotated with a Setting")
    kind, declared = get_args(annotation)
    if NoneType in get_args(kind):  # None stands for a setting that was left out
        [kind] = (one for one in get_args(kind) if one is not NoneType)
    is_list = get_origin(kind) is Sequence
    kind = get_args(kind)[0] if is_list else kind
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    is_schedule = get_origin(kind) is Callable
    return SettingField(name, default, declared, choices, kind is bool, kind is int, is_list, is_schedule)
