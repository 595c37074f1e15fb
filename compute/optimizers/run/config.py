"""The configuration of an optimizer as a question gives it, and the run built from it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from compute.arithmetic.expressions import (
    NAMED_NUMBERS,
    NO_NUMBERS,
    ExpressionError,
    number_expression,
    parse,
)
from compute.arithmetic.namespace import Arithmetic
from compute.errors import QuestionErrors, at, describe
from compute.operations.framework.declaration import Constant
from compute.optimizers.rules.declaration import OPTIMIZERS, Number, SettingField, is_true
from compute.optimizers.rules.schedules import SCHEDULES
from compute.optimizers.run.averages import Averaging
from compute.optimizers.run.gradients import Clipping
from compute.optimizers.run.hessians import hessian_of
from compute.optimizers.run.initial_state import InitialState
from compute.optimizers.run.objective import Objective
from compute.optimizers.run.plateau import Plateau
from compute.optimizers.run.trace import Run
from compute.optimizers.run.traced_numbers import Writer, float_formula

_DECAY_EQUATIONS = {
    "decoupled": r"x_t \leftarrow x_t - \eta_t \lambda_w x_{t-1}",
    "post": r"x_t \leftarrow (1 - \lambda_w) x_t",
}
CLIP_EPSILON = 1e-6  # as PyTorch has it
# Why a common setting is unused, by setting.
_UNUSED_BECAUSE = {
    "learning_rate": "rates are listed under schedule",
    "decay": "there is no weight_decay",
    "clip_epsilon": "there is no clip_norm",
    "ema_bias_correction": "there is no ema_decay",
}
Path = tuple[str | int, ...]
Rates = Callable[[int], Number]
ScheduleConfig: TypeAlias = Mapping[str, Any] | Sequence[Constant]
NO_STEPS = InitialState()
OPTIMIZER: Path = ("optimizer",)
SCHEDULE: Path = ("optimizer", "schedule")


@dataclass(frozen=True)
class GroupConfig:
    """The settings in which some parameters differ; None: as the others."""

    parameters: tuple[str, ...]
    learning_rate: Constant | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    weight_decay: Constant | None = None
    decay: str | None = None
    maximize: bool | None = None

    @property
    def own(self) -> dict[str, Any]:
        """The settings that differ, by name."""
        common = {
            name: getattr(self, name) for name in ("learning_rate", "weight_decay", "decay", "maximize")
        }
        return {name: value for name, value in common.items() if value is not None} | dict(self.settings)


@dataclass(frozen=True)
class OptimizerConfig:
    """The settings of an optimizer.

    schedule: its name and settings, or a list of rates.
    ema_decay: the decay of a running average of the parameters.
    groups: parameters with settings of their own.
    """

    name: str
    learning_rate: Constant | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    schedule: ScheduleConfig | None = None
    weight_decay: Constant | None = None
    decay: str | None = None
    clip_value: Constant | None = None
    clip_norm: Constant | None = None
    clip_epsilon: Constant | None = None
    maximize: bool = False
    ema_decay: Constant | None = None
    ema_bias_correction: bool | None = None
    groups: tuple[GroupConfig, ...] = ()

    def with_group(self, group: GroupConfig) -> "OptimizerConfig":
        """Return the configuration of the parameters of a group."""
        common = {name: value for name, value in group.own.items() if name not in group.settings}
        return replace(self, **common, settings={**self.settings, **group.settings}, groups=())

    def symbols(self) -> set[str]:
        """Return the free symbols of its constants, whose syntax has been checked."""
        declared = OPTIMIZERS[self.name].settings
        constants = [
            *(self.learning_rate, self.weight_decay, self.clip_value, self.clip_norm, self.clip_epsilon),
            *(self.ema_decay, *_constants_of(self.schedule)),
        ]
        constants += [constant for one in self.groups for constant in (one.learning_rate, one.weight_decay)]
        for settings in (self.settings, *(one.settings for one in self.groups)):
            constants += [value for name, value in settings.items() if not declared[name].choices]
        names = {name for text in constants if isinstance(text, str) for name in parse(text).symbols()}
        return names - {*NAMED_NUMBERS}

    @property
    def is_scheduled(self) -> bool:
        """True if the learning rate changes from step to step."""
        named = isinstance(self.schedule, Mapping) and self.schedule["name"] == "constant"
        return self.schedule is not None and not named

    def conventions(self) -> dict[str, Any]:
        """Return every setting that is used, defaults included."""
        optimizer = OPTIMIZERS[self.name]
        conventions: dict[str, Any] = {"optimizer": self.name}
        has_rates = self.schedule is not None and not isinstance(self.schedule, Mapping)
        if not has_rates:
            rate = optimizer.learning_rate if self.learning_rate is None else self.learning_rate
            conventions["learning_rate"] = rate
        conventions |= self._settings()
        conventions["schedule"] = "constant" if self.schedule is None else self.schedule
        if self.schedule is not None:
            conventions["schedule"] = _with_defaults(self.schedule)
        decay = optimizer.weight_decay if self.weight_decay is None else self.weight_decay
        if decay is not None:
            conventions |= {"weight_decay": decay, "decay": self.decay or optimizer.decay}
        if self.clip_value is not None:
            conventions["clip_value"] = self.clip_value
        if self.clip_norm is not None:
            epsilon = CLIP_EPSILON if self.clip_epsilon is None else self.clip_epsilon
            conventions |= {"clip_norm": self.clip_norm, "clip_epsilon": epsilon}
        if self.maximize:
            conventions["maximize"] = True
        if self.ema_decay is not None:
            is_corrected = bool(self.ema_bias_correction)
            conventions |= {"ema_decay": self.ema_decay, "ema_bias_correction": is_corrected}
        if self.groups:
            conventions["groups"] = [{"parameters": [*one.parameters]} | one.own for one in self.groups]
        return conventions

    def _settings(self) -> dict[str, Any]:
        """Return the rule's own settings, without those that another setting makes unused."""
        declared = OPTIMIZERS[self.name].settings
        values = {name: self.settings.get(name, setting.default) for name, setting in declared.items()}
        return {
            name: value
            for name, value in values.items()
            if not _is_unused(declared[name].declared.unused_when, values)
        }

    def equations(self) -> list[str]:
        """Return the rule in LaTeX under these settings, with clipping before it and decay around it."""
        optimizer, form = OPTIMIZERS[self.name], self.conventions().get("decay")
        before = [] if self.clip_value is None else [r"g_t \leftarrow \min(\max(g_t, -c_v), c_v)"]
        if self.clip_norm is not None:
            before.append(r"g_t \leftarrow g_t \min\left(1, \frac{c_n}{\|g_t\| + \epsilon_n}\right)")
        if self.maximize:
            before.append(r"g_t \leftarrow -g_t")
        if form == "coupled":
            before.append(r"g_t \leftarrow g_t + \lambda_w x_{t-1}")
        after = [_DECAY_EQUATIONS[form]] if form in _DECAY_EQUATIONS else []
        if self.ema_decay is not None:
            after += Averaging(None, bool(self.ema_bias_correction)).formulas()
        if isinstance(self.schedule, Mapping) and self.is_scheduled:
            after.append(SCHEDULES[self.schedule["name"]].formula)
        return before + optimizer.equations(self.settings) + after

    def check(self) -> None:
        """Raise QuestionErrors if a setting was given that the other settings make unused."""
        if OPTIMIZERS[self.name].rate_at_start and self.is_scheduled:
            message = "has no meaning: the rule reads the learning rate at its start alone"
            raise at(SCHEDULE, message, "nothing", "a schedule")
        given = {name: value for name in _UNUSED_BECAUSE if (value := getattr(self, name)) is not None}
        self._check_used(given | dict(self.settings), OPTIMIZER)
        if self.groups and OPTIMIZERS[self.name].updates_jointly:
            message = "have no meaning: the rule updates all parameters as one vector"
            raise at((*OPTIMIZER, "groups"), message, "nothing", describe([*self.groups]))
        for index, group in enumerate(self.groups):
            self.with_group(group)._check_used(group.own, (*OPTIMIZER, "groups", index))

    def _check_used(self, given: Mapping[str, Any], path: Path) -> None:
        """Raise QuestionErrors if one of the given settings is unused."""
        used = {**self.conventions(), "maximize": self.maximize}
        for name in given:
            if name not in used:
                unused_when = (
                    OPTIMIZERS[self.name].settings[name].declared.unused_when
                    if name in self.settings
                    else None
                )
                why = (
                    _UNUSED_BECAUSE[name]
                    if unused_when is None
                    else f"{unused_when[0]} is {str(unused_when[1]).lower()}"
                )
                raise at((*path, name), f"has no meaning where {why}", "nothing", describe(given[name]))


