"""Settings, each from an environment variable `WORKINGS_...`."""

import os
import re
from ipaddress import ip_network

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from compute.limits import Limits

ORIGIN = re.compile(r"https?://[^/\s]+")


class Settings(BaseSettings):
    """The limits and sizes that a deployment can choose; a test compares docs/settings.md with this class."""

    model_config = SettingsConfigDict(env_prefix="WORKINGS_", frozen=True)

    max_body_bytes: int = Field(default=32 * 2**20, ge=1024, description="Largest request body, in bytes.")
    max_work: int = Field(
        default=20_000_000_000,
        ge=1,
        description="Most elementary operations that one answer may take; one core does about 1e9 in a"
        " second.",
    )
    max_entries: int = Field(
        default=50_000_000, ge=1, description="Most numbers that one answer may hold in memory at once."
    )
    max_answer_entries: int = Field(
        default=4_000_000, ge=1, description="Most numbers that one answer may send back."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=0,
        description="Processes that compute; by default, as many as processors. With 0, answers are computed"
        " in the serving process, without bounds on time and memory.",
    )
    queue: int = Field(
        default=32, ge=0, description="Requests that may wait for a worker before others get 503."
    )
    max_seconds: float = Field(default=30, gt=0, description="Most seconds of processor time for one answer.")
    worker_memory: int = Field(
        default=2**30, ge=1, description="Most bytes of memory that one answer may take in a worker."
    )
    max_values: int = Field(
        default=100_000, ge=1, description="Most values that one question may be planned with, named or not."
    )
    plan_bytes: int = Field(default=64 * 2**20, ge=0, description="Most bytes of kept plans in each process.")
    held_bytes: int = Field(
        default=256 * 2**20,
        ge=1,
        description="Most bytes of request bodies that the serving process holds at once; answers that wait"
        " to be sent may take as many again.",
    )
    body_timeout: float = Field(
        default=30, gt=0, description="Most seconds that a request body may take to arrive."
    )
    inline_work: int = Field(
        default=2_000_000,
        ge=0,
        description="Most elementary operations of an answer that is computed without a worker.",
    )
    inline_values: int = Field(
        default=1_000, ge=0, description="Most values of a question that is planned without a worker."
    )
    inline_bytes: int = Field(
        default=4_096, ge=0, description="Largest request body that is read without a worker, in bytes."
    )
    kept_bytes: int = Field(
        default=128 * 2**20,
        ge=0,
        lt=2**31,
        description="Most bytes of freed memory that each worker for floats keeps for the next answers.",
    )

    max_connections: int = Field(
        default=4_096,
        ge=1,
        le=1_000_000,
        description="Most connections that a server process has open; more get 503.",
    )
    max_client_connections: int = Field(
        default=512,
        ge=0,
        le=1_000_000,
        description="Most connections of one client address, or requests where it is behind a trusted proxy;"
        " 0 for no limit.",
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
        description="Most bytes of a request line with its headers.",
    )
    head_timeout: float = Field(
        default=10,
        ge=0.1,
        le=3600,
        description="Most seconds that a request line with its headers may take to arrive.",
    )
    keep_alive: float = Field(
        default=5, ge=0.1, le=3600, description="Seconds that a connection may wait for its next request."
    )
    min_rate: int = Field(
        default=4_096,
        ge=0,
        le=2**30,
        description="Bytes per second that a client has to read and send at least; 0 for no limit.",
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

    exact_workers: int = Field(
        default=2, ge=1, description="Processes that answer exact questions, at a lower priority than others."
    )
    exact_seconds: float = Field(
        default=5, gt=0, le=3600, description="Most seconds of processor time for one exact answer."
    )
    exact_memory: int = Field(
        default=512 * 2**20, ge=2**20, description="Most bytes of memory that one exact answer may take."
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

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: list[str]) -> list[str]:
        """Refuse names, which no connection comes from, and networks with a host in them."""
        for one in proxies:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(
                    'expected an address such as "10.0.0.1" or a network such as "10.0.0.0/8"'
                ) from None
        return proxies

    @property
    def limits(self) -> Limits:
        """The limits that `compute` checks its predictions against."""
        return Limits(work=self.max_work, entries=self.max_entries, answer=self.max_answer_entries)
