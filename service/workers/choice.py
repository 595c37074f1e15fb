"""Choose the workers of a deployment."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from service.http.problems import Problem
from service.http.representations import Content
from service.settings import Settings
from service.workers.here import InProcess
from service.workers.kinds import exact_kind, float_kind
from service.workers.places import Places
from service.workers.pool import Pool
from service.workers.process import is_supported
from service.workers.requests import WorkItem

UNSUPPORTED = (
    "exact arithmetic needs limits of processor time and memory, which this system does not have; Linux and"
    " macOS do, and floating-point arithmetic works here"
)


class Unsupported(Places):
    """Refuses every question, on a system that cannot limit a process. It has the methods of `Pool`."""

    workers: frozenset[None] = frozenset()
    is_ready = True
    plans = queued = 0
    endings: Mapping[str, int] = MappingProxyType({})

    def start(self) -> None:
        """Do nothing: there is no process to start."""

    def recover(self) -> None:
        """Do nothing: there is no process to restart."""

    async def run(self, _: WorkItem) -> Content:
        """Raise Problem 501."""
        raise Problem("unsupported_platform", UNSUPPORTED)

    async def close(self) -> None:
        """Do nothing: there is no process to end."""


Workers: TypeAlias = Pool | InProcess | Unsupported


def float_workers(settings: Settings) -> Workers:
    """Return the workers for floats: processes if the system can limit them and the settings ask for any."""
    if settings.workers and is_supported():
        return Pool(float_kind(settings), settings.queue)
    return InProcess(settings.queue)


def exact_workers(settings: Settings) -> Workers:
    """Return the workers for exact arithmetic."""
    return Pool(exact_kind(settings), settings.queue) if is_supported() else Unsupported(1, settings.queue)