def _is_unused(unused_when: tuple[str, Any] | None, values: Mapping[str, Any]) -> bool:
    return unused_when is not None and values[unused_when[0]] == unused_when[1]


def build_run(config: OptimizerConfig, objective: Objective, initial: InitialState = NO_STEPS) -> Run:
    """Build a run from a configuration. Raises QuestionErrors if a constant is invalid or out of bounds."""
    config.check()
    constants = Constants(objective.arithmetic)
    plateau = constants.plateau(config.schedule)
    groups: dict[str, Run] = {}
    for index, group in enumerate(config.groups):
        places = dict.fromkeys(group.own, (*OPTIMIZER, "groups", index))
        own = _build_run(config.with_group(group), objective, constants, places, plateau)
        groups |= dict.fromkeys(group.parameters, own)
    run = _build_run(config, objective, constants, {}, plateau)
    has_own_rates = any(group.learning_rate is not None for group in config.groups)
    return replace(run, initial=initial, groups=groups, has_own_rates=has_own_rates)


def _build_run(
    config: OptimizerConfig,
    objective: Objective,
    constants: "Constants",
    places: Mapping[str, Path],
    plateau: Plateau | None,
) -> Run:
    """Build the run of a group, or of all parameters in none. places: the object that a setting came from."""
    optimizer = OPTIMIZERS[config.name]
    values = {name: setting.default for name, setting in optimizer.settings.items()} | config.conventions()

    def path_of(name: str) -> Path:
        return (*places.get(name, OPTIMIZER), name)

    def read(name: str, least: float | None = 0, below: float | None = None) -> Number | None:
        return constants.read(path_of(name), values[name], least, below) if name in values else None

    settings = {
        name: constants.setting(path_of(name), setting, values[name])
        for name, setting in optimizer.settings.items()
    }
    for name, setting in optimizer.settings.items():
        least = settings.get(setting.declared.not_below)
        if least is not None and is_true(settings[name] < least):
            expected = f"at least {setting.declared.not_below}"
            raise _error(path_of(name), f"has to be {expected}", expected, values[name])
    average = read("ema_decay", 0, 1)
    write: Writer = float_formula
    to_float: Callable[[Any], float | None] = float
    if objective.arithmetic.simplifies:
        from compute.readings.closed_forms import measure, write_formula  # noqa: PLC0415 - loads SymPy

        write, to_float = write_formula, measure
    return Run(
        optimizer=optimizer,
        objective=objective,
        arithmetic=objective.arithmetic,
        number=constants.convert,
        rate=constants.rates(read("learning_rate"), config.schedule),
        settings=settings,
        write=write,
        to_float=to_float,
        decay=read("weight_decay"),
        decay_form=values.get("decay", "coupled"),
        maximize=config.maximize,
        average=None if average is None else Averaging(average, bool(config.ema_bias_correction)),
        plateau=plateau,
        clipping=Clipping(read("clip_value"), read("clip_norm"), read("clip_epsilon")),
        hessian=hessian_of(objective) if optimizer.updates_jointly else None,
    )


