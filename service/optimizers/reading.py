"""From the parts of a document that name an optimizer to what `compute` takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pydantic import BaseModel

from compute.errors import QuestionErrors, at, unknown_name
from compute.operations.framework.declaration import Constant
from compute.optimizers.course import OptimizerConfig
from compute.optimizers.declaration import OPTIMIZERS
from compute.optimizers.schedules import SCHEDULES
from service.http.problems import describe
from service.optimizers.schemas import MAX_STEPS, optimizer_model, schedule_model
from service.questions.validation import validate
from service.schemas.setting_validators import constant


def read_optimizer(raw: Any) -> OptimizerConfig:
    """The optimizer that a document names. Raises QuestionErrors."""
    with errors_within("optimizer"):
        request = _validate_named(raw, OPTIMIZERS, optimizer_model, "update rule")
    fields, said = request.__dict__, request.__pydantic_fields_set__
    settings = {name: fields[name] for name in OPTIMIZERS[fields["name"]].settings if name in said}
    common = {name: fields[name] for name in said - settings.keys() - {"schedule"}}
    schedule = read_schedule(fields["schedule"]) if "schedule" in said else None
    return OptimizerConfig(**common, settings=settings, schedule=schedule)


def read_schedule(raw: Any) -> dict[str, Any] | list[Constant]:
    """A schedule by name with what is said of it, or the rate of each step."""
    if isinstance(raw, list | np.ndarray):
        rates = raw.tolist() if isinstance(raw, np.ndarray) else raw
        if not 1 <= len(rates) <= MAX_STEPS or not all(map(_is_rate, rates)):
            raise at(("optimizer", "schedule"), "is no list of rates", "numbers or constant expressions",
                     describe(raw))  # fmt: skip
        return [constant(one) for one in rates]
    with errors_within("optimizer", "schedule"):
        request = _validate_named(raw, SCHEDULES, schedule_model, "schedule")
    return {name: request.__dict__[name] for name in ("name", *request.__pydantic_fields_set__)}


def _is_rate(one: Any) -> bool:
    """Whether a rate is a number or text. Exact questions hold floats that keep their decimal text."""
    return isinstance(one, int | float | str) and not isinstance(one, bool)


def _validate_named(
    raw: Any, known: dict[str, Any], model: Callable[[str], type[BaseModel]], what: str
) -> BaseModel:
    """An object whose name says of which model it is."""
    if not isinstance(raw, dict):
        raise at((), f"is no {what}", '{"name": ...} with its settings', describe(raw))
    name = raw.get("name")
    if not isinstance(name, str) or name not in known:
        if isinstance(name, str):
            raise QuestionErrors([unknown_name(("name",), what, name, known)])
        received = "nothing" if name is None else describe(name)
        raise at(("name",), "is no name", "one of: " + ", ".join(known), received)
    return validate(model(name), raw)


@contextmanager
def errors_within(*path: str) -> Iterator[None]:
    """Faults of a part of a document, seen from the whole."""
    try:
        yield
    except QuestionErrors as found:
        raise QuestionErrors([one.within(*path) for one in found.errors], found.total) from None
