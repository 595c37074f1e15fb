"""The Python client of Workings: `from workings import Client`."""

from service.client import AsyncClient, Client, Problem

__all__ = ["AsyncClient", "Client", "Problem"]
