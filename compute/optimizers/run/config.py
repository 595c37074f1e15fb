"""The configuration of an optimizer as a question gives it, and the run built from it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
from compute.optimizers.rules.declaration import OPTIMIZERS, Number, SettingField
from compute.optimizers.rules.schedules import SCHEDULES
from compute.optimizers.run.gradients import Clipping
from compute.optimizers.run.hessians import hessian_of
from compute.optimizers.run.objective import Objective
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
}
Path = tuple[str | int, ...]
Rates = Callable[[int], Number]


@dataclass(frozen=True)
class OptimizerConfig:
    """The settings of an optimizer. schedule: its name and settings, or a list of rates."""

    name: str
    learning_rate: Constant | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] | Sequence[Constant] | None = None
    weight_decay: Constant | None = None
    decay: str | None = None
    clip_value: Constant | None = None
    clip_norm: Constant | None = None
    clip_epsilon: Constant | None = None

    def symbols(self) -> set[str]:
        """Return the free symbols of its constants, whose syntax has been checked."""
        declared, schedule = OPTIMIZERS[self.name].settings, self.schedule or ()
        constants = [
            self.learning_rate,
            self.weight_decay,
            self.clip_value,
            self.clip_norm,
            self.clip_epsilon,
        ]
        constants += [value for name, value in self.settings.items() if not declared[name].choices]
        if isinstance(schedule, Mapping):
            constants += [value for name, value in schedule.items() if name != "name"]
        else:
            constants += schedule
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
        if isinstance(self.schedule, Mapping):
            defaults = {
                name: setting.default for name, setting in SCHEDULES[self.schedule["name"]].settings.items()
            }
            conventions["schedule"] = {"name": self.schedule["name"]} | defaults | dict(self.schedule)
        decay = optimizer.weight_decay if self.weight_decay is None else self.weight_decay
        if decay is not None:
            conventions |= {"weight_decay": decay, "decay": self.decay or optimizer.decay}
        if self.clip_value is not None:
            conventions["clip_value"] = self.clip_value
        if self.clip_norm is not None:
            epsilon = CLIP_EPSILON if self.clip_epsilon is None else self.clip_epsilon
            conventions |= {"clip_norm": self.clip_norm, "clip_epsilon": epsilon}
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
        if form == "coupled":
            before.append(r"g_t \leftarrow g_t + \lambda_w x_{t-1}")
        after = [_DECAY_EQUATIONS[form]] if form in _DECAY_EQUATIONS else []
        return before + optimizer.equations(self.settings) + after

    def check(self) -> None:
        """Raise QuestionErrors if a setting was given that the other settings make unused."""
        used = self.conventions()
        if OPTIMIZERS[self.name].rate_at_start and self.is_scheduled:
            message = "has no meaning: the rule reads the learning rate at its start alone"
            raise at(("optimizer", "schedule"), message, "nothing", "a schedule")
        given = {name: value for name in _UNUSED_BECAUSE if (value := getattr(self, name)) is not None}
        given |= self.settings
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
                path = ("optimizer", name)
                raise at(path, f"has no meaning where {why}", "nothing", describe(given[name]))


def _is_unused(unused_when: tuple[str, Any] | None, values: Mapping[str, Any]) -> bool:
    return unused_when is not None and values[unused_when[0]] == unused_when[1]


def build_run(config: OptimizerConfig, objective: Objective) -> Run:
    """Build a run from a configuration. Raises QuestionErrors if a constant is invalid or out of bounds."""
    optimizer = OPTIMIZERS[config.name]
    config.check()
    constants = Constants(objective.arithmetic)
    values = {name: setting.default for name, setting in optimizer.settings.items()} | config.conventions()

    def read(name: str, least: float | None = 0) -> Number | None:
        return constants.read(("optimizer", name), values[name], least) if name in values else None

    settings = {
        name: constants.setting(("optimizer", name), setting, values[name])
        for name, setting in optimizer.settings.items()
    }
    for name, setting in optimizer.settings.items():
        least = settings.get(setting.declared.not_below)
        if least is not None and _is_true(settings[name] < least):
            expected = f"at least {setting.declared.not_below}"
            raise _error(("optimizer", name), f"has to be {expected}", expected, values[name])
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
            least is not None and _is_true(value < least),
            below is not None and _is_true(value >= below),
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
        if declared.choices or declared.is_switch or declared.is_whole:
            return raw
        value = self.read(path, raw, declared.declared.least, declared.declared.below)
        if declared.declared.decides and getattr(value, "free_symbols", None):
            raise _error(path, "has to be a number, since the rule branches on it", "a number", raw)
        return value

    def rates(self, rate: Number, schedule: Mapping[str, Any] | Sequence[Constant] | None) -> Rates:
        """Return the learning rate as a function of the step, counted from 1."""
        if schedule is None:
            return lambda step: rate
        path: Path = ("optimizer", "schedule")
        if not isinstance(schedule, Mapping):
            listed = [self.read((*path, index), rate, 0) for index, rate in enumerate(schedule)]
            return lambda step: listed[min(step, len(listed)) - 1]
        declared_schedule = SCHEDULES[schedule["name"]]
        settings = {
            name: self.setting((*path, name), declared, schedule.get(name, declared.default))
            for name, declared in declared_schedule.settings.items()
        }
        return lambda step: declared_schedule.rate(self.arithmetic, rate, step, **settings)


def _is_true(condition: Any) -> bool:
    """Return whether a comparison certainly holds; False if free symbols leave it undecided."""
    return condition is True or str(condition) == "True"


def _error(path: Path, message: str, expected: str, constant: Constant) -> QuestionErrors:
    return at(path, message, expected, describe(constant))
