"""The Python client, imported as `workings`. The server does not import it."""

from service.client.clients import AsyncClient, Client
from service.client.exchange import Problem

__all__ = ["AsyncClient", "Client", "Problem"]
