"""The Python client of Workings: `from workings import Client`."""

from service.exceptions import (
    Busy,
    Internal,
    MethodNotAllowed,
    NotFound,
    Problem,
    Refused,
    Timeout,
    TooLarge,
    Unreadable,
    Unsupported,
    UnsupportedPlatform,
)
from workings.clients import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "Busy",
    "Client",
    "Internal",
    "MethodNotAllowed",
    "NotFound",
    "Problem",
    "Refused",
    "Timeout",
    "TooLarge",
    "Unreadable",
    "Unsupported",
    "UnsupportedPlatform",
]
