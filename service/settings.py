"""Settings, each from an environment variable `WORKINGS_...`."""

import os
import re
from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from compute.limits import Limits
from service.settings_checks import PREFIX, Wrong, contradictions, unknown_variables

HOUR = 3600.0  # seconds
MAX_PROCESSES = 1024
MAX_BYTES = 2**42
ORIGIN = re.compile(r"https?://[^/\s]+")


class Settings(BaseSettings):
    """The limits and sizes that a deployment can choose; a test compares docs/settings.md with this class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    max_body_bytes: int = Field(
        default=32 * 2**20, ge=1024, le=2**31, description="Largest request body, in bytes."
    )
    max_work: int = Field(
        default=20_000_000_000,
        ge=1,
        le=10**15,
        description="Most elementary operations that one answer may take.",
    )
    max_entries: int = Field(
        default=50_000_000,
        ge=1,
        le=10**11,
        description="Most numbers that one answer may hold in memory at once.",
    )
    max_answer_entries: int = Field(
        default=4_000_000, ge=1, le=10**10, description="Most numbers that one answer may send back."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=MAX_PROCESSES,
        description="Processes that compute; by default, as many as processors. With 0, answers are computed"
        " in the serving process, without bounds on time and memory.",
    )
    queue: int = Field(
        default=32, ge=0, le=100_000, description="Requests that may wait for a worker before others get 503."
    )
    max_seconds: float = Field(
        default=30, gt=0, le=HOUR, description="Most seconds of processor time for one answer."
    )
    worker_memory: int = Field(
        default=2**30,
        ge=2**20,
        le=MAX_BYTES,
        description="Most bytes of memory that one answer may take in a worker.",
    )
    max_values: int = Field(
        default=100_000,
        ge=1,
        le=10**8,
        description="Most values that one question may be planned with, named or not.",
    )
    plan_bytes: int = Field(
        default=64 * 2**20, ge=0, le=MAX_BYTES, description="Most bytes of kept plans in each process."
    )
    held_bytes: int = Field(
        default=512 * 2**20,
        ge=1024,
        le=MAX_BYTES,
        description="Most bytes of request bodies and unsent answers that the serving process holds at once.",
    )
    body_timeout: float = Field(
        default=30, gt=0, le=HOUR, description="Most seconds that a request body may take to arrive."
    )
    inline_work: int = Field(
        default=100_000,
        ge=0,
        le=10**8,
        description="Most elementary operations of an answer that is computed without a worker.",
    )
    inline_values: int = Field(
        default=1_000,
        ge=0,
        le=10**6,
        description="Most values of a question that is planned without a worker.",
    )
    inline_bytes: int = Field(
        default=4_096,
        ge=0,
        le=2**20,
        description="Largest request body that is read without a worker, in bytes.",
    )
    kept_bytes: int = Field(
        default=256 * 2**20,
        ge=0,
        lt=2**31,
        description="Most bytes of freed memory that the process keeps for the next answers.",
    )

    cors_origins: list[str] = Field(
        default=[],
        description="Origins whose pages may call the service from a browser, as a JSON list;"
        ' `["*"]` for all.',
    )

    exact_workers: int = Field(
        default=2,
        ge=1,
        le=MAX_PROCESSES,
        description="Processes that answer exact questions, at a lower priority than others.",
    )
    exact_seconds: float = Field(
        default=5, gt=0, le=HOUR, description="Most seconds of processor time for one exact answer."
    )
    exact_memory: int = Field(
        default=512 * 2**20,
        ge=2**20,
        le=MAX_BYTES,
        description="Most bytes of memory that one exact answer may take.",
    )

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: list[str]) -> list[str]:
        """Refuse origins that no browser sends, which would admit nobody without a word."""
        found = [one.removesuffix("/") for one in origins]
        for one in found:
            if one != "*" and not ORIGIN.fullmatch(one):
                raise ValueError('expected an origin such as "https://a.example", or "*"')
        return found

    @model_validator(mode="wrap")
    @classmethod
    def _check_together(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse variables that name no setting, beside all else that is wrong, and then contradictions."""
        unknown = list(unknown_variables(os.environ, cls.model_fields))
        try:
            found = handler(data)
        except ValidationError as error:
            if not unknown:
                raise
            others = [(one["loc"], one["msg"]) for one in error.errors(include_url=False)]
            raise _refused([*unknown, *others]) from None
        wrong = unknown or list(contradictions(dict(found), found.model_fields_set))
        if wrong:
            raise _refused(wrong)
        return found

    @property
    def limits(self) -> Limits:
        """The limits that `compute` checks its predictions against."""
        return Limits(work=self.max_work, entries=self.max_entries, answer=self.max_answer_entries)


def _refused(wrong: Iterable[Wrong]) -> ValidationError:
    """The error that says what is wrong with each field, whose place comes with it."""
    details: list[InitErrorDetails] = [
        {"type": PydanticCustomError("setting", "{why}", {"why": why}), "loc": place, "input": None}
        for place, why in wrong
    ]
    return ValidationError.from_exception_data("Settings", details)
