"""From what a question says of an optimizer to the course that it takes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
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
from compute.optimizers.declaration import OPTIMIZERS, Number, SettingField
from compute.optimizers.gradients import Clipping
from compute.optimizers.hessians import hessian_of
from compute.optimizers.objective import Objective
from compute.optimizers.schedules import SCHEDULES
from compute.optimizers.trace import Run
from compute.optimizers.written import float_formula

_BEHIND = {
    "decoupled": r"x_t \leftarrow x_t - \eta_t \lambda_w x_{t-1}",
    "post": r"x_t \leftarrow (1 - \lambda_w) x_t",
}
CLIP_EPSILON = 1e-6  # as PyTorch has it
# When what optimizers have in common has no meaning.
_COMMON = {
    "learning_rate": "rates are listed under schedule",
    "decay": "there is no weight_decay",
    "clip_epsilon": "there is no clip_norm",
}
Path = tuple[str | int, ...]
Rates = Callable[[int], Number]


@dataclass(frozen=True)
class OptimizerConfig:
    """An optimizer as a question names it. schedule: its name and settings, or the rates themselves."""

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
        """The names in its constants, which are known to be some."""
        declared, schedule = OPTIMIZERS[self.name].settings, self.schedule or ()
        said = [self.learning_rate, self.weight_decay, self.clip_value, self.clip_norm, self.clip_epsilon]
        said += [one for name, one in self.settings.items() if not declared[name].choices]
        if isinstance(schedule, Mapping):
            said += [one for name, one in schedule.items() if name != "name"]
        else:
            said += schedule
        found = {name for one in said if isinstance(one, str) for name in parse(one).symbols()}
        return found - {*NAMED_NUMBERS}

    @property
    def is_scheduled(self) -> bool:
        """Whether the learning rate changes with steps."""
        named = isinstance(self.schedule, Mapping) and self.schedule["name"] == "constant"
        return self.schedule is not None and not named

    def conventions(self) -> dict[str, Any]:
        """Every setting as it is used, those that nothing was said of included."""
        optimizer = OPTIMIZERS[self.name]
        found: dict[str, Any] = {"optimizer": self.name}
        listed = self.schedule is not None and not isinstance(self.schedule, Mapping)
        if not listed:
            rate = optimizer.learning_rate if self.learning_rate is None else self.learning_rate
            found["learning_rate"] = rate
        found |= self._settings()
        found["schedule"] = "constant" if self.schedule is None else self.schedule
        if isinstance(self.schedule, Mapping):
            defaults = {name: one.default for name, one in SCHEDULES[self.schedule["name"]].settings.items()}
            found["schedule"] = {"name": self.schedule["name"]} | defaults | dict(self.schedule)
        decay = optimizer.weight_decay if self.weight_decay is None else self.weight_decay
        if decay is not None:
            found |= {"weight_decay": decay, "decay": self.decay or optimizer.decay}
        if self.clip_value is not None:
            found["clip_value"] = self.clip_value
        if self.clip_norm is not None:
            epsilon = CLIP_EPSILON if self.clip_epsilon is None else self.clip_epsilon
            found |= {"clip_norm": self.clip_norm, "clip_epsilon": epsilon}
        return found

    def _settings(self) -> dict[str, Any]:
        """The rule's own settings, without those that others leave no meaning."""
        declared = OPTIMIZERS[self.name].settings
        said = {name: self.settings.get(name, one.default) for name, one in declared.items()}
        idle = {name: one.declared.idle for name, one in declared.items()}
        return {name: one for name, one in said.items() if not _is_idle(idle[name], said)}

    def equations(self) -> list[str]:
        """The rule in LaTeX as it is with these settings, with what is done before and behind it."""
        optimizer, form = OPTIMIZERS[self.name], self.conventions().get("decay")
        before = [] if self.clip_value is None else [r"g_t \leftarrow \min(\max(g_t, -c_v), c_v)"]
        if self.clip_norm is not None:
            before.append(r"g_t \leftarrow g_t \min\left(1, \frac{c_n}{\|g_t\| + \epsilon_n}\right)")
        if form == "coupled":
            before.append(r"g_t \leftarrow g_t + \lambda_w x_{t-1}")
        behind = [_BEHIND[form]] if form in _BEHIND else []
        return before + optimizer.equations(self.settings) + behind

    def check(self) -> None:
        """Raise QuestionErrors where something is said that has no meaning beside the rest."""
        used = self.conventions()
        if OPTIMIZERS[self.name].rate_at_start and self.is_scheduled:
            message = "has no meaning: the rule reads the learning rate at its start alone"
            raise at(("optimizer", "schedule"), message, "nothing", "a schedule")
        said = {name: one for name in _COMMON if (one := getattr(self, name)) is not None} | dict(
            self.settings
        )
        for name in said:
            if name not in used:
                idle = OPTIMIZERS[self.name].settings[name].declared.idle if name in self.settings else None
                why = _COMMON[name] if idle is None else f"{idle[0]} is {str(idle[1]).lower()}"
                path = ("optimizer", name)
                raise at(path, f"has no meaning where {why}", "nothing", describe(said[name]))


