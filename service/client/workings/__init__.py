"""Deep-learning answers from Python: `answer` computes them in this process, `Client` asks a service.

The names are imported on first use: a client needs no operations, and a server needs no client.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compute import answer
    from service.in_process import Refused
    from workings.clients import AsyncClient, Client
    from workings.exchange import Problem

__all__ = ["AsyncClient", "Client", "Problem", "Refused", "answer"]


def __getattr__(name: str) -> Any:
    """Import a public name."""
    module: Any
    if name == "answer":
        import compute as module  # noqa: PLC0415
    elif name == "Refused":
        from service import in_process as module  # noqa: PLC0415
    elif name == "Problem":
        from workings import exchange as module  # noqa: PLC0415
    elif name in __all__:
        from workings import clients as module  # noqa: PLC0415
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