class Constants:
    """Reads constants into the numbers of an arithmetic."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        self._known: dict[tuple[type, Any], Number] = {}

    def convert(self, constant: Any) -> Number:
        """Return a constant that is used by a rule itself.

        Raises ExpressionError if the arithmetic cannot represent it.
        """
        key = type(constant), constant
        if key not in self._known:  # cached, since rules convert theirs at every step
            self._known[key] = self._convert(constant)
        return self._known[key]

    def _convert(self, constant: Any) -> Number:
        expression = parse(constant) if isinstance(constant, str) else number_expression(constant)
        with np.errstate(over="ignore"):  # overflow is refused below
            value = self.arithmetic.constant(expression, {})[()]
        if not self.arithmetic.simplifies and not math.isfinite(value):
            raise ExpressionError(f"is too large for {self.arithmetic.name}")
        return value

    def read(
        self, path: Path, constant: Constant, least: float | None = None, below: float | None = None
    ) -> Number:
        """Return a constant of the question.

        Raises QuestionErrors if it is not a finite number or is out of bounds.
        """
        try:
            value = self.convert(constant)
        except ExpressionError as error:
            message = f"the constant {error}"
            if constant in NO_NUMBERS:
                message = "is not a finite number"
            raise _error(path, message, "a finite number", constant) from None
        low, high = (
            least is not None and is_true(value < least),
            below is not None and is_true(value >= below),
        )
        # Assumptions about a symbol may exceed the bounds, since it may be solved for.
        if (low or high) and not getattr(value, "free_symbols", None):
            expected = " and ".join(
                [*([f"at least {least:g}"] if least is not None else []),
                 *([f"below {below:g}"] if below is not None else [])]
            )  # fmt: skip
            raise _error(path, f"has to be {expected}", expected, constant)
        return value

    def setting(self, path: Path, declared: SettingField, raw: Any) -> Any:
        """Return the value of a setting of a rule or schedule."""
        if raw is None or not declared.is_number:
            return raw
        if declared.is_list:
            return tuple(self.read((*path, index), constant) for index, constant in enumerate(raw))
        value = self.read(path, raw, declared.declared.least, declared.declared.below)
        if declared.declared.decides and getattr(value, "free_symbols", None):
            raise _error(path, "has to be a number, since the rule branches on it", "a number", raw)
        return value

    def rates(self, rate: Number, schedule: ScheduleConfig | None, path: Path = SCHEDULE) -> Rates:
        """Return the learning rate as a function of the step, counted from 1.

        It is constant if the schedule depends on losses.
        """
        if schedule is None or needs_losses(schedule):
            return lambda step: rate
        if not isinstance(schedule, Mapping):
            listed = [self.read((*path, index), rate, 0) for index, rate in enumerate(schedule)]
            return lambda step: listed[min(step, len(listed)) - 1]
        declared_schedule = SCHEDULES[schedule["name"]]
        _check_milestones(schedule, path)

        def nested(other: ScheduleConfig, path: Path) -> Rates:
            if needs_losses(other):
                message = "depends on losses, so that it cannot be part of another schedule"
                raise at((*path, "name"), message, "a schedule of steps", "a schedule of losses")
            return self.rates(rate, other, path)

        settings: dict[str, Any] = {}
        for name, declared in declared_schedule.settings.items():
            raw, place = schedule.get(name, declared.default), (*path, name)
            if declared.is_schedule and declared.is_list:
                settings[name] = [nested(other, (*place, index)) for index, other in enumerate(raw)]
            elif declared.is_schedule:
                settings[name] = None if raw is None else nested(raw, place)
            else:
                settings[name] = self.setting(place, declared, raw)
        return lambda step: declared_schedule.rate(self.arithmetic, rate, step, **settings)

    def plateau(self, schedule: ScheduleConfig | None) -> Plateau | None:
        """Return what reduces the rate, if the schedule depends on losses."""
        if schedule is None or not isinstance(schedule, Mapping) or not needs_losses(schedule):
            return None
        declared_schedule = SCHEDULES[schedule["name"]]
        settings = {
            name: self.setting((*SCHEDULE, name), declared, schedule.get(name, declared.default))
            for name, declared in declared_schedule.settings.items()
        }
        reduce = partial(declared_schedule.rate, self.arithmetic, **settings)
        return Plateau(reduce, settings)


def needs_losses(schedule: ScheduleConfig) -> bool:
    """Return whether the rate depends on losses instead of the step."""
    return isinstance(schedule, Mapping) and SCHEDULES[schedule["name"]].needs_losses


def _check_milestones(schedule: Mapping[str, Any], path: Path) -> None:
    """Raise QuestionErrors unless milestones are in order, and as many as schedules need."""
    milestones = schedule.get("milestones")
    if milestones is None:
        return
    for index, (one, other) in enumerate(pairwise(milestones)):
        if other < one:
            place = (*path, "milestones", index + 1)
            raise at(place, "is less than the one before it", f"at least {one}", f"{other}")
    schedules = schedule.get("schedules")
    if schedules is not None and len(milestones) != len(schedules) - 1:
        expected = f"{len(schedules) - 1}, one between two schedules"
        raise at((*path, "milestones"), "does not fit the schedules", expected, f"{len(milestones)}")


def _constants_of(schedule: ScheduleConfig | None) -> Iterator[Any]:
    """Yield the constants in a schedule and those inside it."""
    if schedule is None:
        return
    if not isinstance(schedule, Mapping):
        yield from schedule
        return
    declared = SCHEDULES[schedule["name"]].settings
    for name, value in schedule.items():
        if name == "name" or value is None:
            continue
        values = value if declared[name].is_list else [value]
        if declared[name].is_schedule:
            for other in values:
                yield from _constants_of(other)
        elif declared[name].is_number:
            yield from values


def _with_defaults(schedule: ScheduleConfig) -> Any:
    """Return a schedule with every setting, also of those inside it."""
    if not isinstance(schedule, Mapping):
        return schedule
    filled: dict[str, Any] = {"name": schedule["name"]}
    for name, declared in SCHEDULES[schedule["name"]].settings.items():
        value = schedule.get(name, declared.default)
        if declared.is_schedule and value is not None:
            value = [_with_defaults(one) for one in value] if declared.is_list else _with_defaults(value)
        filled[name] = value
    return filled


def _error(path: Path, message: str, expected: str, constant: Constant) -> QuestionErrors:
    return at(path, message, expected, describe(constant))
