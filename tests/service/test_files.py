"""The limit of open files, and the connections that it allows."""

import logging
from collections.abc import Callable

import pytest

from service import files

resource = pytest.importorskip("resource")
Limits = list[tuple[int, int]]


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], Limits]:
    """Return a function that fakes the system's limits and records the limits that are set."""

    def pretend(soft: int, hard: int) -> Limits:
        limits = [(soft, hard)]
        monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
        monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
        return limits

    return pretend


def test_the_limit_is_raised_as_far_as_connections_need_it(
    limited: Callable[[int, int], Limits], caplog: pytest.LogCaptureFixture
) -> None:
    limits = limited(1024, 10**6)
    assert files.connection_limit(4096) == 1024 - files.RESERVED
    files.raise_limit(4096)
    assert limits[-1] == (4096 + files.RESERVED, 10**6)
    assert files.connection_limit(4096) == 4096
    files.raise_limit(100)
    assert len(limits) == 2 and not caplog.records


def test_a_limit_that_is_too_low_is_explained(
    limited: Callable[[int, int], Limits], caplog: pytest.LogCaptureFixture
) -> None:
    limits = limited(600, 1000)
    files.raise_limit(4096)
    assert limits[-1] == (1000, 1000)
    assert files.connection_limit(4096) == 1000 - files.RESERVED
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "1000 files open: it takes 488 connections instead of the 4096" in record.getMessage()


def test_no_limit(limited: Callable[[int, int], Limits]) -> None:
    limits = limited(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    files.raise_limit(4096)
    assert len(limits) == 1 and files.connection_limit(4096) == 4096
