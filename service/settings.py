"""Settings, each from an environment variable `WORKINGS_...`."""

import os
import re
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from compute.question.limits import Limits
from service.settings_checks import PREFIX, Violation, contradictions, parse_rate, unknown_variables

HOUR = 3600.0  # seconds
MAX_PROCESSES = 1024
MAX_BYTES = 2**42
REDIS = re.compile(r"rediss?://\S+")
ORIGIN = re.compile(r"https?://[^/\s]+")

LogFormat: TypeAlias = Literal["console", "json"]
RequestLevel: TypeAlias = Literal["off", "debug", "info"]


class Settings(BaseSettings):
    """The limits and sizes of a deployment. A test compares docs/settings.md with this class."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    max_body_bytes: int = Field(
        default=32 * 2**20, ge=1024, le=2**31, description="Largest request body, in bytes."
    )
    max_work: int = Field(
        default=20_000_000_000,
        ge=1,
        le=10**15,
        description="Maximum number of elementary operations for one answer; one core does about 1e9 in a"
        " second.",
    )
    max_entries: int = Field(
        default=50_000_000,
        ge=1,
        le=10**11,
        description="Maximum number of entries that one answer holds in memory at once.",
    )
    max_answer_entries: int = Field(
        default=4_000_000, ge=1, le=10**10, description="Maximum number of entries that one answer returns."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        le=MAX_PROCESSES,
        description="Processes that compute; by default, as many as processors. With 0, answers are computed"
        " in the serving process, without bounds on time and memory.",
    )
    queue: int = Field(
        default=64,
        ge=0,
        le=100_000,
        description="Maximum number of requests that wait for a worker; further ones get 503. One client"
        " address may have half of them.",
    )
    max_seconds: float = Field(
        default=30, gt=0, le=HOUR, description="Maximum seconds of processor time for one answer."
    )
    worker_memory: int = Field(
        default=2**30,
        ge=2**20,
        le=MAX_BYTES,
        description="Maximum bytes of memory for one answer in a worker.",
    )
    max_values: int = Field(
        default=100_000,
        ge=1,
        le=10**8,
        description="Maximum number of values, named or not, in the plan of one question.",
    )
    plan_bytes: int = Field(
        default=64 * 2**20, ge=0, le=MAX_BYTES, description="Maximum bytes of cached plans in each process."
    )
    held_bytes: int = Field(
        default=256 * 2**20,
        ge=1024,
        le=MAX_BYTES,
        description="Maximum bytes of request bodies that the serving process holds at once; unsent answers"
        " may take as many again.",
    )
    body_timeout: float = Field(
        default=30, gt=0, le=HOUR, description="Maximum seconds for a request body to arrive."
    )
    inline_work: int = Field(
        default=2_000_000,
        ge=0,
        le=10**8,
        description="Maximum number of elementary operations of an answer that is computed without a worker.",
    )
    inline_values: int = Field(
        default=1_000,
        ge=0,
        le=10**6,
        description="Maximum number of values of a question that is planned without a worker.",
    )
    inline_bytes: int = Field(
        default=4_096,
        ge=0,
        le=2**20,
        description="Largest request body that is read without a worker, in bytes.",
    )
    kept_bytes: int = Field(
        default=128 * 2**20,
        ge=0,
        lt=2**31,
        description="Maximum bytes of freed memory that each worker for floats keeps for the next answers.",
    )

    max_connections: int = Field(
        default=4_096,
        ge=1,
        le=1_000_000,
        description="Maximum number of open connections of a server process; more get 503.",
    )
    max_client_connections: int = Field(
        default=512,
        ge=0,
        le=1_000_000,
        description="Maximum number of connections of one client address, or of concurrent requests if it"
        " is behind a trusted proxy; 0 for no limit.",
    )
    trusted_proxies: list[str] = Field(
        default=[],
        description="Addresses or networks of proxies whose `X-Forwarded-For` names the client, as a JSON"
        " list.",
    )
    max_head_bytes: int = Field(
        default=65_536,
        ge=8_192,
        le=2**20,
        description="Maximum bytes of a request line with its headers.",
    )
    head_timeout: float = Field(
        default=10,
        ge=0.1,
        le=3600,
        description="Maximum seconds for a request line with its headers to arrive.",
    )
    keep_alive: float = Field(
        default=5, ge=0.1, le=3600, description="Seconds that a connection may wait for its next request."
    )
    min_rate: int = Field(
        default=4_096,
        ge=0,
        le=2**30,
        description="Minimum bytes per second at which a client has to read and send; 0 for no limit.",
    )
    stop_seconds: float = Field(
        default=6,
        ge=0,
        le=3600,
        description="Seconds after a signal to stop in which accepted requests are still answered.",
    )

    cors_origins: list[str] = Field(
        default=[],
        description="Origins whose pages may call the service from a browser, as a JSON list;"
        ' `["*"]` for all.',
    )

    key_file: Path | None = Field(
        default=None, description="File of API keys; without one, everybody may ask."
    )
    open: bool = Field(
        default=False,
        description="Whether `workings serve` listens beyond the loopback interface without API keys.",
    )
    address_rate: str = Field(
        default="", description="Most requests of one client address in a time, such as `60/minute`."
    )
    redis: str = Field(
        default="",
        description="Address of a Redis server, `redis://...`, that counts rates and budgets for several"
        " server processes; without one, each counts for itself.",
    )

    exact_workers: int = Field(
        default=2,
        ge=1,
        le=MAX_PROCESSES,
        description="Processes that answer exact questions, at a lower priority than others.",
    )
    exact_seconds: float = Field(
        default=5, gt=0, le=HOUR, description="Maximum seconds of processor time for one exact answer."
    )
    exact_memory: int = Field(
        default=512 * 2**20,
        ge=2**20,
        le=MAX_BYTES,
        description="Maximum bytes of memory for one exact answer.",
    )

    log_format: LogFormat = Field(
        default="console", description="Form of the lines that `workings serve` logs: `console` or `json`."
    )
    log_requests: RequestLevel = Field(
        default="debug",
        description="Level of the line of each request: `debug`, `info`, or `off` for none.",
    )

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: list[str]) -> list[str]:
        """Refuse origins that no browser sends: they would admit nobody, without an error."""
        origins = [origin.removesuffix("/") for origin in origins]
        for origin in origins:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError('expected an origin such as "https://a.example", or "*"')
        return origins

    @field_validator("address_rate")
    @classmethod
    def _check_rate(cls, rate: str) -> str:
        """Refuse text that is not a rate."""
        if rate:
            parse_rate(rate)
        return rate

    @field_validator("redis")
    @classmethod
    def _check_redis(cls, address: str) -> str:
        """Refuse addresses of anything but Redis."""
        if address and not REDIS.match(address):
            raise ValueError('expected an address such as "redis://localhost:6379"')
        return address

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: list[str]) -> list[str]:
        """Refuse host names, since connections come from addresses, and networks with host bits set."""
        for proxy in proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(
                    'expected an address such as "10.0.0.1" or a network such as "10.0.0.0/8"'
                ) from None
        return proxies

    @model_validator(mode="wrap")
    @classmethod
    def _check_together(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse unknown variables, together with invalid values; then refuse contradicting limits."""
        unknown = list(unknown_variables(os.environ, cls.model_fields))
        try:
            settings = handler(data)
        except ValidationError as error:
            if not unknown:
                raise
            invalid = [(detail["loc"], detail["msg"]) for detail in error.errors(include_url=False)]
            raise _validation_error([*unknown, *invalid]) from None
        violations = unknown or list(contradictions(dict(settings), settings.model_fields_set))
        if violations:
            raise _validation_error(violations)
        return settings

    @property
    def limits(self) -> Limits:
        """The limits that predictions are checked against."""
        return Limits(self.max_work, self.max_entries, self.max_answer_entries, self.max_values)


def _validation_error(violations: Iterable[Violation]) -> ValidationError:
    """Return a ValidationError with one entry for each violation."""
    details: list[InitErrorDetails] = [
        {"type": PydanticCustomError("setting", "{why}", {"why": why}), "loc": location, "input": None}
        for location, why in violations
    ]
    return ValidationError.from_exception_data("Settings", details)
