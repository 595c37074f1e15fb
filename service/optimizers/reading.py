"""Read the optimizer and the schedule of a request."""

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydantic import BaseModel

from compute.errors import Path, QuestionErrors, at, unknown_name
from compute.operations.framework.declaration import Constant
from compute.optimizers.rules.declaration import OPTIMIZERS, resolve_alias
from compute.optimizers.rules.schedules import SCHEDULES
from compute.optimizers.run.config import GroupConfig, OptimizerConfig
from service.http.problems import describe
from service.optimizers.schemas import MAX_STEPS, optimizer_model, schedule_model
from service.questions.validation import validate
from service.schemas.setting_validators import validate_constant

MAX_DEPTH = 10  # of the path of a schedule


def read_optimizer(raw: Any, path: Path = ("optimizer",)) -> OptimizerConfig:
    """Return the configuration of an optimizer. path: its place in the question. Raises QuestionErrors."""
    with errors_within(*path):
        request = _validate_named(raw, OPTIMIZERS, optimizer_model, "update rule")
    fields, sent = request.__dict__, request.__pydantic_fields_set__
    fields = {**fields, "name": resolve_alias(fields["name"])}
    settings, common = _split_settings(fields["name"], fields, sent - {"schedule", "groups"})
    schedule = read_schedule(fields["schedule"], (*path, "schedule")) if "schedule" in sent else None
    groups = tuple(_read_group(fields["name"], group) for group in fields["groups"])
    return OptimizerConfig(**common, settings=settings, schedule=schedule, groups=groups)


def _read_group(name: str, group: BaseModel) -> GroupConfig:
    fields = group.__dict__
    settings, common = _split_settings(name, fields, group.__pydantic_fields_set__ - {"parameters"})
    return GroupConfig(tuple(fields["parameters"]), settings=settings, **common)


def _split_settings(
    name: str, fields: Mapping[str, Any], sent: Set[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of a rule that were sent, and those that all rules share."""
    own = {setting: fields[setting] for setting in OPTIMIZERS[name].settings if setting in sent}
    return own, {setting: fields[setting] for setting in sent - own.keys()}


def read_schedule(raw: Any, path: Path = ("optimizer", "schedule")) -> dict[str, Any] | list[Constant]:
    """Return a schedule's name and settings, or the list of its rates. Raises QuestionErrors.

    Schedules inside it are read in the same way.
    """
    if len(path) > MAX_DEPTH:
        raise at(
            path, "is nested too deeply", "fewer schedules inside each other", f"a path of {len(path)} names"
        )
    if isinstance(raw, list | np.ndarray):
        rates = raw.tolist() if isinstance(raw, np.ndarray) else raw
        if not 1 <= len(rates) <= MAX_STEPS or not all(map(_is_rate, rates)):
            raise at(path, "is not a list of rates", "numbers or constant expressions", describe(raw))
        return [validate_constant(rate) for rate in rates]
    with errors_within(*path):
        request = _validate_named(raw, SCHEDULES, schedule_model, "schedule")
    schedule = {name: request.__dict__[name] for name in ("name", *request.__pydantic_fields_set__)}
    for name, declared in SCHEDULES[schedule["name"]].settings.items():
        if declared.is_schedule and schedule.get(name) is not None:
            place = (*path, name)
            schedule[name] = (
                [read_schedule(one, (*place, index)) for index, one in enumerate(schedule[name])]
                if declared.is_list
                else read_schedule(schedule[name], place)
            )
    return schedule


def _is_rate(value: Any) -> bool:
    # In exact questions, numbers are a subclass of float that keeps the decimal text.
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _validate_named(
    raw: Any, known: dict[str, Any], model: Callable[[str], type[BaseModel]], noun: str
) -> BaseModel:
    """Validate an object with the model that its `name` selects. Raises QuestionErrors."""
    if not isinstance(raw, dict):
        raise at((), "is not an object", '{"name": ...} with its settings', describe(raw))
    name = raw.get("name")
    name = resolve_alias(name) if known is OPTIMIZERS and isinstance(name, str) else name
    if not isinstance(name, str) or name not in known:
        if isinstance(name, str):
            raise QuestionErrors([unknown_name(("name",), noun, name, known)])
        received = "nothing" if name is None else describe(name)
        raise at(("name",), "is not a name", "one of: " + ", ".join(known), received)
    return validate(model(name), raw)


@contextmanager
def errors_within(*path: str | int) -> Iterator[None]:
    """Prefix the paths of QuestionErrors that the block raises."""
    try:
        yield
    except QuestionErrors as errors:
        raise QuestionErrors([error.within(*path) for error in errors.errors], errors.total) from None
