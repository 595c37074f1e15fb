"""The process's limit of open files, which also limits its connections: each takes one file."""

import logging
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

LOGGER = logging.getLogger("workings")
RESERVED = 512  # files for refused connections, sockets of worker processes, modules and logs


def connection_limit(wanted: int) -> int:
    """Return the number of connections that the process can have open, at most `wanted`.

    A server without a free file cannot accept a connection, not even to refuse it.
    """
    limit = _open_file_limit()
    return wanted if limit is None else max(1, min(wanted, limit - RESERVED))


def raise_limit(connections: int) -> None:
    """Raise the limit of open files to what `connections` need; log a warning if the system refuses."""
    needed = connections + RESERVED
    limit = _open_file_limit()
    if limit is None or limit >= needed:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(OSError, ValueError):  # macOS allows fewer than its hard limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = connection_limit(connections)
    if most < connections:
        LOGGER.warning(
            "The system lets this process have %d files open: it takes %d connections instead of the %d of"
            " WORKINGS_MAX_CONNECTIONS. Raise the limit (`ulimit -Hn`, `LimitNOFILE`, `--ulimit nofile`) or"
            " lower the setting.",
            _open_file_limit(),
            most,
            connections,
        )


def _open_file_limit() -> int | None:
    """Return the number of files that the process may have open; None if unlimited."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
