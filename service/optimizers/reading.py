"""Read the optimizer and the schedule of a request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydantic import BaseModel

from compute.errors import QuestionErrors, at, unknown_name
from compute.operations.framework.declaration import Constant
from compute.optimizers.rules.declaration import OPTIMIZERS
from compute.optimizers.rules.schedules import SCHEDULES
from compute.optimizers.run.config import OptimizerConfig
from service.http.problems import describe
from service.optimizers.schemas import MAX_STEPS, optimizer_model, schedule_model
from service.questions.validation import validate
from service.schemas.setting_validators import validate_constant


def read_optimizer(raw: Any) -> OptimizerConfig:
    """Return the configuration of an optimizer. Raises QuestionErrors."""
    with errors_within("optimizer"):
        request = _validate_named(raw, OPTIMIZERS, optimizer_model, "update rule")
    fields, sent = request.__dict__, request.__pydantic_fields_set__
    settings = {name: fields[name] for name in OPTIMIZERS[fields["name"]].settings if name in sent}
    common = {name: fields[name] for name in sent - settings.keys() - {"schedule"}}
    schedule = read_schedule(fields["schedule"]) if "schedule" in sent else None
    return OptimizerConfig(**common, settings=settings, schedule=schedule)


def read_schedule(raw: Any) -> dict[str, Any] | list[Constant]:
    """Return a schedule's name and settings, or the list of its rates. Raises QuestionErrors."""
    if isinstance(raw, list | np.ndarray):
        rates = raw.tolist() if isinstance(raw, np.ndarray) else raw
        if not 1 <= len(rates) <= MAX_STEPS or not all(map(_is_rate, rates)):
            raise at(("optimizer", "schedule"), "is not a list of rates", "numbers or constant expressions",
                     describe(raw))  # fmt: skip
        return [validate_constant(rate) for rate in rates]
    with errors_within("optimizer", "schedule"):
        request = _validate_named(raw, SCHEDULES, schedule_model, "schedule")
    return {name: request.__dict__[name] for name in ("name", *request.__pydantic_fields_set__)}


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
    if not isinstance(name, str) or name not in known:
        if isinstance(name, str):
            raise QuestionErrors([unknown_name(("name",), noun, name, known)])
        received = "nothing" if name is None else describe(name)
        raise at(("name",), "is not a name", "one of: " + ", ".join(known), received)
    return validate(model(name), raw)


@contextmanager
def errors_within(*path: str) -> Iterator[None]:
    """Prefix the paths of QuestionErrors that the block raises."""
    try:
        yield
    except QuestionErrors as errors:
        raise QuestionErrors([error.within(*path) for error in errors.errors], errors.total) from None
