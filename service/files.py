"""The number of files that the system lets this process have open, of which each connection takes one."""

import logging
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

LOGGER = logging.getLogger("workings")
OTHERS = 512  # files for all else: refused connections, pipes of worker processes, modules, logs


def most_connections(wanted: int) -> int:
    """Return how many connections the process can have open, of those wanted.

    A server that has no file left can accept no connection, not even to refuse it.
    """
    limit = _limit()
    return wanted if limit is None else max(1, min(wanted, limit - OTHERS))


def raise_limit(connections: int) -> None:
    """Ask the system for as many files as that many connections need, and warn if it does not give them."""
    needed = connections + OTHERS
    limit = _limit()
    if limit is None or limit >= needed:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(OSError, ValueError):  # macOS allows fewer than its hard limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = most_connections(connections)
    if most < connections:
        LOGGER.warning(
            "The system lets this process have %d files open: it takes %d connections instead of the %d of"
            " WORKINGS_MAX_CONNECTIONS. Raise the limit (`ulimit -Hn`, `LimitNOFILE`, `--ulimit nofile`) or"
            " lower the setting.",
            _limit(),
            most,
            connections,
        )


def _limit() -> int | None:
    """Return the number of files that the process may have open; None for any number."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
