"""Deep-learning answers from Python: `answer` computes them in this process, `Client` asks a service.

The names are imported on first use: a client needs no operations, and a server needs no client.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compute import answer
    from service.exceptions import (
        Busy,
        Forbidden,
        Internal,
        MethodNotAllowed,
        NotFound,
        Problem,
        Refused,
        Timeout,
        TooLarge,
        TooManyRequests,
        Unauthorized,
        Unreadable,
        Unsupported,
        UnsupportedPlatform,
    )
    from workings.clients import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Busy",
    "Client",
    "Forbidden",
    "Internal",
    "MethodNotAllowed",
    "NotFound",
    "Problem",
    "Refused",
    "Timeout",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unreadable",
    "Unsupported",
    "UnsupportedPlatform",
    "answer",
]


def __getattr__(name: str) -> Any:
    """Import a public name."""
    module: Any
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "answer":
        import compute as module  # noqa: PLC0415 - a client needs no operations
    elif name.endswith("Client"):
        from workings import clients as module  # noqa: PLC0415 - a server needs no client
    else:
        from service import exceptions as module  # noqa: PLC0415 - as light as what is asked for
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
