"""The Python client of Workings: `from workings import Client`."""

from workings.clients import AsyncClient, Client
from workings.exchange import Problem

__all__ = ["AsyncClient", "Client", "Problem"]