def _is_idle(idle: tuple[str, Any] | None, said: Mapping[str, Any]) -> bool:
    return idle is not None and said[idle[0]] == idle[1]


def course_of(chosen: OptimizerConfig, objective: Objective) -> Run:
    """The course, once its constants are known to be some. Raises QuestionErrors."""
    optimizer = OPTIMIZERS[chosen.name]
    chosen.check()
    constants = Constants(objective.arithmetic)
    said = {name: one.default for name, one in optimizer.settings.items()} | chosen.conventions()

    def read(name: str, least: float | None = 0) -> Number | None:
        return constants.read(("optimizer", name), said[name], least) if name in said else None

    settings = {
        name: constants.setting(("optimizer", name), one, said[name])
        for name, one in optimizer.settings.items()
    }
    exact = objective.arithmetic.simplifies
    for name, one in optimizer.settings.items():
        least = settings.get(one.declared.not_below)
        if least is not None and _is_true(settings[name] < least):
            wanted = f"at least {one.declared.not_below}"
            raise _fault(("optimizer", name), f"has to be {wanted}", wanted, said[name])
    forms: Any = import_module("compute.readings.closed_forms") if exact else None
    return Run(
        optimizer=optimizer,
        objective=objective,
        arithmetic=objective.arithmetic,
        number=constants.plain,
        rate=constants.rates(read("learning_rate"), chosen.schedule),
        settings=settings,
        write=forms.write_formula if exact else float_formula,
        measure=forms.measure if exact else float,
        decay=read("weight_decay"),
        decay_form=said.get("decay", "coupled"),
        clipping=Clipping(read("clip_value"), read("clip_norm"), read("clip_epsilon")),
        hessian=hessian_of(objective) if optimizer.takes_all else None,
    )


class Constants:
    """Constants in the numbers of one arithmetic."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        self._known: dict[tuple[type, Any], Number] = {}

    def plain(self, said: Any) -> Number:
        """A constant of the rules themselves. Raises ExpressionError where these numbers do not hold it."""
        key = type(said), said
        if key not in self._known:  # rules ask for theirs at every step
            self._known[key] = self._found(said)
        return self._known[key]

    def _found(self, said: Any) -> Number:
        expression = parse(said) if isinstance(said, str) else number_expression(said)
        with np.errstate(over="ignore"):  # what is too large is refused below
            found = self.arithmetic.constant(expression, {})[()]
        if not self.arithmetic.simplifies and not math.isfinite(found):
            raise ExpressionError(f"is too large for {self.arithmetic.name}")
        return found

    def read(
        self, path: Path, said: Constant, least: float | None = None, below: float | None = None
    ) -> Number:
        """A constant that came; raises QuestionErrors where it is none, or beyond its bounds."""
        try:
            found = self.plain(said)
        except ExpressionError as error:
            message = f"the constant {error}"
            if said in NO_NUMBERS:
                message = "is no number that a step can be made with"
            raise _fault(path, message, "a finite number", said) from None
        low, high = (
            least is not None and _is_true(found < least),
            below is not None and _is_true(found >= below),
        )
        # What is assumed of a symbol may leave the bounds: it may be solved for.
        if (low or high) and not getattr(found, "free_symbols", None):
            wanted = " and ".join(
                [*([f"at least {least:g}"] if least is not None else []),
                 *([f"below {below:g}"] if below is not None else [])]
            )  # fmt: skip
            raise _fault(path, f"has to be {wanted}", wanted, said)
        return found

    def setting(self, path: Path, declared: SettingField, said: Any) -> Any:
        if declared.choices or declared.is_switch or declared.is_whole:
            return said
        found = self.read(path, said, declared.declared.least, declared.declared.below)
        if declared.declared.decides and getattr(found, "free_symbols", None):
            raise _fault(path, "has to be a number, since the rule goes by it", "a number", said)
        return found

    def rates(self, rate: Number, schedule: Mapping[str, Any] | Sequence[Constant] | None) -> Rates:
        """The learning rate of each step."""
        if schedule is None:
            return lambda step: rate
        path: Path = ("optimizer", "schedule")
        if not isinstance(schedule, Mapping):
            listed = [self.read((*path, at), one, 0) for at, one in enumerate(schedule)]
            return lambda step: listed[min(step, len(listed)) - 1]
        chosen = SCHEDULES[schedule["name"]]
        settings = {
            name: self.setting((*path, name), declared, schedule.get(name, declared.default))
            for name, declared in chosen.settings.items()
        }
        return lambda step: chosen.rate(self.arithmetic, rate, step, **settings)


def _is_true(condition: Any) -> bool:
    """Whether a comparison is known to hold; of symbols it may be open."""
    return condition is True or str(condition) == "True"


def _fault(path: Path, message: str, expected: str, said: Constant) -> QuestionErrors:
    return at(path, message, expected, describe(said))
